"""Measures how long an operation waits for the database: the sum of its statements' times.

`noting` holds the sum for the current task and the tasks that it starts. Concurrent statements
count fully, so the sum may exceed the elapsed time.
"""

from contextvars import ContextVar
from time import perf_counter
from typing import Any

import asyncpg


class StatementTime:
    """The database time of an operation or a job."""

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
    """Add the time since a `perf_counter` value to the current operation, if there is one."""
    noted = noting.get()
    if noted is not None:
        noted.database_s += perf_counter() - started
        noted.statements += 1
