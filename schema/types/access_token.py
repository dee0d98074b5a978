"""The GraphQL type of access tokens; no field returns the secret."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import strawberry

import models
from models.lists.access_list import users_within, valid_among
from models.storage.sql import all_of, among
from models.tables.access import Scope
from schema.base.context import Info
from schema.base.field_mapping import Selection, batched, computed, maps_to, prefetched, to_one
from schema.base.node import Node
from schema.base.permissions import Requires
from schema.types.audit import AUDIT_TRAIL, AuditEntry
from schema.types.customer import Customer
from schema.types.user import READS_ACCESS, User, reach_of


def _sorted_codes(stored: Sequence[str]) -> list[str]:
    return sorted(stored)


async def _users(selection: Selection, tokens: Sequence[Any]) -> list[User | None]:
    """Return the user of each token; None for a user that the caller may not see."""
    ids = sorted({one.row_user_id for one in tokens if one.row_user_id is not None})
    within = users_within(reach_of(selection.info))
    found = await selection.reader.read(all_of([among("t0.id", ids), within]))
    users = {user.id: user for user in found}
    return [users.get(one.row_user_id) for one in tokens]


async def _validity(selection: Selection, tokens: Sequence[Any]) -> list[bool]:
    valid = await valid_among([one.id for one in tokens], selection.info.context.clock())
    return [one.id in valid for one in tokens]


@strawberry.type(
    description="A bearer token for this API. Its secret is shown only once, when the token is"
    " issued."
)
class AccessToken(Node):
    name: str = strawberry.field(
        description="The purpose of the token, as its issuer entered it; audit entries show it as"
        " the actor's name."
    )
    shown_prefix: str = strawberry.field(
        description="The first characters of the secret; they identify the token if the secret"
        " leaks."
    )
    scopes: list[str] = computed(
        _sorted_codes,
        "scopes",
        description="The permissions that the token was issued with, as `resource:verb`. A request"
        " can use only those that the token's user has too.",
    )
    reseller_id: strawberry.ID | None = strawberry.field(
        description="The id of the reseller that the token is bound to, which never changes; null"
        " if it is not bound."
    )
    reseller: Customer | None = to_one(
        "reseller",
        requires=Requires(Scope.CUSTOMERS_READ),
        description="The reseller that the token is bound to, as a customer; null if it is not"
        " bound, and without the permission customers:read.",
    )
    rotated_from_id: strawberry.ID | None = strawberry.field(
        description="The id of the token that this one replaced by rotation; null if it replaced"
        " none."
    )
    created_at: datetime = strawberry.field(description="When the token was issued, in UTC.")
    expires_at: datetime | None = strawberry.field(
        description="When the token expires, in UTC; null if it does not expire."
    )
    last_used_at: datetime | None = strawberry.field(
        description="When the token was last used, in UTC, accurate to about a minute; null if it"
        " was never used."
    )
    revoked_at: datetime | None = strawberry.field(
        description="When the token was revoked, in UTC; null if it was not."
    )
    version: int = strawberry.field(
        description="The version of the token. It increases when the token is rotated or revoked;"
        " send it as `expectedVersion` with the next change."
    )

    user_id: strawberry.Private[str | None]

    @strawberry.field(
        description="The user that the token belongs to; null if it belongs to no user, or to one"
        " that you may not see.",
        metadata=batched(_users, "user_id"),
    )
    def user(self, info: Info) -> User | None:
        return prefetched(self, info)  # type: ignore[no-any-return]  # prefetched() returns Any

    @strawberry.field(
        description="Whether the token can be used now: it is neither expired nor revoked, and its"
        " user is not disabled.",
        metadata=batched(_validity, paths=()),
    )
    def is_valid(self, info: Info) -> bool:
        return prefetched(self, info)  # type: ignore[no-any-return]  # prefetched() returns Any

    @strawberry.field(
        description="The changes made to the token, newest first, at most 100. Null without the"
        " permission access:read.",
        extensions=[READS_ACCESS],
        metadata=AUDIT_TRAIL,
    )
    def audit_trail(self, info: Info) -> list[AuditEntry] | None:
        return prefetched(self, info)  # type: ignore[no-any-return]  # prefetched() returns Any


maps_to(AccessToken, models.AccessToken)
