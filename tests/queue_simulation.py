"""Simulates workers, the register and the queue on a virtual clock: hours in a second.

Decisions follow production rules (`models.rules.allowance`, `models.rules.queue_order` and the
places of `models.jobs.queue_turn`) or, with a database, production statements.
"""

import heapq
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import inf
from typing import Protocol
from zlib import crc32

from enrichment.rate_limit import SharedBudget
from models import Job, RateLimit
from models.jobs.job import Claim, JobState, NewJob, enqueue, finish, note_calls_left, reschedule
from models.jobs.kinds import ENRICH
from models.jobs.queue_claim import NothingClaimed, claim
from models.jobs.queue_watch import promote
from models.rules.allowance import Allowance, Caller
from models.rules.queue_order import (
    ALL_CALLS,
    FirstJob,
    caller_of,
    current_virtual_time,
    next_job,
    virtual_time_after,
)
from models.rules.urgency import Urgency
from models.storage.database import Database
from models.tables.rate_limit import CallQuota, microseconds, take_call

PATIENCE_S = 5.0
LEASE_S = 15.0


@dataclass(frozen=True, slots=True)
class Entry:
    """A lookup to enqueue."""

    urgency: Urgency
    reseller: str | None


@dataclass(slots=True)
class Held:
    """A claimed lookup."""

    id: str
    calls_left: int
    is_paid: bool


class Queue(Protocol):
    """A queue for the simulation; instants are seconds since its start."""

    async def enqueue(self, entries: Sequence[Entry], now: float) -> list[str]:
        """Add lookups; return their ids."""

    async def claim(self, now: float) -> Held | float | None:
        """Claim the next lookup; else return when to try again (seconds), None if unknown."""

    async def take(self, now: float) -> float:
        """Reserve a call for a started lookup; return 0, or the seconds to wait if none is free."""

    async def hold_off(self, now: float, seconds: float) -> None:
        """Pause all calls for some seconds."""

    async def answered(self, held: Held) -> None:
        """Store how many calls the lookup still needs."""

    async def reschedule(self, held: Held, due_at: float) -> None:
        """Schedule another attempt of the lookup at `due_at`."""

    async def finish(self, held: Held, now: float) -> None:
        """End a lookup."""

    async def promote(self, now: float) -> None:
        """Make lookups ready whose scheduled attempt is due."""


class ModelQueue:
    """A queue in memory."""

    def __init__(self, allowance: Allowance) -> None:
        self._allowance = allowance
        self._free_at = 0
        self._ready: dict[Urgency, list[tuple[int, str]]] = {urgency: [] for urgency in Urgency}
        self._next_turn = dict.fromkeys(Urgency, 0)
        self._last_place = dict.fromkeys(Urgency, 0)
        self._waiting_place: dict[tuple[Urgency, str | None], int] = defaultdict(int)
        self._jobs: dict[str, tuple[Urgency, int]] = {}
        self._calls_left: dict[str, int] = {}
        self._due: list[tuple[float, str]] = []

    async def enqueue(self, entries: Sequence[Entry], now: float) -> list[str]:  # noqa: ARG002  # the protocol's signature
        """Add lookups, each with its place in the queue; return their ids."""
        ids = []
        for entry in entries:
            line = entry.urgency, entry.reseller
            place = max(self._last_place[entry.urgency], self._waiting_place[line]) + 1
            self._waiting_place[line] = place
            job_id = f"{len(self._jobs):07}"
            self._jobs[job_id], self._calls_left[job_id] = (entry.urgency, place), ALL_CALLS
            heapq.heappush(self._ready[entry.urgency], (place, job_id))
            ids.append(job_id)
        return ids

    async def claim(self, now: float) -> Held | float | None:
        """Claim by the same rules as the SQL statements."""
        heads = [
            FirstJob(urgency, self._next_turn[urgency], line[0][1], *self._of(line[0]))
            for urgency, line in self._ready.items()
            if line
        ]
        current = current_virtual_time(list(self._next_turn.items()))
        head = next_job(heads, current)
        if head is None:
            return None
        caller = caller_of(head, heads)
        if caller is not None and not self._admits(caller, now):
            return (self._free_at - self._allowance.ahead_us(caller)) / 1e6
        heapq.heappop(self._ready[head.urgency])
        self._next_turn[head.urgency] = virtual_time_after(head, current)
        self._last_place[head.urgency] = max(self._last_place[head.urgency], head.place)
        return Held(head.job_id, head.calls_left or 0, caller is not None)

    async def take(self, now: float) -> float:
        """Reserve a call for a started lookup; return 0, or the seconds to wait if none is free."""
        if self._admits(Caller.STARTED, now):
            return 0.0
        return (self._free_at - self._allowance.ahead_us(Caller.STARTED)) / 1e6 - now

    async def hold_off(self, now: float, seconds: float) -> None:
        """Pause all calls for some seconds; no burst is allowed after the pause."""
        held = int((now + seconds) * 1e6) + self._allowance.ahead_us(Caller.STARTED)
        self._free_at = max(self._free_at, held)

    async def answered(self, held: Held) -> None:
        """Store how many calls the lookup still needs."""
        self._calls_left[held.id] = held.calls_left

    async def reschedule(self, held: Held, due_at: float) -> None:
        """Schedule another attempt at the same place."""
        heapq.heappush(self._due, (due_at, held.id))

    async def finish(self, held: Held, now: float) -> None:
        """Do nothing: ended lookups are not stored."""

    async def promote(self, now: float) -> None:
        """Make lookups ready whose scheduled attempt is due."""
        while self._due and self._due[0][0] <= now:
            _, job_id = heapq.heappop(self._due)
            urgency, place = self._jobs[job_id]
            heapq.heappush(self._ready[urgency], (place, job_id))

    def _of(self, ready: tuple[int, str]) -> tuple[int, int]:
        return ready[0], self._calls_left[ready[1]]

    def _admits(self, caller: Caller, now: float) -> bool:
        now_us = int(now * 1e6)
        if self._free_at > now_us + self._allowance.ahead_us(caller):
            return False
        self._free_at = max(self._free_at, now_us) + self._allowance.interval_us
        return True


