"""Limits how many requests run at once, and shares the slots fairly between callers.

Slots are granted by caller, not by arrival: the next one goes to the waiting caller that has used
the least time in slots (start-time fair queueing). So one caller with a thousand requests waits
behind itself, and another with one request waits for at most the next slot that becomes free. As a
caller may hold only some of the slots, others mostly find one free at once.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count
from math import ceil

from schema.base.loop_share import LoopShare

MAX_IDLE_CALLERS = 10_000
"""When more callers than this are known, those without requests are forgotten."""

FIRST_ESTIMATE_S = 0.001
"""Seconds that a request of a new caller is expected to take."""

MEMORY = 8
"""The mean time of a caller's requests is taken over about this many of them."""

MAX_RETRY_AFTER_S = 60


class QueueFull(Exception):
    """No more requests may wait: of this caller (`is_own`), or of all callers together."""

    def __init__(self, limit: int, retry_after: int, *, is_own: bool) -> None:
        super().__init__("Too many requests are waiting.")
        self.limit = limit
        self.retry_after = retry_after
        """In seconds, estimated from the time that requests take."""
        self.is_own = is_own


@dataclass(frozen=True, slots=True)
class ConcurrencyLimits:
    """How many requests may run at once and wait, of all callers and of each."""

    running: int
    waiting: int
    caller_running: int
    caller_waiting: int


class _Caller:
    """A caller with its requests; `finish` is the time that it has used, in virtual time."""

    __slots__ = ("bounded", "finish", "is_in_line", "mean", "name", "running", "waiting")

    def __init__(self, name: str) -> None:
        self.name = name
        self.running = 0
        self.waiting: deque[Slot] = deque()
        self.bounded = 0
        """How many of those waiting count towards the limits."""
        self.finish = 0.0
        self.mean = FIRST_ESTIMATE_S
        self.is_in_line = False

    @property
    def is_idle(self) -> bool:
        return not self.running and not self.waiting


class Slot:
    """The right of one request to run, or its place in the queue."""

    __slots__ = ("_caller", "_estimate", "_granted", "_since", "is_exempt", "is_held", "limiter")

    def __init__(
        self, limiter: "ConcurrencyLimiter", caller: _Caller, *, is_exempt: bool = False
    ) -> None:
        self.limiter = limiter
        self._caller = caller
        self._granted: asyncio.Future[None]
        self._since = self._estimate = 0.0
        self.is_exempt = is_exempt
        self.is_held = False

    def release(self) -> None:
        """Let the next request run; does nothing the second time."""
        if self.is_held:
            self.is_held = False
            self.limiter._end(self, self._caller)


