"""SQLite's clients: Tortoise's with the tenant scope applied (R99), and a connection for reads.

A module of its own, so that processes on PostgreSQL do not load SQLite.
"""

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, cast

from tortoise.backends.base.client import (
    NestedTransactionContext,
    TransactionalDBClient,
    TransactionContext,
)
from tortoise.backends.sqlite.client import (
    SqliteClient,
    SqliteTransactionContext,
    SqliteTransactionWrapper,
    translate_exceptions,
)
from tortoise.connection import get_connections

from models.storage.database_faults import (
    DatabaseFault,
    DatabaseUnavailable,
    FaultKind,
    lost_in_commit,
)
from models.storage.statement_time import time_thread_of
from models.storage.tenant_clients import Limiting, Statement

MAX_WAIT_S = 15.0
"""Seconds that a transaction waits for earlier ones of its process."""

READER_BUSY_MS = 250
"""Milliseconds that a read waits for a lock, during which the whole process waits."""


class _Lite(Limiting):
    """Runs statements in the thread of SQLite's connection."""

    async def execute_several(self, statements: Sequence[Statement]) -> None:
        """Run statements one after the other; their rows are dropped."""
        going = [self._limited(query, values) for query, values in statements]
        await self._run_at_once(";".join(query for query, _ in statements), going)

    @translate_exceptions
    async def _run_at_once(self, text: str, going: Sequence[tuple[str, list[Any] | None]]) -> None:
        async with cast("Any", self).acquire_connection() as connection:
            cast("Any", self).log.debug("%s: %s", text, [values for _, values in going])

            def run() -> None:
                for query, values in going:
                    connection._conn.execute(query, values or ())

            await connection._execute(run)


class LiteClient(_Lite, SqliteClient):
    """The connection."""

    __module__ = SqliteClient.__module__  # by which Tortoise chooses how to migrate

    async def create_connection(self, with_db: bool) -> None:  # Tortoise's signature
        """Connect."""
        is_new = self._connection is None
        await super().create_connection(with_db)
        if is_new:
            time_thread_of(self._connection)

    def _in_transaction(self) -> TransactionContext:
        return LiteUnit(LiteTransaction(self), self._lock)


class LiteUnit(SqliteTransactionContext):
    """A transaction; it releases the connection even if BEGIN or COMMIT fails."""

    async def __aenter__(self) -> TransactionalDBClient:
        try:
            async with asyncio.timeout(MAX_WAIT_S):
                await self._trxlock.acquire()
        except TimeoutError:
            # Whoever has the connection waits for another process.
            raise DatabaseUnavailable(DatabaseFault(FaultKind.LOCKED, "SQLITE_BUSY")) from None
        try:
            await self.ensure_connection()
            await self.connection.begin()
        except BaseException:
            self._trxlock.release()
            raise
        self.token = get_connections().set(self.connection_name, self.connection)
        return cast("TransactionalDBClient", self.connection)

    async def __aexit__(self, kind: Any, error: Any, traceback: Any) -> None:
        try:
            await super().__aexit__(kind, error, traceback)
        except sqlite3.Error as refused:
            if kind is not None:  # ROLLBACK failed; the caller hears its own error
                return
            unknown = lost_in_commit(refused)
            if unknown is None:
                raise
            raise unknown from refused


class LiteTransaction(_Lite, SqliteTransactionWrapper):
    """The same in a transaction."""

    __module__ = SqliteClient.__module__  # see above

    async def begin(self) -> None:
        """BEGIN IMMEDIATE: later, the write lock may be refused because of a stale snapshot."""
        if self._connection.in_transaction:  # a full disk can keep even ROLLBACK from ending it
            await self._connection.rollback()
        await self._begin("BEGIN IMMEDIATE")

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
            with suppress(sqlite3.Error):
                await self._connection.rollback()
            raise

    @translate_exceptions
    async def _begin(self, statement: str) -> None:
        await self._connection.execute_fetchall(statement)

    def _in_transaction(self) -> TransactionContext:
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
