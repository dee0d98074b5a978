"""Waits until a transaction of a test is blocked by another one."""

import asyncio
from typing import Any

from tortoise.connection import get_connection

from models.storage.database import Database

WAITING = """SELECT count(*) AS n FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'"""


async def until_blocked(database: Database, task: asyncio.Task[Any]) -> None:
    """Wait until a transaction waits for a lock; a task that ends first was not blocked."""
    while database.is_postgres and not task.done():
        if (await get_connection("default").execute_query_dict(WAITING))[0]["n"]:
            return
