"""How long an operation waits for the database: the time of its statements, added up.

`noting` holds what the statements of the current task, and of the tasks that it starts, are added
to. Statements at the same time count each, so the sum may exceed the time that has passed.
"""

from contextvars import ContextVar
from time import perf_counter
from typing import Any

import asyncpg


class StatementTime:
    """The sum of an operation, or of a job."""

    __slots__ = ("database_s", "statements")

    def __init__(self) -> None:
        self.database_s = 0.0
        self.statements = 0

    def add(self, seconds: float) -> None:
        """Add the time of a statement."""
        self.database_s += seconds
        self.statements += 1


noting: ContextVar[StatementTime | None] = ContextVar("noting", default=None)


class TimedConnection(asyncpg.Connection):  # type: ignore[misc]  # it has no types
    """A connection to PostgreSQL that adds up the time of its statements."""

    __slots__ = ()

    async def fetch(self, query: str, *args: Any, **options: Any) -> Any:
        """Run a statement for its rows."""
        started = perf_counter()
        try:
            return await super().fetch(query, *args, **options)
        finally:
            add_since(started)

    async def fetchrow(self, query: str, *args: Any, **options: Any) -> Any:
        """Run a statement for its first row."""
        started = perf_counter()
        try:
            return await super().fetchrow(query, *args, **options)
        finally:
            add_since(started)

    async def execute(self, query: str, *args: Any, **options: Any) -> Any:
        """Run a statement, or several without parameters."""
        started = perf_counter()
        try:
            return await super().execute(query, *args, **options)
        finally:
            add_since(started)

    async def executemany(self, command: str, args: Any, **options: Any) -> Any:
        """Run a statement for each of many lists of parameters."""
        started = perf_counter()
        try:
            return await super().executemany(command, args, **options)
        finally:
            add_since(started)


def add_since(started: float) -> None:
    """Add the time since a `perf_counter` to the current operation's, if there is one."""
    noted = noting.get()
    if noted is not None:
        noted.database_s += perf_counter() - started
        noted.statements += 1


def time_thread_of(connection: Any) -> None:
    """Add up the time of what an aiosqlite connection hands to its thread."""
    run = connection._execute

    async def timed(*args: Any, **options: Any) -> Any:
        started = perf_counter()
        try:
            return await run(*args, **options)
        finally:
            add_since(started)

    connection._execute = timed
