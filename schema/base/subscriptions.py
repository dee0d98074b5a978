"""How subscriptions wait: woken by signals, and by the clock in case a signal went missing."""

import asyncio

MAX_WAIT_S = 1.0
"""SQLite has no signals between processes, and a listener may be reconnecting."""


async def wait_for(woken: asyncio.Event, longest: float = MAX_WAIT_S) -> None:
    """Return when the event is set, or after a moment: so many seconds, one at most."""
    try:
        async with asyncio.timeout(min(longest, MAX_WAIT_S)):
            await woken.wait()
    except TimeoutError:
        return
