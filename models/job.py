"""The queue: one table of jobs, enqueued in the transaction that gives rise to them.

`due_at` means, in turn, when a queued job may start, when the lease of a running one ends, and
nothing once it has ended: so a job whose worker died is simply due again. `owner` is new with each
claim and fences off a worker that lost its lease. `live_key` is unique while the job lives.
"""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum, unique
from typing import Any

from tortoise import fields
from tortoise.expressions import F, Subquery
from tortoise.indexes import Index
from tortoise.models import Model
from tortoise.queryset import QuerySet

from models.database import wake
from models.identifiers import ID_LENGTH, new_job_id
from models.writing import add_rows, new_row

JOBS = "jobs"
"""The topic that is woken when a job was enqueued."""


@unique
class JobState(StrEnum):
    """Where a job stands."""

    QUEUED = "QUEUED"
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
    state = fields.CharEnumField(JobState, max_length=12, default=JobState.QUEUED)
    attempts = fields.IntField(default=0)
    due_at = fields.DatetimeField(null=True)
    owner = fields.CharField(max_length=36, null=True, db_index=True)
    created_at = fields.DatetimeField()
    finished_at = fields.DatetimeField(null=True, db_index=True)

    class Meta:
        table = "job"
        indexes = (Index(fields=("due_at", "id")),)


@dataclass(frozen=True, slots=True)
class Claim:
    """A job that this worker holds the lease of."""

    id: str
    kind: str
    payload: dict[str, Any]
    attempts: int
    created_at: datetime
    owner: str


class LeaseLostError(Exception):
    """Somebody else holds the job now, or it was cancelled: what was done for it must not count."""


async def enqueue(kind: str, payload: dict[str, Any], live_key: str, now: datetime) -> None:
    """Add a job in the current transaction; workers are woken by its commit."""
    await enqueue_many(kind, {live_key: payload}, now)


async def enqueue_many(kind: str, jobs: dict[str, dict[str, Any]], now: datetime) -> None:
    """Add jobs by their live keys, in the current transaction."""
    await add_rows(new_jobs(kind, jobs, now), waking=JOBS)


def new_jobs(kind: str, jobs: dict[str, dict[str, Any]], now: datetime) -> list[Job]:
    """Give the rows of jobs by their live keys; whoever adds them wakes JOBS."""
    return [
        new_row(Job, kind=kind, payload=payload, live_key=key, due_at=now, created_at=now)
        for key, payload in jobs.items()
    ]


async def cancel(live_key: str, now: datetime) -> bool:
    """End the living job of that key, also one that is being run: its result won't be stored."""
    return (
        await Job.filter(live_key=live_key).update(
            state=JobState.CANCELLED, live_key=None, owner=None, due_at=None, finished_at=now
        )
        > 0
    )


async def hasten(live_key: str, now: datetime) -> bool:
    """Let a job that waits for its next attempt start now."""
    hastened = await Job.filter(live_key=live_key, state=JobState.QUEUED).update(due_at=now)
    if hastened:
        await wake(JOBS)
    return hastened > 0


async def hasten_many(live_keys: Sequence[str], now: datetime) -> None:
    """Let those of the jobs start now that wait for their next attempt."""
    await Job.filter(live_key__in=live_keys, state=JobState.QUEUED).update(due_at=now)
    await wake(JOBS)


async def claim(
    limit: int, lease: timedelta, now: datetime, kinds: Collection[str] | None = None
) -> list[Claim]:
    """Take up to `limit` due jobs, of these kinds alone if given; run it in a transaction.

    No two workers get the same job.
    """
    owner = str(uuid.uuid4())
    # Selecting whole rows keeps the lock: .values("id") would drop it without a word.
    due = (
        _of_kinds(kinds)
        .filter(due_at__lte=now)
        .order_by("due_at", "id")
        .limit(limit)
        .select_for_update(skip_locked=True)
        .only("id")
    )
    taken = await Job.filter(id__in=Subquery(due)).update(
        owner=owner, state=JobState.RUNNING, due_at=now + lease, attempts=F("attempts") + 1
    )
    if not taken:
        return []
    return [
        Claim(job.id, job.kind, job.payload, job.attempts, job.created_at, owner)
        for job in await Job.filter(owner=owner).order_by("id")
    ]


async def next_due_at(kinds: Collection[str] | None = None) -> datetime | None:
    """Tell when the next job of these kinds is due, or the next lease ends."""
    job = (
        await _of_kinds(kinds)
        .filter(due_at__isnull=False)
        .order_by("due_at", "id")
        .first()
        .only("due_at")
    )
    return None if job is None else job.due_at


def _of_kinds(kinds: Collection[str] | None) -> QuerySet[Job]:
    return Job.all() if kinds is None else Job.filter(kind__in=list(kinds))


async def extend(held: Claim, until: datetime) -> None:
    """Keep a job for longer, as a running worker does while it is alive."""
    await _fenced(held, due_at=until)


async def finish(held: Claim, state: JobState, now: datetime) -> None:
    """End a job in the transaction that stores its result."""
    await _fenced(held, state=state, owner=None, due_at=None, live_key=None, finished_at=now)


async def put_back(held: Claim, due_at: datetime, attempts: int) -> None:
    """Let a job be run again later; `attempts` are those that count so far."""
    await _fenced(held, state=JobState.QUEUED, owner=None, due_at=due_at, attempts=attempts)


async def forget_finished(before: datetime) -> int:
    """Delete jobs that ended before that instant."""
    return await Job.filter(finished_at__lt=before).delete()


async def _fenced(held: Claim, **changes: Any) -> None:
    if not await Job.filter(id=held.id, owner=held.owner).update(**changes):
        raise LeaseLostError(held.id)
