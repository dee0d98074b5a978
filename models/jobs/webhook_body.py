"""Builds the bodies of webhooks: ids, names of changed fields, a cursor, no personal data."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import orjson

from models.jobs.webhook_queue import unscoped
from models.rules.event_cursor import Generation, cursor_of
from models.storage.sql import run
from models.tables.event import Event
from models.tables.webhook import DeliveryCause, WebhookDelivery

_GENERATION = """
SELECT id, first_number, secret FROM event_generation ORDER BY sequence DESC LIMIT 1"""


async def bodies_of(deliveries: Iterable[WebhookDelivery]) -> dict[str, bytes]:
    """Return the posted bytes by delivery id; none for an event that is no longer stored."""
    rows = list(deliveries)
    ids = [one.event_id for one in rows if one.cause != DeliveryCause.PING]
    with unscoped():
        generations = await run(_GENERATION, ()) if ids else ()
        events = {one.id: one for one in await Event.filter(id__in=ids)} if ids else {}
    found = {}
    for one in rows:
        if one.cause == DeliveryCause.PING:
            found[one.id] = _ping(one)
        elif one.event_id in events and generations:
            found[one.id] = _body(events[one.event_id], Generation(*generations[0]))
    return found


def _body(event: Event, generation: Generation) -> bytes:
    data = {
        "subjectId": event.subject_id,
        "customerId": event.customer_id,
        "customerVersion": event.customer_version,
        **event.payload,
        "cursor": cursor_of(generation, int(event.number or 0)),
        "schemaVersion": event.schema_version,
    }
    return _bytes(event.type, event.id, event.at, data)


def _ping(delivery: WebhookDelivery) -> bytes:
    data = {"webhookEndpointId": delivery.endpoint_id}
    return _bytes(delivery.event_type, delivery.event_id, delivery.created_at, data)


def _bytes(kind: str, event_id: str, at: datetime, data: dict[str, Any]) -> bytes:
    told = {"type": kind, "id": event_id, "timestamp": at.astimezone(UTC), "data": data}
    return orjson.dumps(told, option=orjson.OPT_UTC_Z)
