"""The only module that uses private names of aiosqlite; tests list the compatible releases."""

from collections.abc import Callable
from time import perf_counter
from typing import Any

from models.storage.statement_time import add_since


async def run_in_thread(connection: Any, work: Callable[[Any], None], text: str) -> None:
    """Call `work` with the inner `sqlite3` connection, in the thread of an aiosqlite connection.

    aiosqlite's public methods switch to that thread once for each statement; `work` may run many
    statements in one switch. `text` is their text, for the trace.
    """

    def run(_: str) -> None:
        work(connection._conn)

    await connection._execute(run, text)


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
            add_since(started, _text_of(*args))

    connection._execute = timed


def _text_of(work: Callable[..., object], *arguments: object) -> str | None:
    """Return the statement that a call runs in the thread; None for one that only reads rows."""
    name = getattr(work, "__name__", "")
    if name in {"commit", "rollback"}:
        return name.upper()
    return arguments[0] if arguments and isinstance(arguments[0], str) else None
