"""Counts lookup jobs: waiting, running, ended, and those before a given one in the queue.

A job's `place` is its position within its urgency (`models/jobs/queue_turn.py`). Counts cover all
jobs or those of one reseller; callers decide who may see them. Apart from two passes over the index
of waiting jobs, no statement reads more as the queue grows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from models.jobs.job import IS_DUE_LATER, IS_READY, Job, JobState
from models.jobs.kinds import ENRICH, lookup_key
from models.jobs.queue_turn import IS_WAITING
from models.rules.urgency import Urgency
from models.storage.sql import Sql, among, run, to_database

RECENT = timedelta(minutes=15)
"""The length of the time, up to now, over which the rate of finished lookups is measured."""

ARRIVALS = timedelta(minutes=30)
"""The length of the time, up to now, over which the rate of new urgent lookups is measured."""

MAX_AHEAD = 1_000
"""The lookups before a given one in the queue are counted up to this number."""

STEPS = 512
"""The number of ranges into which the places of a long queue are divided, to estimate positions."""

LINES = " UNION ALL ".join(f"SELECT {one.value} AS urgency" for one in Urgency)


@dataclass(frozen=True, slots=True)
class Steps:
    """The number of waiting jobs of one urgency in consecutive ranges of places.

    Each range has `width` places, and the first begins at `first`.
    """

    first: int
    width: int
    numbers: Sequence[int]

    def ahead_of(self, place: int) -> float:
        """Return an estimate of how many jobs are before a place."""
        step, within = divmod(max(place - self.first, 0), self.width)
        beside = self.numbers[step] if step < len(self.numbers) else 0
        return sum(self.numbers[:step]) + beside * (within + 0.5) / self.width


@dataclass(frozen=True, slots=True)
class LookupCounts:
    """How many lookups wait, will be retried or run, and how many ended or arrived recently."""

    waiting: Mapping[Urgency, int]
    retrying: int = 0
    running: int = 0
    oldest_at: datetime | None = None
    """When the oldest ready lookup was requested; None if none is ready."""
    busy_since: datetime | None = None
    """Since when at least one lookup has been ready to start; None if none is."""
    ended: int = 0
    """Lookups that ended within RECENT, successful or not."""
    ended_while_busy: int = 0
    """Lookups that ended within RECENT and since `busy_since`."""
    arrived: Mapping[Urgency, int] = field(default_factory=dict)
    """Urgent lookups that arrived within ARRIVALS, by urgency."""
    steps: Mapping[Urgency, Steps] = field(default_factory=dict)
    """The number of ready lookups in ranges of places, by urgency."""

    def ahead_of(self, urgency: Urgency, place: int) -> float:
        """Return an estimate of how many lookups of an urgency are before a place."""
        return self.steps[urgency].ahead_of(place) if urgency in self.steps else 0.0


@dataclass(frozen=True, slots=True)
class QueuePlace:
    """The place of a waiting lookup, and how many lookups of its urgency start before it.

    `ahead` counts the lookups of all resellers and of the platform. `own_ahead` counts those of one
    reseller, or equals `ahead` if no reseller was named. None means more than MAX_AHEAD.
    """

    customer_id: str
    urgency: Urgency
    place: int
    due_at: datetime | None
    ahead: int | None
    own_ahead: int | None


async def count_lookups(now: datetime) -> LookupCounts:
    """Count the lookups of all customers."""
    text = (
        "SELECT urgency, count(*), min(place), max(place), min(id) FROM job"  # noqa: S608  # constants only
        f" WHERE {IS_READY} AND kind = ? GROUP BY urgency"
    )
    rows = await run(text, (ENRICH,))
    waiting = {Urgency(urgency): int(number) for urgency, number, *_ in rows}
    steps = await _steps(rows)
    oldest_at, busy_since = await _since(min((row[4] for row in rows), default=None))
    retrying, running = await _due_later()
    ended, while_busy, arrived = await _ended(now, max(busy_since or now, now - RECENT))
    if any(urgency.is_urgent for urgency in waiting):
        for urgency, number in (await _waiting_arrivals(now)).items():
            arrived[urgency] = arrived.get(urgency, 0) + number
    return LookupCounts(
        waiting,
        sum(retrying.values()),
        sum(running.values()),
        oldest_at,
        busy_since,
        ended,
        while_busy,
        arrived,
        steps,
    )


async def count_lookups_of(
    reseller_id: str, now: datetime
) -> tuple[LookupCounts, dict[Urgency, int]]:
    """Count a reseller's lookups; also return the place of the last waiting one, by urgency."""
    waiting_of = f"FROM job WHERE reseller_id = ? AND kind = ? AND {IS_WAITING}"
    text = f"SELECT urgency, count(*), min(place), max(place) {waiting_of} GROUP BY urgency"
    rows = await run(text, (reseller_id, ENRICH))
    oldest_at = None
    for urgency, *_ in rows:  # places increase with time
        text = (
            f"SELECT created_at {waiting_of} AND {IS_READY} AND urgency = ? ORDER BY place LIMIT 1"
        )
        for (at,) in await run(text, (reseller_id, ENRICH, urgency)):
            oldest_at = _earliest(oldest_at, _instant(at))
    retrying, running = await _due_later(reseller_id)
    ended, *_ = await _ended(now, now, reseller_id)
    counts = LookupCounts(
        {Urgency(row[0]): int(row[1]) - retrying.get(Urgency(row[0]), 0) for row in rows},
        sum(retrying.values()),
        sum(running.values()),
        oldest_at,
        ended=ended,
    )
    return counts, {Urgency(row[0]): int(row[3]) for row in rows}


