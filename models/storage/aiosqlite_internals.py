"""The only module that uses private names of aiosqlite; tests list the compatible releases."""

from collections.abc import Callable
from time import perf_counter
from typing import Any

from models.storage.statement_time import add_since


async def run_in_thread(connection: Any, work: Callable[[Any], None]) -> None:
    """Call `work` with the inner `sqlite3` connection, in the thread of an aiosqlite connection.

    aiosqlite's public methods switch to that thread once for each statement; `work` may run many
    statements in one switch.
    """

    def run() -> None:
        work(connection._conn)

    await connection._execute(run)


def time_thread_of(connection: Any) -> None:
    """Make an aiosqlite connection add the times of its statements to the current operation's.

    All methods of the connection call `_execute`, so only `_execute` is replaced. Timing Tortoise's
    methods instead would also count the time spent waiting for other tasks.
    """
    run = connection._execute

    async def timed(*args: Any, **options: Any) -> Any:
        started = perf_counter()
        try:
            return await run(*args, **options)
        finally:
            add_since(started)

    connection._execute = timed
