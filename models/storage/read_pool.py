"""A separate pool of PostgreSQL connections for reads, so that no read waits for a writer."""

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
"""Exceptions by which a driver reports that a connection was closed."""


ABORT_TIMEOUT_S = 1.0
CONNECT_S = 5.0
"""Timeout for opening a connection; asyncpg's default is a minute."""


async def connected(prepare: Callable[[Any], Awaitable[None]], **settings: Any) -> Any:
    """Open a connection and prepare it by calling `prepare`; close it if that fails."""
    connection = await asyncpg.connect(**{"timeout": CONNECT_S} | settings)
    try:
        await prepare(connection)
    except BaseException:
        connection.terminate()
        raise
    return connection


async def abort_connection(connection: Any) -> None:
    """Close a connection whose caller was cancelled, so that the server stops its statement too.

    If the server does not answer within ABORT_TIMEOUT_S seconds, the socket is closed.
    """
    try:
        await asyncio.shield(connection.close(timeout=ABORT_TIMEOUT_S))
    except Exception:  # the caller must get its own exception
        connection.terminate()


class ReadingConnections:
    """Connections for single reads outside of transactions, opened when needed and then kept.

    At most `most` are open. Writers use other connections, all of which may be waiting for locks.
    """

    def __init__(self, connect: Callable[[], Awaitable[Any]], most: int) -> None:
        self._connect = connect
        self._turns = asyncio.Semaphore(most)
        self.size = most
        """The maximum number of connections."""
        self.used = 0
        """The number of connections in use."""
        self._idle: list[Any] = []
        self._is_closed = False

    async def fetch(self, text: str, parameters: Sequence[Any]) -> Sequence[Any]:
        """Run a statement and return its rows; skip idle connections that are closed."""
        async with self._turns:
            self.used += 1
            try:
                while self._idle:
                    kept = self._idle.pop()
                    try:
                        return await self._fetch(kept, text, parameters)
                    except GONE:  # the server had closed the idle connection
                        continue
                return await self._fetch(await self._connect(), text, parameters)
            finally:
                self.used -= 1

    @property
    def idle(self) -> int:
        """The number of open connections that are not in use."""
        return len(self._idle)

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
            await abort_connection(connection)
            raise
        finally:
            add_since(started, text)
        self._keep(connection)
        return rows

    def _keep(self, connection: Any) -> None:
        if self._is_closed:  # closed while the statement ran
            connection.terminate()
        else:
            self._idle.append(connection)

    async def close(self) -> None:
        """Close all connections, those in use after their statement has ended."""
        self._is_closed = True
        while self._idle:
            await self._idle.pop().close()
