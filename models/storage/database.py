"""Opens the database, runs transactions, and fires topics (wakes their watchers) after commits."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import structlog
from tortoise import Tortoise
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.backends.base.config_generator import expand_db_url
from tortoise.connection import get_connection
from tortoise.models import Model
from tortoise.transactions import in_transaction

from models.storage.database_faults import lacks_name
from models.storage.dry_run import is_dry_run
from models.storage.fault_log import FAULTS, report
from models.storage.read_pool import CONNECT_S, ReadingConnections, connected
from models.storage.schema_fit import APPLIED, SchemaFit, fit_of, own_migrations
from models.storage.sqlite_epochs import SqliteEpochs
from models.storage.sqlite_log import ERASED, truncate_wal
from models.storage.tenant_clients import ENGINE, added_for, refuse_foreign
from models.storage.tenant_scope import current_tenant
from models.storage.tortoise_internals import start_tortoise

if TYPE_CHECKING:
    import sqlite3

log = structlog.get_logger(__name__)

Result = TypeVar("Result")
Row = TypeVar("Row", bound=Model)

ADDRESS = ("host", "port", "user", "password", "database")
POSTGRES_SCHEMES = ("postgres", "postgresql", "asyncpg")
BUSY_TIMEOUT_MS = 15_000
RECONNECT_S = 2.0
SCHEMA = "schema"
"""The topic that is fired when migrations have been applied."""
CHECK_SCHEMA_S = 5.0
READER = "reader"
"""The attribute of Tortoise's connection that holds the connections for reads (`run` in sql.py)."""
READING_SHARE = 3
"""One in READING_SHARE connections is used for reads only."""

COLLISIONS = (
    asyncpg.DeadlockDetectedError,
    asyncpg.InvalidCachedStatementError,
    asyncpg.LockNotAvailableError,
    asyncpg.SerializationError,
)
"""Exceptions after which a transaction is retried: a collision, or a change of the schema."""

KEEP_TRYING_S = BUSY_TIMEOUT_MS / 1000
MAX_PAUSE_S = 0.05
_woken: ContextVar[set[str] | None] = ContextVar("woken", default=None)

PLANNER_SETTING = "enable_incremental_sort"
"""Is set to off, or PostgreSQL would read lists by an index that includes erased rows."""


async def _prepare(connection: asyncpg.Connection) -> None:
    """Set the session's planner option, and the same lock timeout as on SQLite."""
    await connection.execute(f"SET {PLANNER_SETTING} = off; SET lock_timeout = {BUSY_TIMEOUT_MS}")


async def _leave_as_it_is(_: asyncpg.Connection) -> None:
    """Set no session options: behind a transaction pooler, sessions are shared (ADR 31)."""


class _RollBackDryRunError(Exception):
    """Raised at the end of a dry run, inside its transaction, so that it is rolled back."""


@dataclass(frozen=True, slots=True)
class Signals:
    """By topic, the events to set when a commit, of this or another process, fires the topic."""

    _watchers: dict[str, set[asyncio.Event]] = field(default_factory=dict)
    _fired: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def watching(self, topic: str) -> Iterator[asyncio.Event]:
        """Yield an asyncio event that is set whenever the topic is fired; the caller clears it."""
        event = asyncio.Event()
        self._watchers.setdefault(topic, set()).add(event)
        try:
            yield event
        finally:
            self._watchers[topic].discard(event)

    def fire(self, topic: str) -> None:
        """Set the events that watch the topic in this process."""
        self._fired[topic] += 1
        for event in self._watchers.get(topic, ()):
            event.set()

    def fired(self, topic: str) -> int:
        """Return how often the topic was fired in this process."""
        return self._fired[topic]


