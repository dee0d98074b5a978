"""Databases for single tests: copies of a template that is migrated once per session."""

import asyncio
import os
import secrets
import shutil
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from contextlib import closing
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from models.storage.database import Database
from models.storage.migrate import migrate

URL_VARIABLE = "TEST_DATABASE_URL"
"""The PostgreSQL server on which tests create databases; if unset, tests run on SQLite."""

CONNECT_TIMEOUT_S = 5.0


class NoServerError(Exception):
    """The PostgreSQL server for the tests does not answer."""


class Databases(ABC):
    """Creates databases of one dialect: empty ones, and migrated ones."""

    @abstractmethod
    async def create_empty(self) -> str:
        """Create a database without tables; return its URL."""

    @abstractmethod
    async def create(self) -> str:
        """Copy the migrated database; return the copy's URL."""

    async def borrow(self) -> str:
        """Return the URL of a migrated database, which `give_back` may have released before.

        Its tables and indexes may be larger than their rows, so a test of plans creates its own.
        """
        return await self.create()

    @abstractmethod
    async def drop(self, url: str) -> None:
        """Drop a database; all connections to it must be closed."""

    async def give_back(self, url: str) -> None:
        """Release a database that `borrow` returned, for reuse or deletion."""
        await self.drop(url)

    @abstractmethod
    async def prepare(self) -> None:
        """Create and migrate the template."""

    @abstractmethod
    async def close(self) -> None:
        """Drop the template."""


class SqliteDatabases(Databases):
    """SQLite files in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = count(1)
        self._template = folder / "template.sqlite3"

    async def create_empty(self) -> str:
        return f"sqlite://{self._folder}/{next(self._numbers)}.sqlite3"

    async def create(self) -> str:
        path = self._folder / f"{next(self._numbers)}.sqlite3"
        shutil.copyfile(self._template, path)
        return f"sqlite://{path}"

    async def drop(self, url: str) -> None:
        path = Path(url.removeprefix("sqlite://"))
        for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
            path.with_name(name).unlink(missing_ok=True)

    async def prepare(self) -> None:
        await _migrate_once(f"sqlite://{self._template}")
        with closing(sqlite3.connect(self._template)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    async def close(self) -> None:
        self._template.unlink(missing_ok=True)


WRITABLE = """SELECT table_name, string_agg(quote_ident(column_name), ', ') AS columns
  FROM information_schema.columns WHERE table_schema = 'public' AND is_generated = 'NEVER'
  GROUP BY table_name"""


class PostgresDatabases(Databases):
    """Databases on one server, created from a template of this run.

    Creating a database takes a quarter of a second, so released ones are reused: their rows are
    restored from the schema `pristine`, which each copy has from the template.
    """

    def __init__(self, server: str) -> None:
        self._server = server
        self._numbers = count(1)
        self._template = f"customer_classes_test_{secrets.token_hex(4)}"
        self._clean: list[str] = []
        self._columns: dict[str, str] = {}
        """The columns of each table, without those that the database computes."""

    async def create_empty(self) -> str:
        return await self._create("")

    async def create(self) -> str:
        return await self._create(f' TEMPLATE "{self._template}"')

    async def borrow(self) -> str:
        return self._clean.pop() if self._clean else await self.create()

    async def give_back(self, url: str) -> None:
        refill = [
            f'DELETE FROM "{name}"; INSERT INTO "{name}" ({columns}) SELECT {columns}'
            f' FROM pristine."{name}"'
            for name, columns in self._columns.items()
        ]
        # In the replica role foreign keys are not checked, so any order works.
        await self._execute(";".join(["SET session_replication_role = replica", *refill]), url)
        self._clean.append(url)

    async def drop(self, url: str) -> None:
        name = urlsplit(url).path.removeprefix("/")
        await self._execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    async def prepare(self) -> None:
        await self._execute(f'CREATE DATABASE "{self._template}"')
        url = self._url(self._template)
        await _migrate_once(url)
        connection = await asyncpg.connect(url)
        try:
            await connection.execute("CREATE SCHEMA pristine")
            for row in await connection.fetch(WRITABLE):
                self._columns[row["table_name"]] = row["columns"]
            for name in self._columns:
                await connection.execute(f'CREATE TABLE pristine."{name}" AS TABLE "{name}"')
        finally:
            await connection.close()

    async def close(self) -> None:
        for url in (*self._clean, self._url(self._template)):
            await self.drop(url)

    async def _create(self, how: str) -> str:
        name = f"{self._template}_{next(self._numbers)}"
        await self._execute(f'CREATE DATABASE "{name}"{how}')
        # Test data need not survive a crash, so commits do not wait for the disk.
        await self._execute(f'ALTER DATABASE "{name}" SET synchronous_commit = off')
        return self._url(name)

    def _url(self, name: str) -> str:
        return urlunsplit(urlsplit(self._server)._replace(path=f"/{name}"))

    async def _execute(self, statements: str, url: str | None = None) -> None:
        try:
            connection = await asyncpg.connect(url or self._server, timeout=CONNECT_TIMEOUT_S)
        except (OSError, TimeoutError, asyncpg.PostgresError) as error:
            raise NoServerError(f"no PostgreSQL server answers at {URL_VARIABLE}") from error
        try:
            await connection.execute(statements)
        finally:
            await connection.close()


def databases_of_environment(folder: Path) -> Databases:
    """Return the databases of the dialect that TEST_DATABASE_URL selects.

    One process can test only one dialect, because Tortoise caches SQL by connection name.
    """
    server = os.environ.get(URL_VARIABLE)
    return PostgresDatabases(server) if server else SqliteDatabases(folder)


def run_outside_tests(work: Callable[[], Awaitable[None]]) -> None:
    """Run a coroutine from a session fixture, outside the tests' event loops."""

    async def run() -> None:
        await work()

    with asyncio.Runner() as runner:
        runner.run(run())


async def _migrate_once(url: str) -> None:
    database = Database(url)
    await database.open()
    try:
        await migrate(database)
    finally:
        await database.close()
