"""Moves a queued job forward because a user waits for it; never moves a job back."""

from datetime import datetime

from models.jobs.job import IS_READY, JOBS, Job, JobState
from models.jobs.queue_turn import last_place
from models.rules.urgency import Urgency
from models.storage.database import wake
from models.storage.sql import Sql, execute
from models.storage.tenant_scope import bind_tenant, preserve_tenant_scope

COUNTED = 1_000
"""When two positions in the queue are compared, jobs before each are counted up to this number."""


async def move_forward(live_key: str, urgency: Urgency, now: datetime) -> bool:
    """Move a queued job forward; return whether a job with this live key was queued.

    If `urgency` is more urgent than the job's, the job gets it, and the place after the last job of
    its reseller in that urgency, unless more jobs would then be before it than now. A job that
    waits for another attempt becomes ready at once.
    """
    # All resellers share the queue, so it is read without the caller's tenant scope.
    with preserve_tenant_scope():
        bind_tenant(None)
        return await _move_forward(live_key, urgency, now)


async def _move_forward(live_key: str, urgency: Urgency, now: datetime) -> bool:
    job = await Job.get_or_none(live_key=live_key, state__in=[JobState.READY, JobState.WAITING])
    if job is None:
        return False
    changes: dict[str, int] = {}
    if urgency < job.urgency:
        place = await last_place(job.kind, urgency, job.reseller_id) + 1
        if await _before(job, urgency, place) <= await _before(job, job.urgency, job.place):
            changes = {"urgency": int(urgency), "place": place}
    if job.state is JobState.WAITING or changes:
        # The condition includes the state, since a worker may have claimed the job meanwhile.
        moved = Job.filter(id=job.id, state=job.state)
        ready_at = now if job.state is JobState.WAITING else job.due_at
        await moved.update(state=JobState.READY, due_at=ready_at, **changes)
        await wake(JOBS)
    return True


async def _before(job: Job, urgency: int, place: int) -> int:
    """Return how many ready jobs would be before `job` if it had this urgency and place.

    They are counted up to COUNTED.
    """
    before = (
        f"SELECT 1 FROM job WHERE {IS_READY} AND kind = ? AND urgency = ?"  # noqa: S608  # no value is spelt out
        f" AND (place < ? OR place = ? AND id < ?) LIMIT {COUNTED}"
    )
    text = f"SELECT count(*) AS number FROM ({before}) AS found"  # noqa: S608  # see above
    (row,) = await execute(Sql(text, (job.kind, int(urgency), place, place, job.id)))
    return int(row["number"])
