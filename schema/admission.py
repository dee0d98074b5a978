"""Fair admission: a few requests run at a time, the others wait their turn in a bounded queue."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Crowded(Exception):
    """The queue is full; come back in `retry_after` seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("Too many requests are waiting.")
        self.retry_after = retry_after


class Admission:
    """Lets operations in, first come first served.

    One process has one core: more queries at once than it can serve only slow each other down, and
    whoever waits for a database connection starves. So few run, and who comes first goes first.
    Writes mostly wait for the disk, and those that wait together share one wait: more of them run,
    beside the queries.
    """

    def __init__(
        self, running: int = 4, waiting: int = 512, retry_after: int = 1, writing: int = 8
    ) -> None:
        self._queries = asyncio.Semaphore(running)
        self._writes = asyncio.Semaphore(writing)
        self._most_waiting = waiting
        self._waiting = 0
        self._retry_after = retry_after

    @asynccontextmanager
    async def turn(self, *, writes: bool = False, is_bounded: bool = False) -> AsyncIterator[None]:
        """Wait for a turn; raise Crowded when too many are waiting already.

        What is bounded otherwise, as the events of subscriptions are, waits however many do.
        """
        slots = self._writes if writes else self._queries
        if slots.locked() and not is_bounded:
            if self._waiting >= self._most_waiting:
                raise Crowded(self._retry_after)
            self._waiting += 1
            try:
                await slots.acquire()
            finally:
                self._waiting -= 1
        else:
            await slots.acquire()
        try:
            yield
        finally:
            slots.release()

    @asynccontextmanager
    async def outside(self) -> AsyncIterator[None]:
        """Give a query's turn up while waiting for somebody outside, and take another one after."""
        self._queries.release()
        try:
            yield
        finally:
            await self._queries.acquire()
