"""SQLite's clients: Tortoise's with the tenant scope applied (R99), and a connection for reads.

A module of its own, so that processes on PostgreSQL do not load SQLite.
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
from models.storage.tenant_clients import Limiting, Statement
from models.storage.tortoise_internals import driver_connection, has_ended

MAX_WAIT_S = 15.0
"""Seconds that a transaction waits for earlier ones of its process."""

CHECKPOINT_BUSY_S = 1.0
"""For how long emptying the log waits for readers and writers of other processes."""

READER_BUSY_MS = 250
"""Milliseconds that a read waits for a lock, during which the whole process waits."""


@contextmanager
def _as_tortoise_says() -> Iterator[None]:
    """Raise the driver's errors as those of Tortoise."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise OperationalError(error) from error
    except sqlite3.IntegrityError as error:
        raise IntegrityError(error) from error


class _Lite(Limiting):
    """Runs statements in the thread of SQLite's connection."""

    async def execute_several(self, statements: Sequence[Statement]) -> None:
        """Run statements one after the other; their rows are dropped."""
        going = [self._limited(query, values) for query, values in statements]
        await self._run_at_once(";".join(query for query, _ in statements), going)

    async def _run_at_once(self, text: str, going: Sequence[tuple[str, list[Any] | None]]) -> None:
        def work(connection: sqlite3.Connection) -> None:
            for query, values in going:
                connection.execute(query, values or ())

        async with cast("Any", self).acquire_connection() as connection:
            cast("Any", self).log.debug("%s: %s", text, [values for _, values in going])
            with _as_tortoise_says():
                await run_in_thread(connection, work)


class LiteClient(_Lite, SqliteClient):
    """The connection."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.turn = asyncio.Lock()
        """Held by the transaction, or the statement, that uses the connection."""

    async def create_connection(self, with_db: bool) -> None:  # Tortoise's signature
        """Connect, unless that was done."""
        if driver_connection(self) is None:
            await super().create_connection(with_db)
            time_thread_of(driver_connection(self))

    @asynccontextmanager
    async def acquire_connection(self) -> AsyncIterator[Any]:  # type: ignore[override]  # any context serves
        """Take the connection for a statement."""
        async with self.turn:
            yield await self.connected()

    async def connected(self) -> Any:
        """Return the driver's connection; opened if there is none."""
        await self.create_connection(with_db=True)
        return driver_connection(self)

    def new_transaction(self) -> TransactionContext:
        """Begin a transaction."""
        return LiteUnit(self)


class LiteUnit(TransactionContext):
    """A transaction; it releases the connection even if BEGIN or COMMIT fails."""

    def __init__(self, parent: LiteClient) -> None:
        self._client = parent

    async def __aenter__(self) -> TransactionalDBClient:
        parent = self._client
        try:
            async with asyncio.timeout(MAX_WAIT_S):
                await parent.turn.acquire()
        except TimeoutError:
            # Whoever has the connection waits for another process.
            raise DatabaseUnavailable(DatabaseFault(FaultKind.LOCKED, "SQLITE_BUSY")) from None
        try:
            await parent.connected()
            self._transaction = LiteTransaction(parent)
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
            if kind is not None:  # ROLLBACK failed; the caller hears its own error
                return
            unknown = lost_in_commit(refused)
            if unknown is None:
                raise
            raise unknown from refused


class LiteTransaction(_Lite, SqliteTransactionWrapper):
    """The same in a transaction."""

    async def begin(self) -> None:
        """BEGIN IMMEDIATE: later, the write lock may be refused because of a stale snapshot."""
        async with self.acquire_connection() as connection:
            if connection.in_transaction:  # a full disk can keep even ROLLBACK from ending it
                await connection.rollback()
            with _as_tortoise_says():
                await connection.execute_fetchall("BEGIN IMMEDIATE")

    async def execute_script(self, query: str) -> None:
        """Run statements one by one; the driver's executescript would commit first."""
        statement = ""
        for piece in query.split(";"):
            statement += f"{piece};"
            if sqlite3.complete_statement(statement):
                await self.execute_query(statement)
                statement = ""

    async def commit(self) -> None:
        """Commit, and roll back if that fails, or the transaction would stay open."""
        try:
            await super().commit()
        except sqlite3.Error:
            async with self.acquire_connection() as connection:
                with suppress(sqlite3.Error):
                    await connection.rollback()
            raise

    def new_transaction(self) -> TransactionContext:
        """Set a savepoint."""
        return NestedTransactionContext(LiteTransaction(self))


def open_reader(path: str) -> sqlite3.Connection:
    """Open a second connection for reads in the event loop, which wait for no writer.

    Statements of a page take well below a millisecond, less than handing them to a thread.
    """
    reader = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    reader.execute("PRAGMA journal_mode=WAL")
    reader.execute("PRAGMA query_only=ON")
    reader.execute(f"PRAGMA busy_timeout={READER_BUSY_MS}")
    return reader


def checkpoint(path: str) -> bool:
    """Write the log back to its file and empty it; return False if others use it for too long."""
    with closing(sqlite3.connect(path, timeout=CHECKPOINT_BUSY_S)) as connection:
        ((is_busy, _, _),) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return not is_busy
