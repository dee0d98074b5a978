"""Database clients for Tortoise, which apply the tenant scope to each statement (R99).

Tortoise imports this module by name, as the engine for PostgreSQL and for SQLite.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any, cast

import asyncpg
import orjson
from tortoise.backends.asyncpg.client import AsyncpgDBClient
from tortoise.backends.asyncpg.client import TransactionWrapper as AsyncpgTransaction
from tortoise.backends.base.client import (
    BaseDBAsyncClient,
    NestedTransactionContext,
    TransactionContext,
)
from tortoise.exceptions import IntegrityError, OperationalError, TransactionManagementError

from models.storage.connection_pool import (
    ConnectionPool,
    PooledConnectionContext,
    PooledTransactionContext,
)
from models.storage.database_faults import lost_in_commit
from models.storage.read_pool import connected
from models.storage.scope_statement import scope_statement
from models.storage.statement_time import TimedConnection
from models.storage.tenant_scope import OutOfScopeError, current_tenant
from models.storage.tortoise_internals import OwnTransactions, has_ended, mark_ended

ENGINE = __name__
OWNERS = {
    "con": "contact",
    "imp": "customer_import",
    "tok": "access_token",
    "usr": "app_user",
    "whe": "webhook_endpoint",
}
"""The table of an owner, by the prefix of the owner's id; owners with other ids are customers."""

added_for: ContextVar[set[str] | None] = ContextVar("added_for", default=None)
"""Ids of the owners of the rows inserted so far by the current partner's transaction."""


Statement = tuple[str, list[Any]]


class TenantScopeMixin(OwnTransactions):
    """Applies the tenant scope to statements just before they go to the database.

    The methods return awaitables of the base class instead of being coroutines, so that they cost
    little if there is no scope.
    """

    capabilities: Any

    def execute_query(self, query: str, values: list[Any] | None = None) -> Any:
        """Run a statement; return the number of its rows, and the rows."""
        query, values = self._limited(query, values)
        return self._next.execute_query(query, values)

    def execute_query_dict(self, query: str, values: list[Any] | None = None) -> Any:
        """Run a statement and return its rows as dictionaries."""
        query, values = self._limited(query, values)
        return self._next.execute_query_dict(query, values)

    def execute_insert(self, query: str, values: list[Any]) -> Any:
        """Insert a row."""
        query, limits = self._limited(query, values)
        return self._next.execute_insert(query, limits)

    def execute_many(self, query: str, values: list[list[Any]]) -> Any:
        """Run a statement once for each list of parameters."""
        if values and current_tenant() is not None:
            made = [self._limited(query, one) for one in values]
            query, values = made[0][0], [one or [] for _, one in made]
        return self._next.execute_many(query, values)

    async def execute_several(self, statements: Sequence[Statement]) -> None:
        """Run statements one after the other; their rows are dropped."""
        for query, values in statements:
            await self.execute_query(query, values)

    def execute_script(self, query: str) -> Any:
        """Run statements without parameters; raises OutOfScopeError within a tenant scope."""
        if current_tenant() is not None:
            raise OutOfScopeError("scripts are not gone through")
        return self._next.execute_script(query)

    def read(self, query: str, values: Sequence[Any]) -> Any:
        """Run a statement whose rows will be shown to the caller."""
        shown = scope_shown_rows(query, values, is_postgres=self._is_postgres)
        return self._next.execute_query(*shown)

    @property
    def _next(self) -> Any:
        return super()

    @property
    def _is_postgres(self) -> bool:
        return bool(self.capabilities.dialect == "postgres")

    def _limited(self, query: str, values: list[Any] | None) -> tuple[str, list[Any] | None]:
        reseller_id = current_tenant()
        if reseller_id is None:
            return query, values
        given = values or []
        found = scope_statement(
            query, count=len(given), is_postgres=self._is_postgres, is_shown=False
        )
        if found.owners:
            _note_added([given[place] for place in found.owners])
        return found.text, found.parameters(given, reseller_id)


class PostgresClient(TenantScopeMixin, AsyncpgDBClient):
    """The client for PostgreSQL, with a pool of connections."""

    connection_class = TimedConnection

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.pool: ConnectionPool | None = None
        self._opening = asyncio.Lock()

    async def create_pool(self, **settings: Any) -> Any:
        """Create the pool and open one connection, so that a wrong URL is an error at once.

        The settings are those of connections, except `init`, `min_size` and `max_size`.
        """
        prepare, most = settings.pop("init"), settings.pop("max_size")
        del settings["min_size"]  # connections are opened when needed
        pool = ConnectionPool(partial(connected, prepare, **settings), most)
        await pool.release(await pool.acquire())
        self.pool = pool
        return pool

    async def opened(self) -> ConnectionPool:
        """Return the pool, which the first caller creates."""
        if self.pool is None:
            async with self._opening:
                if self.pool is None:
                    await self.create_connection(with_db=True)
        return cast("ConnectionPool", self.pool)

    async def close(self) -> None:
        await super().close()
        self.pool = None

    def acquire_connection(self) -> Any:
        """Return a context that lends a connection for one statement."""
        return PooledConnectionContext(self.opened)

    def new_transaction(self) -> TransactionContext:
        """Return a context that runs a transaction."""
        return PooledTransactionContext(self.opened, PostgresTransaction(self))


