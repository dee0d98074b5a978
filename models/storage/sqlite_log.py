"""Empties SQLite's write-ahead log, which holds pages as they were before an erasure."""

import asyncio

import structlog

log = structlog.get_logger(__name__)

ERASED = "erased"
"""The topic of units of work that erased personal data: the log is emptied after their commit."""


async def empty_log(path: str) -> None:
    """Write the log back to its file and empty it; if it is in use, a later erasure does that."""
    from models.storage.sqlite_clients import checkpoint  # noqa: PLC0415  # PostgreSQL needs none

    if not await asyncio.to_thread(checkpoint, path):
        log.warning("sqlite_log_not_emptied")
