"""Finds out whether the database takes writes, by a small one that leaves nothing behind."""

from uuid import uuid4

from tortoise.connection import get_connection

from models.storage.database import Database, dialect_of

FILLER = 8_192
"""Characters that need pages of their own in SQLite's file, which a full disk does not have."""


async def probe_writing(database: Database) -> None:
    """Store a row and take it away again, in one transaction; raises what any write would.

    The row has a key of its own, so that processes that do so at once never wait for each other.
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