class ConcurrencyLimiter:
    """Grants slots. `clock` returns seconds, and measures how long slots are held.

    With a `share` of the event loop, a caller that has used up its part of an iteration gets no
    slot before the next one.
    """

    def __init__(
        self,
        limits: ConcurrencyLimits,
        clock: Callable[[], float] = time.monotonic,
        share: LoopShare | None = None,
    ) -> None:
        self.limits = limits
        self._clock = clock
        self._share = share
        self._deferred: list[_Caller] = []
        """Callers that have used up their part of this iteration."""
        self._free = limits.running
        self._caller_running = limits.caller_running
        self._waiting = 0
        self._virtual = 0.0
        """The virtual time at which the last request that got a slot began."""
        self._callers: dict[str, _Caller] = {}
        self._sweep_at = MAX_IDLE_CALLERS
        self._line: list[tuple[float, int, _Caller]] = []
        """A heap of callers that wait and hold fewer slots than they may."""
        self._numbers = count()

    def try_acquire(self, caller_name: str) -> Slot | None:
        """Return a slot if one is free for the caller, without waiting."""
        caller = self._callers.get(caller_name)
        if caller is None:
            caller = self._add(caller_name)
        if not self._free or caller.running >= self._caller_running or caller.waiting:
            return None
        now = self._clock() if self._share is None else self._share.try_enter(caller_name)
        if now is None:
            return None
        slot = Slot(self, caller)
        self._begin(slot, caller, now)
        return slot

    async def acquire(self, caller_name: str, *, is_exempt: bool = False) -> Slot:
        """Wait for a slot; raises QueueFull. Work that has begun is exempt from that limit."""
        slot = self.try_acquire(caller_name)
        return slot or await self.wait(caller_name, is_exempt=is_exempt)

    async def wait(self, caller_name: str, *, is_exempt: bool = False) -> Slot:
        """Wait for a slot after `try_acquire` has returned None; raises QueueFull."""
        caller = self._callers[caller_name]
        if not is_exempt:
            self._make_room(caller)
            self._count(caller, 1)
        slot = Slot(self, caller, is_exempt=is_exempt)
        slot._granted = asyncio.get_running_loop().create_future()
        caller.waiting.append(slot)
        if caller.running < self._caller_running:
            self._line_up(caller)
            self._grant_free()
        try:
            await slot._granted
            if self._share is not None and self._share.try_enter(caller_name) is None:
                await self._share.wait(caller_name)
        except asyncio.CancelledError:
            if slot.is_held:  # granted just before
                slot.release()
            elif slot in caller.waiting:
                self._withdraw(slot, caller)
            raise
        return slot

    def _begin(self, slot: Slot, caller: _Caller, now: float) -> None:
        self._free -= 1
        caller.running += 1
        slot.is_held = True
        begin = self._virtual = max(self._virtual, caller.finish)
        slot._estimate = caller.mean
        caller.finish = begin + caller.mean
        slot._since = now

    def _end(self, slot: Slot, caller: _Caller) -> None:
        now = self._clock() if self._share is None else self._share.leave()
        took = now - slot._since
        caller.finish += took - slot._estimate
        caller.mean += (took - caller.mean) / MEMORY
        caller.running -= 1
        self._free += 1
        if not self._line and caller.waiting and not self._has_used_its_share(caller):
            self._grant(caller, now)  # nobody else is in line
            return
        if caller.waiting:
            self._line_up(caller)
        if self._line:
            self._grant_free()

    def _grant_free(self) -> None:
        """Grant free slots to the callers who are first in line."""
        while self._free and self._line:
            place, _, caller = heappop(self._line)
            caller.is_in_line = False
            if not caller.waiting or caller.running >= self._caller_running:
                continue
            if caller.finish > place:  # it has used more since it stood in line
                self._line_up(caller)
                continue
            if self._has_used_its_share(caller):
                self._defer(caller)
                continue
            self._grant(caller, self._clock())

    def _has_used_its_share(self, caller: _Caller) -> bool:
        return self._share is not None and self._share.is_used_up(caller.name)

    def _grant(self, caller: _Caller, now: float) -> None:
        """Grant a free slot to the caller's request that has waited longest."""
        slot = caller.waiting.popleft()
        if not slot.is_exempt:
            self._count(caller, -1)
        if not slot._granted.done():  # else it was cancelled, and does not know yet
            self._begin(slot, caller, now)
            slot._granted.set_result(None)
        if caller.waiting and caller.running < self._caller_running:
            self._line_up(caller)

    def _defer(self, caller: _Caller) -> None:
        """Put a caller in line again in the next iteration of the event loop."""
        assert self._share is not None  # noqa: S101  # callers are deferred only with a share
        if not self._deferred:
            self._share.call_next(self._go_on)
        self._deferred.append(caller)

    def _go_on(self) -> None:
        deferred, self._deferred = self._deferred, []
        for caller in deferred:
            self._line_up(caller)
        self._grant_free()

    def _line_up(self, caller: _Caller) -> None:
        """Put a caller in line, by the time that it has used."""
        if caller.waiting and not caller.is_in_line and caller.running < self._caller_running:
            caller.is_in_line = True
            place = max(self._virtual, caller.finish)
            heappush(self._line, (place, next(self._numbers), caller))

    def _make_room(self, caller: _Caller) -> None:
        """Raise QueueFull if the caller has too many waiting.

        If it is the queue of all that is full, the caller with the longest queue loses its
        newest request, so that a crowd of one shuts nobody else out.
        """
        if caller.bounded >= self.limits.caller_waiting:
            raise self._full(caller, self.limits.caller_waiting, is_own=True)
        if self._waiting < self.limits.waiting:
            return
        longest = max(self._callers.values(), key=lambda one: one.bounded)
        if longest.bounded <= caller.bounded + 1:
            raise self._full(caller, self.limits.waiting, is_own=False)
        newest = next(one for one in reversed(longest.waiting) if not one.is_exempt)
        self._withdraw(newest, longest)
        if not newest._granted.done():
            newest._granted.set_exception(self._full(longest, self.limits.waiting, is_own=False))

    def _full(self, caller: _Caller, limit: int, *, is_own: bool) -> QueueFull:
        slots = self.limits.running
        if is_own:
            slots = min(slots, self._caller_running)
        ahead = (caller.bounded if is_own else self._waiting) / slots
        seconds = min(max(1, ceil(ahead * caller.mean)), MAX_RETRY_AFTER_S)
        return QueueFull(limit, seconds, is_own=is_own)

    def _withdraw(self, slot: Slot, caller: _Caller) -> None:
        caller.waiting.remove(slot)
        self._count(caller, 0 if slot.is_exempt else -1)

    def _count(self, caller: _Caller, change: int) -> None:
        caller.bounded += change
        self._waiting += change

    def _add(self, name: str) -> _Caller:
        if len(self._callers) >= self._sweep_at:
            self._callers = {key: one for key, one in self._callers.items() if not one.is_idle}
            self._sweep_at = max(MAX_IDLE_CALLERS, 2 * len(self._callers))
        caller = self._callers[name] = _Caller(name)
        return caller
