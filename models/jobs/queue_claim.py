"""Claims the next job of a kind, and counts its first request to Companies House ("register call").

The job is first looked up without a write, because most of the time the rate limit admits no
further call yet. The claim itself is one statement on PostgreSQL and one write transaction on
SQLite: a job starts only if its first register call is admitted, and a call is counted only if a
job starts. `models/rules/queue_order.py` defines which job is next. No job of a
kind that an operator has paused is claimed.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from models.jobs.job import IS_READY, Claim, Job, JobState
from models.rules.allowance import Allowance, Caller
from models.rules.queue_order import (
    ALL_CALLS,
    FirstJob,
    caller_of,
    current_virtual_time,
    next_job,
    virtual_time_after,
)
from models.rules.urgency import STRIDES, Urgency
from models.storage.database import Database
from models.storage.sql import Sql, execute, run
from models.tables.rate_limit import CallQuota, microseconds, repair, take_call

NO_KEY = ""
"""Stands for the key of a rate limit if jobs make no register calls; no row has this key."""


@dataclass(frozen=True, slots=True)
class NothingClaimed:
    """The result of `claim` if no job was claimed.

    `at` is when the rate limit may admit the next call; None if that is unknown or no job is ready.
    """

    at: datetime | None = None
    is_blocked: bool = False
    """Whether the register refused the API key, so that ready jobs must not start."""


async def claim(
    database: Database, kind: str, quota: CallQuota | None, lease: timedelta, now: datetime
) -> Claim | NothingClaimed:
    """Claim the next job of a kind, if one is ready and its first register call is admitted.

    `quota` is the rate limit of register calls; None for kinds of jobs that make none. No two
    workers get the same job. Must not be called in a transaction.
    """
    found = await _try_to_claim(database, kind, quota, lease, now)
    if isinstance(found, NothingClaimed) and found.at is not None and found.at <= now:
        # The rate limit's row was missing and has been added, or it changed meanwhile.
        found = await _try_to_claim(database, kind, quota, lease, now)
    return found


async def claim_by_key(live_key: str, lease: timedelta, now: datetime) -> Claim | None:
    """Claim the job with this key in the current transaction; None if it is not ready.

    The job makes no register calls, and its start does not count as a turn of the queue.
    """
    owner = str(uuid.uuid4())
    ready = Job.filter(live_key=live_key, state=JobState.READY)
    found = await ready.get_or_none()
    if found is None:
        return None
    taken = await Job.filter(id=found.id, state=JobState.READY).update(
        state=JobState.RUNNING,
        owner=owner,
        due_at=now + lease,
        attempts=found.attempts + 1,
        started_at=found.started_at or now,
    )
    if not taken:
        return None
    row = vars(found) | {"ready_at": found.due_at, "must_pay": False}
    begun = {"attempts": found.attempts + 1, "started_at": found.started_at or now}
    return _claimed(row | begun, found.kind, owner, now)


async def _try_to_claim(
    database: Database, kind: str, quota: CallQuota | None, lease: timedelta, now: datetime
) -> Claim | NothingClaimed:
    seen = await _claim_in_turn(kind, quota, lease, now, is_look=True)
    if seen is not None:
        return seen
    if database.is_postgres:
        return await _claim_at_once(kind, quota, lease, now)
    claimed = await database.transaction(lambda: _claim_in_turn(kind, quota, lease, now))
    return claimed or NothingClaimed()


_URGENCIES = ", ".join(f"({urgency.value}, {stride})" for urgency, stride in STRIDES.items())

# AS MATERIALIZED makes the planner run each part once. `head` finds the first ready job of each
# urgency, and locks it with SKIP LOCKED, so that two workers neither claim the same job nor wait
# for each other.
_CLAIM = f"""
WITH turn AS MATERIALIZED (
  SELECT u.urgency, u.stride, coalesce(t.next_turn, 0) AS next_turn
  FROM (VALUES {_URGENCIES}) AS u (urgency, stride)
  LEFT JOIN queue_turn AS t ON t.kind = $1 AND t.urgency = u.urgency
  WHERE NOT EXISTS (SELECT 1 FROM job_pause WHERE kind = $1)
), head AS MATERIALIZED (
  SELECT turn.urgency, turn.stride, j.*, j.calls_left < {ALL_CALLS} AS has_begun,
    greatest(turn.next_turn, (SELECT max(next_turn - stride) FROM turn)) AS this_turn
  FROM turn CROSS JOIN LATERAL (
    SELECT id, place, calls_left, due_at FROM job
    WHERE {IS_READY} AND kind = $1 AND urgency = turn.urgency
    ORDER BY place, id LIMIT 1 FOR UPDATE SKIP LOCKED) AS j
), pick AS MATERIALIZED (
  SELECT *, coalesce(calls_left, 0) > 0 AS must_pay,
    CASE WHEN has_begun THEN $5::bigint
      WHEN (SELECT min(urgency) FROM head) <= {Urgency.SAVED.value} THEN $6::bigint
      ELSE $7::bigint END AS ahead
  FROM head ORDER BY coalesce(has_begun, false) DESC, this_turn, urgency LIMIT 1
), paid AS (
  UPDATE rate_limit SET free_at = greatest(free_at, $3::bigint) + $4::bigint
  FROM pick WHERE key = $2 AND must_pay AND blocked_at IS NULL AND free_at <= $3::bigint + ahead
  RETURNING key
), admitted AS MATERIALIZED (
  SELECT 1 FROM paid UNION ALL SELECT 1 FROM pick WHERE NOT must_pay
), moved AS (
  INSERT INTO queue_turn (kind, urgency, next_turn, last_place)
  SELECT $1, urgency, this_turn + stride, place FROM pick, admitted
  ON CONFLICT (kind, urgency) DO UPDATE SET next_turn = excluded.next_turn,
    last_place = greatest(queue_turn.last_place, excluded.last_place)
), taken AS (
  UPDATE job SET state = 'RUNNING', owner = $8, due_at = $9, attempts = attempts + 1,
    started_at = coalesce(started_at, $10)
  FROM pick, admitted WHERE job.id = pick.id
  RETURNING job.id, job.payload, job.attempts, job.started_at, job.request_id, job.calls_left
)
SELECT taken.*, pick.due_at AS ready_at, pick.ahead, pick.must_pay, r.free_at, r.blocked_at
FROM pick LEFT JOIN taken ON true LEFT JOIN rate_limit AS r ON r.key = $2
"""  # noqa: S608  # constants only


async def _claim_at_once(
    kind: str, quota: CallQuota | None, lease: timedelta, now: datetime
) -> Claim | NothingClaimed:
    owner, allowance = str(uuid.uuid4()), quota.allowance if quota else Allowance()
    parameters = (
        *(kind, quota.key if quota else NO_KEY, microseconds(now), allowance.interval_us),
        *(allowance.ahead_us(one) for one in (Caller.STARTED, Caller.URGENT, Caller.OTHER)),
        *(owner, now + lease, now),
    )
    rows = await execute(Sql(_CLAIM, parameters))
    if not rows:
        return NothingClaimed()
    (row,) = rows
    if row["id"] is None:
        return await _nothing_claimed(quota, row["free_at"], row["blocked_at"], row["ahead"], now)
    row["payload"] = orjson.loads(row["payload"])
    return _claimed(row, kind, owner, now)


@dataclass(frozen=True, slots=True)
class _Line:
    """The first ready job of each urgency (`heads`), and the state of queue and rate limit.

    `current` is the virtual time at which the last job was started.
    """

    heads: Sequence[FirstJob]
    current: int
    free_at: int | None
    blocked_at: object


_HEADS = f"""
SELECT u.urgency, t.next_turn, j.id, j.place, j.calls_left, r.free_at, r.blocked_at,
  EXISTS (SELECT 1 FROM job_pause WHERE kind = ?) AS is_paused