@dataclass(frozen=True, slots=True)
class Load:
    """The workers, faults and new lookups of a simulation."""

    seconds: float
    workers: int = 4
    slots: int = 4
    latency_s: tuple[float, float] = (0.05, 0.8)
    fault_rate: float = 0.0
    too_many_rate: float = 0.0
    kill_every_s: float | None = None
    save_every_s: float | None = None
    short_share: float = 0.18
    """The share of lookups that end after one call, for example without filed accounts."""


@dataclass(slots=True)
class Outcome:
    """The results of a simulation; instants in seconds since its start."""

    arrivals: list[float] = field(default_factory=list)
    answered: int = 0
    ended: dict[str, float] = field(default_factory=dict)
    calls_of_ended: int = 0
    saves: dict[str, float] = field(default_factory=dict)
    most_open: int = 0

    def worst_window(self, window_s: float) -> int:
        """Return the most calls that reached the register within any window of this length."""
        times, first, most = sorted(self.arrivals), 0, 0
        for last, at in enumerate(times):
            while times[first] <= at - window_s:
                first += 1
            most = max(most, last - first + 1)
        return most

    def save_waits(self) -> list[float]:
        """Return the seconds from each save to its result, sorted."""
        return sorted(self.ended[one] - at for one, at in self.saves.items() if one in self.ended)


class Simulation:
    """Simulates a load on a queue."""

    def __init__(self, queue: Queue, load: Load, seed: int = 1) -> None:
        self.outcome = Outcome()
        self._queue = queue
        self._load = load
        self._random = random.Random(seed)  # noqa: S311  # no secret
        self._events: list[tuple[float, int, Callable[[], object]]] = []
        self._count = 0
        self._now = 0.0
        self._running: list[dict[str, Held]] = [{} for _ in range(load.workers)]
        self._life = [0] * load.workers
        self._wakes = [inf] * load.workers
        self._used: dict[str, int] = defaultdict(int)
        self._open: set[str] = set()

    async def run(self) -> Outcome:
        """Run the simulation to its end."""
        load = self._load
        if load.kill_every_s:
            for worker in range(load.workers):
                self._at(self._random.expovariate(1 / load.kill_every_s), self._kill, worker)
        if load.save_every_s:
            self._at(load.save_every_s, self._save)
        self._wake_all()
        while self._events and self._events[0][0] <= load.seconds:
            self._now, _, act = heapq.heappop(self._events)
            await act()  # type: ignore[misc]  # each is a coroutine function
        return self.outcome

    def _at(self, instant: float, act: Callable[..., object], *arguments: object) -> None:
        self._count += 1
        heapq.heappush(self._events, (instant, self._count, lambda: act(*arguments)))

    def _wake(self, worker: int, instant: float) -> None:
        if self._wakes[worker] <= instant:
            return  # The worker is already due to wake earlier.
        self._wakes[worker] = instant
        self._at(instant, self._work, worker)

    def _wake_all(self) -> None:
        for worker in range(self._load.workers):
            self._wake(worker, self._now + self._random.uniform(0.001, 0.01))

    async def _work(self, worker: int) -> None:
        if self._wakes[worker] <= self._now:
            self._wakes[worker] = inf
        while len(self._running[worker]) < self._load.slots:
            found = await self._queue.claim(self._now)
            if not isinstance(found, Held):
                if found is not None:
                    late = self._random.uniform(0.001, 0.015)
                    self._wake(worker, max(found, self._now) + late)
                return
            self._running[worker][found.id] = found
            self._open.add(found.id)
            self.outcome.most_open = max(self.outcome.most_open, len(self._open))
            await self._next_call(worker, self._life[worker], found)

    async def _next_call(self, worker: int, life: int, held: Held) -> None:
        if life != self._life[worker]:
            return
        if not held.is_paid:
            wait = await self._queue.take(self._now)
            if wait > PATIENCE_S:
                await self._leave(worker, held, self._now)
                return
            if wait > 0:
                late = self._random.uniform(0.001, 0.01)
                self._at(self._now + wait + late, self._next_call, worker, life, held)
                return
        held.is_paid = False
        self.outcome.arrivals.append(self._now + self._random.uniform(0.002, 0.1))
        self._used[held.id] += 1
        took = self._random.uniform(*self._load.latency_s)
        self._at(self._now + took, self._answer, worker, life, held)

    async def _answer(self, worker: int, life: int, held: Held) -> None:
        if life != self._life[worker]:
            return
        draw = self._random.random()
        if draw < self._load.too_many_rate:
            await self._queue.hold_off(self._now, 20.0)
            await self._leave(worker, held, self._now + 20.0)
        elif draw < self._load.too_many_rate + self._load.fault_rate:
            await self._leave(worker, held, self._now + self._random.uniform(5.0, 20.0))
        else:
            self.outcome.answered += 1
            held.calls_left = 0 if self._is_short(held) else held.calls_left - 1
            if held.calls_left:
                await self._queue.answered(held)
                await self._next_call(worker, life, held)
                return
            await self._queue.finish(held, self._now)
            self.outcome.ended[held.id] = self._now
            self.outcome.calls_of_ended += self._used[held.id]
            self._free(worker, held)

    def _is_short(self, held: Held) -> bool:
        """Return whether a lookup ends after its first call."""
        return crc32(held.id.encode()) % 1_000 < self._load.short_share * 1_000

    async def _leave(self, worker: int, held: Held, due_at: float) -> None:
        await self._queue.reschedule(held, due_at)
        self._at(due_at, self._due)
        self._free(worker, held)

    async def _due(self) -> None:
        await self._queue.promote(self._now)
        self._wake_all()

    def _free(self, worker: int, held: Held) -> None:
        del self._running[worker][held.id]
        self._open.discard(held.id)
        self._wake(worker, self._now)

    async def _kill(self, worker: int) -> None:
        """Kill and restart a worker: its leases expire."""
        self._life[worker] += 1
        for held in list(self._running[worker].values()):
            await self._leave(worker, held, self._now + self._random.uniform(10.0, LEASE_S))
        every = self._load.kill_every_s or 1.0
        self._at(self._now + self._random.expovariate(1 / every), self._kill, worker)

    async def _save(self) -> None:
        (saved,) = await self._queue.enqueue([Entry(Urgency.SAVED, None)], self._now)
        self.outcome.saves[saved] = self._now
        self._wake_all()
        self._at(self._now + (self._load.save_every_s or 1.0), self._save)


