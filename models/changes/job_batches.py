"""Retries and discards several jobs at once, for operators who use the API: all, or none."""

from collections.abc import Awaitable, Callable, Sequence

from models.changes.job_administration import discard_job, retry_job
from models.jobs.job import Job
from models.rules.errors import RefusalCode
from models.rules.job_action import JobFault, JobRefused
from models.tables.audit import ActorContext

MAX_JOBS = 100
IDS = "ids"


async def retry_jobs(act: ActorContext, ids: Sequence[str]) -> list[Job]:
    """Retry jobs that were given up, in the current transaction; raises Refused."""
    return await _change_all(act, ids, retry_job)


async def discard_jobs(act: ActorContext, ids: Sequence[str]) -> list[Job]:
    """Discard jobs that have not ended or were given up; raises Refused."""
    return await _change_all(act, ids, discard_job)


async def _change_all(
    act: ActorContext,
    ids: Sequence[str],
    change: Callable[[ActorContext, str], Awaitable[Job]],
) -> list[Job]:
    checks = act.checks()
    if len(ids) > MAX_JOBS:
        message = f"You can name at most {MAX_JOBS} jobs at once."
        checks.refuse(RefusalCode.TOO_MANY_ITEMS, message, IDS, limit=MAX_JOBS)
        checks.raise_refusals()
    changed: dict[str, Job] = {}
    for job_id in sorted(set(ids)):  # so that two operators lock jobs in the same order
        try:
            changed[job_id] = await change(act, job_id)
        except JobRefused as refused:
            is_missing = refused.code is JobFault.NO_SUCH_JOB
            code = RefusalCode.NOT_FOUND if is_missing else RefusalCode.JOB_NOT_CHANGEABLE
            checks.refuse(code, refused.message, IDS, str(ids.index(job_id)))
    checks.raise_refusals()
    return [changed[job_id] for job_id in dict.fromkeys(ids)]
