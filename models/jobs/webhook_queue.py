"""Appends deliveries to the lanes of webhook endpoints, and stops and resumes endpoints.

Locks are taken in this order: endpoints, the cursor of `models/jobs/webhook_fan_out.py`, lanes.
"""

from collections import Counter
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

import orjson
from tortoise.fields.base import Field

from models.jobs.event_consumers import read_cursor
from models.jobs.webhook_lane import EVENT_LEAD
from models.storage.database import wake
from models.storage.identifiers import new_event_id
from models.storage.row_insert import add_rows, new_row
from models.storage.sql import Sql, execute, is_postgres, to_database
from models.storage.tenant_scope import bind_tenant, preserve_tenant_scope
from models.tables.event import Event
from models.tables.webhook import (
    PING,
    PINGS,
    WEBHOOKS,
    DeliveryCause,
    DeliveryState,
    DisabledReason,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookLane,
    lane_id,
)

CURSOR = "webhooks"
"""The name of the row of `event_consumer` that says up to which event deliveries were appended."""

_AT: Field[datetime] = WebhookLane._meta.fields_map["due_at"]

FIRST_LEAD = timedelta(days=10 * 365)
_LEADS = {
    DeliveryCause.EVENT.value: EVENT_LEAD,
    DeliveryCause.REDELIVERY.value: FIRST_LEAD,
    DeliveryCause.PING.value: 2 * FIRST_LEAD,
}
"""How much earlier than now a lane is due by the cause of a delivery that is appended to it.

Lanes are claimed by their due times. So what a user asks for is sent before all that waits for
other customers. Once its lane was claimed, it is due like the others.
"""

# A lane that is due later is being sent, or waits for another attempt.
_UPSERT = """
ON CONFLICT (id) DO UPDATE SET tail = webhook_lane.tail + excluded.tail, due_at = CASE
  WHEN webhook_lane.due_at IS NULL THEN excluded.due_at
  WHEN webhook_lane.due_at <= ? AND webhook_lane.due_at > excluded.due_at THEN excluded.due_at
  ELSE webhook_lane.due_at END
RETURNING id, tail"""

_POSTGRES_ADD = f"""
INSERT INTO webhook_lane (id, endpoint_id, due_at, tail, done)
SELECT id, endpoint_id, due_at, added, 0
FROM unnest(?::text[], ?::text[], ?::timestamptz[], ?::bigint[])
  AS one (id, endpoint_id, due_at, added) ORDER BY id
{_UPSERT}"""  # noqa: S608  # constants only

# WHERE true: otherwise SQLite takes ON CONFLICT for the condition of a join
_SQLITE_ADD = f"""
INSERT INTO webhook_lane (id, endpoint_id, due_at, tail, done)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
  json_extract(value, '$[3]'), 0
FROM json_each(?) WHERE true
{_UPSERT}"""  # noqa: S608  # see above


@contextmanager
def unscoped() -> Iterator[None]:
    """Lift the tenant scope: lanes belong to no tenant."""
    with preserve_tenant_scope():
        bind_tenant(None)
        yield


async def append(
    rows: Sequence[WebhookDelivery], now: datetime, late: Container[str] = frozenset()
) -> None:
    """Append new deliveries, without a position yet, at the ends of their lanes, in their order.

    All have the same cause. `late` has the ids of events that go after others; a lane with others
    is due by these. Senders are woken after the commit.
    """
    if not rows:
        return
    counts = Counter(row.lane_id for row in rows)
    endpoints = {row.lane_id: row.endpoint_id for row in rows}
    first = {row.lane_id for row in rows if row.event_id not in late}
    lead = _LEADS[rows[0].cause]
    due = {one: now - lead if one in first else now for one in counts}
    ids = sorted(counts)  # in this order lanes are locked, so that no two transactions deadlock
    if is_postgres():
        columns = ([found[one] for one in ids] for found in (endpoints, due, counts))
        statement = Sql(_POSTGRES_ADD, (ids, *columns, now))
    else:
        lanes = [[one, endpoints[one], to_database(_AT, due[one]), counts[one]] for one in ids]
        listed = orjson.dumps(lanes).decode()
        statement = Sql(_SQLITE_ADD, (listed, to_database(_AT, now)))
    with unscoped():
        ends = {lane["id"]: int(lane["tail"]) for lane in await execute(statement)}
        left = Counter(counts)
        for row in rows:
            left[row.lane_id] -= 1
            row.position = ends[row.lane_id] - left[row.lane_id]
        await add_rows(rows)
        await wake(WEBHOOKS)


