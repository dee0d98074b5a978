"""Limits how many requests run at once, and shares the slots to run fairly between callers.

A caller is a user, or a partner with all their users. A free slot goes to the waiting caller whose
requests have used the least time, not to the request that arrived first (start-time fair queueing).
A caller with a thousand requests therefore delays only their own requests: another caller with a
single request gets the next slot that becomes free. Each caller may hold only some of the slots, so
other callers usually get one without waiting.
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
"""When the limiter knows this number of callers, it forgets those that have no requests."""

FIRST_ESTIMATE_S = 0.001
"""The assumed mean duration, in seconds, of the requests of a new caller."""

MEMORY = 8
"""About how many recent requests a caller's mean duration takes into account."""

MAX_RETRY_AFTER_S = 60


class QueueFull(Exception):
    """Raised when too many requests wait for a slot.

    `is_own` is true if the caller has too many waiting requests, and false if all callers together
    have. `limit` is the maximum number of waiting requests.
    """

    def __init__(self, limit: int, retry_after: int, *, is_own: bool) -> None:
        super().__init__("Too many requests are waiting.")
        self.limit = limit
        self.retry_after = retry_after
        """Seconds after which to try again, estimated from how long the caller's requests take."""
        self.is_own = is_own


@dataclass(frozen=True, slots=True)
class ConcurrencyLimits:
    """Maximum numbers of running and of waiting requests.

    `running` and `waiting` apply to all callers together, `caller_running` and `caller_waiting` to
    each caller.
    """

    running: int
    waiting: int
    caller_running: int
    caller_waiting: int


class _Caller:
    """A caller and their requests.

    `finish` is the virtual time, in seconds, up to which the caller has used slots; `mean` is the
    mean duration of the caller's requests in seconds.
    """

    __slots__ = ("bounded", "finish", "is_in_line", "mean", "name", "running", "waiting")

    def __init__(self, name: str) -> None:
        self.name = name
        self.running = 0
        self.waiting: deque[Slot] = deque()
        self.bounded = 0
        """Number of waiting requests that count towards the limits; exempt ones do not."""
        self.finish = 0.0
        self.mean = FIRST_ESTIMATE_S
        self.is_in_line = False

    @property
    def is_idle(self) -> bool:
        return not self.running and not self.waiting


class Slot:
    """The right of one request to run, or the request's position in the queue.

    `is_held` tells whether the request may run now. An exempt slot does not count towards the
    limits of waiting requests.
    """

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
        """Free the slot for the next request; a second call does nothing."""
        if self.is_held:
            self.is_held = False
            self.limiter._end(self, self._caller)


class ConcurrencyLimiter:
    """Grants slots to callers, within `limits`.

    `clock` returns seconds, and measures how long each slot is held. If there is a `share`
    (`loop_share`), a caller who has used up their share of the event loop's current iteration gets
    no slot before the next iteration.
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
        """Callers who get no slot before the event loop's next iteration."""
        self._free = limits.running
        self._caller_running = limits.caller_running
        self._waiting = 0
        self._virtual = 0.0
        """The virtual time at which the last request that got a slot began."""
        self._callers: dict[str, _Caller] = {}
        self._sweep_at = MAX_IDLE_CALLERS
        self._line: list[tuple[float, int, _Caller]] = []
        """A heap of the callers who may get a slot: they wait, and hold fewer slots than allowed.

        Entries are (virtual time used, sequence number to break ties, caller).
        """
        self._numbers = count()

    @property
    def running(self) -> int:
        """The number of requests that hold a slot."""
        return self.limits.running - self._free

    @property
    def waiting(self) -> int:
        """The number of requests that wait for a slot, without exempt ones."""
        return self._waiting

    def try_acquire(self, caller_name: str) -> Slot | None:
        """Return a slot for the caller if one may be had now; otherwise None."""
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
        """Wait for a slot for the caller, and return it.

        Raises QueueFull if too many requests wait, unless `is_exempt`, which is for work that has
        begun already.
        """
        slot = self.try_acquire(caller_name)
        return slot or await self.wait(caller_name, is_exempt=is_exempt)

    async def wait(self, caller_name: str, *, is_exempt: bool = False) -> Slot:
        """Wait for a slot like `acquire`, right after `try_acquire` has returned None."""
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
            if slot.is_held:  # the slot was granted just before the cancellation
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
            self._grant(caller, now)  # no other caller waits for a slot
            return
        if caller.waiting:
            self._line_up(caller)
        if self._line:
            self._grant_free()

    def _grant_free(self) -> None:
        """Grant the free slots, first to callers who have used the least time."""
        while self._free and self._line:
            place, _, caller = heappop(self._line)
            caller.is_in_line = False
            if not caller.waiting or caller.running >= self._caller_running:
                continue
            if caller.finish > place:  # they have used more time since this entry was made
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
        # The future is done if the waiting task was cancelled, but has not run since.
        if not slot._granted.done():
            self._begin(slot, caller, now)
            slot._granted.set_result(None)
        if caller.waiting and caller.running < self._caller_running:
            self._line_up(caller)

    def _defer(self, caller: _Caller) -> None:
        """Put a caller back into the heap in the next iteration of the event loop."""
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
        """Add a caller to the heap if they have a waiting request and may hold another slot."""
        if caller.waiting and not caller.is_in_line and caller.running < self._caller_running:
            caller.is_in_line = True
            place = max(self._virtual, caller.finish)
            heappush(self._line, (place, next(self._numbers), caller))

    def _make_room(self, caller: _Caller) -> None:
        """Raise QueueFull if no further request of the caller may wait.

        If the limit for all callers is reached, the newest request of the caller with the most
        waiting requests is refused instead, so that one caller cannot exclude the others.
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
