"""Permissions as clients see them: the catalogue, and what somebody holds of it."""

from collections.abc import Iterable

import strawberry

from models.rules.permission import CATALOGUE, Scope, known


@strawberry.type(description="Something that a user, a group or a token may be let do (R93).")
class Permission:
    """An entry of the catalogue."""

    code: str = strawberry.field(description="Its name, as `resource:verb`; a scope of tokens.")
    description: str = strawberry.field(description="What it lets one do, in English.")
    implied: list[str] = strawberry.field(description="The permissions that come with it.")


_SHOWN = {
    scope: Permission(
        code=str(scope),
        description=permission.description,
        implied=sorted(permission.implied),
    )
    for scope, permission in CATALOGUE.items()
}


def shown(scopes: Iterable[Scope]) -> list[Permission]:
    """Show permissions in the order of their names."""
    return [_SHOWN[scope] for scope in sorted(scopes)]


def shown_codes(codes: Iterable[str]) -> list[Permission]:
    """Show stored codes; those of another version are left out."""
    return shown(known(codes))
