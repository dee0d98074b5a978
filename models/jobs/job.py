"""The job queue: a table whose rows are added in the transaction that makes the job necessary.

A READY job can be claimed. A WAITING job gets another attempt at `due_at`. A RUNNING job is held by
a worker whose lease ends at `due_at`; if the lease ends first, `models/jobs/queue_watch.py` makes
the job ready again. DONE, FAILED and CANCELLED jobs have ended.

`urgency` and `place` decide when a job is started (`models/jobs/queue_turn.py`). A job keeps them
until it ends, so a retry does not lose its position. Each claim sets a new random `owner`, so a
worker that lost its lease cannot store a result. `live_key` is unique among jobs that have not
ended, and null in others. "Register calls" are requests to Companies House, which are limited.
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
from models.storage.current_trace import current_trace
from models.storage.database import wake
from models.storage.id_field import IdField
from models.storage.identifiers import ID_LENGTH, new_job_id
from models.storage.indexes import IndexWhere
from models.storage.row_insert import add_rows, new_row

TRACEPARENT = "traceparent"
"""The name in a payload of the trace context of the request that a job belongs to."""

JOBS = "jobs"
"""The topic on which workers are notified that a job became ready."""

REASON_LENGTH = 60

TO_BE_PLACED = -1
"""Placeholder for the `place` of a new job.

A database trigger replaces it by the next place of the job's reseller.
"""

IS_READY = "state = 'READY'"
IS_DUE_LATER = "state IN ('WAITING', 'RUNNING')"
IS_GIVEN_UP = "state = 'FAILED'"
"""IS_READY, IS_DUE_LATER and IS_GIVEN_UP are conditions of partial indexes.

