"""Converts an input to plain values, so that a repeated request can be recognised."""

from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import strawberry

from schema.base.input_faults import faults_of

DRY_RUN = frozenset({"dry_run"})
NOT_CONTENT = DRY_RUN | {"expected_version"}
"""Input fields that do not count when requests with a key of the consent ledger are compared."""

FAULTS = "faults"
"""The key of an input's faults in its content; no input field has this name."""


def content_of(input_: Any, *, without: frozenset[str] = NOT_CONTENT) -> dict[str, Any]:
    """Return the fields of an input that the client sent, by name, as JSON values.

    Instants stay `datetime` objects. Fields in `without` are left out. Faults are added, so that an
    input with a stand-in does not equal one in which the same value was sent.
    """
    values = ((one.name, getattr(input_, one.name)) for one in fields(input_))
    faults = {name: refusal.code.value for name, refusal in faults_of(input_).items()}
    return ({FAULTS: faults} if faults else {}) | {
        name: _plain(value, without)
        for name, value in values
        if value is not strawberry.UNSET and name not in without
    }


def _plain(value: Any, without: frozenset[str]) -> Any:
    if is_dataclass(value):
        return content_of(value, without=without)
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item, without) for item in value]
    return value
