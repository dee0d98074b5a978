"""How subscriptions wait: woken by signals, and by the clock in case a signal went missing."""

import asyncio

LONGEST_WAIT_S = 1.0
"""SQLite has no signals between processes, and a listener may be reconnecting."""


async def wait_for(woken: asyncio.Event) -> None:
    """Return when the event is set, or after a moment."""
    try:
        async with asyncio.timeout(LONGEST_WAIT_S):
            await woken.wait()
    except TimeoutError:
        return
