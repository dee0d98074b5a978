"""Claims lanes of webhook endpoints for a sender, and reads what to send.

A lane belongs to its claim's `owner` until the lease ends. No endpoint has more than a few lanes in
flight, so that slow endpoints leave slots to others; after failures in a row it is one, as a probe.
"""

import uuid
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from models.jobs.kinds import WEBHOOK
from models.jobs.webhook_body import bodies_of
from models.jobs.webhook_lane import EVENT_LEAD
from models.rules.webhook_retry import BREAKER_AFTER
from models.storage.database import Database
from models.storage.sql import Sql, among, execute, is_postgres, run, to_database
from models.storage.tortoise_internals import row_from_database
from models.tables.webhook import (
    WebhookDelivery,
    WebhookEndpoint,
    WebhookLane,
)

LANES_PER_ENDPOINT = 4
"""The maximum number of lanes of an endpoint that all senders together have claimed."""

DELIVERIES_PER_CLAIM = 5

_DUE = "l.due_at IS NOT NULL AND l.due_at <= ?"

_ENDPOINTS = f"""
SELECT e.id FROM webhook_endpoint AS e
WHERE NOT EXISTS (SELECT 1 FROM job_pause WHERE kind = '{WEBHOOK}')
  AND e.is_active AND (e.open_at IS NULL OR e.open_at <= ?) AND EXISTS
  (SELECT 1 FROM webhook_lane AS l WHERE l.endpoint_id = e.id AND {_DUE})
ORDER BY (SELECT min(l.due_at) FROM webhook_lane AS l WHERE l.endpoint_id = e.id AND {_DUE})
LIMIT ?"""  # noqa: S608  # constants only

_FREE = f"""
CASE WHEN e.failures >= {BREAKER_AFTER} THEN 1 ELSE {LANES_PER_ENDPOINT} END -
  (SELECT count(*) FROM webhook_lane AS f WHERE f.endpoint_id = e.id
    AND f.due_at IS NOT NULL AND f.due_at > ? AND f.owner IS NOT NULL)"""  # noqa: S608  # see above
"""How many lanes of an endpoint may be claimed."""

_LANES = f"""
SELECT l.id, l.endpoint_id, l.done, l.tail FROM webhook_endpoint AS e CROSS JOIN LATERAL (
  SELECT l.id, l.endpoint_id, l.done, l.tail, l.due_at FROM webhook_lane AS l
  WHERE l.endpoint_id = e.id AND {_DUE} ORDER BY l.due_at
  LIMIT greatest({_FREE}, 0) FOR UPDATE SKIP LOCKED) AS l
WHERE {{endpoints}} ORDER BY l.due_at"""  # noqa: S608  # see above

_LANES_ON_SQLITE = f"""
SELECT id, endpoint_id, done, tail FROM (
  SELECT l.id, l.endpoint_id, l.done, l.tail, l.due_at, {_FREE} AS free,
    row_number() OVER (PARTITION BY l.endpoint_id ORDER BY l.due_at) AS place
  FROM webhook_lane AS l JOIN webhook_endpoint AS e ON e.id = l.endpoint_id
  WHERE {_DUE} AND {{endpoints}}) AS found
WHERE place <= free ORDER BY due_at"""  # noqa: S608  # see above

# LATERAL with LIMIT makes PostgreSQL look each lane up in the index, also while its statistics of a
# new table are wrong; it read all deliveries for a plain join.
_NEXT = f"""
SELECT d.* FROM {{lanes}} CROSS JOIN LATERAL (
  SELECT * FROM webhook_delivery AS d WHERE d.lane_id = l.id AND d.position > l.done
  ORDER BY d.position LIMIT {DELIVERIES_PER_CLAIM}) AS d ORDER BY d.position"""  # noqa: S608  # see above

_NEXT_ON_SQLITE = f"""
SELECT d.* FROM webhook_lane AS l JOIN webhook_delivery AS d ON d.lane_id = l.id
  AND d.position > l.done AND d.position <= l.done + {DELIVERIES_PER_CLAIM}
WHERE l.{{lanes}} ORDER BY d.position"""  # noqa: S608  # see above