async def places_of(customer_ids: Sequence[str], reseller_id: str | None) -> list[QueuePlace]:
    """Return the queue places of customers' lookups, without those that are not waiting.

    `reseller_id` is the reseller whose lookups `own_ahead` counts; None for all. Lookups are
    counted from each place to the next, so that no index entry is read twice.
    """
    scopes = [Sql(f"other.{IS_READY}")]
    if reseller_id is not None:
        # The reseller's index also contains lookups that wait for another attempt.
        scopes.append(Sql(f"other.{IS_WAITING} AND other.reseller_id = ?", (reseller_id,)))
    lasts = [_count_limit(scope, number) for number, scope in enumerate(scopes)]
    counts = [part for number, scope in enumerate(scopes) for part in _counts_ahead(scope, number)]
    chosen = among("live_key", [lookup_key(customer_id) for customer_id in customer_ids])
    text = (
        f"WITH line AS MATERIALIZED (SELECT line.urgency, {_listed(lasts)}"  # noqa: S608  # no value is spelt out
        f" FROM ({LINES}) AS line)"
        f" SELECT chosen.live_key, chosen.urgency, chosen.place, chosen.due_at, {_listed(counts)}"
        " FROM (SELECT id, live_key, urgency, place, due_at,"
        " coalesce(lag(place) OVER (PARTITION BY urgency ORDER BY place, id), -1) AS previous"
        f" FROM job WHERE {chosen.text} AND {IS_WAITING}) AS chosen"
        " JOIN line ON line.urgency = chosen.urgency"
        " ORDER BY chosen.urgency, chosen.place, chosen.id"
    )
    values = [value for part in (*lasts, *counts, chosen) for value in part.parameters]
    return _positions(await run(text, values))


def _count_limit(scope: Sql, number: int) -> Sql:
    """Return SQL for the place beyond which lookups are not counted, in the urgency of `line`.

    `scope` is the condition on the jobs to count, and `number` distinguishes column names.
    """
    text = (
        f"(SELECT other.place FROM job AS other WHERE {scope.text} AND other.kind = ?"  # noqa: S608  # no value is spelt out
        " AND other.urgency = line.urgency ORDER BY other.place"
        f" LIMIT 1 OFFSET {MAX_AHEAD:d}) AS last_{number:d}"
    )
    return Sql(text, (*scope.parameters, ENRICH))


def _counts_ahead(scope: Sql, number: int) -> list[Sql]:
    """Return SQL for two counts of the lookups before one of the customers' lookups (`chosen`).

    The first counts from the place of the previous chosen lookup up to this place, the second those
    before it at the same place.
    """
    counted = (
        f"SELECT count(*) FROM job AS other WHERE {scope.text} AND other.kind = ?"  # noqa: S608  # no value is spelt out
        " AND other.urgency = chosen.urgency"
    )
    is_near = f"line.last_{number:d} IS NULL OR chosen.place <= line.last_{number:d}"
    between = "other.place >= chosen.previous AND other.place < chosen.place"
    beside = "other.place = chosen.place AND other.id < chosen.id"
    return [
        Sql(f"CASE WHEN {is_near} THEN ({counted} AND {part}) END", (*scope.parameters, ENRICH))
        for part in (between, beside)
    ]


def _positions(rows: Sequence[Sequence[Any]]) -> list[QueuePlace]:
    """Return the queue places in rows of `places_of`, with counts added up within an urgency."""
    found: list[QueuePlace] = []
    before: dict[tuple[int, int], int] = {}
    for key, urgency, place, due_at, *counts in rows:
        ahead: list[int | None] = []
        for scope, (between, beside) in enumerate(zip(counts[::2], counts[1::2], strict=True)):
            if between is None:
                ahead.append(None)
                continue
            before[urgency, scope] = before.get((urgency, scope), 0) + between
            total = before[urgency, scope] + beside
            ahead.append(total if total <= MAX_AHEAD else None)
        customer_id = str(key).removeprefix(lookup_key(""))
        due = None if due_at is None else _instant(due_at)
        found.append(QueuePlace(customer_id, Urgency(urgency), place, due, ahead[0], ahead[-1]))
    return found


