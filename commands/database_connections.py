"""Compares the database connections of all processes with those that PostgreSQL allows."""

import asyncio

import structlog

from commands.findings import Finding
from models.storage.connection_limit import allowed_connections
from models.storage.database import Database
from models.storage.pooler import CONNECTION_ERRORS
from settings import Settings

log = structlog.get_logger(__name__)

TIMEOUT_S = 10.0
LISTENING = 1
"""Connections of each process beside its pool: one for notifications."""

DURING_RESTART = 1
"""Processes that run beside the others while these are replaced one by one."""


def needed_connections(settings: Settings, processes: int) -> int:
    """Return the connections that so many processes open at most, also while they are replaced."""
    pool = 0 if settings.database_pooler == "transaction" else settings.database_pool_size
    return (pool + LISTENING) * (processes + DURING_RESTART)


async def connection_findings(settings: Settings, processes: int) -> list[Finding]:
    """Log how many connections the processes need, and return a problem if they do not fit.

    A pooler has limits of its own, so only the direct connections are counted then. That the
    database does not answer is not reported here.
    """
    if settings.database_url.startswith("sqlite"):
        return []
    direct = settings.database_direct_url or settings.database_url
    try:
        async with asyncio.timeout(TIMEOUT_S):
            allowed = await allowed_connections(Database(direct).dsn)
    except (*CONNECTION_ERRORS, ValueError):
        return []
    needed = needed_connections(settings, processes)
    log.info("database_connections", processes=processes, needed=needed, allowed=allowed)
    too_few = too_few_connections(settings, processes, allowed)
    return [] if too_few is None else [too_few]


def too_few_connections(settings: Settings, processes: int, allowed: int) -> Finding | None:
    """Return a problem if PostgreSQL allows fewer connections than the processes may open."""
    needed = needed_connections(settings, processes)
    if needed <= allowed:
        return None
    return Finding(
        "TOO_FEW_DATABASE_CONNECTIONS",
        "DATABASE_POOL_SIZE",
        f"{processes} processes open up to {needed} database connections while they are replaced,"
        f" and PostgreSQL allows {allowed}. Raise its max_connections, or lower DATABASE_POOL_SIZE"
        " or the number of processes.",
    )