class PostgresTransaction(TenantScopeMixin, AsyncpgTransaction):
    """A PostgreSQL connection in a transaction.

    Statements go directly to asyncpg, because Tortoise makes seven calls for each.
    """

    def __init__(self, parent: Any, session: Any = None) -> None:
        super().__init__(parent)
        self.session = session
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def acquire_connection(self) -> AsyncIterator[Any]:  # type: ignore[override]  # any context serves
        """Yield the connection for one statement; concurrent statements wait for each other."""
        async with self._turn:
            yield self.session

    async def begin(self) -> None:
        await self.session.execute("BEGIN")

    async def commit(self) -> None:
        """Commit; raises DatabaseUnavailable if the outcome is unknown."""
        try:
            await self._end("COMMIT")
        except Exception as error:
            unknown = lost_in_commit(error)
            if unknown is None:
                raise
            raise unknown from error

    async def rollback(self) -> None:
        await self._end("ROLLBACK")

    async def savepoint(self) -> None:
        """Set a savepoint; nested savepoints may have the same name."""
        await self.session.execute("SAVEPOINT nested")

    async def release_savepoint(self) -> None:
        await self._end("RELEASE SAVEPOINT nested")

    async def savepoint_rollback(self) -> None:
        """Roll back to the savepoint and release it."""
        await self._end("ROLLBACK TO SAVEPOINT nested; RELEASE SAVEPOINT nested")

    async def _end(self, statement: str) -> None:
        if has_ended(self):
            raise TransactionManagementError("Transaction already finalised")
        status = await self.session.execute(statement)
        mark_ended(self)
        if statement == "COMMIT" and status != "COMMIT":
            # A statement failed before, and its caller ignored the exception.
            raise TransactionManagementError("Nothing was stored: a statement had failed before")

    async def execute_query(self, query: str, values: list[Any] | None = None) -> Any:
        """Run a statement; return the number of rows that it returns or changes, and the rows."""
        if not query.startswith("SELECT"):  # Tortoise returns the number of changed rows
            return await super().execute_query(query, values)
        query, values = self._limited(query, values)
        rows = await self._fetch(query, values or ())
        return len(rows), rows

    async def execute_several(self, statements: Sequence[Statement]) -> None:
        """Run statements one after the other; their rows are dropped."""
        for query, values in statements:
            text, parameters = self._limited(query, values)
            await self._fetch(text, parameters or ())

    async def read(self, query: str, values: Sequence[Any]) -> Any:
        """Run a statement whose rows will be shown to the caller."""
        rows = await self._fetch(*scope_shown_rows(query, values, is_postgres=True))
        return len(rows), rows

    async def _fetch(self, query: str, values: Sequence[Any]) -> Sequence[Any]:
        self.log.debug("%s: %s", query, values)
        async with self._turn:
            try:
                rows: Sequence[Any] = await self.session.fetch(query, *values)
            except (asyncpg.SyntaxOrAccessError, asyncpg.DataError) as error:
                raise OperationalError(error) from error
            except asyncpg.IntegrityConstraintViolationError as error:
                raise IntegrityError(error) from error
        return rows

    def new_transaction(self) -> TransactionContext:
        """Return a context that runs a savepoint."""
        return NestedTransactionContext(PostgresTransaction(self, self.session))


def get_client_class(configuration: dict[str, Any]) -> type[BaseDBAsyncClient]:
    """Return the client class for a configuration; Tortoise calls this."""
    if "file_path" not in configuration["credentials"]:
        return PostgresClient
    from models.storage.sqlite_clients import ScopedSqliteClient  # noqa: PLC0415  # PostgreSQL needs none

    return ScopedSqliteClient


def scope_shown_rows(
    query: str, values: Sequence[Any], *, is_postgres: bool
) -> tuple[str, list[Any]]:
    """Apply the tenant scope, if any, to a statement for rows that will be shown.

    Returns the statement and its parameters.
    """
    reseller_id = current_tenant()
    if reseller_id is None:
        return query, list(values)
    found = scope_statement(query, count=len(values), is_postgres=is_postgres, is_shown=True)
    return found.text, found.parameters(values, reseller_id)


async def refuse_foreign(connection: BaseDBAsyncClient) -> None:
    """Raise OutOfScopeError if the transaction inserted rows for owners out of scope.

    Each change also inserts an audit entry about its subject, so this also detects that a row was
    moved out of the scope.
    """
    added = added_for.get() or set()
    by_table: dict[str, list[str]] = {}
    for owner in sorted(added):
        table = OWNERS.get(owner.partition("_")[0], "customer")
        by_table.setdefault(table, []).append(owner)
    for table, owners in by_table.items():
        if await _reached(connection, table, owners) < len(owners):
            raise OutOfScopeError("rows were added for somebody out of reach")


async def _reached(connection: BaseDBAsyncClient, table: str, ids: list[str]) -> int:
    """Return how many rows of `table` with these ids are in scope."""
    values: list[Any] = [ids]
    condition = "id = ANY($1)"
    if connection.capabilities.dialect != "postgres":
        condition = "id IN (SELECT value FROM json_each(?))"
        values = [orjson.dumps(ids).decode()]
    text = f"SELECT id FROM {table} WHERE {condition}"  # noqa: S608  # no value is spelt out
    _, rows = await connection.execute_query(text, values)
    return len(rows)


def _note_added(owners: Sequence[Any]) -> None:
    added = added_for.get()
    if added is None:
        raise OutOfScopeError("rows are added in a unit of work")
    added.update(str(owner) for owner in owners)
