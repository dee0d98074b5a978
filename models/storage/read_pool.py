"""PostgreSQL connections for reads only, so that no read waits for a writer."""

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
"""Exceptions of a connection that has ended."""


HANG_UP_S = 1.0
CONNECT_S = 5.0
"""Seconds in which the server must accept a connection; asyncpg's default is a minute."""


async def connected(prepare: Callable[[Any], Awaitable[None]], **settings: Any) -> Any:
    """Open a connection and prepare it; close it if that fails."""
    connection = await asyncpg.connect(**{"timeout": CONNECT_S} | settings)
    try:
        await prepare(connection)
    except BaseException:
        connection.terminate()
        raise
    return connection


async def hang_up(connection: Any) -> None:
    """Close a connection whose caller gave up, so that the server stops the statement too.

    If the server does not answer within HANG_UP_S, the socket is cut.
    """
    try:
        await asyncio.shield(connection.close(timeout=HANG_UP_S))
    except Exception:  # it is closed all the same, and the caller has to hear of its own error
        connection.terminate()


class ReadingConnections:
    """Connections for single reads outside of transactions, opened when needed and then kept.

    They stay free while writers hold all other connections and wait for locks. A statement whose
    kept connection has ended is sent again on another one.
    """

    def __init__(self, connect: Callable[[], Awaitable[Any]], most: int) -> None:
        self._connect = connect
        self._turns = asyncio.Semaphore(most)
        self._idle: list[Any] = []
        self._is_closed = False

    async def fetch(self, text: str, parameters: Sequence[Any]) -> Sequence[Any]:
        """Run a statement and return its rows; it is sent again if a kept connection had ended."""
        async with self._turns:
            while self._idle:
                kept = self._idle.pop()
                try:
                    return await self._fetch(kept, text, parameters)
                except GONE:  # the server ended it while nobody looked
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
            self._keep(connection)  # the statement was refused; nothing is wrong with it
            raise
        except BaseException:
            await hang_up(connection)
            raise
        finally:
            add_since(started)
        self._keep(connection)
        return rows

    def _keep(self, connection: Any) -> None:
        if self._is_closed:  # while a statement was under way
            connection.terminate()
        else:
            self._idle.append(connection)

    async def close(self) -> None:
        """Close all connections; those in use are closed after their statement."""
        self._is_closed = True
        while self._idle:
            await self._idle.pop().close()
