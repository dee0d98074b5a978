"""Shares each iteration of the event loop between callers, so that none holds it for long.

All ready tasks run in one iteration of the loop before anything else is read from the network:
sixty requests that take a millisecond each delay everybody by sixty. So each caller has some
milliseconds of an iteration. Its further work waits for the next one, after that of others.
"""

import asyncio
import time
from collections.abc import Callable

SLICE_S = 0.002
"""Seconds of an iteration that a caller may use; it starts no further step after that."""

ALONE_SLICE_S = 0.01
ALONE_AFTER_S = 1.0
"""The same for a caller who was the only one for so many seconds, since switching costs time."""


class LoopShare:
    """Measures how long each caller has used the loop in this iteration."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._used: dict[str, float] = {}
        self._current: str | None = None
        self._since = 0.0
        self._is_marked = False
        """Whether a callback at the end of this iteration is scheduled."""
        self._deferred: list[Callable[[], None]] = []
        self._latest: str | None = None
        """The caller that entered last, and since when nobody else has."""
        self._alone_since = 0.0
        self._slice = SLICE_S

    def try_enter(self, caller: str) -> float | None:
        """Count the time from now on as the caller's, until another enters or this one leaves.

        Returns the time; None if the caller has used up its share of this iteration.
        """
        now = self.leave()
        if not self._is_marked:
            self._is_marked = True
            asyncio.get_running_loop().call_soon(self._begin_next)
        if self._used.get(caller, 0.0) > self._slice:
            return None
        if caller != self._latest:
            self._latest, self._alone_since, self._slice = caller, now, SLICE_S
        self._current = caller
        self._since = now
        return now

    def leave(self) -> float:
        """Count no more time until somebody enters. Returns the time."""
        current, now = self._current, self._clock()
        if current is not None:
            used = self._used
            used[current] = used.get(current, 0.0) + now - self._since
            self._current = None
        return now

    def is_used_up(self, caller: str) -> bool:
        """Return whether a caller has used up its share of this iteration."""
        if self._current == caller:
            self.leave()
        return self._used.get(caller, 0.0) > self._slice

    async def wait(self, caller: str) -> None:
        """Return once the caller may use the loop: now, or in a later iteration."""
        while self.try_enter(caller) is None:  # noqa: ASYNC110  # an iteration sets no event
            await asyncio.sleep(0)

    def call_next(self, callback: Callable[[], None]) -> None:
        """Call back in the next iteration, for a caller who has used up their share of this one."""
        self._deferred.append(callback)

    def _begin_next(self) -> None:
        self._is_marked = False
        self._current = None
        self._used.clear()
        if self._slice == SLICE_S and self._clock() - self._alone_since > ALONE_AFTER_S:
            self._slice = ALONE_SLICE_S
        deferred, self._deferred = self._deferred, []
        for callback in deferred:
            callback()
