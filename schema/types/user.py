"""GraphQL types of users and user groups."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

import models
from models.lists.access_list import (
    effective_permissions,
    groups_of,
    member_counts,
    newest_tokens,
)
from models.storage.sql import among
from models.tables.access import Scope
from schema.base.context import Info
from schema.base.field_mapping import Selection, batched, computed, maps_to, prefetched, to_one
from schema.base.node import Node
from schema.base.permissions import Requires
from schema.types.audit_connection import AuditEntryConnection
from schema.types.audit_trail import audit_trail
from schema.types.permission import Permission, shown, shown_codes

if TYPE_CHECKING:
    from schema.types.access_token import AccessToken
    from schema.types.customer import Customer

READS_ACCESS = Requires(Scope.ACCESS_READ)


def bound_reseller_id(info: Info) -> str | None:
    """Return the id of the reseller that the caller is bound to; None if they are not bound."""
    principal = info.context.principal
    assert principal is not None  # noqa: S101  # every root field requires one
    return principal.reseller_id


async def _member_counts(selection: Selection, groups: Sequence[Any]) -> list[int]:
    counts = await member_counts([one.id for one in groups], bound_reseller_id(selection.info))
    return [counts[one.id] for one in groups]


@strawberry.type(description="A group of users; its permissions apply to all its members.")
class UserGroup(Node):
    name: str = strawberry.field(description="The group's name, unique regardless of case.")
    description: str | None = strawberry.field(
        description="The purpose of the group; null if none was entered."
    )
    external_name: str | None = strawberry.field(
        description="The name of the group in the groups claim of the identity provider's tokens;"
        " null if the identity provider does not know the group."
    )
    permissions: list[Permission] = computed(
        shown_codes,
        "permissions",
        description="The permissions granted to the group. Permissions that these include are left"
        " out.",
    )
    created_at: datetime = strawberry.field(description="When the group was created, in UTC.")
    last_modified_at: datetime = strawberry.field(
        description="When the group, its members or its permissions last changed, in UTC."
    )
    version: int = strawberry.field(
        description="The version of the group. It increases with each change; send it as"
        " `expectedVersion` with the next change."
    )

    name_key: strawberry.Private[str]

    @strawberry.field(
        description="The number of members that you may see; the query `users` lists them, with the"
        " filter `groupId`. Null without the permission access:read.",
        extensions=[READS_ACCESS],
        metadata=batched(_member_counts, paths=()),
    )
    def member_count(self, info: Info) -> int | None:
        return prefetched(self, info)  # type: ignore[no-any-return]  # of that type

    audit_trail: AuditEntryConnection | None = audit_trail(
        READS_ACCESS,
        is_for_partners=False,
        description="The changes made to the group. Empty for partners (callers bound to a"
        " reseller). Null without the permission access:read.",
    )


maps_to(UserGroup, models.UserGroup)


def _is_active(disabled_at: datetime | None) -> bool:
    return disabled_at is None


async def _groups(selection: Selection, users: Sequence[Any]) -> list[list[UserGroup]]:

    ids = await groups_of([one.id for one in users])
    wanted = sorted({group_id for groups in ids.values() for group_id in groups})
    found = await selection.reader.read(among("t0.id", wanted), "ORDER BY t0.name_key")
    return [[group for group in found if group.id in ids[one.id]] for one in users]


async def _effective(selection: Selection, users: Sequence[Any]) -> list[list[Permission]]:
    bound = [one.id for one in users if one.row_reseller_id is not None]
    found = await effective_permissions({one.id: one.row_permissions for one in users}, bound)
    viewer = selection.info.context.principal
    assert viewer is not None  # noqa: S101  # every root field requires one
    own = viewer.user_id
    if viewer.reseller_id is not None and own is not None and own in found and own not in bound:
        # The caller is a platform user with a token bound to a reseller; such a token may not see
        # permissions from the user's groups, so only the token's own permissions are shown.
        found[own] = viewer.permissions
    return [shown(found[one.id]) for one in users]


async def _tokens(selection: Selection, users: Sequence[Any]) -> list[list["AccessToken"]]:

    tokens: dict[str, list[AccessToken]] = {one.id: [] for one in users}
    newest = newest_tokens(list(tokens), bound_reseller_id(selection.info))
    for token in await selection.reader.read(newest, "ORDER BY t0.id DESC"):
        tokens[token.user_id].append(token)
    return [tokens[one.id] for one in users]


@strawberry.type(
    description="A person or program that uses access tokens, or signs in at an identity provider."
)
class User(Node):
    name: str = strawberry.field(description="The user's name; not unique.")
    email: str | None = strawberry.field(
        description="The user's email address; null if none was entered."
    )
    issuer: str | None = strawberry.field(
        description="The issuer URL of the identity provider that the user signs in at; null if"
        " they use access tokens only."
    )
    subject: str | None = strawberry.field(
        description="The user's id at the identity provider (its claim `sub`); null if they use"
        " access tokens only."
    )
    is_active: bool = computed(
        _is_active,
        "disabled_at",
        description="Whether the user may sign in: they are not disabled.",
    )
    disabled_at: datetime | None = strawberry.field(
        description="When the user was disabled, in UTC; null while they are active."
    )
    reseller_id: strawberry.ID | None = strawberry.field(
        description="The id of the reseller that the user works for, which never changes; null for"
        " users of the platform itself."
    )
    reseller: Annotated["Customer", strawberry.lazy("schema.types.customer")] | None = to_one(
        "reseller",
        requires=Requires(Scope.CUSTOMERS_READ),
        description="The customer record of the reseller that the user works for; null for users"
        " of the platform itself, and without the permission customers:read.",
    )
    permissions: list[Permission] = computed(
        shown_codes,
        "permissions",
        description="The permissions granted to the user directly. Permissions that come only from"
        " groups, or only because others include them, are left out.",
    )
    created_at: datetime = strawberry.field(description="When the user was created, in UTC.")
    last_modified_at: datetime = strawberry.field(
        description="When the user or their own permissions last changed, in UTC."
    )
    version: int = strawberry.field(
        description="The version of the user. It increases with each change; send it as"
        " `expectedVersion` with the next change."
    )

    name_key: strawberry.Private[str]

    @strawberry.field(
        description="All permissions that the user has now: those granted to the user and their"
        " groups, and those that these include. A user who works for a reseller has only"
        " permissions that partners may have. If you work for the platform itself but sign in with"
        " a token that is bound to a reseller, your own user shows the permissions of the token.",
        metadata=batched(_effective, "permissions", "reseller_id", paths=()),
    )
    def effective_permissions(self, info: Info) -> list[Permission]:
        return prefetched(self, info)  # type: ignore[no-any-return]  # of that type

    @strawberry.field(
        description="The groups that the user is a member of, by name.",
        metadata=batched(_groups, extra=("name_key",)),
    )
    def groups(self, info: Info) -> list[UserGroup]:
        return prefetched(self, info)  # type: ignore[no-any-return]  # of that type

    @strawberry.field(
        description="The user's access tokens, newest first, at most 100; the query `accessTokens`"
        " lists them all. A partner (a caller bound to a reseller) sees only tokens bound to its"
        " own reseller.",
        metadata=batched(_tokens, extra=("user_id",)),
    )
    def access_tokens(
        self, info: Info
    ) -> list[Annotated["AccessToken", strawberry.lazy("schema.types.access_token")]]:

        return prefetched(self, info)  # type: ignore[no-any-return]  # of that type

    audit_trail: AuditEntryConnection | None = audit_trail(
        READS_ACCESS,
        description="The changes made to the user. Null without the permission access:read.",
    )


maps_to(User, models.User)
