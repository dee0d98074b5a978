"""PostgreSQL connections that units of work, and Tortoise's single statements, take in turn."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
from tortoise.backends.base.client import (
    PoolConnectionWrapper,
    TransactionalDBClient,
    TransactionContextPooled,
)
from tortoise.connection import get_connections
from tortoise.exceptions import TransactionManagementError

from models.storage.database_faults import DatabaseFault, DatabaseUnavailable, FaultKind
from models.storage.read_pool import GONE, hang_up

MAX_WAIT_S = 15.0
NONE_FREE = DatabaseFault(FaultKind.OVERLOADED, "NO_FREE_CONNECTION")


class ConnectionPool:
    """Connections that are opened when needed, and then kept.

    The driver's own pool has a task and a proxy for each that is taken, to look after what nothing
    of ours changes: settings and listeners.
    """

    def __init__(self, connect: Callable[[], Awaitable[Any]], most: int) -> None:
        self._connect = connect
        self._most = most
        self._turns = asyncio.Semaphore(most)
        self._idle: list[Any] = []
        self._taken: set[Any] = set()
        self._is_closed = False

    async def acquire(self) -> Any:
        """Take a connection, after whoever has waited for longer; InterfaceError when closed.

        Raises DatabaseUnavailable if none becomes free for long.
        """
        if not self._turns.locked():
            await self._turns.acquire()  # at once
        else:
            try:
                async with asyncio.timeout(MAX_WAIT_S):
                    await self._turns.acquire()
            except TimeoutError:
                raise DatabaseUnavailable(NONE_FREE) from None
        try:
            self._refuse_if_closed()
            connection = self._kept() or await self._connect()
        except BaseException:
            self._turns.release()
            raise
        self._taken.add(connection)
        return connection

    async def release(self, connection: Any) -> None:
        """Return a connection back; one whose transaction could not be ended is closed."""
        self._taken.discard(connection)
        if self._is_closed or connection.is_closed() or connection.is_in_transaction():
            connection.terminate()
        else:
            self._idle.append(connection)
        self._turns.release()

    async def close(self) -> None:
        """Wait for those that are taken, and close all; whoever still waits for one is refused."""
        if self._is_closed:
            return
        self._is_closed = True
        for _ in range(self._most):
            await self._turns.acquire()
        while self._idle:
            await self._idle.pop().close()
        self._turns.release()  # to the first who waits, who passes it on

    def forget_idle(self) -> None:
        """Close what is kept, so that the next that is taken is a new one."""
        while self._idle:
            self._idle.pop().terminate()

    def terminate(self) -> None:
        """Close all at once."""
        self._is_closed = True
        for connection in (*self._idle, *self._taken):
            connection.terminate()

    def _refuse_if_closed(self) -> None:
        if self._is_closed:
            raise asyncpg.InterfaceError("the connections are closed")

    def _kept(self) -> Any | None:
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
        return None


class Unit(TransactionContextPooled):
    """A transaction, which keeps no connection that it could not begin on."""

    async def __aenter__(self) -> TransactionalDBClient:
        client: Any = self.client
        await self.ensure_connection()
        self._pool: ConnectionPool = client._parent._pool
        try:
            await self._begin(client)
        except GONE:  # the server ended it while nobody looked; nothing was done yet
            self._pool.forget_idle()
            await self._begin(client)
        self.token = get_connections().set(self.connection_name, client)
        return self.client

    async def _begin(self, client: Any) -> None:
        client._connection = await self._pool.acquire()
        try:
            await client.begin()
        except BaseException:
            # BEGIN may be on its way, and the connection not know of it yet.
            client._connection.terminate()
            await self._pool.release(client._connection)
            raise

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        client: Any = self.client
        try:
            if not client._finalized and kind is None:
                await client.commit()
            elif not client._finalized and kind is not TransactionManagementError:
                await self._roll_back(client)
        finally:
            await self._pool.release(client._connection)
            get_connections().reset(self.token)

    async def _roll_back(self, client: Any) -> None:
        """Roll back, or hang up, at which the server rolls back; the caller hears its own error."""
        try:
            await client.rollback()
        except Exception:
            client._connection.terminate()


class Taken(PoolConnectionWrapper[Any]):
    """A connection for a single statement outside of transactions."""

    async def __aenter__(self) -> Any:
        await self.ensure_connection()
        self._pool: ConnectionPool = self.client._pool
        self.connection = await self._pool.acquire()
        return self.connection

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        connection: Any = self.connection
        try:
            if kind is not None and not issubclass(kind, Exception):
                await hang_up(connection)
        finally:
            await self._pool.release(connection)
