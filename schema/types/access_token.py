"""Access tokens as clients see them: everything but the secret, which is shown once."""

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


def _codes(stored: Sequence[str]) -> list[str]:
    return sorted(stored)


async def _users(selection: Selection, tokens: Sequence[Any]) -> list[User | None]:
    """Bring the users of tokens, as far as they are within reach."""
    ids = sorted({one.row_user_id for one in tokens if one.row_user_id is not None})
    within = users_within(reach_of(selection.info))
    found = await selection.reader.read(all_of([among("t0.id", ids), within]))
    users = {user.id: user for user in found}
    return [users.get(one.row_user_id) for one in tokens]


async def _validity(selection: Selection, tokens: Sequence[Any]) -> list[bool]:
    valid = await valid_among([one.id for one in tokens], selection.info.context.clock())
    return [one.id in valid for one in tokens]


@strawberry.type(description="A bearer token; its secret is shown once, when it is issued.")
class AccessToken(Node):
    """A token."""

    name: str = strawberry.field(description="What it is for; shown in histories.")
    shown_prefix: str = strawberry.field(
        description="The first characters of its secret, by which a leaked one is recognised."
    )
    scopes: list[str] = computed(
        _codes,
        "scopes",
        description="What it may do, as `resource:verb`, as far as its user may (R93).",
    )
    reseller_id: strawberry.ID | None = strawberry.field(
        description="The reseller that it is bound to, for good; null if to none (R99)."
    )
    reseller: Customer | None = to_one(
        "reseller",
        requires=Requires(Scope.CUSTOMERS_READ),
        description="The same as a customer.",
    )
    rotated_from_id: strawberry.ID | None = strawberry.field(
        description="The token that it took the place of, if it was made by rotation."
    )
    created_at: datetime = strawberry.field(description="When it was issued, in UTC.")
    expires_at: datetime | None = strawberry.field(
        description="When it ends by itself, in UTC; null if never."
    )
    last_used_at: datetime | None = strawberry.field(
        description="When it was last used, in UTC, to about a minute; null if never."
    )
    revoked_at: datetime | None = strawberry.field(
        description="When it was revoked, in UTC; null if it was not."
    )
    version: int = strawberry.field(
        description="Rises when it is rotated or revoked; send it back as expectedVersion (R101)."
    )

    user_id: strawberry.Private[str | None]

    @strawberry.field(
        description="Whose it is; null for one of the operator's, or of somebody beyond your"
        " reach (R99).",
        metadata=batched(_users, "user_id"),
    )
    def user(self, info: Info) -> User | None:
        """Give the user, read with those of the other tokens."""
        return prefetched(self, info)  # type: ignore[no-any-return]  # of that type

    @strawberry.field(
        description="Whether it opens anything now: it is neither expired nor revoked, nor is its"
        " user disabled.",
        metadata=batched(_validity, paths=()),
    )
    def is_valid(self, info: Info) -> bool:
        """Look at it with the other tokens."""
        return prefetched(self, info)  # type: ignore[no-any-return]  # of that type

    @strawberry.field(
        description="What was done to it, newest first, 100 entries at most (R96).",
        extensions=[READS_ACCESS],
        metadata=AUDIT_TRAIL,
    )
    def audit_trail(self, info: Info) -> list[AuditEntry] | None:
        """Give its audit entries."""
        return prefetched(self, info)  # type: ignore[no-any-return]  # of that type


maps_to(AccessToken, models.AccessToken)
