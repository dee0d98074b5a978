"""GraphQL types of webhook endpoints, and of deliveries to them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import strawberry
from strawberry.scalars import JSON

import models
from models.jobs.webhook_body import bodies_of
from models.lists.webhook_list import active_endpoints, last_successes, pending_counts
from models.rules.event_type import EventType
from models.rules.webhook_retry import AttemptError
from models.storage.sql import among
from models.tables.access import Scope
from models.tables.webhook import PING, DeliveryCause, DeliveryState, DisabledReason
from schema.base.context import Info
from schema.base.descriptions import described_enum
from schema.base.field_mapping import (
    Selection,
    batched,
    computed,
    maps_to,
    prefetched,
    to_many,
)
from schema.base.node import Node
from schema.base.permissions import Requires
from schema.base.personal import NULLED, personal
from schema.types.audit_connection import AuditEntryConnection
from schema.types.audit_trail import audit_trail
from schema.types.customer import Customer
from schema.types.event import EventTypeEnum

READS_WEBHOOKS = Requires(Scope.WEBHOOKS_READ)

WebhookDisabledReason = described_enum(
    DisabledReason,
    "WebhookDisabledReason",
    "The reason why the platform disabled a webhook endpoint.",
    {
        "GONE": "The endpoint answered with the status 410 (Gone).",
        "FAILING": "The endpoint accepted no delivery for three days.",
    },
)
WebhookDeliveryOutcome = described_enum(
    DeliveryState,
    "WebhookDeliveryOutcome",
    "What became of a delivery.",
    {
        "PENDING": "The delivery waits for its first attempt, or is tried again.",
        "DELIVERED": "The endpoint accepted the delivery, with a status from 200 to 299.",
        "FAILED": "The delivery was given up: so that later events of the same customer could be"
        " delivered, or because the endpoint was deleted. It can be sent again to an endpoint that"
        " is not deleted.",
    },
)
WebhookDeliveryCause = described_enum(
    DeliveryCause,
    "WebhookDeliveryCause",
    "Why something is delivered.",
    {
        "EVENT": "The event happened.",
        "REDELIVERY": "A user sent the event again.",
        "PING": "A user tested the endpoint.",
    },
)
WebhookAttemptError = described_enum(
    AttemptError,
    "WebhookAttemptError",
    "Why an attempt to deliver failed.",
    {
        "UNSAFE_TARGET": "The host of the URL has an address that is not public.",
        "CONNECT_FAILED": "The host was not found, or no connection to it could be made.",
        "TLS_FAILED": "No trusted encrypted connection could be made.",
        "TIMED_OUT": "The endpoint did not answer in time.",
        "BROKEN_ANSWER": "The connection was lost, or the answer was not HTTP.",
        "REDIRECTED": "The endpoint answered with a redirect, which is not followed.",
        "REFUSED": "The endpoint answered with a status that is not from 200 to 299.",
        "GONE": "The endpoint answered with the status 410 (Gone).",
        "EVENT_DELETED": "The event was deleted before it could be delivered.",
        "SECRET_UNREADABLE": "The platform cannot read the endpoint's secret; its operator has to"
        " restore the key, or you rotate the secret.",
    },
)


def _types(stored: Sequence[str]) -> list[EventType] | None:
    """Return the stored types; None for all. Those that this version does not know are left out."""
    known = {one.value: one for one in EventType}
    return [known[one] for one in stored if one in known] if stored else None


def _ids(stored: Sequence[str]) -> list[strawberry.ID] | None:
    return [strawberry.ID(one) for one in stored] or None


def _event_type(stored: str) -> EventType | None:
    return None if stored == PING else EventType(stored)


def _seconds(milliseconds: int) -> float:
    return milliseconds / 1000


def _headers(event_id: str) -> dict[str, str]:
    return {"Content-Type": "application/json", "webhook-id": event_id}


async def _pending(_: Selection, endpoints: Sequence[Any]) -> list[int]:
    counts = await pending_counts([one.id for one in endpoints])
    return [counts[one.id] for one in endpoints]


async def _successes(_: Selection, endpoints: Sequence[Any]) -> list[datetime | None]:
    found = await last_successes([one.id for one in endpoints])
    return [found.get(one.id) for one in endpoints]


async def _resellers(selection: Selection, endpoints: Sequence[Any]) -> list[Customer | None]:
    ids = sorted({one.row_reseller_id for one in endpoints if one.row_reseller_id is not None})
    found = await selection.reader.read(among("t0.id", ids)) if ids else []
    resellers: Mapping[str, Customer] = {one.id: one for one in found}
    return [resellers.get(one.row_reseller_id) for one in endpoints]


@strawberry.type(
    description="A URL to which events are posted as they happen, signed after the specification"
    " Standard Webhooks. Its secret is shown only once, when the endpoint is created or its secret"
    " is rotated."
)
class WebhookEndpoint(Node):
    url: str = strawberry.field(description="The URL to which events are posted.")
    description: str | None = strawberry.field(
        description="What the endpoint is for; null if nothing was entered."
    )
    event_types: list[EventTypeEnum] | None = computed(  # type: ignore[valid-type]  # an enum with another name
        _types,
        "event_types",
        description="The types of events that the endpoint gets; null if it gets all types, also"
        " those that are added later.",
    )
    customer_ids: list[strawberry.ID] | None = computed(
        _ids,
        "customer_ids",
        description="The ids of the customers whose events the endpoint gets; events that concern"
        " no customer are left out then. Null if it gets all events within its owner's reach.",
    )
    is_active: bool = strawberry.field(
        description="Whether events are sent to the endpoint. While false, they are kept for it as"
        " long as the feed keeps them."
    )
    reseller_id: strawberry.ID | None = strawberry.field(
        description="The id of the reseller that the endpoint belongs to: it gets events of this"
        " reseller and its customers only. Null if it belongs to the platform."
    )

    @strawberry.field(
        description="The customer record of the reseller that the endpoint belongs to; null if it"
        " belongs to the platform, and without the permission customers:read.",
        extensions=[Requires(Scope.CUSTOMERS_READ)],
        metadata=batched(_resellers, "reseller_id"),
    )
    def reseller(self, info: Info) -> Customer | None:
        return prefetched(self, info)  # type: ignore[no-any-return]  # prefetched() returns Any

    created_at: datetime = strawberry.field(description="When the endpoint was created, in UTC.")
    last_modified_at: datetime = strawberry.field(
        description="When a user last changed the endpoint or rotated its secret, in UTC."
    )
    version: int = strawberry.field(
        description="The version of the endpoint. It increases with each change by a user; send it"
        " as `expectedVersion` with the next change."
    )
    failing_since: datetime | None = strawberry.field(
        description="When the first of the attempts failed that have failed since the last success,"
        " in UTC; null if the last attempt succeeded."
    )
    disabled_at: datetime | None = strawberry.field(
        description="When the platform disabled the endpoint, in UTC; null if it did not. To make"
        " it active again, save it with `isActive`: true."
    )
    disabled_reason: WebhookDisabledReason | None = strawberry.field(  # type: ignore[valid-type]  # see above
        description="Why the platform disabled the endpoint; null if it did not."
    )
    old_secret_until: datetime | None = strawberry.field(
        name="oldSecretExpiresAt",
        description="Until when deliveries are signed with the secret before the last rotation too,"
        " in UTC; it may be in the past. Null if the secret was never rotated.",
    )

    @strawberry.field(
        description="The number of deliveries that have not ended yet, at most 10,000.",
        metadata=batched(_pending, paths=()),
    )
    def pending_count(self, info: Info) -> int:
        return prefetched(self, info)  # type: ignore[no-any-return]  # prefetched() returns Any

    @strawberry.field(
        description="When the endpoint accepted the newest of its deliveries that it accepted, in"
        " UTC; null if it accepted none of those that are still listed.",
        metadata=batched(_successes, paths=()),
    )
    def last_success_at(self, info: Info) -> datetime | None:
        return prefetched(self, info)  # type: ignore[no-any-return]  # prefetched() returns Any

    audit_trail: AuditEntryConnection | None = audit_trail(
        READS_WEBHOOKS,
        description="The changes made to the endpoint. Null without the permission webhooks:read.",
    )


maps_to(WebhookEndpoint, models.WebhookEndpoint)


@strawberry.type(description="An attempt to deliver an event to a webhook endpoint.")
class WebhookAttempt:
    sequence: int = strawberry.field(
        description="1 for the first attempt of the delivery, 2 for the second."
    )
    started_at: datetime = strawberry.field(description="When the attempt was made, in UTC.")
    duration_seconds: float = computed(
        _seconds, "duration_ms", description="How long the attempt took, in seconds."
    )
    status_code: int | None = strawberry.field(
        description="The HTTP status that the endpoint answered with; null if it did not answer."
    )
    error: WebhookAttemptError | None = strawberry.field(  # type: ignore[valid-type]  # see above
        description="Why the attempt failed; null if it succeeded."
    )
    answer: str | None = personal(
        NULLED,
        description="The first 1,000 characters of what the endpoint answered; null if there was no"
        " answer.",
    )


maps_to(WebhookAttempt, models.WebhookAttempt)


async def _endpoints(
    selection: Selection, deliveries: Sequence[Any]
) -> list[WebhookEndpoint | None]:
    ids = sorted({one.row_endpoint_id for one in deliveries})
    found = await selection.reader.read(among("t0.id", ids))
    living = {one.id: one for one in found if one.deleted_at is None}
    return [living.get(one.row_endpoint_id) for one in deliveries]


async def _next_attempts(_: Selection, deliveries: Sequence[Any]) -> list[datetime | None]:
    waiting = [one.row_endpoint_id for one in deliveries if one.row_next_attempt_at is not None]
    active = await active_endpoints(waiting) if waiting else set()
    return [
        one.row_next_attempt_at if one.row_endpoint_id in active else None for one in deliveries
    ]


async def _bodies(_: Selection, deliveries: Sequence[Any]) -> list[str | None]:
    rows = [
        models.WebhookDelivery(
            id=one.id,
            event_id=one.row_event_id,
            event_type=one.row_event_type,
            endpoint_id=one.row_endpoint_id,
            cause=one.row_cause,
            created_at=one.row_created_at,
        )
        for one in deliveries
    ]
    found = await bodies_of(rows)
    return [found[one.id].decode() if one.id in found else None for one in deliveries]


@strawberry.type(
    description="An event that is, or was, delivered to a webhook endpoint, with all attempts."
)
class WebhookDelivery(Node):
    endpoint_id: strawberry.ID = strawberry.field(description="The id of the endpoint.")

    @strawberry.field(
        description="The endpoint; null if it was deleted.",
        metadata=batched(_endpoints, "endpoint_id", extra=("deleted_at",)),
    )
    def endpoint(self, info: Info) -> WebhookEndpoint | None:
        return prefetched(self, info)  # type: ignore[no-any-return]  # prefetched() returns Any

    event_id: strawberry.ID = strawberry.field(
        description="The id of the event, which the endpoint gets as the header `webhook-id`, the"
        " same in all attempts and redeliveries. For a test it is an id of its own."
    )
    event_type: EventTypeEnum | None = computed(  # type: ignore[valid-type]  # see above
        _event_type, "event_type", description="The type of the event; null for a test."
    )
    customer_id: strawberry.ID | None = strawberry.field(
        description="The id of the customer that the event concerns; null if it concerns none."
    )
    cause: WebhookDeliveryCause = strawberry.field(  # type: ignore[valid-type]  # see above
        description="Why it is delivered."
    )
    state: WebhookDeliveryOutcome = strawberry.field(  # type: ignore[valid-type]  # see above
        name="outcome", description="What became of the delivery."
    )
    created_at: datetime = strawberry.field(
        description="When the delivery was added, in UTC; a little after the event happened."
    )

    @strawberry.field(
        description="When it is tried again at the earliest, in UTC; null before the first attempt,"
        " as while an earlier delivery to the endpoint about the same customer waits, while the"
        " endpoint is not active, and once it has ended.",
        metadata=batched(_next_attempts, "next_attempt_at", "endpoint_id", paths=()),
    )
    def next_attempt_at(self, info: Info) -> datetime | None:
        return prefetched(self, info)  # type: ignore[no-any-return]  # prefetched() returns Any

    finished_at: datetime | None = strawberry.field(
        description="When it was accepted or given up, in UTC; null while it is pending."
    )
    request_headers: JSON = computed(
        _headers,
        "event_id",
        description="The headers by which the endpoint knows the event: an object of names and"
        " values. `webhook-timestamp` and `webhook-signature` are left out, as each attempt has its"
        " own.",
    )

    @strawberry.field(
        description="The body that is posted, the exact text that is signed; null if the event is"
        " no longer stored.",
        metadata=batched(
            _bodies,
            *("event_id", "event_type", "endpoint_id", "cause", "created_at"),
            paths=(),
        ),
    )
    def request_body(self, info: Info) -> str | None:
        return prefetched(self, info)  # type: ignore[no-any-return]  # prefetched() returns Any

    attempts: list[WebhookAttempt] = to_many(
        "delivery_id", "t0.sequence", description="The attempts so far, oldest first."
    )


maps_to(WebhookDelivery, models.WebhookDelivery)
