"""SQLite clients for Tortoise, which apply the tenant scope (R99), and a connection for reads.

The module is separate so that processes that use PostgreSQL do not load SQLite.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from typing import Any, cast

from tortoise.backends.base.client import (
    NestedTransactionContext,
    TransactionalDBClient,
    TransactionContext,
)
from tortoise.backends.sqlite.client import SqliteClient, SqliteTransactionWrapper
from tortoise.connection import get_connections
from tortoise.exceptions import IntegrityError, OperationalError, TransactionManagementError

from models.storage.aiosqlite_internals import run_in_thread, time_thread_of
from models.storage.database_faults import (
    DatabaseFault,
    DatabaseUnavailable,
    FaultKind,
    lost_in_commit,
)
from models.storage.tenant_clients import Statement, TenantScopeMixin
from models.storage.tortoise_internals import driver_connection, has_ended

MAX_WAIT_S = 15.0
"""Seconds that a transaction waits for earlier transactions of the same process."""

CHECKPOINT_BUSY_S = 1.0
"""Seconds that a checkpoint waits for readers and writers of other processes."""

READER_BUSY_MS = 250
"""Milliseconds that a read waits for a lock; the event loop is blocked meanwhile."""


@contextmanager
def _as_tortoise_says() -> Iterator[None]:
    """Turn exceptions of the driver into those that Tortoise would raise."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise OperationalError(error) from error
    except sqlite3.IntegrityError as error:
        raise IntegrityError(error) from error


class _SqliteBase(TenantScopeMixin):
    """Runs several statements with one switch to the thread of the SQLite connection."""

    async def execute_several(self, statements: Sequence[Statement]) -> None:
        """Run statements one after the other, without returning rows."""
        going = [self._limited(query, values) for query, values in statements]
        await self._run_at_once(";".join(query for query, _ in statements), going)

    async def _run_at_once(self, text: str, going: Sequence[tuple[str, list[Any] | None]]) -> None:
        def work(connection: sqlite3.Connection) -> None:
            for query, values in going:
                connection.execute(query, values or ())

        async with cast("Any", self).acquire_connection() as connection:
            cast("Any", self).log.debug("%s: %s", text, [values for _, values in going])
            with _as_tortoise_says():
                await run_in_thread(connection, work, text)


class ScopedSqliteClient(_SqliteBase, SqliteClient):
    """The SQLite connection of the process, for transactions and single statements."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.turn = asyncio.Lock()
        """A lock held by the transaction, or single statement, that uses the connection."""

    async def create_connection(self, with_db: bool) -> None:  # Tortoise's signature
        """Connect, unless the client is connected already."""
        if driver_connection(self) is None:
            await super().create_connection(with_db)
            time_thread_of(driver_connection(self))

    @asynccontextmanager
    async def acquire_connection(self) -> AsyncIterator[Any]:  # type: ignore[override]  # any context serves
        """Yield the connection for one statement, exclusively."""
        async with self.turn:
            yield await self.connected()

    async def connected(self) -> Any:
        """Return the aiosqlite connection, which is opened if necessary."""
        await self.create_connection(with_db=True)
        return driver_connection(self)

    def new_transaction(self) -> TransactionContext:
        """Return a context that runs a transaction."""
        return SqliteTransactionContext(self)


class SqliteTransactionContext(TransactionContext):
    """The context of a transaction on SQLite; it releases the connection at the end in any case."""

    def __init__(self, parent: ScopedSqliteClient) -> None:
        self._client = parent

    async def __aenter__(self) -> TransactionalDBClient:
        parent = self._client
        try:
            async with asyncio.timeout(MAX_WAIT_S):
                await parent.turn.acquire()
        except TimeoutError:
            # The task that uses the connection is itself waiting for another process.
            raise DatabaseUnavailable(DatabaseFault(FaultKind.LOCKED, "SQLITE_BUSY")) from None
        try:
            await parent.connected()
            self._transaction = ScopedSqliteTransaction(parent)
            await self._transaction.begin()
        except BaseException:
            parent.turn.release()
            raise
        self._token = get_connections().set(parent.connection_name, self._transaction)
        return self._transaction

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            await self._end(kind)
        finally:
            get_connections().reset(self._token)
            self._client.turn.release()

    async def _end(self, kind: type[BaseException] | None) -> None:
        if has_ended(self._transaction) or kind is TransactionManagementError:
            return
        try:
            await (self._transaction.commit() if kind is None else self._transaction.rollback())
        except sqlite3.Error as refused:
            if kind is not None:  # ROLLBACK failed; the caller shall see its own exception
                return
            unknown = lost_in_commit(refused)
            if unknown is None:
                raise
            raise unknown from refused


class ScopedSqliteTransaction(_SqliteBase, SqliteTransactionWrapper):
    """The SQLite client within a transaction."""

    async def begin(self) -> None:
        """Begin a transaction, and take SQLite's write lock (BEGIN IMMEDIATE).

        If a transaction first asked for the lock later, it could fail because it has read old data.
        """
        async with self.acquire_connection() as connection:
            if connection.in_transaction:  # ROLLBACK may have failed, for example on a full disk
                await connection.rollback()
            with _as_tortoise_says():
                await connection.execute_fetchall("BEGIN IMMEDIATE")

    async def execute_script(self, query: str) -> None:
        """Run the statements of a script one by one.

        The driver's own `executescript` would commit the transaction first.
        """
        statement = ""
        for piece in query.split(";"):
            statement += f"{piece};"
            if sqlite3.complete_statement(statement):
                await self.execute_query(statement)
                statement = ""

    async def commit(self) -> None:
        """Commit; if that fails, roll back, otherwise the transaction would stay open."""
        try:
            await super().commit()
        except sqlite3.Error:
            async with self.acquire_connection() as connection:
                with suppress(sqlite3.Error):
                    await connection.rollback()
            raise

    def new_transaction(self) -> TransactionContext:
        """Return a context that runs a savepoint."""
        return NestedTransactionContext(ScopedSqliteTransaction(self))


def open_reader(path: str) -> sqlite3.Connection:
    """Open a second connection, for reads that run in the event loop and wait for no writer.

    The statements for a page of a list take less than a millisecond, less than switching to a
    thread would.
    """
    reader = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    reader.execute("PRAGMA journal_mode=WAL")
    reader.execute("PRAGMA query_only=ON")
    reader.execute(f"PRAGMA busy_timeout={READER_BUSY_MS}")
    return reader


def checkpoint(path: str) -> bool:
    """Move the write-ahead log into the database file; return False if the log stays in use."""
    with closing(sqlite3.connect(path, timeout=CHECKPOINT_BUSY_S)) as connection:
        ((is_busy, _, _),) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return not is_busy
