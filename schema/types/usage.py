"""GraphQL types of the calls that credentials made, counted by day and operation."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import strawberry
from graphql import GRAPHQL_MAX_INT

import models
from models.lists.access_list import tokens_within
from models.lists.usage_list import UsageOrder, usage_totals
from models.rules.operation_kind import OperationKind
from models.storage.sql import Sql, all_of, among
from schema.base.connection import CountedConnection
from schema.base.context import Info
from schema.base.descriptions import described_enum
from schema.base.field_mapping import Selection, batched, computed, maps_to, prefetched
from schema.types.access_token import AccessToken, users_of
from schema.types.user import User, bound_reseller_id

UsageSort = described_enum(
    UsageOrder,
    "UsageSort",
    "The order of usage.",
    {
        "DAY_DESC": "By day, newest first.",
        "DAY_ASC": "By day, oldest first.",
        "CALLS_DESC": "By number of calls, most first.",
        "POINTS_DESC": "By charged points, most first.",
    },
)
OperationType = described_enum(
    OperationKind,
    "OperationType",
    "The type of an operation.",
    {
        "QUERY": "A query.",
        "MUTATION": "A mutation.",
        "SUBSCRIPTION": "A subscription.",
    },
)


@strawberry.input(
    description="Conditions on the usage to list; usage is listed if it meets all conditions that"
    " are set."
)
class UsageFilter:
    """Conditions on usage; null does not filter."""

    credential_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="Only calls with the access token with this id, or by the user with this id who"
        " signed in without one.",
    )
    user_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="Only calls on behalf of the user with this id, with any of their access tokens"
        " or without one.",
    )
    reseller_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="Only calls with credentials that are bound to the reseller with this customer"
        " id.",
    )
    operation_name: str | None = strawberry.field(
        default=None, description="Only operations with this name."
    )
    operation_type: OperationType | None = strawberry.field(  # type: ignore[valid-type]  # an enum with another name
        default=None, description="Only operations of this type."
    )
    has_hit_limit: bool | None = strawberry.field(
        default=None,
        description="True: only usage with calls that exceeded an allowance. False: only usage"
        " without.",
    )


def _count(number: int) -> int:
    """Return a count as far as GraphQL can carry it."""
    return min(number, GRAPHQL_MAX_INT)


def _day(row_id: str) -> date:
    return date.fromisoformat(row_id[:10])


def _name(operation: str) -> str | None:
    return operation or None


def _kind(operation_type: str) -> OperationKind | None:
    return OperationKind(operation_type) if operation_type else None


async def _tokens(selection: Selection, rows: Sequence[Any]) -> list[AccessToken | None]:
    """Return the token of each row; None for a token that the caller may not see."""
    ids = sorted({one.row_credential_id for one in rows})
    within = tokens_within(bound_reseller_id(selection.info))
    found = await selection.reader.read(all_of([among("t0.id", ids), within]))
    tokens = {token.id: token for token in found}
    return [tokens.get(one.row_credential_id) for one in rows]


@strawberry.type(
    description="The calls of one operation with one credential on one day. An operation over a"
    " WebSocket is a call too, as is a subscription, which counts on the day on which it ends."
)
class Usage:
    used_on: date = computed(_day, "id", description="The day of the calls, in UTC.")
    credential_id: strawberry.ID = strawberry.field(
        description="The id of the access token, or of the user who signed in at the identity"
        " provider."
    )
    user_id: strawberry.ID | None = strawberry.field(
        description="The id of the user that the credential belongs to; null for an access token"
        " without a user."
    )
    reseller_id: strawberry.ID | None = strawberry.field(
        description="The id of the reseller that the credential is bound to; null if it is not"
        " bound to one."
    )
    operation_name: str | None = computed(
        _name,
        "operation",
        description="The name of the operation in the client's document, cut to 60 characters; null"
        " for operations without a name, and for requests of which no operation is known: exports,"
        " and requests that were refused before they were read. `(other)` stands for all further"
        " operations of a credential that called more than 200 different ones on the day.",
    )
    operation_type: OperationType | None = computed(  # type: ignore[valid-type]  # see above
        _kind,
        "operation_type",
        description="The type of the operation; null if no operation is known.",
    )
    call_count: int = computed(_count, "calls", description="The number of calls.")
    point_count: Decimal = computed(
        Decimal,
        "points",
        description="The points of the calls; exports count here, but are charged to nobody.",
    )
    refusal_count: int = computed(
        _count,
        "refusals",
        description="The number of calls that were refused, in whole or for some fields: the answer"
        " has a top-level error that the caller can avoid, such as RATE_LIMITED, FORBIDDEN or"
        " QUERY_TOO_COSTLY. Failures of the service itself do not count.",
    )
    user_error_count: int = computed(
        _count, "user_errors", description="The number of user errors that mutations returned."
    )
    limit_hit_count: int = computed(
        _count,
        "limit_hits",
        description="The number of calls that exceeded an allowance of the caller: RATE_LIMITED and"
        " TOO_MANY_SUBSCRIPTIONS.",
    )
    last_limited_at: datetime | None = strawberry.field(
        description="When a call last exceeded an allowance of the caller, in UTC; null if none"
        " did."
    )

    id: strawberry.Private[str]
    calls: strawberry.Private[int]
    points: strawberry.Private[int]

    @strawberry.field(
        description="The access token; null for a user who signed in at the identity provider, and"
        " for a token that was deleted since.",
        metadata=batched(_tokens, "credential_id"),
    )
    def access_token(self, info: Info) -> AccessToken | None:
        return prefetched(self, info)  # type: ignore[no-any-return]  # prefetched() returns Any

    @strawberry.field(
        description="The user that the credential belongs to; null for an access token without a"
        " user, and if you may not see the user.",
        metadata=batched(users_of, "user_id"),
    )
    def user(self, info: Info) -> User | None:
        return prefetched(self, info)  # type: ignore[no-any-return]  # prefetched() returns Any


maps_to(Usage, models.ApiUsage)


@strawberry.type(description="The sums of all usage in a list.")
class UsageTotals:
    call_count: int = strawberry.field(description="The number of calls.")
    point_count: Decimal = strawberry.field(
        description="The points of the calls; exports count here, but are charged to nobody."
    )
    refusal_count: int = strawberry.field(description="The number of calls that were refused.")
    user_error_count: int = strawberry.field(description="The number of user errors.")
    limit_hit_count: int = strawberry.field(
        description="The number of calls that exceeded an allowance of the caller."
    )


@strawberry.type(name="UsageConnection", description="A page of usage.")
class UsageConnection(CountedConnection[Usage]):
    """The usage in a period."""

    # Repeated from the base class: projections need the concrete type, not a type variable.
    nodes: list[Usage] = strawberry.field(description="The usage on the page.")
    condition: strawberry.Private[Sql]

    @strawberry.field(
        description="The sums of the whole list, after filtering; computed only when this field is"
        " selected."
    )
    async def totals(self) -> UsageTotals:
        found = await usage_totals(self.condition)
        return UsageTotals(
            call_count=_count(found.calls),
            point_count=Decimal(found.points),
            refusal_count=_count(found.refusals),
            user_error_count=_count(found.user_errors),
            limit_hit_count=_count(found.limit_hits),
        )