class SqlQueue:
    """The queue in a database, with production statements."""

    def __init__(self, database: Database, allowance: Allowance, start: datetime) -> None:
        self._database = database
        self._quota = CallQuota("companies-house:simulated", allowance)
        self._start = start
        self._claims: dict[str, Claim] = {}
        self._added = 0

    async def enqueue(self, entries: Sequence[Entry], now: float) -> list[str]:
        """Add lookups as a save does."""
        jobs = [
            NewJob(ENRICH, f"{self._added + n}", {}, one.urgency, one.reseller, calls=ALL_CALLS)
            for n, one in enumerate(entries)
        ]
        self._added += len(entries)
        await self._database.transaction(lambda: enqueue(jobs, self._time(now)))
        keys = [job.live_key for job in jobs]
        ids = {job.live_key: job.id for job in await Job.filter(live_key__in=keys)}
        return [ids[key] for key in keys]

    async def claim(self, now: float) -> Held | float | None:
        """Claim as a worker does."""
        lease = timedelta(seconds=LEASE_S)
        found = await claim(self._database, ENRICH, self._quota, lease, self._time(now))
        if isinstance(found, NothingClaimed):
            return None if found.at is None else (found.at - self._start).total_seconds()
        self._claims[found.id] = found
        return Held(found.id, found.calls_left or 0, found.is_paid)

    async def take(self, now: float) -> float:
        """Reserve a call for a started lookup; return 0, or the seconds to wait if none is free."""
        if await take_call(self._quota, Caller.STARTED, self._time(now)) is not None:
            return 0.0
        row = await RateLimit.get(key=self._quota.key)
        ahead = self._quota.allowance.ahead_us(Caller.STARTED)
        wait: int = row.free_at - ahead - microseconds(self._time(now))
        return wait / 1e6

    async def hold_off(self, now: float, seconds: float) -> None:
        """Pause all calls for some seconds."""
        budget = SharedBudget("simulated", lambda: self._time(now), self._quota.allowance)
        budget.quota = self._quota
        await budget.hold_off(seconds)

    async def answered(self, held: Held) -> None:
        """Store how many calls the lookup still needs."""
        await note_calls_left(self._claims[held.id], held.calls_left)

    async def reschedule(self, held: Held, due_at: float) -> None:
        """Schedule another attempt."""
        await reschedule(self._claims[held.id], self._time(due_at))

    async def finish(self, held: Held, now: float) -> None:
        """End a lookup."""
        await finish(self._claims[held.id], JobState.DONE, self._time(now))

    async def promote(self, now: float) -> None:
        """Make lookups ready whose scheduled attempt is due."""
        await self._database.transaction(lambda: promote(self._time(now)))

    def _time(self, now: float) -> datetime:
        return self._start + timedelta(seconds=now)
