"""Stores changes of claimed lanes and of their deliveries, on PostgreSQL many at once."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from models.storage.sql import Sql, among, execute, is_postgres, to_database
from models.tables.webhook import WebhookDelivery, WebhookLane

EVENT_LEAD = timedelta(days=1)
"""How much earlier than now a lane is due by events, other than those that an import causes.

Lanes are claimed by their due times. So the events of single saves pass those of an import, until
these have waited for so long.
"""

CHANGED = ("attempts", "state", "failing_since", "next_attempt_at", "finished_at")
"""The columns of a delivery that an attempt changes."""


@dataclass(frozen=True, slots=True)
class LaneChange:
    """What becomes of a lane that `owner` has claimed.

    Deliveries up to the position `done` have ended. If more follow, the lane is due at `due_at`;
    if `is_kept`, that is the end of the renewed lease.
    """

    lane_id: str
    owner: str
    done: int
    due_at: datetime
    not_before: datetime | None = None
    is_kept: bool = False


# Whether deliveries follow is judged by the row's present tail. A query of deliveries in its place
# would not see one that is appended at the same time, and the lane would sleep.
_CHANGE = """
UPDATE webhook_lane AS l SET done = {done}, not_before = {not_before},
  owner = CASE WHEN {is_kept} THEN l.owner END,
  due_at = CASE WHEN {is_kept} OR l.tail > {done} THEN {due_at} END"""

_CHANGE_ON_POSTGRES = (
    _CHANGE.format(**{name: f"n.{name}" for name in ("done", "not_before", "is_kept", "due_at")})
    + """
FROM unnest(?::text[], ?::text[], ?::bigint[], ?::timestamptz[], ?::timestamptz[], ?::boolean[])
  AS n (id, owner, done, due_at, not_before, is_kept)
WHERE l.id = n.id AND l.owner = n.owner"""
)

_CHANGE_ON_SQLITE = (
    _CHANGE.format(done="?1", not_before="?2", is_kept="?3", due_at="?4")
    + " WHERE l.id = ?5 AND l.owner = ?6"
)

_UPDATE_ON_POSTGRES = f"""
UPDATE webhook_delivery AS d SET {", ".join(f"{name} = n.{name}" for name in CHANGED)}
FROM unnest(?::text[], ?::int[], ?::text[], ?::timestamptz[], ?::timestamptz[], ?::timestamptz[])
  AS n (id, {", ".join(CHANGED)})
WHERE d.id = n.id"""  # noqa: S608  # constants only


async def held_lanes(lane_ids: Collection[str]) -> dict[str, str | None]:
    """Lock lanes, and return their owners by id."""
    which = among("id", sorted(lane_ids))
    lock = " FOR NO KEY UPDATE" if is_postgres() else ""
    text = f"SELECT id, owner FROM webhook_lane WHERE {which.text} ORDER BY id{lock}"  # noqa: S608  # no value is spelt out
    return {row["id"]: row["owner"] for row in await execute(Sql(text, which.parameters))}


async def change_lanes(changes: Sequence[LaneChange]) -> None:
    """Change lanes that are still their owners'."""
    if not changes:
        return
    if is_postgres():
        rows = [(c.lane_id, c.owner, c.done, c.due_at, c.not_before, c.is_kept) for c in changes]
        await execute(Sql(_CHANGE_ON_POSTGRES, _columns(rows)))
        return
    for one in changes:
        values = (one.done, _stored(one.not_before), one.is_kept, _stored(one.due_at))
        await execute(Sql(_CHANGE_ON_SQLITE, (*values, one.lane_id, one.owner)))


async def update_deliveries(deliveries: Sequence[WebhookDelivery]) -> None:
    """Store what attempts have changed of deliveries."""
    if not deliveries:
        return
    if is_postgres():
        rows = [(one.id, *(getattr(one, name) for name in CHANGED)) for one in deliveries]
        await execute(Sql(_UPDATE_ON_POSTGRES, _columns(rows)))
        return
    for one in deliveries:
        await one.save(update_fields=list(CHANGED))


def _columns(rows: Sequence[tuple[Any, ...]]) -> tuple[list[Any], ...]:
    return tuple(list(column) for column in zip(*rows, strict=True))


def _stored(instant: datetime | None) -> Any:
    column = WebhookLane._meta.fields_map["due_at"]
    return None if instant is None else to_database(column, instant)
