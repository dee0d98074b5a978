"""PostgreSQL connections that only reads have, so that none of them waits for a writer."""

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
"""What a connection says that has ended, or ends."""


HANG_UP_S = 1.0
CONNECT_S = 5.0
"""For how long a server may take to accept a connection; the driver's own default is a minute."""


async def connected(prepare: Callable[[Any], Awaitable[None]], **settings: Any) -> Any:
    """Open a connection and prepare it; what can't be prepared is closed."""
    connection = await asyncpg.connect(**{"timeout": CONNECT_S} | settings)
    try:
        await prepare(connection)
    except BaseException:
        connection.terminate()
        raise
    return connection


async def hang_up(connection: Any) -> None:
    """Close a connection whose caller gave up, which tells the server to give up too.

    One that does not answer even to that in a second is cut off.
    """
    try:
        await asyncio.shield(connection.close(timeout=HANG_UP_S))
    except Exception:  # it is closed all the same, and the caller has to hear of its own error
        connection.terminate()


class ReadingConnections:
    """Connections for single statements outside of transactions: opened when needed, then kept.

    Whoever writes may hold all of the others while it waits for a lock; these are still free. And a
    connection that has ended matters little here: the statement is sent again on another.
    """

    def __init__(self, connect: Callable[[], Awaitable[Any]], most: int) -> None:
        self._connect = connect
        self._turns = asyncio.Semaphore(most)
        self._idle: list[Any] = []
        self._is_closed = False

    async def fetch(self, text: str, parameters: Sequence[Any]) -> Sequence[Any]:
        """Run a statement and give its rows; it is sent again where a kept connection had ended."""
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
        """Close all; one that somebody still reads by is closed after that."""
        self._is_closed = True
        while self._idle:
            await self._idle.pop().close()
