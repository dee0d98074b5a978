"""Lets subscriptions wait for a signal, but look regularly in case a signal was lost."""

import asyncio

MAX_WAIT_S = 1.0
"""Maximum seconds to wait for a signal.

SQLite sends no signals between processes, and PostgreSQL's listener may be reconnecting.
"""


async def wait_for(woken: asyncio.Event, longest: float = MAX_WAIT_S) -> None:
    """Return when the event is set, or after `longest` seconds, but at most MAX_WAIT_S."""
    try:
        async with asyncio.timeout(min(longest, MAX_WAIT_S)):
            await woken.wait()
    except TimeoutError:
        return
