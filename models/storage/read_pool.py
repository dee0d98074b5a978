"""A pool of PostgreSQL connections for reads only, so that no read waits for a writer."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from time import perf_counter
from typing import Any

import asyncpg

from models.storage.statement_time import add_since

GONE = (
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    ConnectionError,
)
"""Exceptions that mean that a connection was closed."""


HANG_UP_S = 1.0
CONNECT_S = 5.0
"""Timeout for opening a connection; asyncpg's default is a minute."""


async def connected(prepare: Callable[[Any], Awaitable[None]], **settings: Any) -> Any:
    """Open a connection and call `prepare` with it; close it if `prepare` fails."""
    connection = await asyncpg.connect(**{"timeout": CONNECT_S} | settings)
    try:
        await prepare(connection)
    except BaseException:
        connection.terminate()
        raise
    return connection


async def hang_up(connection: Any) -> None:
    """Close the connection of a cancelled caller, so that the server stops the statement too.

    If the server does not answer within HANG_UP_S seconds, the socket is closed.
    """
    try:
        await asyncio.shield(connection.close(timeout=HANG_UP_S))
    except Exception:  # the caller must get its own exception
        connection.terminate()


class ReadingConnections:
    """Connections for single reads outside of transactions, opened when needed and then kept.

    At most `most` are open. Reads do not wait for the other connections, which writers may all hold
    while they wait for locks.
    """

    def __init__(self, connect: Callable[[], Awaitable[Any]], most: int) -> None:
        self._connect = connect
        self._turns = asyncio.Semaphore(most)
        self._idle: list[Any] = []
        self._is_closed = False

    async def fetch(self, text: str, parameters: Sequence[Any]) -> Sequence[Any]:
        """Run a statement and return its rows; retry if an idle connection was already closed."""
        async with self._turns:
            while self._idle:
                kept = self._idle.pop()
                try:
                    return await self._fetch(kept, text, parameters)
                except GONE:  # the server had closed the idle connection
                    continue
            return await self._fetch(await self._connect(), text, parameters)

    async def _fetch(self, connection: Any, text: str, parameters: Sequence[Any]) -> Sequence[Any]:
        started = perf_counter()
        try:
            rows: Sequence[Any] = await connection.fetch(text, *parameters)
        except GONE:
            connection.terminate()
            raise
        except asyncpg.PostgresError:
            self._keep(connection)  # the connection is still usable
            raise
        except BaseException:
            await hang_up(connection)
            raise
        finally:
            add_since(started)
        self._keep(connection)
        return rows

    def _keep(self, connection: Any) -> None:
        if self._is_closed:  # closed while the statement ran
            connection.terminate()
        else:
            self._idle.append(connection)

    async def close(self) -> None:
        """Close all connections; those in use are closed after their statement."""
        self._is_closed = True
        while self._idle:
            await self._idle.pop().close()
