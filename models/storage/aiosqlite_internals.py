"""Every private name of aiosqlite that this project uses; the tests name the releases checked."""

from collections.abc import Callable
from time import perf_counter
from typing import Any

from models.storage.statement_time import add_since


async def run_in_thread(connection: Any, work: Callable[[Any], None]) -> None:
    """Call `work` with SQLite's own connection, in the thread of an aiosqlite connection.

    aiosqlite's public methods hand over one statement at a time.
    """

    def run() -> None:
        work(connection._conn)

    await connection._execute(run)


def time_thread_of(connection: Any) -> None:
    """Measure the statements that an aiosqlite connection runs in its thread.

    All of its methods go through `_execute`. Without this override, requests on SQLite would report
    no database time; timing Tortoise's methods instead would include waiting for other tasks. It
    gains no speed.
    """
    run = connection._execute

    async def timed(*args: Any, **options: Any) -> Any:
        started = perf_counter()
        try:
            return await run(*args, **options)
        finally:
            add_since(started)

    connection._execute = timed
