"""Makes single jobs that were given up ready again, and ends jobs without their result."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from models.jobs.job import JOBS, Job, JobState
from models.jobs.queue_turn import last_place
from models.storage.database import wake


@dataclass(frozen=True, slots=True)
class Repetition:
    """What a job that runs again works with."""

    live_key: str
    payload: dict[str, Any]
    reseller_id: str | None
    calls: int | None = None
    """The number of register calls that the job needs; None for kinds that make none."""


async def is_key_taken(live_key: str) -> bool:
    """Return whether an unfinished job has a live key."""
    return await Job.filter(live_key=live_key).exists()


async def reopen(row: Job, again: Repetition, request_id: str, now: datetime) -> None:
    """Make a locked job that has ended ready again, as new, behind its reseller's other jobs."""
    row.place = await last_place(row.kind, row.urgency, again.reseller_id) + 1
    row.live_key, row.payload, row.calls_left = again.live_key, again.payload, again.calls
    row.reseller_id, row.request_id = again.reseller_id, request_id
    row.state, row.attempts, row.due_at = JobState.READY, 0, now
    row.owner = row.started_at = row.finished_at = row.reason = None
    await row.save()
    await wake(JOBS)


async def end_discarded(row: Job, now: datetime) -> None:
    """Cancel a locked job; a worker that runs it cannot store its result any more."""
    row.state, row.live_key, row.owner, row.due_at = JobState.CANCELLED, None, None, None
    row.finished_at = row.finished_at or now
    await row.save(update_fields=["state", "live_key", "owner", "due_at", "finished_at"])
