"""A pool of PostgreSQL connections, for transactions and for Tortoise's single statements."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, cast

import asyncpg
from tortoise.backends.base.client import TransactionalDBClient, TransactionContext
from tortoise.connection import get_connections
from tortoise.exceptions import TransactionManagementError

from models.storage.database_faults import DatabaseFault, DatabaseUnavailable, FaultKind
from models.storage.read_pool import GONE, abort_connection
from models.storage.tortoise_internals import has_ended

MAX_WAIT_S = 15.0
NONE_FREE = DatabaseFault(FaultKind.OVERLOADED, "NO_FREE_CONNECTION")


class ConnectionPool:
    """A pool that opens connections when they are needed and keeps them.

    asyncpg's own pool adds a proxy, a task and a reset to each acquisition; ADR 23 has the figures.
    """

    def __init__(self, connect: Callable[[], Awaitable[Any]], most: int) -> None:
        self._connect = connect
        self.size = most
        """The maximum number of connections."""
        self._turns = asyncio.Semaphore(most)
        self._idle: list[Any] = []
        self._taken: set[Any] = set()
        self._is_closed = False

    @property
    def taken(self) -> tuple[Any, ...]:
        """The connections that are in use."""
        return tuple(self._taken)

    @property
    def used(self) -> int:
        """The number of connections in use."""
        return len(self._taken)

    @property
    def idle(self) -> int:
        """The number of open connections that are not in use."""
        return len(self._idle)

    async def acquire(self) -> Any:
        """Take a connection from the pool; waiting callers get one in the order of their calls.

        Raises DatabaseUnavailable if no connection is free within MAX_WAIT_S seconds, and
        InterfaceError if the pool is closed.
        """
        if not self._turns.locked():
            await self._turns.acquire()  # a slot is free
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
        """Return a connection to the pool; close it if its transaction has not ended."""
        self._taken.discard(connection)
        if self._is_closed or connection.is_closed() or connection.is_in_transaction():
            connection.terminate()
        else:
            self._idle.append(connection)
        self._turns.release()

    async def close(self) -> None:
        """Wait until all connections are released, then close them.

        Callers that still wait in `acquire` get InterfaceError.
        """
        if self._is_closed:
            return
        self._is_closed = True
        for _ in range(self.size):
            await self._turns.acquire()
        while self._idle:
            await self._idle.pop().close()
        self._turns.release()  # wakes the first waiting caller, which fails and wakes the next

    def forget_idle(self) -> None:
        """Close the idle connections, so that `acquire` opens new ones."""
        while self._idle:
            self._idle.pop().terminate()

    def terminate(self) -> None:
        """Close all connections immediately, also those in use."""
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


class ServerTransaction(Protocol):
    """What `PooledTransactionContext` uses of a Tortoise transaction on PostgreSQL.

    `session` is the asyncpg connection.
    """

    connection_name: str
    session: Any

    async def begin(self) -> None:
        """Send BEGIN."""

    async def commit(self) -> None:
        """Send COMMIT."""

    async def rollback(self) -> None:
        """Send ROLLBACK."""


class PooledTransactionContext(TransactionContext):
    """The context of a transaction on a connection from the pool.

    The connection is released at the end, even if BEGIN fails.
    """

    def __init__(
        self, opened: Callable[[], Awaitable[ConnectionPool]], transaction: ServerTransaction
    ) -> None:
        self._opened = opened
        self._transaction = transaction

    async def __aenter__(self) -> TransactionalDBClient:
        client: Any = self._transaction
        pool = self._source = await self._opened()
        try:
            await self._begin(pool)
        except GONE:  # the server had closed the idle connection; retrying BEGIN is safe
            pool.forget_idle()
            await self._begin(pool)
        self._token = get_connections().set(client.connection_name, client)
        return cast("TransactionalDBClient", client)

    async def _begin(self, pool: ConnectionPool) -> None:
        session = self._transaction.session = await pool.acquire()
        try:
            await self._transaction.begin()
        except BaseException:
            # The server may have begun a transaction of which the driver does not know yet.
            session.terminate()
            await pool.release(session)
            raise

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if has_ended(self._transaction):
                return
            if kind is None:
                await self._transaction.commit()
            elif kind is not TransactionManagementError:
                await self._roll_back()
        finally:
            await self._source.release(self._transaction.session)
            get_connections().reset(self._token)

    async def _roll_back(self) -> None:
        """Roll back; if that fails, close the connection, which makes the server roll back."""
        try:
            await self._transaction.rollback()
        except Exception:
            self._transaction.session.terminate()


class PooledConnectionContext:
    """A context that takes a connection from the pool for one statement outside of transactions."""

    def __init__(self, opened: Callable[[], Awaitable[ConnectionPool]]) -> None:
        self._opened = opened

    async def __aenter__(self) -> Any:
        self._source = await self._opened()
        self._session = await self._source.acquire()
        return self._session

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is not None and not issubclass(kind, Exception):
                await abort_connection(self._session)
        finally:
            await self._source.release(self._session)
