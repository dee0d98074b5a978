"""Empties SQLite's write-ahead log, which holds pages as they were before an erasure."""

import asyncio
from contextlib import closing

import structlog

log = structlog.get_logger(__name__)

ERASED = "erased"
"""The topic of units of work that erased personal data: the log is emptied after their commit."""

BUSY_S = 1.0
"""For how long emptying waits for readers and writers of other processes."""


async def empty_log(path: str) -> None:
    """Write the log back to its file and empty it; if it is in use, a later erasure does that."""
    if not await asyncio.to_thread(_emptied, path):
        log.warning("sqlite_log_not_emptied")


def _emptied(path: str) -> bool:
    import sqlite3  # noqa: PLC0415  # PostgreSQL's servers need not load it

    with closing(sqlite3.connect(path, timeout=BUSY_S)) as connection:
        ((is_busy, _, _),) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return not is_busy
