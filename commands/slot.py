"""A place for one process of a supervisor, which is started again when it dies."""

import asyncio
import signal
from collections.abc import Awaitable, Callable

import structlog

from commands.child import Child
from observability.logs import log_failure

log = structlog.get_logger(__name__)

START_S = 180.0
"""Seconds in which a replacement must be ready; otherwise the old process goes on."""

FIRST_PAUSE_S, MAX_PAUSE_S = 0.5, 30.0
LONG_LIFE_S = 60.0
"""A process that dies after this time is started again at once; one that keeps dying, later."""


def pause_s(deaths: int) -> float:
    """Return the seconds to wait before a start, after the last of so many deaths in a row."""
    return 0.0 if deaths == 1 else min(FIRST_PAUSE_S * 2.0 ** (deaths - 2), MAX_PAUSE_S)


def name_of(exit_status: int) -> str:
    """Return what ended a process: the name of a signal, or its exit status."""
    return signal.Signals(-exit_status).name if exit_status < 0 else f"exit status {exit_status}"


class Slot:
    """A place for one process.

    `start` starts it, and `leave_s` is the time in which it ends after it was told to. A process
    that serves is replaced only when the new one is ready. A worker stops first (`stops_first`), so
    that there are never two.
    """

    def __init__(
        self,
        name: str,
        start: Callable[[], Awaitable[Child]],
        leave_s: float,
        *,
        stops_first: bool = False,
    ) -> None:
        self.name = name
        self.child: Child | None = None
        self._start = start
        self._leave_s = leave_s
        self._stops_first = stops_first
        self._deaths = 0
        self._changing = asyncio.Lock()
        """Held while `child` is replaced, so that its end is not taken for a death."""
        self._is_urgent = asyncio.Event()
        self._watching: set[asyncio.Task[None]] = set()

    async def begin(self) -> Child:
        """Start the first process; if it ends before `watch`, it is not started again."""
        self.child = await self._start()
        return self.child

    def watch(self) -> None:
        """Start the present process again when it dies."""
        assert self.child is not None  # noqa: S101  # after `begin`
        task = asyncio.create_task(self._start_after(self.child))
        self._watching.add(task)
        task.add_done_callback(self._watching.discard)

    def unwatch(self) -> None:
        """Start no process again."""
        for task in self._watching:
            task.cancel()

    async def replace(self) -> bool:
        """Replace the process by a new one; return false if the new one does not serve.

        Then the old one goes on, unless it is one that stops first.
        """
        self._is_urgent.set()
        async with self._changing:
            self._is_urgent.clear()
            old = self.child
            if self._stops_first and old is not None:
                old.send(signal.SIGTERM)
                await self._gone(old)
            try:
                new = await self._start()
            except OSError as error:
                log_failure("process_not_started", error)
                return False
            is_ready = await self._becomes_ready(new)
            if is_ready or self._stops_first:
                self.child, self._deaths = new, 0
                self.watch()
        if not is_ready:
            log.error("process_not_replaced", process=self.name, new=new.pid)
        elif old is not None and not self._stops_first:
            old.retire()
            await self._gone(old)
        return is_ready

    async def _becomes_ready(self, new: Child) -> bool:
        try:
            async with asyncio.timeout(START_S):
                if await new.is_ready():
                    return True
        except TimeoutError:
            pass
        new.send(signal.SIGKILL)
        await new.ended()
        return False

    async def _gone(self, old: Child) -> None:
        if not await old.ended_within(self._leave_s):
            log.error("process_killed", process=self.name, pid=old.pid, after_s=self._leave_s)

    async def _start_after(self, child: Child) -> None:
        """Start a process when `child` dies, unless it was replaced."""
        status = await child.ended()
        async with self._changing:
            if self.child is not child:
                return
            self._deaths = 1 if child.age_s >= LONG_LIFE_S else self._deaths + 1
            pause = pause_s(self._deaths)
            log.error(
                "process_died",
                process=self.name,
                pid=child.pid,
                reason=name_of(status),
                restart_in_s=pause,
            )
        while True:
            await self._rest(pause)
            async with self._changing:
                if self.child is not child:
                    return
                try:
                    self.child = await self._start()
                except OSError as error:
                    log_failure("process_not_started", error)
                    pause = MAX_PAUSE_S
                else:
                    self.watch()
                    return

    async def _rest(self, seconds: float) -> None:
        """Wait, but not longer than until the process shall be replaced anyway."""
        try:
            async with asyncio.timeout(seconds):
                await self._is_urgent.wait()
        except TimeoutError:
            pass
