"""SQLite's connections: Tortoise's, of which each statement is limited (R99), and one that reads.

They are apart from PostgreSQL's so that its servers need not load SQLite.
"""

import sqlite3
from collections.abc import Sequence
from typing import Any, cast

from tortoise.backends.base.client import NestedTransactionContext, TransactionContext
from tortoise.backends.sqlite.client import (
    SqliteClient,
    SqliteTransactionContext,
    SqliteTransactionWrapper,
    translate_exceptions,
)

from models.connections import Limiting, Statement
from models.statement_time import time_thread_of


class _Lite(Limiting):
    """Hands statements to the thread of SQLite's connection, which costs more than most of them."""

    async def execute_several(self, statements: Sequence[Statement]) -> None:
        """Run statements one after the other, and give nothing back."""
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
        return SqliteTransactionContext(LiteTransaction(self), self._lock)


class LiteTransaction(_Lite, SqliteTransactionWrapper):
    """The same in a transaction."""

    async def begin(self) -> None:
        """Begin with the lock for writing: taken later, it might be refused to a stale reader."""
        await self._begin("BEGIN IMMEDIATE")

    @translate_exceptions
    async def _begin(self, statement: str) -> None:
        await self._connection.execute_fetchall(statement)

    def _in_transaction(self) -> TransactionContext:
        return NestedTransactionContext(LiteTransaction(self))


def open_reader(path: str, busy_timeout_ms: int) -> sqlite3.Connection:
    """Open a second connection, on which a read neither waits for a writer nor changes threads.

    Statements of a page take well below a millisecond, less than handing them to a thread.
    """
    reader = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    reader.execute("PRAGMA journal_mode=WAL")
    reader.execute("PRAGMA query_only=ON")
    reader.execute(f"PRAGMA busy_timeout={busy_timeout_ms}")
    return reader
