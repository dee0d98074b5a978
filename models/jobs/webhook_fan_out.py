"""Follows the event feed, and appends a delivery for each event and endpoint that gets it.

The cursor moves in the transaction that appends, so that each event is appended once, and in the
order of the feed. Most endpoints follow one common cursor: their `last_number` is null. A new
endpoint, and one that was disabled, has a number of its own until it has caught up.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial

import structlog

from models.jobs.event_consumers import keep_following, locked_cursor
from models.jobs.webhook_queue import CURSOR, append, new_delivery, unscoped
from models.storage.database import Database
from models.storage.scope_tables import TOLD
from models.storage.sql import Sql, execute, listed, run
from models.tables.event import Event
from models.tables.event_feed import Feed, read_feed
from models.tables.webhook import DeliveryCause, WebhookEndpoint

log = structlog.get_logger(__name__)

BATCH = 200
"""The maximum number of events that one transaction appends."""

GATHER_S = 0.02
"""Seconds for which further events are awaited, so that they are appended together."""

_SEEN = f"""
SELECT one.key, t0.number FROM event AS t0 CROSS JOIN ({{resellers}}) AS one
WHERE t0.number > ? AND t0.number <= ? AND {TOLD.format(row="t0").replace("?", "one.key")}"""  # noqa: S608  # no value is spelt out


async def newest_number() -> int:
    """Return the number of the newest event, from which on a new endpoint gets events.

    Events that were committed just before, and have no number yet, are newer.
    """
    with unscoped():
        found = await execute(Sql("SELECT last_number FROM numbering WHERE name = ?", ("event",)))
    return int(found[0]["last_number"]) if found else 0


async def keep_fanning_out(database: Database, clock: Callable[[], datetime]) -> None:
    """Append deliveries as events come, until cancelled."""

    async def work() -> None:
        await fan_out(database, clock())

    await keep_following(database, work, failure="webhooks_not_appended", gather_s=GATHER_S)


async def fan_out(database: Database, now: datetime) -> int:
    """Append the deliveries of all events that can be read; return how many."""
    if not await is_any_endpoint():
        return 0
    feed = await read_feed(database)
    appended = 0
    is_more = True
    while is_more:
        is_more, count = await database.transaction(partial(_append_next, feed, now))
        appended += count
        if await is_any_endpoint(behind=True):
            behind, late = await database.transaction(partial(_catch_up, feed, now))
            appended += late
            is_more = is_more or behind
    return appended


async def _append_next(feed: Feed, now: datetime) -> tuple[bool, int]:
    """Append a batch for the endpoints at the common cursor; return whether more events follow."""
    # The cursor begins at the newest event: before, no endpoint needed an earlier one.
    last = await locked_cursor(CURSOR, feed.newest)
    if last is None or last >= feed.newest:
        return False, 0
    endpoints = await WebhookEndpoint.filter(is_active=True, last_number=None)
    upto, count = await _append(endpoints, feed, last, now)
    await execute(Sql("UPDATE event_consumer SET last_number = ? WHERE name = ?", (upto, CURSOR)))
    return upto < feed.newest, count


async def _catch_up(feed: Feed, now: datetime) -> tuple[bool, int]:
    """Append a batch for an endpoint behind the common cursor; return whether one is left."""
    common = await locked_cursor(CURSOR, feed.newest)
    if common is None:
        return False, 0
    behind = (
        await WebhookEndpoint.filter(is_active=True, last_number__not_isnull=True)
        .order_by("last_number")
        .select_for_update(skip_locked=True, no_key=True)
    )
    if not behind:
        return False, 0
    first, count = behind[0], 0
    last = int(first.last_number or 0)
    if last > common:  # a new endpoint, whose number the common cursor will reach
        return False, 0
    if last < feed.floor:
        log.warning("webhook_events_deleted", endpoint_id=first.id)
    if last < common:
        last, count = await _append([first], feed, last, now, most=common)
    first.last_number = None if last == common else last
    await first.save(update_fields=["last_number"])
    return True, count


async def is_any_endpoint(*, behind: bool = False) -> bool:
    """Return whether any endpoint is active; with `behind`, whether one has a number of its own."""
    also = " AND last_number IS NOT NULL" if behind else ""
    text = f"SELECT 1 FROM webhook_endpoint WHERE is_active{also} LIMIT 1"  # noqa: S608  # no value is spelt out
    return bool(await run(text, ()))


async def _append(
    endpoints: Sequence[WebhookEndpoint],
    feed: Feed,
    after: int,
    now: datetime,
    most: int | None = None,
) -> tuple[int, int]:
    """Append a batch of the events after a number; return up to which number, and how many."""
    newest = feed.newest if most is None else most
    if not endpoints:
        return newest, 0
    events = (
        await Event.filter(number__gt=after, number__lte=newest).order_by("number").limit(BATCH)
    )
    if not events:
        return newest, 0
    upto = newest if len(events) < BATCH else int(events[-1].number or newest)
    seen = await _seen(endpoints, after, upto)
    rows = [
        new_delivery(endpoint, event, DeliveryCause.EVENT, now)
        for event in events
        for endpoint in _receivers(event, endpoints, seen)
    ]
    late = {event.id for event in events if event.is_of_import}
    await append(rows, now, late)
    return upto, len(rows)


async def _seen(
    endpoints: Iterable[WebhookEndpoint], after: int, upto: int
) -> Mapping[str, set[int]]:
    """Return by reseller the numbers of the events that the reseller may see."""
    found: dict[str, set[int]] = defaultdict(set)
    resellers = sorted({one.reseller_id for one in endpoints if one.reseller_id is not None})
    if resellers:
        each = listed(resellers)
        text = _SEEN.replace("{resellers}", each.text)
        for reseller, number in await run(text, (*each.parameters, after, upto)):
            found[reseller].add(int(number))
    return found


def _receivers(
    event: Event, endpoints: Iterable[WebhookEndpoint], seen: Mapping[str, set[int]]
) -> Iterable[WebhookEndpoint]:
    for one in endpoints:
        is_seen = one.reseller_id is None or event.number in seen.get(one.reseller_id, ())
        is_wanted = not one.event_types or event.type in one.event_types
        if (
            is_seen
            and is_wanted
            and (not one.customer_ids or event.customer_id in one.customer_ids)
        ):
            yield one
