"""Declares fields that need a permission, on objects that are not made by a row query.

The code that makes the objects calls `show`, which checks the permission once for all objects. If
the caller has it, `show` also stores the fields' values in second attributes, which plans read
(`schema.engine.plan`). Otherwise the extensions of the field run, which refuse or mask the value.
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
"""The key of a field's metadata that holds its restriction."""


class _Restriction(NamedTuple):
    permission: Requires
    masked: Masked | None


def restricted(scope: Scope, *, description: str, masked: Masked | None = None) -> Any:
    """Declare a field that needs a scope.

    If the field is personal data, `masked` says what callers get who see personal data masked.
    """
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
    """Store in second attributes of the objects those restricted values that the caller may see."""
    for attribute, shown, (permission, masked) in _restrictions(kind):
        if not permission.allows(info):
            continue
        is_masked = masked is not None and info.context.is_masked
        for one in objects:
            value = masked.compute() if masked and is_masked else getattr(one, attribute)
            setattr(one, shown, value)


@cache
def _restrictions(kind: type) -> list[tuple[str, str, _Restriction]]:
    """Return attribute, second attribute and restriction of each restricted field of a type."""
    return [
        (field.python_name, granted(name), field.metadata[RESTRICTED])
        for name, field in known_fields(kind).items()
        if RESTRICTED in field.metadata
    ]
