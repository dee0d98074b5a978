"""Applies the migrations, one process at a time."""

import asyncio
import fcntl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
from tortoise.connection import get_connection
from tortoise.migrations.executor import MigrationExecutor

from models.database import Database

ADVISORY_LOCK = 7_412_209
"""An arbitrary number that only this project's migrations lock."""


async def migrate(database: Database) -> list[str]:
    """Bring an open database up to date and give the names of what was applied."""
    async with _alone(database):
        executor = _executor(database)
        applied = [f"{step.migration.name}" for step in await executor.plan()]
        await executor.migrate()
    return applied


async def pending(database: Database) -> list[str]:
    """Name the migrations that an open database still lacks."""
    return [f"{step.migration.name}" for step in await _executor(database).plan()]


async def schema_version(database: Database) -> str | None:
    """Name the latest migration that an open database has; None if it has none."""
    applied = await _executor(database).recorder.applied_migrations()
    return max((key.name for key in applied), default=None)


def _executor(database: Database) -> MigrationExecutor:
    apps: dict[str, dict[str, Any]] = database.config["apps"]
    return MigrationExecutor(get_connection("default"), apps)


@asynccontextmanager
async def _alone(database: Database) -> AsyncIterator[None]:
    if database.is_postgres:
        connection = await asyncpg.connect(database.direct_dsn)
        try:
            await connection.execute("SELECT pg_advisory_lock($1)", ADVISORY_LOCK)
            yield
        finally:
            await connection.close()
        return
    path = Path(database.config["connections"]["default"]["credentials"]["file_path"])
    with path.with_name(path.name + ".migrate.lock").open("w") as handle:
        await asyncio.to_thread(fcntl.flock, handle, fcntl.LOCK_EX)
        yield
