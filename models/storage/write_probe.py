"""Checks whether the database accepts writes, by inserting and deleting a row."""

from uuid import uuid4

from tortoise.connection import get_connection

from models.storage.database import Database, dialect_of

FILLER = 8_192
"""Characters in the row: so many that SQLite needs new pages, which fails if the disk is full."""


async def probe_writing(database: Database) -> None:
    """Insert and delete a row in one transaction; raises the exceptions of any failed write.

    The row's key is unique, so that concurrent probes never wait for each other.
    """

    async def work() -> None:
        connection = get_connection("default")
        key = f"probe:{uuid4().hex}"
        is_postgres = dialect_of(connection) == "postgres"
        mark, filler = ("$1", "NULL") if is_postgres else ("?", f"hex(zeroblob({FILLER // 2}))")
        await connection.execute_query(
            "INSERT INTO rate_limit (key, free_at, blocked_reason)"  # noqa: S608  # constants only
            f" VALUES ({mark}, 0, {filler})",
            [key],
        )
        await connection.execute_query(f"DELETE FROM rate_limit WHERE key = {mark}", [key])  # noqa: S608  # see above

    await database.transaction(work)
