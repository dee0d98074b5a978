"""Changes the database as another process would."""

import asyncio
import sqlite3
from contextlib import closing

import asyncpg


async def change_from_outside(url: str, statement: str) -> None:
    """Run a statement on a separate connection, which the project does not know of."""
    if not url.startswith("sqlite://"):
        connection = await asyncpg.connect(url)
        await connection.execute(statement)
        await connection.close()
        return
    with closing(sqlite3.connect(url.removeprefix("sqlite://"))) as connection:
        connection.execute(statement)
        connection.commit()
    await asyncio.sleep(
        0
    )  # The project checks SQLite for changes once per iteration of the event loop.
