"""Databases that tests have to themselves: copies of one that was migrated once a session."""

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
"""Absent, tests run on SQLite; else on databases of their own on that PostgreSQL server."""

CONNECT_TIMEOUT_S = 5.0


class NoServerError(Exception):
    """The server that the tests were pointed at does not answer."""


class Databases(ABC):
    """Makes databases of one dialect: empty ones, and migrated ones."""

    @abstractmethod
    async def create_empty(self) -> str:
        """Make a database without a table, and give its URL."""

    @abstractmethod
    async def create(self) -> str:
        """Copy the migrated database, and give the copy's URL."""

    @abstractmethod
    async def drop(self, url: str) -> None:
        """Take a database away; nobody may be connected to it by now."""

    async def give_back(self, url: str) -> None:
        """Take back a database that `create` made."""
        await self.drop(url)

    @abstractmethod
    async def prepare(self) -> None:
        """Migrate the database that others are copied from."""

    @abstractmethod
    async def close(self) -> None:
        """Take away what `prepare` made."""


class SqliteDatabases(Databases):
    """Databases as files of one folder."""

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


class PostgresDatabases(Databases):
    """Databases on one server, created from a template of this run's own.

    Creating one takes a quarter of a second, so those given back are used again: their rows are
    put back to those of the template, which every copy holds in the schema `pristine`.
    """

    def __init__(self, server: str) -> None:
        self._server = server
        self._numbers = count(1)
        self._template = f"customer_classes_test_{secrets.token_hex(4)}"
        self._clean: list[str] = []
        self._tables: list[str] = []

    async def create_empty(self) -> str:
        return await self._create("")

    async def create(self) -> str:
        if self._clean:
            return self._clean.pop()
        return await self._create(f' TEMPLATE "{self._template}"')

    async def give_back(self, url: str) -> None:
        refill = [
            f'DELETE FROM "{name}"; INSERT INTO "{name}" SELECT * FROM pristine."{name}"'
            for name in self._tables
        ]
        # As a replica the server leaves foreign keys unchecked, so any order will do.
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
            tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
            self._tables = [row["tablename"] for row in await connection.fetch(tables)]
            for name in self._tables:
                await connection.execute(f'CREATE TABLE pristine."{name}" AS TABLE "{name}"')
        finally:
            await connection.close()

    async def close(self) -> None:
        for url in (*self._clean, self._url(self._template)):
            await self.drop(url)

    async def _create(self, how: str) -> str:
        name = f"{self._template}_{next(self._numbers)}"
        await self._execute(f'CREATE DATABASE "{name}"{how}')
        # What a test commits need not outlive a power cut.
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


def chosen_databases(folder: Path) -> Databases:
    """Give the databases of the dialect that the environment asks for.

    One process tests one dialect: Tortoise keeps the SQL that it has made by connection name.
    """
    server = os.environ.get(URL_VARIABLE)
    return PostgresDatabases(server) if server else SqliteDatabases(folder)


def run_aside(work: Callable[[], Awaitable[None]]) -> None:
    """Run something asynchronous from a fixture that outlives the event loops of the tests."""

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
