"""The GraphQL type of a permission."""

from collections.abc import Iterable

import strawberry

from models.rules.permission import CATALOGUE, Scope, known
from schema.base.scope import ScopeEnum


@strawberry.type(
    description="A permission that a user or a user group can be granted, and that an access token"
    " can have as a scope."
)
class Permission:
    code: ScopeEnum = strawberry.field(description="The permission, for programs.")  # type: ignore[valid-type]  # an enum with another name
    description: str = strawberry.field(description="What the permission allows, in English.")
    implied: list[ScopeEnum] = strawberry.field(  # type: ignore[valid-type]  # see above
        description="The other permissions that this one includes."
    )


_SHOWN = {
    scope: Permission(
        code=scope,
        description=permission.description,
        implied=sorted(permission.implied),
    )
    for scope, permission in CATALOGUE.items()
}


def shown(scopes: Iterable[Scope]) -> list[Permission]:
    """Return the permissions for scopes, sorted by code."""
    return [_SHOWN[scope] for scope in sorted(scopes)]


def shown_codes(codes: Iterable[str]) -> list[Permission]:
    """Return the permissions for stored codes, without codes that this version does not know."""
    return shown(known(codes))
