"""Repeats work in the background, such as storing what is counted in memory."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress


@asynccontextmanager
async def repeating(
    work: Callable[[], Awaitable[None]], pause_s: Callable[[], float]
) -> AsyncIterator[None]:
    """Call `work` after each pause within the context, and once more at its end.

    `work` must not raise. It is never cancelled: what it stores could then be stored again.
    """
    stop = asyncio.Event()
    running = asyncio.create_task(_repeat(work, pause_s, stop))
    try:
        yield
    finally:
        stop.set()
        await running


async def _repeat(
    work: Callable[[], Awaitable[None]], pause_s: Callable[[], float], stop: asyncio.Event
) -> None:
    while not stop.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), pause_s())
        await work()
    await work()  # for what came while it was done the last time
