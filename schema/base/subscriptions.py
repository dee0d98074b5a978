"""Lets subscriptions wait for a signal, and look again regularly in case one is lost."""

import asyncio

MAX_WAIT_S = 1.0
"""Seconds; SQLite has no signals between processes, and a listener may be reconnecting."""


async def wait_for(woken: asyncio.Event, longest: float = MAX_WAIT_S) -> None:
    """Return when the event is set, or after `longest` seconds, at most one."""
    try:
        async with asyncio.timeout(min(longest, MAX_WAIT_S)):
            await woken.wait()
    except TimeoutError:
        return
