"""Empties SQLite's write-ahead log, which may still contain data that was erased."""

import asyncio

import structlog

log = structlog.get_logger(__name__)

ERASED = "erased"
"""The topic of transactions that erase personal data; after their commit the log is emptied."""


async def truncate_wal(path: str) -> None:
    """Move the write-ahead log of the database at `path` into the database file.

    If the log is in use, this logs a warning, and the next erasure tries again.
    """
    from models.storage.sqlite_clients import checkpoint  # noqa: PLC0415  # PostgreSQL needs none

    if not await asyncio.to_thread(checkpoint, path):
        log.warning("sqlite_log_not_emptied")