async def _steps(rows: Sequence[Sequence[Any]]) -> dict[Urgency, Steps]:
    """Return the number of ready jobs in ranges of places, by urgency.

    The places of a long queue are divided into STEPS ranges; a short queue is a single range.
    """
    found = {}
    for urgency, number, first, last, _ in rows:
        extent = last - first + 1
        if number <= MAX_AHEAD:
            found[Urgency(urgency)] = Steps(first, extent, [number])
            continue
        width = -(-extent // STEPS)
        # Counting ranges of an index is several times faster than grouping by a quotient.
        text = (
            "WITH RECURSIVE step (start) AS (SELECT CAST(? AS bigint)"  # noqa: S608  # constants only
            " UNION ALL SELECT start + ? FROM step WHERE start + ? <= ?)"
            f" SELECT (SELECT count(*) FROM job WHERE {IS_READY} AND kind = ? AND urgency = ?"
            " AND place >= step.start AND place < step.start + ?) FROM step ORDER BY step.start"
        )
        counted = await run(text, (first, width, width, last, ENRICH, urgency, width))
        found[Urgency(urgency)] = Steps(first, width, [int(row[0]) for row in counted])
    return found


async def _since(job_id: str | None) -> tuple[datetime | None, datetime | None]:
    """Return when a job was added, and when it became ready; None for both without such a job."""
    rows = await run("SELECT created_at, due_at FROM job WHERE id = ?", (job_id,)) if job_id else ()
    if not rows:
        return None, None
    created_at, due_at = rows[0]
    return _instant(created_at), _instant(due_at or created_at)


async def _due_later(
    reseller_id: str | None = None,
) -> tuple[dict[Urgency, int], dict[Urgency, int]]:
    """Return the numbers of lookups that wait for a retry, and of running ones, by urgency.

    They are those of one reseller, or all if `reseller_id` is None.
    """
    own = _of(reseller_id)
    text = (
        "SELECT state, urgency, count(*) FROM job"  # noqa: S608  # no value is spelt out
        f" WHERE {IS_DUE_LATER} AND kind = ?{own.text} GROUP BY state, urgency"
    )
    counts: dict[JobState, dict[Urgency, int]] = {JobState.WAITING: {}, JobState.RUNNING: {}}
    for state, urgency, number in await run(text, (ENRICH, *own.parameters)):
        counts[JobState(state)][Urgency(urgency)] = int(number)
    return counts[JobState.WAITING], counts[JobState.RUNNING]


async def _ended(
    now: datetime, busy_since: datetime, reseller_id: str | None = None
) -> tuple[int, int, dict[Urgency, int]]:
    """Count the lookups that ended within RECENT, and those that ended since `busy_since`.

    Also returns, by urgency, how many urgent lookups both arrived within ARRIVALS and have ended.
    """
    own, at = _of(reseller_id), Job._meta.fields_map["finished_at"]
    recent, busy, since = (
        to_database(at, instant) for instant in (now - RECENT, busy_since, now - ARRIVALS)
    )
    text = (
        "SELECT urgency, sum(CASE WHEN finished_at >= ? THEN 1 ELSE 0 END),"  # noqa: S608  # no value is spelt out
        " sum(CASE WHEN finished_at >= ? THEN 1 ELSE 0 END),"
        " sum(CASE WHEN created_at >= ? THEN 1 ELSE 0 END)"
        f" FROM job WHERE finished_at >= ? AND kind = ? AND state IN ('DONE', 'FAILED'){own.text}"
        " GROUP BY urgency"
    )
    rows = await run(text, (recent, busy, since, since, ENRICH, *own.parameters))
    arrived = {Urgency(row[0]): int(row[3]) for row in rows if Urgency(row[0]).is_urgent}
    return sum(int(row[1]) for row in rows), sum(int(row[2]) for row in rows), arrived


async def _waiting_arrivals(now: datetime) -> dict[Urgency, int]:
    """Return how many urgent lookups arrived within ARRIVALS and are still ready, by urgency."""
    since = to_database(Job._meta.fields_map["created_at"], now - ARRIVALS)
    text = (
        f"SELECT urgency, count(*) FROM job WHERE {IS_READY} AND kind = ?"  # noqa: S608  # constants only
        f" AND urgency <= {Urgency.SAVED.value:d} AND created_at >= ? GROUP BY urgency"
    )
    return {Urgency(row[0]): int(row[1]) for row in await run(text, (ENRICH, since))}


def _of(reseller_id: str | None) -> Sql:
    """Return the SQL condition for a reseller's jobs; empty, for all jobs, if None."""
    return Sql("") if reseller_id is None else Sql(" AND reseller_id = ?", (reseller_id,))


def _listed(parts: Sequence[Sql]) -> str:
    return ", ".join(part.text for part in parts)


def _earliest(*instants: datetime | None) -> datetime | None:
    return min((instant for instant in instants if instant is not None), default=None)


def _instant(stored: datetime | str) -> datetime:
    return stored if isinstance(stored, datetime) else datetime.fromisoformat(stored)
