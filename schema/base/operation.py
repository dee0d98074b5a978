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
        description=f"{description} {needed(permission)}",
    )


def subscription(resolver: Callable[..., Any], permission: Requires, description: str) -> Any:
    """Return a field of Subscription; the needed permission is added to its description."""
    return strawberry.subscription(
        resolver=resolver,
        extensions=[permission],
        description=f"{description} {needed(permission)}",
    )


def needed(permission: Requires) -> str:
    """Return a sentence that tells which permission a field needs."""
    scopes = permission.scopes
    if not scopes:
        return "Needs any valid credential."
    needed = f"Needs the permission {' or '.join(f'`{scope}`' for scope in scopes)}."
    if FOR_PARTNERS.isdisjoint(scopes):
        return f"{needed} Not available to partners (callers bound to a reseller)."
    return needed
