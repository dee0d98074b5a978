"""Declares fields as personal, and says what stands there for whoever may not see such data.

What is read from rows is masked where rows are read: a reader for those who are masked is compiled
apart, and does not even read what it hides. What a resolver makes is masked as it gives it.
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
"""The key of a field's metadata that holds how it is masked."""


@dataclass(frozen=True, slots=True)
class Masked:
    """What a field gives those who are masked: made of columns, none of them if it is all hidden.

    `note` says it to clients.
    """

    columns: tuple[str, ...]
    compute: Callable[..., Any]
    note: str

    def described(self, description: str) -> str:
        """Add to a description what whoever may not see personal data finds."""
        return f"{description} Masked: {self.note}."


def _nothing() -> None:
    return None


def _mask() -> str:
    return MASK


NULLED = Masked((), _nothing, "null")
STARRED = Masked((), _mask, f"`{MASK}`")


def personal(masked: Masked, *, description: str) -> Any:
    """Declare an attribute that is a column of the same name as personal."""
    return strawberry.field(description=masked.described(description), metadata={PERSONAL: masked})


class Personal(FieldExtension):
    """Masks what the resolver of a field gives; the last of the field's extensions."""

    def __init__(self, masked: Masked) -> None:
        self._masked = masked

    def resolve(self, next_: Callable[..., Any], source: Any, info: Info, **kwargs: Any) -> Any:
        """Resolve the field, or return the mask in its place."""
        if info.context.is_masked:
            return self._masked.compute()
        return next_(source, info, **kwargs)

    resolve_async = resolve


def refuse_masked(info: Info) -> None:
    """Refuse whoever is masked: what is asked would tell personal data all the same."""
    if info.context.is_masked:
        require(info, Scope.PERSONAL_DATA_READ)
