"""Declares fields as personal data, and what callers without permission for such data get.

Such callers are called *masked*. Row queries for them do not read the hidden columns. The value of
a resolver is masked by the field extension `Personal`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import strawberry
from strawberry.extensions import FieldExtension

from models.lists.personal_data import MASK
from models.tables.access import Scope
from schema.base.context import Info
from schema.base.permissions import require

PERSONAL = "personal"
"""The key of a field's metadata that holds its `Masked`."""


@dataclass(frozen=True, slots=True)
class Masked:
    """What masked callers get instead of a field's value.

    `compute` returns it, called with the values of `columns`; these are empty if it is a constant.
    `note` names the value in the field's description.
    """

    columns: tuple[str, ...]
    compute: Callable[..., Any]
    note: str

    def described(self, description: str) -> str:
        """Return the description with a sentence about what masked callers get."""
        permission = Scope.PERSONAL_DATA_READ
        return (
            f"{description} If the platform masks personal data, callers without the permission"
            f" {permission} get {self.note}."
        )


def _nothing() -> None:
    return None


def _mask() -> str:
    return MASK


NULLED = Masked((), _nothing, "null")
STARRED = Masked((), _mask, f"`{MASK}`")


def personal(masked: Masked, *, description: str) -> Any:
    """Declare a field, read from the column with the name of its attribute, as personal data."""
    return strawberry.field(description=masked.described(description), metadata={PERSONAL: masked})


class Personal(FieldExtension):
    """Masks the value of a field's resolver; must be the last of the field's extensions."""

    def __init__(self, masked: Masked) -> None:
        self._masked = masked

    def resolve(self, next_: Callable[..., Any], source: Any, info: Info, **kwargs: Any) -> Any:
        """Resolve the field; for masked callers, return the mask instead."""
        if info.context.is_masked:
            return self._masked.compute()
        return next_(source, info, **kwargs)

    resolve_async = resolve


def refuse_masked(info: Info) -> None:
    """Raise RequestRefused (FORBIDDEN) if the caller is masked.

    This is for fields from whose values masked personal data could be inferred.
    """
    if info.context.is_masked:
        require(info, Scope.PERSONAL_DATA_READ)
