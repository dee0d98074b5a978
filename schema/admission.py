"""Fair admission: a few requests run at a time, the others wait their turn in a bounded queue."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Crowded(Exception):
    """The queue is full; come back in `retry_after` seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("too many requests are waiting")
        self.retry_after = retry_after


class Admission:
    """Lets requests in, first come first served.

    One process has one core: more requests at once than it can serve only slow each other down,
    and whoever waits for a database connection starves. So few run, and who comes first goes
    first.
    """

    def __init__(self, running: int = 4, waiting: int = 512, retry_after: int = 1) -> None:
        self._slots = asyncio.Semaphore(running)
        self._most_waiting = waiting
        self._waiting = 0
        self._retry_after = retry_after

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn; raise Crowded when too many are waiting already."""
        if self._slots.locked():
            if self._waiting >= self._most_waiting:
                raise Crowded(self._retry_after)
            self._waiting += 1
            try:
                await self._slots.acquire()
            finally:
                self._waiting -= 1
        else:
            await self._slots.acquire()
        try:
            yield
        finally:
            self._slots.release()

    @asynccontextmanager
    async def outside(self) -> AsyncIterator[None]:
        """Give the turn up while waiting for somebody outside, and take another one after."""
        self._slots.release()
        try:
            yield
        finally:
            await self._slots.acquire()
