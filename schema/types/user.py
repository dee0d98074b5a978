"""Users and their groups as clients see them."""

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
from schema.types.audit import AUDIT_TRAIL, AuditEntry, audit_trails
from schema.types.permission import Permission, shown, shown_codes

if TYPE_CHECKING:
    from schema.types.access_token import AccessToken
    from schema.types.customer import Customer

READS_ACCESS = Requires(Scope.ACCESS_READ)


def reach_of(info: Info) -> str | None:
    """Give the reseller that the principal is bound to; none if it sees the whole platform."""
    principal = info.context.principal
    assert principal is not None  # noqa: S101  # every root field requires one
    return principal.reseller_id


async def _member_counts(selection: Selection, groups: Sequence[Any]) -> list[int]:
    counts = await member_counts([one.id for one in groups], reach_of(selection.info))
    return [counts[one.id] for one in groups]


async def _audit_trails(selection: Selection, groups: Sequence[Any]) -> list[list[AuditEntry]]:
    """Bring the trails of groups; they name members, who may be others' (R99)."""
    if reach_of(selection.info) is not None:
        return [[] for _ in groups]
    return await audit_trails(selection, groups)


@strawberry.type(description="Users who are permitted the same (R93).")
class UserGroup(Node):
    """A group."""

    name: str = strawberry.field(description="Its name, unique whatever the case.")
    description: str | None = strawberry.field(description="What it is for.")
    external_name: str | None = strawberry.field(
        description="What the identity provider calls it in its groups claim, if it does."
    )
    permissions: list[Permission] = computed(
        shown_codes, "permissions", description="What it was granted; see their `implied`."
    )
    created_at: datetime = strawberry.field(description="When it was created, in UTC.")
    last_modified_at: datetime = strawberry.field(
        description="When it, its members or its permissions last changed, in UTC."
    )
    version: int = strawberry.field(
        description="Rises with each change; send it back as expectedVersion (R101)."
    )

    name_key: strawberry.Private[str]

    @strawberry.field(
        description="How many users are in it, within your reach; `users(groupId:)` lists them.",
        extensions=[READS_ACCESS],
        metadata=batched(_member_counts, paths=()),
    )
    def member_count(self, info: Info) -> int | None:
        """Give the count, made with those of the other groups."""
        return prefetched(self, info)  # type: ignore[no-any-return]  # of that type

    @strawberry.field(
        description="What was done to it, newest first, 100 entries at most (R96); none for a"
        " partner's credential.",
        extensions=[READS_ACCESS],
        metadata=batched(_audit_trails, extra=("subject_id",)),
    )
    def audit_trail(self, info: Info) -> list[AuditEntry] | None:
        """Give its audit entries."""
        return prefetched(self, info)  # type: ignore[no-any-return]  # of that type


maps_to(UserGroup, models.UserGroup)


def _is_active(disabled_at: datetime | None) -> bool:
    return disabled_at is None


async def _groups(selection: Selection, users: Sequence[Any]) -> list[list[UserGroup]]:
    """Bring the groups of each user by name."""
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
        # One of the platform's behind a bound token: its groups are out of reach.
        found[own] = viewer.permissions
    return [shown(found[one.id]) for one in users]


async def _tokens(selection: Selection, users: Sequence[Any]) -> list[list["AccessToken"]]:
    """Bring the newest tokens of each user."""
    tokens: dict[str, list[AccessToken]] = {one.id: [] for one in users}
    newest = newest_tokens(list(tokens), reach_of(selection.info))
    for token in await selection.reader.read(newest, "ORDER BY t0.id DESC"):
        tokens[token.user_id].append(token)
    return [tokens[one.id] for one in users]


@strawberry.type(description="Somebody who acts by access tokens, or signs in at a provider.")
class User(Node):
    """A user."""

    name: str = strawberry.field(description="Its name; others may have the same.")
    email: str | None = strawberry.field(description="Its address, if it is known.")
    issuer: str | None = strawberry.field(
        description="The identity provider that it signs in at, by its issuer URL."
    )
    subject: str | None = strawberry.field(description="What that provider calls it.")
    is_active: bool = computed(
        _is_active, "disabled_at", description="Whether it may sign in; false while disabled."
    )
    disabled_at: datetime | None = strawberry.field(
        description="When it was disabled, in UTC; null while it is active."
    )
    reseller_id: strawberry.ID | None = strawberry.field(
        description="The reseller whose staff it is, for good; null for the platform's (R99)."
    )
    reseller: Annotated["Customer", strawberry.lazy("schema.types.customer")] | None = to_one(
        "reseller",
        requires=Requires(Scope.CUSTOMERS_READ),
        description="The same as a customer.",
    )
    permissions: list[Permission] = computed(
        shown_codes, "permissions", description="What it was granted itself."
    )
    created_at: datetime = strawberry.field(description="When it was created, in UTC.")
    last_modified_at: datetime = strawberry.field(
        description="When it or its own permissions last changed, in UTC."
    )
    version: int = strawberry.field(
        description="Rises with each change; send it back as expectedVersion (R101)."
    )

    name_key: strawberry.Private[str]

    @strawberry.field(
        description="What it may do at present: what it and its groups were granted, with all"
        " that comes with it. Whoever is bound to a reseller may do what partners may at most"
        " (R99); of the platform's user behind a bound token, it is what the token may do.",
        metadata=batched(_effective, "permissions", "reseller_id", paths=()),
    )
    def effective_permissions(self, info: Info) -> list[Permission]:
        """Give them, read with those of the other users."""
        return prefetched(self, info)  # type: ignore[no-any-return]  # of that type

    @strawberry.field(
        description="The groups that it is in, by name.",
        metadata=batched(_groups, extra=("name_key",)),
    )
    def groups(self, info: Info) -> list[UserGroup]:
        """Give them, read with those of the other users."""
        return prefetched(self, info)  # type: ignore[no-any-return]  # of that type

    @strawberry.field(
        description="Its access tokens, newest first, 100 at most; `accessTokens` lists them all.",
        metadata=batched(_tokens, extra=("user_id",)),
    )
    def access_tokens(
        self, info: Info
    ) -> list[Annotated["AccessToken", strawberry.lazy("schema.types.access_token")]]:
        """Give them, read with those of the other users."""
        return prefetched(self, info)  # type: ignore[no-any-return]  # of that type

    @strawberry.field(
        description="What was done to it, newest first, 100 entries at most (R96).",
        extensions=[READS_ACCESS],
        metadata=AUDIT_TRAIL,
    )
    def audit_trail(self, info: Info) -> list[AuditEntry] | None:
        """Give its audit entries."""
        return prefetched(self, info)  # type: ignore[no-any-return]  # of that type


maps_to(User, models.User)
