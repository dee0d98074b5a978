"""Applies migrations, in one process at a time and with a limit on each wait for a lock."""

import asyncio
import fcntl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any, cast

import asyncpg
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.connection import get_connection
from tortoise.migrations.executor import MigrationExecutor, PlanStep
from tortoise.migrations.graph import MigrationKey
from tortoise.migrations.migration import Migration
from tortoise.migrations.recorder import MigrationRecorder
from tortoise.migrations.schema_editor import (
    AsyncpgSchemaEditor,
    BaseSchemaEditor,
    SqliteSchemaEditor,
)
from tortoise.migrations.schema_generator.state import ModelState, State
from tortoise.migrations.schema_generator.state_apps import StateApps
from tortoise.models import Model
from tortoise.transactions import in_transaction

from models.storage.connection_pool import ConnectionPool
from models.storage.database import SCHEMA, Database, dialect_of
from models.storage.database_faults import FaultKind, fault_of

ADVISORY_LOCK = 7_412_209
"""The arbitrary key of the advisory lock for this project's migrations."""

LOCK_TIMEOUT_S = 10.0
POLL_S = 0.1

ADVISORY_HOLDERS = (
    "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND objid = $1"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
DESCRIBED = (
    "SELECT pid, application_name, state, xact_start, query_start FROM pg_stat_activity"
    " WHERE pid = ANY($1::int[]) ORDER BY xact_start"
)


class MigrationBlocked(Exception):
    """A migration did not get a lock in time, and was rolled back."""


class SchemaNewer(Exception):
    """The database has migrations that this program does not know, so it applied none."""


def refusal_of_newer(breaking: Sequence[str]) -> str:
    """Return why nothing is applied to a database with migrations that this program lacks."""
    return (
        "The database is newer than this program, which does not know these migrations:"
        f" {', '.join(breaking)}. Nothing was applied; update this program."
    )


async def migrate(
    database: Database,
    lock_timeout_s: float = LOCK_TIMEOUT_S,
    note: Callable[[str], object] = lambda _: None,
) -> list[str]:
    """Apply all missing migrations to an open database and return their names.

    Each migration, with the record that it was applied, is one transaction. `note` is called with
    the name of each migration after its commit. Raises MigrationBlocked if a lock is not free
    within `lock_timeout_s`, and SchemaNewer if the database has migrations that this program does
    not know and cannot ignore.
    """
    applied = []
    async with _alone(database, lock_timeout_s) as watch:
        # Tortoise's own `migrate` records a migration in a second transaction; if the process were
        # killed between the two, no later run could migrate.
        plan, state = await watch("The first step", _prepare(database, lock_timeout_s))
        if breaking := (await database.read_schema_fit()).breaking:
            raise SchemaNewer(refusal_of_newer(breaking))
        for step in plan:
            name = f"{step.migration.name}"
            await watch(name, _apply(step.migration, state, lock_timeout_s))
            applied.append(name)
            note(name)
        if applied:
            await _tell(database)
    return applied


async def _prepare(database: Database, lock_timeout_s: float) -> tuple[list[PlanStep], State]:
    """Return the migrations to apply, and the models as they are before the first of them."""
    if not database.is_postgres:
        return await _planned(_executor(database))
    async with in_transaction() as connection:
        await _bound_waits(connection, lock_timeout_s)
        has_record, _ = await connection.execute_query(
            "SELECT 1 WHERE to_regclass('tortoise_migrations') IS NOT NULL"
        )
        executor = MigrationExecutor(connection, database.config["apps"])
        # If Tortoise cannot read its table of applied migrations, for any reason, it takes the
        # database to have none.
        if has_record:
            await connection.execute_script("LOCK TABLE tortoise_migrations IN ACCESS SHARE MODE")
        else:
            await executor.recorder.ensure_schema(_editor(connection, atomic=False))
        return await _planned(executor)


async def _planned(executor: MigrationExecutor) -> tuple[list[PlanStep], State]:
    plan = await executor.plan()
    if not plan:
        # Nothing needs the models of the past, which take most of a second to build.
        return plan, _empty_state()
    await executor.recorder.ensure_schema(_editor(executor.connection, atomic=False))
    applied = set(await executor.recorder.applied_migrations())
    return plan, await _state_after(executor, applied)


def _empty_state() -> State:
    return State(models={}, apps=_LazyApps(default_connections={"models": "default"}))


class _LazyApps(StateApps):
    """The models as they are at one migration; copies create their model classes at the first use.

    Tortoise copies the models before each operation, though few operations use the copy, and
    prepares all models after it, though it replaces the model that changed and its related ones.
    Without both, an empty database is migrated in a quarter of the time.
    """

    _to_render: dict[tuple[str, str], ModelState] | None = None

    def _build_initial_querysets(self) -> None:
        everything = self.apps
        self.apps = {
            label: {name: model for name, model in app.items() if not _is_prepared(model)}
            for label, app in everything.items()
        }
        super()._build_initial_querysets()
        self.apps = everything

    def clone(self, model_states: dict[tuple[str, str], ModelState] | None = None) -> "_LazyApps":
        copied = cast("_LazyApps", super().clone({}))
        copied._to_render = model_states
        return copied

    def get_model(self, app_label: str, model_name: str | None = None) -> type[Model]:
        if self._to_render is not None:
            self.apps = super().clone(self._to_render).apps
            self._to_render = None
        return super().get_model(app_label, model_name)


def _is_prepared(model: type[Model]) -> bool:
    return bool(model._meta.basetable.get_table_name())


async def _state_after(executor: MigrationExecutor, applied: set[MigrationKey]) -> State:
    """Return the models as they are after the `applied` migrations.

    The executor's `plan` must have loaded the migrations before.
    """
    graph = executor.loader.graph
    order = {key: None for leaf in graph.leaf_nodes() for key in graph.forwards_plan(leaf)}
    state = _empty_state()
    for key in order:
        migration = graph.nodes[key]
        if key in applied and migration is not None:
            await migration.apply(state, dry_run=True)
    return state


def _editor(connection: BaseDBAsyncClient, *, atomic: bool) -> BaseSchemaEditor:
    """Return the schema editor for the dialect: Tortoise would not recognise our client classes."""
    is_postgres = dialect_of(connection) == "postgres"
    return (AsyncpgSchemaEditor if is_postgres else SqliteSchemaEditor)(connection, atomic=atomic)


async def _bound_waits(connection: BaseDBAsyncClient, lock_timeout_s: float) -> None:
    """Limit how long each statement of the current transaction waits for a lock."""
    await connection.execute_script(f"SET LOCAL lock_timeout = {_ms(lock_timeout_s)}")


async def _apply(migration: Migration, state: State, lock_timeout_s: float) -> None:
    async with in_transaction() as connection:
        if dialect_of(connection) == "postgres":
            await _bound_waits(connection, lock_timeout_s)
        editor = _editor(connection, atomic=True)
        await migration.apply(state, dry_run=False, schema_editor=editor)
        recorder = MigrationRecorder(connection)
        await recorder.record_applied(migration.app_label, migration.name)


async def schema_version(database: Database) -> str | None:
    """Return the name of the last migration that was applied; None if none was."""
    applied = await _executor(database).recorder.applied_migrations()
    return max((key.name for key in applied), default=None)


def _executor(database: Database) -> MigrationExecutor:
    apps: dict[str, dict[str, Any]] = database.config["apps"]
    return MigrationExecutor(get_connection("default"), apps)


async def _tell(database: Database) -> None:
    """Notify processes that serve requests to check the schema now.

    On SQLite only this process is notified; others find out by their next periodic check.
    """
    database.signals.fire(SCHEMA)
    if database.is_postgres:
        await get_connection("default").execute_query("SELECT pg_notify($1, '')", [SCHEMA])


def _ms(seconds: float) -> int:
    return max(1, round(seconds * 1000))


Watch = Callable[[str, Awaitable[Any]], Awaitable[Any]]
"""Awaits the work of the migration with this name. Raises MigrationBlocked, which names the holder
of the lock, if a lock was not free in time.
"""


@asynccontextmanager
async def _alone(database: Database, timeout_s: float) -> AsyncIterator[Watch]:
    if database.is_postgres:
        async with _alone_on_postgres(database, timeout_s) as watch:
            yield watch
        return
    connection = get_connection("default")
    ((before,),) = (await connection.execute_query("PRAGMA busy_timeout"))[1]
    await connection.execute_query(f"PRAGMA busy_timeout = {_ms(timeout_s)}")
    try:
        async with _alone_on_sqlite(database, timeout_s) as watch:
            yield watch
    finally:
        await connection.execute_query(f"PRAGMA busy_timeout = {before}")


@contextmanager
def _telling_of_locks(message: str, holder: Callable[[], str]) -> Iterator[None]:
    """Turn a lock timeout in the block into MigrationBlocked.

    The exception's message is `message` and the result of `holder`, which says who has the lock.
    """
    try:
        yield
    except Exception as error:
        fault = fault_of(error)
        if fault is None or fault.kind is not FaultKind.LOCKED:
            raise
        raise MigrationBlocked(f"{message} {holder()}.") from error


@asynccontextmanager
async def _alone_on_postgres(database: Database, timeout_s: float) -> AsyncIterator[Watch]:
    observer = await asyncpg.connect(database.direct_dsn, timeout=timeout_s)
    try:
        is_locked = "SELECT pg_try_advisory_lock($1)"
        until = time.monotonic() + timeout_s
        while not await observer.fetchval(is_locked, ADVISORY_LOCK):
            if time.monotonic() >= until:
                holders = await observer.fetch(ADVISORY_HOLDERS, ADVISORY_LOCK)
                raise MigrationBlocked(
                    f"Another process has been migrating for more than {timeout_s:g} s:"
                    f" {await _described(observer, [row['pid'] for row in holders])}."
                )
            await asyncio.sleep(POLL_S)

        async def watch(name: str, work: Awaitable[Any]) -> Any:
            seen: list[str] = []
            watching = asyncio.create_task(_note_blockers(observer, seen))
            try:
                with _telling_of_locks(
                    f"{name} waited {timeout_s:g} s for a lock and changed nothing. It is held by",
                    lambda: seen[-1] if seen else "a session that has just released it",
                ):
                    return await work
            finally:
                watching.cancel()
                with suppress(asyncio.CancelledError):
                    await watching

        yield watch
    finally:
        await observer.close()


async def _note_blockers(observer: Any, seen: list[str]) -> None:
    """Until cancelled, append to `seen` descriptions of sessions that block the migration."""
    blocked = (
        "SELECT DISTINCT unnest(pg_blocking_pids(pid)) AS pid FROM pg_stat_activity"
        " WHERE wait_event_type = 'Lock' AND datname = current_database()"
        " AND pid = ANY($1::int[])"
    )
    ours = [connection.get_server_pid() for connection in _taken()]
    while True:
        ours = [connection.get_server_pid() for connection in _taken()] or ours
        blockers = [row["pid"] for row in await observer.fetch(blocked, ours)]
        if blockers:
            seen.append(await _described(observer, blockers))
        await asyncio.sleep(POLL_S)


def _taken() -> Sequence[Any]:
    pool: ConnectionPool | None = getattr(get_connection("default"), "pool", None)
    return () if pool is None else pool.taken


async def _described(observer: Any, pids: Sequence[int]) -> str:
    """Return a text about server processes; their statements may contain personal data."""
    told = [
        f"pid {row['pid']} ({row['application_name'] or 'no application name'}, {row['state']},"
        f" transaction since {row['xact_start']:%H:%M:%S} UTC)"
        if row["xact_start"]
        else f"pid {row['pid']} ({row['application_name'] or 'no application name'},"
        f" {row['state']})"
        for row in await observer.fetch(DESCRIBED, list(pids))
    ]
    return ", ".join(told) or "a session that cannot be seen"


@asynccontextmanager
async def _alone_on_sqlite(database: Database, timeout_s: float) -> AsyncIterator[Watch]:
    path = Path(database.config["connections"]["default"]["credentials"]["file_path"])
    until = time.monotonic() + timeout_s
    with path.with_name(path.name + ".migrate.lock").open("a+") as handle:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= until:
                    raise MigrationBlocked(
                        f"Another process has been migrating for more than {timeout_s:g} s: it has"
                        f" {path.name}.migrate.lock open."
                    ) from None
            await asyncio.sleep(POLL_S)

        async def watch(name: str, work: Awaitable[Any]) -> Any:
            with _telling_of_locks(
                f"{name} waited {timeout_s:g} s for a lock and changed nothing. It is held by",
                lambda: f"another process, which is writing to {path.name}",
            ):
                return await work

        yield watch
