"""The clock that all processes share: the database's, carried on by this process's own count.

Leases, heartbeats and budgets are compared between processes, so a process whose own clock is wrong
would take others' jobs, or use up their budget far ahead. The database is asked for the time now
and then; in between the monotonic clock counts on, which nobody can set.

SQLite has no clock but that of the process that uses it. There the time is that which the file
system of the database notes for a new file: all processes share it.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog

from models.storage.sql import Sql, execute, is_postgres, sqlite_folder

log = structlog.get_logger(__name__)

ASK_EVERY_S = 30.0

TOLERATED = timedelta(seconds=5)
"""A process whose own clock is off by more than this says so once."""


class DatabaseClock:
    """Tells the database's time; ask it after `synchronise`."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._asked_at = self._counted_from = monotonic()
        self._time = datetime.now(UTC)
        self._has_warned = False

    def __call__(self) -> datetime:
        """Return the time."""
        return self._time + timedelta(seconds=self._monotonic() - self._counted_from)

    async def synchronise(self) -> None:
        """Ask the database for the time."""
        asked_at = self._monotonic()
        now = await _database_time()
        answered_at = self._monotonic()
        self._time, self._counted_from = now, (asked_at + answered_at) / 2
        self._asked_at = answered_at
        self._warn(datetime.now(UTC) - now)

    async def keep(self) -> None:
        """Ask the database again if it is a while since the last time."""
        if self._monotonic() - self._asked_at >= ASK_EVERY_S:
            await self.synchronise()

    def _warn(self, ahead: timedelta) -> None:
        if abs(ahead) > TOLERATED and not self._has_warned:
            self._has_warned = True
            log.warning("clock_is_wrong", ahead_s=round(ahead.total_seconds(), 1))


async def _database_time() -> datetime:
    if is_postgres():
        (row,) = await execute(Sql("SELECT clock_timestamp() AS now"))
        now: datetime = row["now"]
        return now
    return await asyncio.to_thread(_file_system_time, sqlite_folder())


def _file_system_time(folder: Path) -> datetime:
    with tempfile.TemporaryFile(dir=folder) as file:
        return datetime.fromtimestamp(os.fstat(file.fileno()).st_mtime, UTC)
