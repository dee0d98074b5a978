"""What a pooler between this process and PostgreSQL does to sessions (ADR 31).

A pooler in transaction mode, such as pgbouncer, gives each transaction whichever server session is
free. Prepared statements, SET and LISTEN then reach some session or other, and fail at random.
"""

import asyncio
from contextlib import AsyncExitStack
from typing import Any
from uuid import uuid4

import asyncpg

from models.storage.database import PLANNER_SETTING, Database

CONNECTION_ERRORS = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError)
"""What connecting to PostgreSQL, or asking it, may raise."""

HEARD_WITHIN_S = 2.0
"""A notification takes milliseconds; a session that has not heard by now is another's."""


async def shares_sessions(dsn: str, timeout_s: float = 10.0) -> bool:
    """Whether an address leads to a pooler that shares server sessions between transactions.

    A pooler reports a process id of its own making, so without a pooler one connection settles it.
    With one, a second connection is opened: if the first then meets the second's session, or a
    session that it did not have before, sessions are shared.
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


async def hears_notifications(database: Database, timeout_s: float = 10.0) -> bool:
    """Whether what is notified over the database's address is heard at its direct address."""
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


async def plans_as_needed(dsn: str, timeout_s: float = 10.0) -> bool:
    """Whether sessions behind a pooler have the planner setting that lists rely on."""
    async with AsyncExitStack() as stack:
        connection = await _connect(stack, dsn, timeout_s)
        return bool(await connection.fetchval(f"SHOW {PLANNER_SETTING}") == "off")


async def set_planner_default(database: Database) -> None:
    """Make the planner setting the default of our role in this database, for new sessions.

    Behind a pooler no connection can set it for itself. A role may change its own defaults.
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
    """Return the process id of a transaction's server session; None if none may be begun."""
    try:
        await connection.execute("BEGIN")
        session: int = await connection.fetchval("SELECT pg_backend_pid()")
        await connection.execute("COMMIT")
    except (asyncpg.ProtocolViolationError, asyncpg.ConnectionDoesNotExistError) as error:
        if "pooling mode" not in str(error):
            raise
        return None  # a pooler in statement mode allows no transaction
    return session
