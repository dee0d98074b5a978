"""Makes jobs ready again when their next attempt is due or their worker's lease has ended."""

from datetime import datetime

from models.jobs.job import IS_DUE_LATER, JOBS, Job
from models.storage.database import wake
from models.storage.sql import Sql, execute, is_postgres, run, to_database

AT_ONCE = 200
"""The maximum number of jobs that one statement makes ready."""


async def promote(now: datetime) -> int:
    """Make up to AT_ONCE due jobs ready; return how many. They keep their places in the queue."""
    instant = to_database(Job._meta.fields_map["due_at"], now)
    due = f"SELECT id FROM job WHERE {IS_DUE_LATER} AND due_at <= ? ORDER BY due_at LIMIT {AT_ONCE}"  # noqa: S608  # constants only
    # The ids are an array, so that PostgreSQL looks up each id instead of joining the whole table.
    among = f"= ANY(ARRAY({due} FOR UPDATE SKIP LOCKED))" if is_postgres() else f"IN ({due})"
    text = f"UPDATE job SET state = 'READY', owner = NULL WHERE id {among} RETURNING id"  # noqa: S608  # see above
    promoted = len(await execute(Sql(text, (instant,))))
    if promoted:
        await wake(JOBS)
    return promoted


async def next_due_at() -> datetime | None:
    """Return when the next retry is due or the next lease ends; None if there is neither."""
    text = f"SELECT min(due_at) AS due_at FROM job WHERE {IS_DUE_LATER}"  # noqa: S608  # see above
    ((due_at,),) = await run(text, ())
    return (
        due_at if due_at is None or isinstance(due_at, datetime) else datetime.fromisoformat(due_at)
    )
