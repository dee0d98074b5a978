"""Makes jobs ready again that waited for another attempt or whose worker died."""

from datetime import datetime

from models.jobs.job import IS_DUE_LATER, JOBS, Job
from models.storage.database import wake
from models.storage.sql import Sql, execute, is_postgres, run, to_database

AT_ONCE = 200
"""Jobs that one statement makes ready."""


async def promote(now: datetime) -> int:
    """Make due jobs ready at their places; return their number."""
    instant = to_database(Job._meta.fields_map["due_at"], now)
    due = f"SELECT id FROM job WHERE {IS_DUE_LATER} AND due_at <= ? ORDER BY due_at LIMIT {AT_ONCE}"  # noqa: S608  # constants only
    # As an array, so that PostgreSQL never joins the whole table to it.
    among = f"= ANY(ARRAY({due} FOR UPDATE SKIP LOCKED))" if is_postgres() else f"IN ({due})"
    text = f"UPDATE job SET state = 'READY', owner = NULL WHERE id {among} RETURNING id"  # noqa: S608  # see above
    promoted = len(await execute(Sql(text, (instant,))))
    if promoted:
        await wake(JOBS)
    return promoted


async def next_due_at() -> datetime | None:
    """Return when the next waiting job is due, or the next lease ends."""
    text = f"SELECT min(due_at) AS due_at FROM job WHERE {IS_DUE_LATER}"  # noqa: S608  # see above
    ((due_at,),) = await run(text, ())
    return (
        due_at if due_at is None or isinstance(due_at, datetime) else datetime.fromisoformat(due_at)
    )
