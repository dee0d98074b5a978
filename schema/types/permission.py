"""The GraphQL type of a permission."""

from collections.abc import Iterable

import strawberry

from models.rules.permission import CATALOGUE, Scope, known


@strawberry.type(
    description="A permission that a user or a user group can be granted, and that an access token"
    " can have as a scope."
)
class Permission:
    code: str = strawberry.field(
        description="The code of the permission, as `resource:verb`, such as `customers:read`."
    )
    description: str = strawberry.field(description="What the permission allows, in English.")
    implied: list[str] = strawberry.field(
        description="The codes of the permissions that this one includes."
    )


_SHOWN = {
    scope: Permission(
        code=str(scope),
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