def new_delivery(
    endpoint: WebhookEndpoint, event: Event, cause: DeliveryCause, now: datetime
) -> WebhookDelivery:
    """Return a delivery of an event, to be appended."""
    return new_row(
        WebhookDelivery,
        endpoint_id=endpoint.id,
        reseller_id=endpoint.reseller_id,
        customer_id=event.customer_id,
        lane_id=lane_id(endpoint.id, event.customer_id),
        position=0,
        event_id=event.id,
        event_type=event.type,
        number=event.number,
        cause=cause.value,
        created_at=now,
    )


async def enqueue_ping(endpoint: WebhookEndpoint, now: datetime) -> str:
    """Append a ping, which waits for no other delivery; return the id of its delivery."""
    ping = new_row(
        WebhookDelivery,
        endpoint_id=endpoint.id,
        reseller_id=endpoint.reseller_id,
        lane_id=lane_id(endpoint.id, PINGS),
        position=0,
        event_id=new_event_id(),
        event_type=PING,
        cause=DeliveryCause.PING.value,
        created_at=now,
    )
    await append([ping], now)
    return ping.id


async def redeliver(
    endpoint: WebhookEndpoint, delivery_ids: Sequence[str], now: datetime
) -> list[str]:
    """Append events of earlier deliveries again, in the order of the feed; return the new ids.

    Left out are pings, deliveries that have not ended or are another endpoint's, and events that
    are no longer stored.
    """
    with unscoped():
        old = await WebhookDelivery.filter(
            id__in=list(delivery_ids), endpoint_id=endpoint.id, finished_at__isnull=False
        )
        events = await Event.filter(id__in=[one.event_id for one in old]).order_by("number")
        cause = DeliveryCause.REDELIVERY
        rows = [new_delivery(endpoint, event, cause, now) for event in events]
        await append(rows, now)
    return [row.id for row in rows]


async def enable(endpoint: WebhookEndpoint, now: datetime) -> None:
    """Let an endpoint, which the caller has locked, go on where it stopped."""
    endpoint.is_active = True
    endpoint.disabled_at, endpoint.disabled_reason = None, None
    health = reset_health(endpoint)
    await endpoint.save(update_fields=["is_active", "disabled_at", "disabled_reason", *health])
    with unscoped():
        await wake_lanes(endpoint.id, now)
        await wake(WEBHOOKS)


async def disable(endpoint: WebhookEndpoint, now: datetime, reason: DisabledReason | None) -> None:
    """Send nothing more to an endpoint that the caller has locked; `reason` is None for a user.

    What is pending stays so, and from here on no deliveries are appended.
    """
    endpoint.is_active = False
    endpoint.disabled_at = None if reason is None else now
    endpoint.disabled_reason = None if reason is None else reason.value
    if endpoint.last_number is None:
        endpoint.last_number = await fixed_cursor()
    fields = ["is_active", "disabled_at", "disabled_reason", "last_number"]
    await endpoint.save(update_fields=fields)


async def delete_endpoint(endpoint: WebhookEndpoint, now: datetime) -> None:
    """Stop an endpoint that the caller has locked for good; its row stays, without secrets.

    What is pending is given up. The locked cursor keeps the dispatcher from appending more.
    """
    endpoint.is_active = False
    endpoint.secret = ""
    endpoint.old_secret, endpoint.old_secret_until = None, None
    await endpoint.save(update_fields=["is_active", "secret", "old_secret", "old_secret_until"])
    await fixed_cursor()
    with unscoped():
        await WebhookLane.filter(endpoint_id=endpoint.id).delete()
        await WebhookDelivery.filter(
            endpoint_id=endpoint.id, state=DeliveryState.PENDING.value
        ).update(state=DeliveryState.FAILED.value, finished_at=now, next_attempt_at=None)


async def wake_lanes(endpoint_id: str, now: datetime) -> None:
    """Make the lanes of an endpoint due now, but none before the receiver wants it."""
    text = (
        "UPDATE webhook_lane SET due_at = CASE WHEN not_before > ? THEN not_before ELSE ? END"
        " WHERE endpoint_id = ? AND due_at > ? AND owner IS NULL"
    )
    at = to_database(_AT, now)
    await execute(Sql(text, (at, at, endpoint_id, at)))


def reset_health(endpoint: WebhookEndpoint) -> list[str]:
    """Forget the failures of an endpoint; return the names of the changed fields."""
    endpoint.failures = 0
    endpoint.failing_since = None
    endpoint.open_at = None
    endpoint.noticed_at = None
    return ["failures", "failing_since", "open_at", "noticed_at"]


async def fixed_cursor() -> int | None:
    """Return the number up to which deliveries were appended, and keep it until the commit."""
    with unscoped():
        return await read_cursor(CURSOR, "FOR SHARE")
