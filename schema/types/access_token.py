"""The GraphQL type of access tokens; no field returns the secret."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import strawberry

import models
from models.lists.access_list import users_within, valid_among
from models.rules.permission import known
from models.storage.sql import all_of, among
from models.tables.access import Scope
from schema.base.context import Info
from schema.base.field_mapping import Selection, batched, computed, maps_to, prefetched, to_one
from schema.base.node import Node
from schema.base.permissions import Requires
from schema.base.scope import ScopeEnum
from schema.types.audit_connection import AuditEntryConnection
from schema.types.audit_trail import audit_trail
from schema.types.customer import Customer
from schema.types.user import READS_ACCESS, User, bound_reseller_id


def _scopes(stored: Sequence[str]) -> list[Scope]:
    """Return the stored scopes; codes that this version does not know are left out."""
    return sorted(known(stored))


async def users_of(selection: Selection, rows: Sequence[Any]) -> list[User | None]:
    """Return the user of each token or row; None for a user that the caller may not see."""
    ids = sorted({one.row_user_id for one in rows if one.row_user_id is not None})
    within = users_within(bound_reseller_id(selection.info))
    found = await selection.reader.read(all_of([among("t0.id", ids), within]))
    users = {user.id: user for user in found}
    return [users.get(one.row_user_id) for one in rows]


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
        description="The first characters of the token's secret, by which you can recognise a"
        " secret that leaked."
    )
    scopes: list[ScopeEnum] = computed(  # type: ignore[valid-type]  # an enum with another name
        _scopes,
        "scopes",
        description="The permissions that the token was issued with. A request can use only those"
        " that the token's user has too.",
    )
    reseller_id: strawberry.ID | None = strawberry.field(
        description="The id of the reseller that the token is bound to for good: with the token,"
        " only this reseller and its customers can be used. Null if the token is not bound to a"
        " reseller."
    )
    reseller: Customer | None = to_one(
        "reseller",
        requires=Requires(Scope.CUSTOMERS_READ),
        description="The customer record of the reseller that the token is bound to; null if the"
        " token is not bound to a reseller, and without the permission customers:read.",
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
        description="The user that the token belongs to; null if the token belongs to no user, or"
        " to a user that you may not see.",
        metadata=batched(users_of, "user_id"),
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

    audit_trail: AuditEntryConnection | None = audit_trail(
        READS_ACCESS,
        description="The changes made to the token. Null without the permission access:read.",
    )


maps_to(AccessToken, models.AccessToken)
