"""Detects a connection pooler between this process and PostgreSQL (ADR 31).

A pooler in transaction mode, such as pgbouncer, runs each transaction in any free server session.
Prepared statements, SET and LISTEN then fail at random, because they belong to one session.
"""

import asyncio
from contextlib import AsyncExitStack
from typing import Any
from uuid import uuid4

import asyncpg

from models.storage.database import PLANNER_SETTING, Database

CONNECTION_ERRORS = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError)
"""Exceptions that connecting to PostgreSQL, or running a statement there, may raise."""

HEARD_WITHIN_S = 2.0
"""Seconds to wait for a notification to arrive, which normally takes milliseconds."""


async def is_transaction_pooler(dsn: str, timeout_s: float = 10.0) -> bool:
    """Return whether a URL leads to a pooler that shares server sessions between transactions.

    There is no pooler if the process id that the server reports when a connection is opened is that
    of the session that runs its statements. Otherwise a second connection is opened, which keeps a
    session busy with a transaction. Sessions are shared if that session is the one that the first
    connection used before, or if the first connection then uses another one.
    """
    async with AsyncExitStack() as stack:
        first = await _connect(stack, dsn, timeout_s)
        session = await _session_of(first)
        if session == first.get_server_pid():
            return False
        if session is None:
            return True
        second = await _connect(stack, dsn, timeout_s)
        await second.execute("BEGIN")
        taken = await second.fetchval("SELECT pg_backend_pid()")
        return taken == session or await _session_of(first) != session


async def receives_notifications(database: Database, timeout_s: float = 10.0) -> bool:
    """Return whether notifications sent over the database's URL arrive at its direct URL."""
    topic = f"check_{uuid4().hex}"
    heard = asyncio.Event()
    async with AsyncExitStack() as stack:
        listener = await _connect(stack, database.direct_dsn, timeout_s)
        await listener.add_listener(topic, lambda *_: heard.set())
        teller = await _connect(stack, database.dsn, timeout_s)
        await teller.execute(f"SELECT pg_notify('{topic}', '')")
        try:
            await asyncio.wait_for(heard.wait(), HEARD_WITHIN_S)
        except TimeoutError:
            return False
        return True


async def has_planner_setting(dsn: str, timeout_s: float = 10.0) -> bool:
    """Return whether sessions at a URL have the planner setting without which lists are slow."""
    async with AsyncExitStack() as stack:
        connection = await _connect(stack, dsn, timeout_s)
        return bool(await connection.fetchval(f"SHOW {PLANNER_SETTING}") == "off")


async def set_planner_default(database: Database) -> None:
    """Make that planner setting the default for new sessions of the current role and database.

    Behind a pooler, a connection cannot change settings of its session. A role may change its own
    defaults.
    """
    connection = await asyncpg.connect(database.direct_dsn)
    try:
        name = await connection.fetchval("SELECT quote_ident(current_database())")
        await connection.execute(
            f"ALTER ROLE CURRENT_USER IN DATABASE {name} SET {PLANNER_SETTING} = off"
        )
    finally:
        await connection.close()


async def _connect(stack: AsyncExitStack, dsn: str, timeout_s: float) -> Any:
    connection = await asyncpg.connect(
        dsn, statement_cache_size=0, timeout=timeout_s, command_timeout=timeout_s
    )
    stack.callback(connection.terminate)
    return connection


async def _session_of(connection: Any) -> int | None:
    """Return the process id of the session that runs a connection's transaction.

    None if BEGIN is refused.
    """
    try:
        await connection.execute("BEGIN")
        session: int = await connection.fetchval("SELECT pg_backend_pid()")
        await connection.execute("COMMIT")
    except (asyncpg.ProtocolViolationError, asyncpg.ConnectionDoesNotExistError) as error:
        if "pooling mode" not in str(error):
            raise
        return None  # a pooler in statement mode refuses transactions
    return session
