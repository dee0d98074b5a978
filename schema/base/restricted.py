"""Attributes that not everybody may see, of objects that are made by us and not by a reader.

Whoever makes such objects lets `show` give those attributes a second name for who may see them,
looked at once for all; plans go by it, as by what a reader grants. Everybody else meets the
attribute's own extensions, which refuse or mask.
"""

from collections.abc import Iterable
from functools import cache
from typing import Any, NamedTuple

import strawberry

from models.tables.access import Scope
from schema.base.context import Info
from schema.base.field_mapping import granted, granted_name
from schema.base.permissions import Requires
from schema.base.personal import Masked, Personal
from schema.base.selections import known_fields
from schema.engine.plan import HONOURED, PREPARED

RESTRICTED = "restricted"
"""The key of a field's metadata."""


class _Restriction(NamedTuple):
    permission: Requires
    masked: Masked | None


def restricted(scope: Scope, *, description: str, masked: Masked | None = None) -> Any:
    """Declare an attribute that is for who holds a scope; `masked` if personal."""
    restriction = _Restriction(Requires(scope), masked)
    mask = []
    if masked is not None:
        mask, description = [Personal(masked)], masked.described(description)
    return strawberry.field(
        description=description,
        extensions=[restriction.permission, *mask],
        metadata={
            RESTRICTED: restriction,
            PREPARED: granted_name,
            HONOURED: (Requires, Personal),
        },
    )


def show(info: Info, kind: type, objects: Iterable[Any]) -> None:
    """Show the restricted attributes of objects of a type to whom they are for."""
    for attribute, shown, (permission, masked) in _restrictions(kind):
        if not permission.allows(info):
            continue
        is_masked = masked is not None and info.context.is_masked
        for one in objects:
            value = masked.compute() if masked and is_masked else getattr(one, attribute)
            setattr(one, shown, value)


@cache
def _restrictions(kind: type) -> list[tuple[str, str, _Restriction]]:
    """Give the restricted attributes of a type, and the names that they are shown by."""
    return [
        (field.python_name, granted(name), field.metadata[RESTRICTED])
        for name, field in known_fields(kind).items()
        if RESTRICTED in field.metadata
    ]
