"""The clock that all processes share: the database's time plus this process's monotonic clock.

Processes compare leases, heartbeats and budgets, so a process with a wrong clock would take the
jobs of others or use up their budget. This clock asks the database for the time now and then, and
adds the elapsed monotonic time in between, because nobody can set the monotonic clock.

SQLite has no clock of its own. There the time is the modification time that the file system gives
to a new file in the folder of the database; all processes share that file system.
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
"""If the process's clock differs from the database's by more than this, one warning is logged."""


class DatabaseClock:
    """Returns the database's time when it is called; `synchronise` must be called before."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._asked_at = self._counted_from = monotonic()
        self._time = datetime.now(UTC)
        self._has_warned = False

    def __call__(self) -> datetime:
        return self._time + timedelta(seconds=self._monotonic() - self._counted_from)

    async def synchronise(self) -> None:
        """Read the time from the database; log a warning once if this process's clock is wrong."""
        asked_at = self._monotonic()
        now = await _database_time()
        answered_at = self._monotonic()
        self._time, self._counted_from = now, (asked_at + answered_at) / 2
        self._asked_at = answered_at
        self._warn(datetime.now(UTC) - now)

    async def keep(self) -> None:
        """Call `synchronise` if the last one is at least ASK_EVERY_S seconds ago."""
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
