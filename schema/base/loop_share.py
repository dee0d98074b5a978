"""Limits how long each caller uses the event loop in one of its iterations.

In one iteration the event loop runs all ready tasks before it reads from the network again: sixty
requests of a millisecond each delay all other callers by 60 ms. Therefore each caller (a user or
partner) may use only a few milliseconds of an iteration, their share, and continues in the next
iteration, after the other callers.
"""

import asyncio
import time
from collections.abc import Callable

SLICE_S = 0.002
"""The share of a caller in seconds: after that, they may start nothing in the iteration."""

ALONE_SLICE_S = 0.01
ALONE_AFTER_S = 1.0
"""A caller who was the only one for ALONE_AFTER_S seconds may use ALONE_SLICE_S seconds instead.

There is no other caller to protect, and switching between tasks costs time.
"""


class LoopShare:
    """Measures how much of the current iteration each caller has used; `clock` returns seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._used: dict[str, float] = {}
        self._current: str | None = None
        self._since = 0.0
        self._is_marked = False
        """Whether `_begin_next` is scheduled for the start of the next iteration."""
        self._deferred: list[Callable[[], None]] = []
        self._latest: str | None = None
        """The caller who entered last, alone since `_alone_since` (in seconds)."""
        self._alone_since = 0.0
        self._slice = SLICE_S

    def try_enter(self, caller: str) -> float | None:
        """Count the time from now on as used by the caller, until `leave` or the next `try_enter`.

        Returns the current time in seconds. If the caller has used up their share of this
        iteration of the event loop, returns None and counts nothing.
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
        """Stop counting time for the current caller; return the current time in seconds."""
        current, now = self._current, self._clock()
        if current is not None:
            used = self._used
            used[current] = used.get(current, 0.0) + now - self._since
            self._current = None
        return now

    def is_used_up(self, caller: str) -> bool:
        """Return whether the caller's share of this iteration is used up."""
        if self._current == caller:
            self.leave()
        return self._used.get(caller, 0.0) > self._slice

    async def wait(self, caller: str) -> None:
        """Wait until `try_enter` succeeds for the caller."""
        while self.try_enter(caller) is None:  # noqa: ASYNC110  # an iteration sets no event
            await asyncio.sleep(0)

    def call_next(self, callback: Callable[[], None]) -> None:
        """Schedule a callback for the start of the next iteration of the event loop."""
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