Statements must repeat their text literally, so that the planner uses the indexes.
"""


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

    id = IdField(max_length=ID_LENGTH, primary_key=True, default=new_job_id)
    kind = fields.CharField(max_length=40)
    payload: dict[str, Any] = fields.JSONField(default=dict)
    live_key = fields.CharField(max_length=80, unique=True, null=True)
    state = fields.CharEnumField(JobState, max_length=12, default=JobState.READY)
    attempts = fields.IntField(default=0)
    due_at = fields.DatetimeField(null=True)
    """When a READY job became ready, a WAITING job gets another attempt, a RUNNING lease ends.

    Null once the job has ended.
    """
    owner = fields.CharField(max_length=36, null=True, db_index=True)
    created_at = fields.DatetimeField()
    finished_at = fields.DatetimeField(null=True, db_index=True)
    urgency = fields.SmallIntField(db_default=1)
    reseller_id = IdField(max_length=ID_LENGTH, null=True)
    """The reseller that this job counts for in the queue; null for the platform's own customers."""
    place = fields.BigIntField(db_default=0)
    """The position within the urgency: jobs with smaller places start first."""
    calls_left = fields.SmallIntField(null=True)
    """The register calls that the job still needs, estimated; null for kinds that make none."""
    started_at = fields.DatetimeField(null=True)
    """When the first attempt that counts was started; null before that."""
    request_id = fields.CharField(max_length=200, null=True)
    """The id of the API request that caused the job; null if no request did."""
    reason = fields.CharField(max_length=REASON_LENGTH, null=True)
    """The code of why the last attempt that did not end the job failed; null if none did."""

    class Meta:
        table = "job"
        indexes = (
            IndexWhere(fields=("kind", "urgency", "place", "id"), where=IS_READY),
            IndexWhere(fields=("reseller_id", "kind", "urgency", "place"), where=IS_WAITING),
            IndexWhere(fields=("due_at",), where=IS_DUE_LATER),
            IndexWhere(fields=("kind", "id"), where=IS_GIVEN_UP),
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
    """The number of register calls that the job needs; None for kinds that make none."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A job whose lease this worker holds."""

    id: str
    kind: str
    payload: dict[str, Any]
    attempts: int
    owner: str
    started_at: datetime
    waited_s: float = 0.0
    """Seconds from when the job became ready until it was claimed."""
    request_id: str | None = None
    calls_left: int | None = None
    is_paid: bool = False
    """Whether the job's first register call was counted against the rate limit by the claim."""


class LeaseLostError(Exception):
    """The worker no longer holds the job, so it must not store a result.

    Either the job was cancelled, or the lease ended and another worker may have claimed the job.
    """


async def enqueue(jobs: Sequence[NewJob], now: datetime) -> None:
    """Add jobs in the current transaction, and wake workers after the commit."""
    if jobs:
        await add_rows(job_rows(jobs, now), waking=JOBS)


def job_rows(jobs: Sequence[NewJob], now: datetime) -> list[Job]:
    """Return unsaved rows of new jobs. The caller adds them and notifies the topic JOBS."""
    return [
        new_row(
            Job,
            kind=job.kind,
            payload=_traced_payload(job),
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


def _traced_payload(job: NewJob) -> dict[str, Any]:
    """Return a job's payload, with the current trace if a user waits for this one job."""
    trace = current_trace.get()
    if trace is None or not job.urgency.is_urgent:
        return job.payload
    return {**job.payload, TRACEPARENT: trace.traceparent}


async def cancel(live_key: str, now: datetime) -> bool:
    """Cancel the unfinished job with this live key; return whether there was one.

    If a worker is running the job, its result will not be stored.
    """
    return (
        await Job.filter(live_key=live_key).update(
            state=JobState.CANCELLED, live_key=None, owner=None, due_at=None, finished_at=now
        )
        > 0
    )


async def extend(held: Claim, until: datetime) -> None:
    """Extend the lease of a running job to `until`.

    Raises LeaseLostError if this worker no longer holds the job.
    """
    await _fenced(held, due_at=until)


async def finish(held: Claim, state: JobState, now: datetime, reason: str | None = None) -> None:
    """End a job with a final state, in the transaction that stores its result.

    `reason` is the code of why it failed. Raises LeaseLostError if this worker no longer holds the
    job.
    """
    ended: dict[str, Any] = {"owner": None, "due_at": None, "live_key": None, "finished_at": now}
    await _fenced(held, state=state, **ended, **_why(reason))


async def reschedule(held: Claim, due_at: datetime, reason: str | None = None) -> None:
    """Schedule another attempt at `due_at`; the job keeps its place.

    `reason` is the code of why the last attempt failed. Raises LeaseLostError if this worker no
    longer holds the job.
    """
    await _fenced(held, state=JobState.WAITING, owner=None, due_at=due_at, **_why(reason))


async def release(
    held: Claim, now: datetime, wait: timedelta = timedelta(), reason: str | None = None
) -> None:
    """Give up the lease without counting the attempt; the job is ready again after `wait`.

    Raises LeaseLostError if this worker no longer holds the job.
    """
    attempts = held.attempts - 1
    await _fenced(
        held,
        state=JobState.WAITING if wait else JobState.READY,
        owner=None,
        due_at=now + wait,
        attempts=attempts,
        started_at=held.started_at if attempts else None,
        **_why(reason),
    )
    await wake(JOBS)


async def count_retried(kind: str) -> int:
    """Return the number of jobs of a kind that wait for another attempt after a failed one."""
    return await Job.filter(kind=kind, state=JobState.WAITING, attempts__gt=0).count()


async def note_calls_left(held: Claim, calls: int) -> None:
    """Store how many register calls a job still needs.

    Raises LeaseLostError if this worker no longer holds the job.
    """
    await _fenced(held, calls_left=calls)


def _why(reason: str | None) -> dict[str, str]:
    """Return the column to store for the code of a failure; None keeps that of the one before."""
    return {} if reason is None else {"reason": str(reason)[:REASON_LENGTH]}


async def _fenced(held: Claim, **changes: Any) -> None:
    if not await Job.filter(id=held.id, owner=held.owner).update(**changes):
        raise LeaseLostError(held.id)
