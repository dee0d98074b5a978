"""Declares fields as personal data, and what callers without permission for such data get.

Columns are masked where rows are read: masked callers have row queries of their own, which do not
even read what they hide. The value of a resolver is masked by an extension of its field.
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
    """What masked callers get: computed from columns, or from none if all is hidden.

    `note` describes it in the schema.
    """

    columns: tuple[str, ...]
    compute: Callable[..., Any]
    note: str

    def described(self, description: str) -> str:
        """Add to a description what callers get who may not see personal data."""
        permission = Scope.PERSONAL_DATA_READ
        return (
            f"{description} Where the platform requires the permission {permission}, callers"
            f" without it get {self.note}."
        )


def _nothing() -> None:
    return None


def _mask() -> str:
    return MASK


NULLED = Masked((), _nothing, "null")
STARRED = Masked((), _mask, f"`{MASK}`")


def personal(masked: Masked, *, description: str) -> Any:
    """Declare an attribute, read from the column of the same name, as personal data."""
    return strawberry.field(description=masked.described(description), metadata={PERSONAL: masked})


class Personal(FieldExtension):
    """Masks the value of a field's resolver; must be the last of the field's extensions."""

    def __init__(self, masked: Masked) -> None:
        self._masked = masked

    def resolve(self, next_: Callable[..., Any], source: Any, info: Info, **kwargs: Any) -> Any:
        """Resolve the field, or return the mask in its place."""
        if info.context.is_masked:
            return self._masked.compute()
        return next_(source, info, **kwargs)

    resolve_async = resolve


def refuse_masked(info: Info) -> None:
    """Refuse masked callers (FORBIDDEN), where the answer would reveal personal data anyway."""
    if info.context.is_masked:
        require(info, Scope.PERSONAL_DATA_READ)
