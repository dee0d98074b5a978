"""Declares root fields of the schema, each with its permission and its description."""

from collections.abc import Callable
from typing import Any

import strawberry

from models.rules.permission import FOR_PARTNERS
from schema.base.permissions import Requires


def operation(resolver: Callable[..., Any], permission: Requires, description: str) -> Any:
    """Return a field of Query or Mutation; the needed permission is added to its description."""
    return strawberry.field(
        resolver=resolver,
        extensions=[permission],
        description=f"{description} {_needed(permission)}",
    )


def subscription(resolver: Callable[..., Any], permission: Requires, description: str) -> Any:
    """Return a field of Subscription; the needed permission is added to its description."""
    return strawberry.subscription(
        resolver=resolver,
        extensions=[permission],
        description=f"{description} {_needed(permission)}",
    )


def _needed(permission: Requires) -> str:
    scopes = permission.scopes
    if not scopes:
        return "Needs any valid credential."
    needed = f"Needs {' or '.join(f'`{scope}`' for scope in scopes)}."
    return f"{needed} Not available to partners." if FOR_PARTNERS.isdisjoint(scopes) else needed
