"""Fair admission: a few requests run at a time, the others wait their turn in a bounded queue."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import perf_counter
from typing import Literal

from schema.request_notes import note_wait


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
        self._owed: set[asyncio.Future[Literal[True]]] = set()

    def turn(self, *, writes: bool = False, is_bounded: bool = False) -> "Turn":
        """Give what an operation waits in for its turn; it raises Crowded when too many wait.

        What is bounded otherwise, as the events of subscriptions are, waits however many do.
        """
        return Turn(self, self._writes if writes else self._queries, is_bounded=is_bounded)

    async def wait(self, slots: asyncio.Semaphore) -> None:
        """Wait in the queue, if there is room in it."""
        if self._waiting >= self._most_waiting:
            raise Crowded(self._retry_after)
        self._waiting += 1
        try:
            await slots.acquire()
        finally:
            self._waiting -= 1

    @asynccontextmanager
    async def outside(self) -> AsyncIterator[None]:
        """Give a query's turn up while waiting for somebody outside, and take another one after."""
        self._queries.release()
        try:
            yield
        finally:
            try:
                await self._queries.acquire()
            except asyncio.CancelledError:
                # What has no turn gives one back all the same; the next that comes makes up for it.
                owed = asyncio.ensure_future(self._queries.acquire())
                self._owed.add(owed)
                owed.add_done_callback(self._owed.discard)
                raise


class Turn:
    """What is done within it runs when its turn has come."""

    __slots__ = ("_admission", "_is_bounded", "_slots")

    def __init__(self, admission: Admission, slots: asyncio.Semaphore, *, is_bounded: bool) -> None:
        self._admission = admission
        self._slots = slots
        self._is_bounded = is_bounded

    async def __aenter__(self) -> None:
        if not self._slots.locked():
            await self._slots.acquire()
            return
        started = perf_counter()
        if self._is_bounded:
            await self._slots.acquire()
        else:
            await self._admission.wait(self._slots)
        note_wait(perf_counter() - started)

    async def __aexit__(self, *_: object) -> None:
        self._slots.release()
