"""The clock that all processes share: the database's, carried on by this process's own count.

Leases, heartbeats and budgets are compared between processes, so a process whose own clock is wrong
would take others' jobs, or use up their budget far ahead. The database is asked for the time now
and then; in between the monotonic clock counts on, which nobody can set.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from models.sql import Sql, execute, is_postgres

ASK_EVERY_S = 30.0


class DatabaseClock:
    """Tells the database's time; ask it after `synchronise`."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._asked_at = self._counted_from = monotonic()
        self._time = datetime.now(UTC)

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

    async def keep(self) -> None:
        """Ask the database again if it is a while since the last time."""
        if self._monotonic() - self._asked_at >= ASK_EVERY_S:
            await self.synchronise()


async def _database_time() -> datetime:
    if is_postgres():
        (row,) = await execute(Sql("SELECT clock_timestamp() AS now"))
        now: datetime = row["now"]
        return now
    (row,) = await execute(Sql("SELECT strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now') AS now"))
    return datetime.fromisoformat(row["now"])
