"""Reads events: pages of the feed, and which subjects have new events of some types."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from models.rules.event_type import EventType
from models.storage.row_query import RowQuery
from models.storage.sql import Sql, all_of, among, run, to_database
from models.tables.event import Event
from models.tables.event_feed import Feed

MAX_SCANNED = 50_000
"""The numbers that one page searches, so that a filter that matches little costs little."""


@dataclass(frozen=True, slots=True)
class EventFilter:
    """The events to list: their stored types and, unless None, their customers."""

    types: Sequence[str]
    customer_ids: Sequence[str] | None = None

    def between(self, after: int, upto: int) -> Sql:
        """Return the condition on an event's row `t0`, with its number above `after`."""
        found = [
            Sql("t0.number > ? AND t0.number <= ?", (after, upto)),
            among("t0.type", self.types),
        ]
        if self.customer_ids is not None:
            found.append(among("t0.customer_id", self.customer_ids))
        return all_of(found)


@dataclass(frozen=True, slots=True)
class EventPage:
    """Events in the order of their numbers, and which part of the feed was searched for them.

    All wanted events with numbers above `after`, up to `upto`, are on the page.
    """

    events: list[Any]
    after: int
    upto: int


async def page_after(
    reader: RowQuery, feed: Feed, wanted: EventFilter, after: int, size: int
) -> EventPage:
    """Return the first `size` events with numbers above `after`; `reader` must read `number`."""
    upto = feed.newest
    if wanted.customer_ids is None:
        upto = min(upto, after + MAX_SCANNED)
    if not size or upto <= after:
        return EventPage([], after, after)
    where = wanted.between(after, upto)
    events, has_more = await reader.read_some(where, "t0.number ASC", size)
    return EventPage(events, after, events[-1].number if has_more else upto)


async def page_before(
    reader: RowQuery, feed: Feed, wanted: EventFilter, upto: int, size: int
) -> EventPage:
    """Return the last `size` events with numbers up to `upto`; `reader` must read `number`."""
    after = feed.floor
    if wanted.customer_ids is None:
        after = max(after, upto - MAX_SCANNED)
    if not size or upto <= after:
        return EventPage([], upto, upto)
    where = wanted.between(after, upto)
    events, has_more = await reader.read_some(where, "t0.number DESC", size)
    events.reverse()
    return EventPage(events, events[0].number - 1 if has_more else after, upto)


async def newest_events(kinds: Sequence[EventType], customer_ids: Sequence[str]) -> dict[str, int]:
    """Return the number of the newest event of the types, by subject; none without events."""
    where = _of_customers(kinds, customer_ids)
    text = f"SELECT t0.subject_id, max(t0.number) FROM event AS t0 WHERE {where.text} GROUP BY 1"  # noqa: S608  # no value is spelt out
    return {str(subject): int(newest) for subject, newest in await run(text, where.parameters)}


async def events_before(
    kinds: Sequence[EventType], customer_ids: Sequence[str], since: datetime | None
) -> dict[str, int]:
    """Return by subject the number of the last event that a subscriber from `since` is not told of.

    That is the event before the first one at or after `since`. If there is none, or `since` is
    None, it is the newest event.
    """
    newest = await newest_events(kinds, customer_ids)
    if since is None or not newest:
        return newest
    at = to_database(Event._meta.fields_map["at"], since)
    where = all_of([_of_customers(kinds, customer_ids), Sql("t0.at >= ?", (at,))])
    text = f"SELECT t0.subject_id, min(t0.number) FROM event AS t0 WHERE {where.text} GROUP BY 1"  # noqa: S608  # see above
    rows = await run(text, where.parameters)
    return {**newest, **{str(subject): int(first) - 1 for subject, first in rows}}


def subjects_of_new_events(newest: Mapping[str, int], seen: Mapping[str, int]) -> list[str]:
    """Return the subjects whose newest event was not seen, in the order of the events."""
    fresh = [subject for subject, event in newest.items() if event > seen.get(subject, 0)]
    return sorted(fresh, key=newest.__getitem__)


def _of_customers(kinds: Sequence[EventType], customer_ids: Sequence[str]) -> Sql:
    return all_of(
        [
            among("t0.customer_id", customer_ids),
            among("t0.type", [kind.value for kind in kinds]),
            Sql("t0.number IS NOT NULL"),
        ]
    )
