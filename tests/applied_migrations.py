"""Makes the database schema, or what is recorded of it, older or newer than the program."""

from tortoise.connection import get_connection

from models.storage.database import Database
from models.storage.migrate import LOCK_TIMEOUT_S, _apply, _prepare


async def migrate_until(database: Database, last: str) -> None:
    """Apply the migrations up to `last`, as `migrate` does; Tortoise takes five times as long."""
    plan, state = await _prepare(database, LOCK_TIMEOUT_S)
    for step in plan:
        await _apply(step.migration, state, LOCK_TIMEOUT_S)
        if step.migration.name == last:
            return
    raise AssertionError(f"no migration {last}")


async def note_migration(database: Database, name: str) -> None:
    """Record a migration as applied, as a newer version of the program would."""
    mark = "$1" if database.is_postgres else "?"
    await get_connection("default").execute_query(
        "INSERT INTO tortoise_migrations (app, name, applied_at)"  # `mark` is a placeholder.
        f" VALUES ('models', {mark}, '2026-10-01 00:00:00+00:00')",
        [name],
    )


async def forget_migration(name: str) -> None:
    """Record a migration as not applied, as if this program were newer than the database."""
    await get_connection("default").execute_query(
        f"DELETE FROM tortoise_migrations WHERE name = '{name}'"
    )
