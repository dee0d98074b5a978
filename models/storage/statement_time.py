"""Measures the database time of an operation: the sum of the times that its statements take.

The context variable `current_statement_time` holds the sum for the current operation, in its task
and the tasks that this starts. Concurrent statements count fully, so the sum may exceed the elapsed
time.
"""

from contextvars import ContextVar
from time import perf_counter
from typing import Any

import asyncpg

from models.storage.current_trace import current_trace


class StatementTime:
    """The database time of an operation or a job in seconds, and its number of statements."""

    __slots__ = ("database_s", "statements")

    def __init__(self) -> None:
        self.database_s = 0.0
        self.statements = 0

    def add(self, seconds: float) -> None:
        self.database_s += seconds
        self.statements += 1


current_statement_time: ContextVar[StatementTime | None] = ContextVar(
    "current_statement_time", default=None
)


class TimedConnection(asyncpg.Connection):  # type: ignore[misc]  # it has no types
    """A PostgreSQL connection that adds the times of its statements to the current operation."""

    __slots__ = ()

    async def fetch(self, query: str, *args: Any, **options: Any) -> Any:
        """Run a statement and return its rows."""
        started = perf_counter()
        try:
            return await super().fetch(query, *args, **options)
        finally:
            add_since(started, query)

    async def fetchrow(self, query: str, *args: Any, **options: Any) -> Any:
        """Run a statement and return its first row; None if there is none."""
        started = perf_counter()
        try:
            return await super().fetchrow(query, *args, **options)
        finally:
            add_since(started, query)

    async def execute(self, query: str, *args: Any, **options: Any) -> Any:
        """Run one statement, or several without parameters."""
        started = perf_counter()
        try:
            return await super().execute(query, *args, **options)
        finally:
            add_since(started, query)

    async def executemany(self, command: str, args: Any, **options: Any) -> Any:
        """Run a statement once for each list of parameters."""
        started = perf_counter()
        try:
            return await super().executemany(command, args, **options)
        finally:
            add_since(started, command)


def add_since(started: float, text: str | None) -> None:
    """Add the time since `started`, a value of `perf_counter`, to the current operation, if any.

    `text` is the statement without its parameters, for the trace; None if there is no statement.
    """
    noted = current_statement_time.get()
    if noted is not None:
        noted.database_s += perf_counter() - started
        noted.statements += 1
    trace = current_trace.get()
    if trace is not None and text is not None:
        trace.statement(text, perf_counter() - started)
