"""The queue: a table of jobs, which are enqueued in the transaction that causes them.

A job is READY to be claimed, or WAITING until `due_at` for another attempt, or RUNNING until
`due_at`, when its worker's lease ends; then `models/jobs/queue_watch.py` makes it ready
again. It keeps its `urgency` and `place` until it ends, so retries do not lose its place.
`owner` is new with each claim and fences off a worker that lost its lease. `live_key` is unique
while the job lives.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum, unique
from typing import Any

from tortoise import fields
from tortoise.models import Model

from models.jobs.queue_turn import IS_WAITING
from models.rules.urgency import Urgency
from models.storage.database import wake
from models.storage.identifiers import ID_LENGTH, new_job_id
from models.storage.indexes import IndexWhere
from models.storage.row_insert import add_rows, new_row

JOBS = "jobs"
"""The topic that is woken when a job can be claimed."""

TO_BE_PLACED = -1
"""Placeholder that a trigger replaces with the next place of the job's reseller."""

IS_READY = "state = 'READY'"
IS_DUE_LATER = "state IN ('WAITING', 'RUNNING')"
"""Conditions of partial indexes; statements must repeat them literally."""


@unique
class JobState(StrEnum):
    """The state of a job."""

    READY = "READY"
    WAITING = "WAITING"
    RUNNING = "RUNNING"
    DONE = "DONE"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class Job(Model):
    """A piece of work to be done once, now or later."""

    id = fields.CharField(max_length=ID_LENGTH, primary_key=True, default=new_job_id)
    kind = fields.CharField(max_length=40)
    payload: dict[str, Any] = fields.JSONField(default=dict)
    live_key = fields.CharField(max_length=80, unique=True, null=True)
    state = fields.CharEnumField(JobState, max_length=12, default=JobState.READY)
    attempts = fields.IntField(default=0)
    due_at = fields.DatetimeField(null=True)
    """By state: when it became ready, is due again, or its lease ends; null once it has ended."""
    owner = fields.CharField(max_length=36, null=True, db_index=True)
    created_at = fields.DatetimeField()
    finished_at = fields.DatetimeField(null=True, db_index=True)
    urgency = fields.SmallIntField(db_default=1)
    reseller_id = fields.CharField(max_length=ID_LENGTH, null=True)
    """The reseller whose turn it takes; null for the platform's own customers."""
    place = fields.BigIntField(db_default=0)
    """Its position within its urgency: smaller places start first."""
    calls_left = fields.SmallIntField(null=True)
    """Register calls that it still needs, as far as known; null for other kinds."""
    started_at = fields.DatetimeField(null=True)
    """When it was first started."""
    request_id = fields.CharField(max_length=200, null=True)
    """The id of the request that caused it."""

    class Meta:
        table = "job"
        indexes = (
            IndexWhere(fields=("kind", "urgency", "place", "id"), where=IS_READY),
            IndexWhere(fields=("reseller_id", "kind", "urgency", "place"), where=IS_WAITING),
            IndexWhere(fields=("due_at",), where=IS_DUE_LATER),
        )


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to enqueue."""

    kind: str
    live_key: str
    payload: dict[str, Any] = field(default_factory=dict)
    urgency: Urgency = Urgency.SAVED
    reseller_id: str | None = None
    request_id: str | None = None
    calls: int | None = None
    """Register calls that it needs; None for kinds that make none."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A job that this worker holds the lease of."""

    id: str
    kind: str
    payload: dict[str, Any]
    attempts: int
    owner: str
    started_at: datetime
    waited_s: float = 0.0
    """Seconds from when it was ready until it was claimed."""
    request_id: str | None = None
    calls_left: int | None = None
    is_paid: bool = False
    """Whether its first call of the register has been taken from the allowance."""


class LeaseLostError(Exception):
    """Another worker holds the job, or it was cancelled: its result must not be stored."""


async def enqueue(jobs: Sequence[NewJob], now: datetime) -> None:
    """Add jobs in the current transaction; workers are woken by its commit."""
    if jobs:
        await add_rows(job_rows(jobs, now), waking=JOBS)


def job_rows(jobs: Sequence[NewJob], now: datetime) -> list[Job]:
    """Return the rows of new jobs; the caller adds them and wakes JOBS."""
    return [
        new_row(
            Job,
            kind=job.kind,
            payload=job.payload,
            live_key=job.live_key,
            due_at=now,
            created_at=now,
            urgency=int(job.urgency),
            reseller_id=job.reseller_id,
            place=TO_BE_PLACED,
            calls_left=job.calls,
            request_id=job.request_id,
        )
        for job in jobs
    ]


async def cancel(live_key: str, now: datetime) -> bool:
    """Cancel the living job of that key; the result of a running one will not be stored."""
    return (
        await Job.filter(live_key=live_key).update(
            state=JobState.CANCELLED, live_key=None, owner=None, due_at=None, finished_at=now
        )
        > 0
    )


async def extend(held: Claim, until: datetime) -> None:
    """Extend the lease, as a running worker does while it is alive."""
    await _fenced(held, due_at=until)


async def finish(held: Claim, state: JobState, now: datetime) -> None:
    """End a job in the transaction that stores its result."""
    await _fenced(held, state=state, owner=None, due_at=None, live_key=None, finished_at=now)


async def put_back(held: Claim, due_at: datetime) -> None:
    """Schedule another attempt at `due_at`; the job keeps its place."""
    await _fenced(held, state=JobState.WAITING, owner=None, due_at=due_at)


async def release(held: Claim, now: datetime, wait: timedelta = timedelta()) -> None:
    """Release a job without counting an attempt; it is ready at once or after a wait."""
    attempts = held.attempts - 1
    await _fenced(
        held,
        state=JobState.WAITING if wait else JobState.READY,
        owner=None,
        due_at=now + wait,
        attempts=attempts,
        started_at=held.started_at if attempts else None,
    )
    await wake(JOBS)


async def count_retried(kind: str) -> int:
    """Count the jobs of a kind that failed, and wait for another attempt."""
    return await Job.filter(kind=kind, state=JobState.WAITING, attempts__gt=0).count()


async def note_calls_left(held: Claim, calls: int) -> None:
    """Store how many register calls a job still needs."""
    await _fenced(held, calls_left=calls)


async def _fenced(held: Claim, **changes: Any) -> None:
    if not await Job.filter(id=held.id, owner=held.owner).update(**changes):
        raise LeaseLostError(held.id)
