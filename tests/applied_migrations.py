"""Makes a schema older or newer than the program."""

from tortoise.connection import get_connection

from models.storage.database import Database


async def note_migration(database: Database, name: str) -> None:
    """Let a migration have been applied, as by a newer program."""
    mark = "$1" if database.is_postgres else "?"
    await get_connection("default").execute_query(
        "INSERT INTO tortoise_migrations (app, name, applied_at)"  # a mark
        f" VALUES ('models', {mark}, '2026-10-01 00:00:00+00:00')",
        [name],
    )


async def forget_migration(name: str) -> None:
    """Let a migration not have been applied yet, as for a newer program."""
    await get_connection("default").execute_query(
        f"DELETE FROM tortoise_migrations WHERE name = '{name}'"
    )
