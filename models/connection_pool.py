"""PostgreSQL connections that units of work, and Tortoise's single statements, take in turn."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from tortoise.backends.base.client import (
    PoolConnectionWrapper,
    TransactionalDBClient,
    TransactionContextPooled,
)
from tortoise.connection import get_connections


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

    async def acquire(self) -> Any:
        """Take a connection, after whoever has waited for longer."""
        await self._turns.acquire()
        try:
            connection = self._kept() or await self._connect()
        except BaseException:
            self._turns.release()
            raise
        self._taken.add(connection)
        return connection

    async def release(self, connection: Any) -> None:
        """Give a connection back; one whose transaction could not be ended is closed."""
        self._taken.remove(connection)
        if connection.is_closed() or connection.is_in_transaction():
            connection.terminate()
        else:
            self._idle.append(connection)
        self._turns.release()

    def get_size(self) -> int:
        """Count the connections."""
        return len(self._idle) + len(self._taken)

    def get_idle_size(self) -> int:
        """Count those that nobody has taken."""
        return len(self._idle)

    async def close(self) -> None:
        """Wait for those that are taken, and close all."""
        for _ in range(self._most):
            await self._turns.acquire()
        while self._idle:
            await self._idle.pop().close()

    def terminate(self) -> None:
        """Close all at once."""
        for connection in (*self._idle, *self._taken):
            connection.terminate()

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
        client._connection = await client._parent._pool.acquire()
        try:
            await client.begin()
        except BaseException:
            await client._parent._pool.release(client._connection)
            raise
        self.token = get_connections().set(self.connection_name, client)
        return self.client


class Taken(PoolConnectionWrapper[Any]):
    """A connection for a single statement outside of transactions."""

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        connection: Any = self.connection
        try:
            if kind is not None and not issubclass(kind, Exception):
                # The caller gave up: closing tells the server to do so too.
                await asyncio.shield(connection.close())
        except BaseException:
            connection.terminate()
            raise
        finally:
            await self.client._pool.release(connection)
