"""Sending tests to webhook endpoints, and events again."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from models.changes.webhook_endpoint_editing import locked_endpoint
from models.jobs.webhook_queue import enqueue_ping, redeliver
from models.lists.webhook_list import DeliveryFilter, bound_of_ended, ended_deliveries
from models.rules.checks import Checks
from models.rules.consent_fields import EARLIEST, LATEST
from models.rules.errors import RefusalCode, Refused, refuse
from models.rules.event_type import EventType, readable
from models.storage.locks import lock
from models.tables import audit
from models.tables.audit import ActorContext
from models.tables.event import Event
from models.tables.webhook import (
    PING,
    DeliveryCause,
    DeliveryState,
    WebhookDelivery,
    WebhookEndpoint,
)

MAX_IDS = 100
MAX_REDELIVERED = 1_000
"""The maximum number of events that one request sends again."""


@dataclass(frozen=True, slots=True)
class Redelivery:
    """Which events to send again: deliveries by id, or those of an endpoint in a period."""

    delivery_ids: Sequence[str] | None = None
    endpoint_id: str | None = None
    from_at: datetime | None = None
    until_at: datetime | None = None
    types: Sequence[EventType] | None = None
    outcomes: Sequence[DeliveryState] | None = None


async def ping_endpoint(act: ActorContext, endpoint_id: str) -> str:
    """Send a test to an active endpoint; return the id of the delivery."""
    endpoint = await act.checks().conclude(_active_endpoint(endpoint_id, "id"))
    delivery_id = await enqueue_ping(endpoint, act.now)
    await audit.record(
        act, "webhook_endpoint.pinged", endpoint.id, after={"delivery_id": delivery_id}
    )
    return delivery_id


async def redeliver_webhooks(act: ActorContext, wanted: Redelivery) -> int:
    """Send events again, under the ids that they were sent with before; return how many."""
    checks = act.checks()
    chosen: Chosen = []
    if (wanted.delivery_ids is None) == (wanted.endpoint_id is None):
        _refuse_both_or_neither(checks, wanted)
    since = checks.instant_between(wanted.from_at, EARLIEST, LATEST, "fromAt")
    until = checks.instant_between(wanted.until_at, EARLIEST, LATEST, "untilAt")
    if wanted.delivery_ids is not None:
        chosen = await _chosen(checks, act, wanted.delivery_ids)
    elif wanted.endpoint_id is not None:
        chosen = await _in_period(checks, act, replace(wanted, from_at=since, until_at=until))
    checks.raise_refusals()
    count = 0
    for endpoint, ids in chosen:
        if not ids:
            continue
        sent = await redeliver(endpoint, ids, act.now)
        count += len(sent)
        after = {"redelivered_count": len(sent)}
        await audit.record(act, "webhook_endpoint.redelivered", endpoint.id, after=after)
    return count


def _refuse_both_or_neither(checks: Checks, wanted: Redelivery) -> None:
    if wanted.endpoint_id is None:
        message = "Send `deliveryIds`, or `endpointId` with a period."
        checks.refuse(RefusalCode.REQUIRED, message, "deliveryIds")
    else:
        message = "Send either `deliveryIds` or `endpointId`, not both."
        checks.refuse(RefusalCode.CONTRADICTORY_VALUES, message, "endpointId")


Chosen = list[tuple[WebhookEndpoint, list[str]]]
"""Endpoints, each with the ids of the deliveries to send again."""


async def _chosen(checks: Checks, act: ActorContext, delivery_ids: Sequence[str]) -> Chosen:
    checks.list_length(delivery_ids, MAX_IDS, "deliveryIds", minimum=1)
    if checks.is_refused("deliveryIds"):
        return []
    ids = list(dict.fromkeys(map(str, delivery_ids)))
    types = _types(act, None)
    rows = {one.id: one for one in await WebhookDelivery.filter(id__in=ids, event_type__in=types)}
    found = await lock(WebhookEndpoint, *(one.endpoint_id for one in rows.values()))
    endpoints = {one.id: one for one in found.values() if one.deleted_at is None}
    stored = await _stored_events([one.event_id for one in rows.values()])
    for place, one in enumerate(delivery_ids):
        row = rows.get(one)
        if row is None or row.endpoint_id not in endpoints:
            message = "There is no delivery with this id."
            checks.refuse(RefusalCode.NOT_FOUND, message, "deliveryIds", str(place))
        elif not endpoints[row.endpoint_id].is_active:
            checks.add(*_inactive("deliveryIds", str(place)).refusals)
        elif (why := _why_not(row, stored)) is not None:
            checks.refuse(RefusalCode.NOT_REDELIVERABLE, why, "deliveryIds", str(place))
    return [
        (endpoint, [one for one in ids if one in rows and rows[one].endpoint_id == endpoint.id])
        for endpoint in endpoints.values()
    ]


def _why_not(row: WebhookDelivery, stored: set[str]) -> str | None:
    """Return why a delivery cannot be repeated; None if it can."""
    if row.cause == DeliveryCause.PING:
        return "A test is not sent again. Call `pingWebhookEndpoint` for another."
    if row.state == DeliveryState.PENDING:
        return (
            "The delivery has not ended yet, and is still tried. If the receiver accepts a test by"
            " `pingWebhookEndpoint`, what waits is sent at once."
        )
    if row.event_id not in stored:
        return "The event is no longer stored, or is about a customer who is out of your reach."
    return None


async def _in_period(checks: Checks, act: ActorContext, wanted: Redelivery) -> Chosen:
    endpoint = await checks.attempt(_active_endpoint(str(wanted.endpoint_id), "endpointId"))
    since, until = wanted.from_at, wanted.until_at
    for name, instant in (("fromAt", since), ("untilAt", until)):
        if instant is None:
            checks.refuse(RefusalCode.REQUIRED, f"`{name}` is needed with `endpointId`.", name)
    is_read = not {("fromAt",), ("untilAt",)} & {one.path for one in act.faults}
    if is_read and since is not None and until is not None and until < since:
        message = "`untilAt` must not be before `fromAt`."
        checks.refuse(RefusalCode.CONTRADICTORY_VALUES, message, "untilAt")
    if endpoint is None or checks.has_found:
        return []
    period = DeliveryFilter(
        _types(act, wanted.types or None), endpoint.id, wanted.outcomes, since=since, until=until
    )
    found = await ended_deliveries(period, MAX_REDELIVERED + 1)
    if len(found) > MAX_REDELIVERED:
        checks.refuse(
            RefusalCode.TOO_MANY_ITEMS,
            f"One request can send at most {MAX_REDELIVERED:,} events again.",
            "untilAt",
            hint=_shorter(since, await bound_of_ended(period, MAX_REDELIVERED)),
            limit=MAX_REDELIVERED,
        )
    return [(endpoint, found)]


def _shorter(since: datetime | None, bound: datetime | None) -> str:
    """Return how to choose a shorter period; `bound` is the last that is short enough."""
    if since is None or bound is None or bound <= since:
        return (
            "More than that were added at the instant `fromAt`. Limit `eventTypes` or `outcomes`,"
            " or send `deliveryIds`."
        )
    at = bound.astimezone(UTC).isoformat()
    return f"Send `untilAt`: {at} first, and then this instant as the next `fromAt`."


def _types(act: ActorContext, wanted: Sequence[EventType] | None) -> list[str]:
    """Return the stored types that the caller may read, with that of tests if none is named."""
    types = [one.value for one in readable(act.principal.permissions, wanted)]
    return types if wanted is not None else [*types, PING]


async def _stored_events(ids: Sequence[str]) -> set[str]:
    """Return those of the events that are still stored, and that the caller may see."""
    return set(map(str, await Event.filter(id__in=list(ids)).values_list("id", flat=True)))


async def _active_endpoint(endpoint_id: str, path: str) -> WebhookEndpoint:
    """Lock and return an endpoint; refuses one to which nothing is sent."""
    endpoint = await locked_endpoint(endpoint_id, path=path)
    if not endpoint.is_active:
        raise _inactive(path)
    return endpoint


def _inactive(*path: str) -> Refused:
    message = "The webhook endpoint is not active, so nothing is sent to it."
    return refuse(RefusalCode.WEBHOOK_ENDPOINT_INACTIVE, message, *path)