@dataclass(frozen=True, slots=True)
class LaneClaim:
    """A claimed lane: its endpoint, as it was then, and its next deliveries with their bodies.

    A body is None if the event is no longer stored. `upto` is the position up to which deliveries
    were looked for.
    """

    lane_id: str
    owner: str
    upto: int
    endpoint: WebhookEndpoint
    deliveries: Sequence[tuple[WebhookDelivery, bytes | None]]


async def claim_lanes(
    database: Database, size: int, full: Collection[str], lease: timedelta, now: datetime
) -> list[LaneClaim]:
    """Claim up to about `size` lanes that are due, oldest first, none of the endpoints in `full`.

    Must not be called in a transaction.
    """
    at = _stored(now)
    if not await run(_ENDPOINTS, (at, at, at, 1)):  # so that an idle sender locks nothing
        return []
    owner = str(uuid.uuid4())
    lanes = await database.transaction(partial(_claim, owner, size, full, lease, now))
    if not lanes:
        return []
    endpoint_ids = {lane.endpoint_id for lane in lanes}
    endpoints = {one.id: one for one in await WebhookEndpoint.filter(id__in=list(endpoint_ids))}
    waiting = await _next_deliveries(lanes)
    bodies = await bodies_of(one for rows in waiting.values() for one in rows)
    return [
        LaneClaim(
            lane.id,
            owner,
            min(lane.tail, lane.done + DELIVERIES_PER_CLAIM),
            endpoints[lane.endpoint_id],
            [(one, bodies.get(one.id)) for one in waiting[lane.id]],
        )
        for lane in lanes
        if lane.endpoint_id in endpoints
    ]


async def release_lane(lane_id: str, owner: str, now: datetime) -> None:
    """Give a claimed lane back, so that it is due now; nothing happens if it was lost."""
    due_at = now - EVENT_LEAD
    await WebhookLane.filter(id=lane_id, owner=owner).update(owner=None, due_at=due_at)


async def _claim(
    owner: str, size: int, full: Collection[str], lease: timedelta, now: datetime
) -> list[WebhookLane]:
    at = _stored(now)
    # Locked first: the next statement then sees what other senders have claimed of these endpoints.
    lock = " FOR NO KEY UPDATE SKIP LOCKED" if is_postgres() else ""
    most = size + len(full)
    found = await execute(Sql(f"{_ENDPOINTS}{lock}", (at, at, at, most)))
    ids = [row["id"] for row in found if row["id"] not in full][:size]
    if not ids:
        return []
    wanted = among("e.id", ids)
    if is_postgres():
        text, parameters = _LANES, (at, at, *wanted.parameters)
    else:
        text, parameters = _LANES_ON_SQLITE, (at, at, *wanted.parameters)
    rows = await execute(Sql(text.replace("{endpoints}", wanted.text), parameters))
    lanes = [WebhookLane(**row) for row in rows][:size]
    if lanes:
        which = among("id", [lane.id for lane in lanes])
        text = f"UPDATE webhook_lane SET owner = ?, due_at = ? WHERE {which.text}"  # noqa: S608  # no value is spelt out
        await execute(Sql(text, (owner, _stored(now + lease), *which.parameters)))
    return lanes


async def _next_deliveries(lanes: Sequence[WebhookLane]) -> dict[str, list[WebhookDelivery]]:
    if is_postgres():
        given: tuple[Any, ...] = ([one.id for one in lanes], [one.done for one in lanes])
        text = _NEXT.format(lanes="unnest(?::text[], ?::bigint[]) AS l (id, done)")
    else:
        which = among("id", [one.id for one in lanes])
        given = which.parameters
        text = _NEXT_ON_SQLITE.format(lanes=which.text)
    found: dict[str, list[WebhookDelivery]] = defaultdict(list)
    for row in await execute(Sql(text, given)):
        found[row["lane_id"]].append(row_from_database(WebhookDelivery, row))
    return found


def _stored(instant: datetime) -> object:
    return to_database(WebhookLane._meta.fields_map["due_at"], instant)
