"""Moves a queued job forward because somebody waits for it now. It never moves one back."""

from datetime import datetime

from models.jobs.job import IS_READY, JOBS, Job, JobState
from models.jobs.queue_turn import last_place
from models.rules.urgency import Urgency
from models.storage.database import wake
from models.storage.sql import Sql, execute
from models.storage.tenant_scope import bind_tenant, keeping_tenant

COUNTED = 1_000
"""Jobs before a place are counted up to this number."""


async def move_forward(live_key: str, urgency: Urgency, now: datetime) -> bool:
    """Move a waiting job forward; returns whether there was one of that key.

    It gets the urgency and the last place of its reseller there, unless that would put more jobs
    before it. A job that waits for another attempt becomes ready at once.
    """
    # The queue is the platform's own: whoever moves a job reads it beyond their reach.
    with keeping_tenant():
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
        # Its state is asked again, since a worker may have claimed it meanwhile.
        moved = Job.filter(id=job.id, state=job.state)
        ready_at = now if job.state is JobState.WAITING else job.due_at
        await moved.update(state=JobState.READY, due_at=ready_at, **changes)
        await wake(JOBS)
    return True


async def _before(job: Job, urgency: int, place: int) -> int:
    """Count the ready jobs of an urgency that come before a place, up to a limit."""
    before = (
        f"SELECT 1 FROM job WHERE {IS_READY} AND kind = ? AND urgency = ?"  # noqa: S608  # no value is spelt out
        f" AND (place < ? OR place = ? AND id < ?) LIMIT {COUNTED}"
    )
    text = f"SELECT count(*) AS number FROM ({before}) AS found"  # noqa: S608  # see above
    (row,) = await execute(Sql(text, (job.kind, int(urgency), place, place, job.id)))
    return int(row["number"])
