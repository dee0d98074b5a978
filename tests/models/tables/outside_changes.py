"""Changes by another process."""

import asyncio
import sqlite3
from contextlib import closing

import asyncpg


async def change_from_outside(url: str, statement: str) -> None:
    """Change the database past everything that the project does."""
    if not url.startswith("sqlite://"):
        connection = await asyncpg.connect(url)
        await connection.execute(statement)
        await connection.close()
        return
    with closing(sqlite3.connect(url.removeprefix("sqlite://"))) as connection:
        connection.execute(statement)
        connection.commit()
    await asyncio.sleep(0)  # a process asks SQLite for news once in an iteration of its event loop