class Database:
    """The database of a process, which the application opens at its start and closes at its end.

    `is_pooled` says that the URL leads to a pooler in transaction mode, such as pgbouncer. Each
    statement or transaction may then run in another server session, so no statement is prepared
    by name and no session state is set. `direct_url` is the URL of the server behind the pooler,
    used for LISTEN and migrations. `timeout_s` is the maximum time of a statement on PostgreSQL.
    """

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 12,
        timeout_s: float | None = None,
        is_pooled: bool = False,
        direct_url: str | None = None,
    ) -> None:
        self.url = url
        self.is_pooled = is_pooled
        self._timeout_s = timeout_s
        self._direct_url = direct_url
        self.is_postgres = urlsplit(url).scheme in POSTGRES_SCHEMES
        self.signals = Signals()
        self.numbering = asyncio.Lock()
        """Held while this process numbers rows (`models/tables/numbering.py`)."""
        self._reading = pool_size // READING_SHARE
        self._pool_size = pool_size - self._reading
        self._units: set[asyncio.Task[Any]] = set()
        self._listener: asyncio.Task[None] | None = None
        self._is_listening = False
        self._reader: sqlite3.Connection | None = None
        self._sqlite_epochs: SqliteEpochs | None = None
        """Reads and caches the epochs of topics on SQLite; None on PostgreSQL and before `open`."""
        self.schema_fit: SchemaFit | None = None
        """The result of the last `check_schema`; None before the first."""
        self._reading_connections: ReadingConnections | None = None

    @property
    def may_write(self) -> bool:
        """Whether the last check of the schema allows writes; true before the first check."""
        return self.schema_fit is None or self.schema_fit.may_write

    @property
    def config(self) -> dict[str, Any]:
        """The configuration to pass to Tortoise."""
        connection = expand_db_url(self.url) | {"engine": ENGINE}
        if self.is_postgres:
            given = connection["credentials"].items()
            connection["credentials"] = {name: one for name, one in given if name in ADDRESS} | {
                "dsn": self.dsn,  # the driver reads its options; Tortoise would misname them
                "maxsize": self._pool_size,
                "init": self._prepare,
                **self._statement_options,
            }
        else:
            # `secure_delete` makes SQLite overwrite deleted data with zeros.
            connection["credentials"] |= {"busy_timeout": BUSY_TIMEOUT_MS, "secure_delete": "ON"}
        return {
            "connections": {"default": connection},
            "apps": {
                "models": {
                    "models": ["models"],
                    "default_connection": "default",
                    "migrations": "models.migrations",
                }
            },
            "use_tz": True,
            "timezone": "UTC",
        }

    @property
    def dsn(self) -> str:
        """The database URL with the scheme `postgresql`, which asyncpg expects."""
        return _as_dsn(self.url)

    @property
    def direct_dsn(self) -> str:
        """The URL of the server, not of a pooler, for statements that need their own session."""
        return _as_dsn(self._direct_url or self.url)

    @property
    def _prepare(self) -> Callable[[asyncpg.Connection], Awaitable[None]]:
        return _leave_as_it_is if self.is_pooled else _prepare

    @property
    def _statement_options(self) -> dict[str, Any]:
        uncached = {"statement_cache_size": 0} if self.is_pooled else {}
        return {"command_timeout": self._timeout_s, **uncached}

    async def open(self, topics: Sequence[str] = ()) -> None:
        """Connect; on PostgreSQL also listen for the topics that other processes fire."""
        await start_tortoise(self.config)
        if not self.is_postgres:
            # Connect now: if the first query connected and was cancelled, all others would block.
            await get_connection("default").execute_query("SELECT 1")
            self._reader = self._open_reader()
        else:
            options = self._statement_options
            connect = partial(connected, self._prepare, dsn=self.dsn, **options)
            self._reading_connections = ReadingConnections(connect, self._reading)
            setattr(get_connection("default"), READER, self._reading_connections)
        if self.is_postgres and topics:
            self._listener = asyncio.create_task(self._listen(topics))

    async def close(self) -> None:
        """Wait until running transactions end, then close all connections."""
        FAULTS.mismatch = None
        if self._units:
            await asyncio.wait(self._units)
        if self._listener is not None:
            self._listener.cancel()
            await asyncio.gather(self._listener, return_exceptions=True)
        if self._reader is not None:
            self._reader.close()
        if self._reading_connections is not None:
            await self._reading_connections.close()
        await Tortoise.close_connections()

    async def read_schema_fit(self) -> SchemaFit:
        """Compare the applied migrations with those that this program knows."""
        try:
            rows = await self._read_quietly(APPLIED)
        except Exception as error:
            if not lacks_name(error):
                raise
            rows = ()  # nothing was ever applied
        return fit_of(own_migrations(), [row[0] for row in rows])

    async def check_schema(self) -> SchemaFit:
        """Check the schema and return the result, by which `transaction` refuses writes."""
        fit = await self.read_schema_fit()
        if self.schema_fit != fit and not (self.schema_fit is None and fit.may_write):
            (log.info if fit.may_write else log.warning)("schema_checked", schema=str(fit))
        self.schema_fit = fit
        FAULTS.mismatch = fit.mismatch
        return fit

    @asynccontextmanager
    async def schema_watched(self) -> AsyncIterator[None]:
        """Check the schema now, and repeatedly in the background until the end of the context."""
        try:
            await self.check_schema()
        except Exception as error:
            report("schema_unchecked", error)
        watching = asyncio.create_task(self.watch_schema())
        try:
            yield
        finally:
            watching.cancel()

    async def watch_schema(self) -> None:
        """Check the schema forever: every CHECK_SCHEMA_S seconds, and after each migration."""
        with self.signals.watching(SCHEMA) as migrated:
            while True:
                with suppress(TimeoutError):
                    await asyncio.wait_for(migrated.wait(), CHECK_SCHEMA_S)
                migrated.clear()
                try:
                    await self.check_schema()
                except Exception as error:
                    report("schema_unchecked", error)

    async def _read_quietly(self, text: str) -> Sequence[Sequence[Any]]:
        """Run a read outside of transactions, without logging it."""
        if self._reader is not None:
            return self._reader.execute(text).fetchall()
        assert self._reading_connections is not None  # noqa: S101  # the database is open
        return await self._reading_connections.fetch(text, ())

    def epoch(self, topic: str) -> int | None:
        """Return the epoch: a number that changes when any process changes the data of a topic.

        Callers compare it with the number at which they cached data. None means that this process
        currently receives no notifications of other processes, so cached data may be stale.
        """
        if self._sqlite_epochs is not None:
            return self._sqlite_epochs.of(topic)
        return self.signals.fired(topic) if self._is_listening else None

    async def transaction(
        self, work: Callable[[], Awaitable[Result]], *, dry_run: bool = False
    ) -> Result:
        """Run `work` to its end in one transaction, even if the caller is cancelled meanwhile.

        Cancelling inside a transaction would leave the connection unusable, so `work` runs in a
        separate task. Returns the result of `work`; with `dry_run`, the transaction is rolled back
        before. If it collides with another transaction on PostgreSQL, `work` runs again from its
        start. Raises DatabaseUnavailable if the schema does not fit this program.
        """
        if self.schema_fit is not None:
            self.schema_fit.refuse_writes()
        unit = asyncio.create_task(self._unit_of_work(work, dry_run=dry_run))
        self._units.add(unit)
        unit.add_done_callback(self._forget)
        return await asyncio.shield(unit)

    def _open_reader(self) -> "sqlite3.Connection":
        from models.storage.sqlite_clients import open_reader  # noqa: PLC0415  # PostgreSQL needs none

        reader = open_reader(self.config["connections"]["default"]["credentials"]["file_path"])
        setattr(get_connection("default"), READER, reader)
        self._sqlite_epochs = SqliteEpochs(reader)
        return reader

    def _forget(self, unit: asyncio.Task[Any]) -> None:
        self._units.discard(unit)
        if not unit.cancelled():
            unit.exception()  # prevents a warning if the caller was cancelled

    async def _unit_of_work(
        self, work: Callable[[], Awaitable[Result]], *, dry_run: bool
    ) -> Result:
        now = asyncio.get_running_loop().time
        until = now() + KEEP_TRYING_S
        while True:
            try:
                return await self._try_unit(work, dry_run=dry_run)
            except COLLISIONS as collision:
                if now() > until:
                    raise
                log.debug("collided", kind=type(collision).__name__)
            # A random pause, so that the same two transactions do not collide again.
            await asyncio.sleep(random.uniform(0, MAX_PAUSE_S))  # noqa: S311  # no secret

    async def _try_unit(self, work: Callable[[], Awaitable[Result]], *, dry_run: bool) -> Result:
        topics: set[str] = set()
        _woken.set(topics)
        is_dry_run.set(dry_run)
        added_for.set(set())
        try:
            async with in_transaction() as connection:
                result = await work()
                if current_tenant() is not None:
                    await refuse_foreign(connection)
                if dry_run:
                    raise _RollBackDryRunError
        except _RollBackDryRunError:
            return result
        for topic in topics:
            self.signals.fire(topic)
        if ERASED in topics and not self.is_postgres:
            await truncate_wal(self.config["connections"]["default"]["credentials"]["file_path"])
        return result

    async def _listen(self, topics: Sequence[str]) -> None:
        while True:
            try:
                await self._listen_until_lost(topics)
            except Exception as error:
                report("listener_lost", error)
            await asyncio.sleep(RECONNECT_S)

    async def _listen_until_lost(self, topics: Sequence[str]) -> None:
        lost = asyncio.Event()
        connection = await asyncpg.connect(self.direct_dsn, timeout=CONNECT_S)
        try:
            connection.add_termination_listener(lambda _: lost.set())
            for topic in topics:
                await connection.add_listener(topic, lambda *args: self.signals.fire(args[2]))
            for topic in topics:
                self.signals.fire(topic)  # it may have been fired while this was disconnected
            self._is_listening = True
            await lost.wait()
        finally:
            self._is_listening = False
            connection.terminate()


async def wake(topic: str) -> None:
    """Fire a topic in all processes that listen to it, after the current transaction's commit."""
    note_wake(topic)
    connection = get_connection("default")
    if dialect_of(connection) == "postgres":
        await connection.execute_query("SELECT pg_notify($1, '')", [topic])


def note_wake(topic: str | None) -> None:
    """Fire a topic, unless None, in this process only, once the transaction is committed."""
    if (topics := _woken.get()) is not None and topic is not None:
        topics.add(topic)


def dialect_of(connection: BaseDBAsyncClient) -> str:
    """Return the SQL dialect of a connection: `postgres` or `sqlite`."""
    return connection.capabilities.dialect


def _as_dsn(url: str) -> str:
    return urlunsplit(urlsplit(url)._replace(scheme="postgresql"))