FROM ({" UNION ALL ".join(f"SELECT {urgency.value} AS urgency" for urgency in Urgency)}) AS u
LEFT JOIN queue_turn AS t ON t.kind = ? AND t.urgency = u.urgency
LEFT JOIN job AS j ON j.id = (
  SELECT id FROM job WHERE {IS_READY} AND kind = ? AND urgency = u.urgency
  ORDER BY place, id LIMIT 1)
LEFT JOIN rate_limit AS r ON r.key = ?
"""  # noqa: S608  # constants only


async def _line(kind: str, quota: CallQuota | None) -> _Line:
    rows = await run(_HEADS, (kind, kind, kind, quota.key if quota else NO_KEY))
    turns = [(Urgency(row[0]), row[1] or 0) for row in rows]
    heads = [
        FirstJob(Urgency(urgency), next_turn or 0, job_id, place, calls_left)
        for urgency, next_turn, job_id, place, calls_left, *_ in rows
        if job_id is not None
    ]
    *_, free_at, blocked_at, is_paused = rows[0]
    if is_paused:
        heads = []
    return _Line(heads, current_virtual_time(turns), free_at, blocked_at)


async def _claim_in_turn(
    kind: str, quota: CallQuota | None, lease: timedelta, now: datetime, *, is_look: bool = False
) -> Claim | NothingClaimed | None:
    """Claim the next job; with `is_look`, only return None if a claim would succeed now."""
    line = await _line(kind, quota)
    head = next_job(line.heads, line.current)
    if head is None:
        return NothingClaimed()
    caller = caller_of(head, line.heads)
    if caller is not None:
        refused = await _refused(line, quota, caller, now)
        if refused is not None:
            return refused
    if is_look:
        return None
    if caller is not None and quota is not None:
        await take_call(quota, caller, now)
    next_turn = virtual_time_after(head, line.current)
    await execute(Sql(_MOVE, (kind, int(head.urgency), next_turn, head.place)))
    owner, job = str(uuid.uuid4()), await Job.get(id=head.job_id)
    row = vars(job) | {"ready_at": job.due_at, "must_pay": caller is not None}
    job.state, job.owner, job.due_at = JobState.RUNNING, owner, now + lease
    job.attempts, job.started_at = job.attempts + 1, job.started_at or now
    await job.save(update_fields=["state", "owner", "due_at", "attempts", "started_at"])
    return _claimed(
        row | {"attempts": job.attempts, "started_at": job.started_at}, kind, owner, now
    )


_MOVE = """
INSERT INTO queue_turn (kind, urgency, next_turn, last_place) VALUES (?, ?, ?, ?)
ON CONFLICT (kind, urgency) DO UPDATE SET next_turn = excluded.next_turn,
  last_place = max(last_place, excluded.last_place)
"""


async def _refused(
    line: _Line, quota: CallQuota | None, caller: Caller, now: datetime
) -> NothingClaimed | None:
    """Return None if the rate limit admits a call of `caller` now, otherwise when to try again."""
    if quota is None:
        return NothingClaimed()
    ahead = quota.allowance.ahead_us(caller)
    is_open = line.free_at is not None and line.blocked_at is None
    if is_open and (line.free_at or 0) <= microseconds(now) + ahead:
        return None
    return await _nothing_claimed(quota, line.free_at, line.blocked_at, ahead, now)


async def _nothing_claimed(
    quota: CallQuota | None, free_at: int | None, blocked_at: object, ahead_us: int, now: datetime
) -> NothingClaimed:
    if quota is None or blocked_at is not None:
        return NothingClaimed(is_blocked=blocked_at is not None)
    if free_at is None or free_at > microseconds(now) + quota.allowance.farthest_us:
        await repair(quota, now)
        return NothingClaimed(now)
    return NothingClaimed(now + timedelta(microseconds=free_at - ahead_us - microseconds(now)))


def _claimed(row: Mapping[str, Any], kind: str, owner: str, now: datetime) -> Claim:
    return Claim(
        id=row["id"],
        kind=kind,
        payload=row["payload"],
        attempts=row["attempts"],
        owner=owner,
        started_at=row["started_at"],
        waited_s=max((now - row["ready_at"]).total_seconds(), 0.0),
        request_id=row["request_id"],
        calls_left=row["calls_left"],
        is_paid=bool(row["must_pay"]),
    )
