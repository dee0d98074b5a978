"""Reports the length of the queue of lookups, positions in the queue, and estimated times.

Partners see only the numbers of their own customers. Estimates depend on the lookups of all
resellers, so partners get them in coarser steps.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from models.jobs.heartbeat import is_any_alive
from models.jobs.job_pause import is_paused
from models.jobs.kinds import ENRICH
from models.lists.lookup_counts import (
    ARRIVALS,
    MAX_AHEAD,
    RECENT,
    LookupCounts,
    count_lookups,
    count_lookups_of,
    places_of,
)
from models.rules.allowance import Allowance, Caller
from models.rules.lookup_estimate import Backlog, measured_capacity, rounded, wait_for, wait_for_all
from models.rules.queue_order import ALL_CALLS
from models.rules.urgency import Urgency
from models.storage.database_clock import DatabaseClock
from models.storage.tenant_scope import bind_tenant, current_tenant, preserve_tenant_scope
from models.tables.rate_limit import CallQuota, RateLimit, microseconds

LONG_QUEUE = 1_000
CACHED_FOR_S = 5.0
"""Seconds for which counts are cached if more than LONG_QUEUE lookups wait."""


@dataclass(frozen=True, slots=True)
class QueuePosition:
    """The position of a waiting lookup in the queue, and when it is estimated to end.

    `ahead` is the number of lookups that start before it, counted up to MAX_AHEAD; `is_capped` says
    that there are more than that.
    """

    urgency: Urgency
    ahead: int
    is_capped: bool
    estimated_at: datetime | None


@dataclass(frozen=True, slots=True)
class AllowanceState:
    """How many register calls (requests to Companies House) can be made now.

    `pause` is the time until the next call is admitted. `blocked_at` is when Companies House
    refused the API key; None if it did not.
    """

    limit: int
    window: timedelta
    calls_left: int
    pause: timedelta = timedelta()
    blocked_at: datetime | None = None
    blocked_reason: str | None = None


@dataclass(frozen=True, slots=True)
class LookupBacklog:
    """The number of unfinished lookups, and when all of them are estimated to have ended.

    `allowance`, the state of the rate limit, is None for partners.
    """

    counts: LookupCounts
    estimated_end_at: datetime | None
    is_blocked: bool
    allowance: AllowanceState | None
    is_paused: bool = False
    """Whether an operator has paused lookups."""


@dataclass(frozen=True, slots=True)
class _Forecast:
    """Estimates when lookups end; partners get coarsely rounded times."""

    now: datetime
    counts: LookupCounts
    capacity_per_s: float | None
    pause: timedelta
    is_coarse: bool
    is_paused: bool

    def of(
        self,
        urgency: Urgency,
        place: int,
        ahead: float | None = None,
        due_at: datetime | None = None,
    ) -> datetime | None:
        """Return when a lookup is estimated to end; None without an estimate.

        `ahead` is the number of lookups before it in its urgency; if None, the number is estimated
        from `place`. The lookup does not start before `due_at`.
        """
        if self.capacity_per_s is None:
            return None
        if ahead is None:
            ahead = self.counts.ahead_of(urgency, place)
        wait = wait_for(ahead + 1, urgency, self._backlogs(), self.capacity_per_s)
        return self._after(wait, due_at)

    def end(self) -> datetime | None:
        """Return when all waiting lookups are estimated to have ended.

        None if no lookup waits, or no estimate can be made.
        """
        if self.capacity_per_s is None or not self.counts.waiting:
            return None
        return self._after(wait_for_all(self._backlogs(), self.capacity_per_s))

    def _after(self, wait: timedelta | None, due_at: datetime | None = None) -> datetime | None:
        """Return when a lookup ends that starts after `wait`, but not before `due_at`.

        None if `wait` or the rate of lookups is unknown.
        """
        if wait is None or not self.capacity_per_s:
            return None
        if due_at is not None:
            wait = max(wait, due_at - self.now)
        # Little's law: the time a lookup runs is the number running divided by the rate.
        running = timedelta(seconds=self.counts.running / self.capacity_per_s)
        return rounded(self.now, self.pause + wait + running, is_coarse=self.is_coarse)

    def _backlogs(self) -> dict[Urgency, Backlog]:
        counts, seconds = self.counts, ARRIVALS.total_seconds()
        return {
            one: Backlog(
                counts.waiting.get(one, 0), one.weight, counts.arrived.get(one, 0) / seconds
            )
            for one in Urgency
        }


@dataclass(slots=True)
class LookupMonitor:
    """Reports on the lookup queue and on the rate limit of register calls."""

    quota: CallQuota = field(default_factory=lambda: CallQuota("none", Allowance()))
    clock: Callable[[], datetime] = field(default_factory=DatabaseClock)
    """The clock of the workers and of the rate limit."""
    _counts: LookupCounts | None = None
    _counted_until: float = 0.0

    async def positions(self, customer_ids: Sequence[str]) -> Mapping[str, QueuePosition]:
        """Return the queue positions of the customers' waiting lookups, by customer id."""
        reseller_id = current_tenant()
        with preserve_tenant_scope():
            bind_tenant(None)
            places = await places_of(customer_ids, reseller_id) if customer_ids else []
            if not places:
                return {}
            forecast, _ = await self._forecast(is_coarse=reseller_id is not None)
        return {
            place.customer_id: QueuePosition(
                place.urgency,
                MAX_AHEAD if place.own_ahead is None else place.own_ahead,
                place.own_ahead is None,
                forecast.of(place.urgency, place.place, place.ahead, place.due_at),
            )
            for place in places
        }

    async def backlog(self) -> LookupBacklog:
        """Report on the unfinished lookups of the customers in the caller's tenant scope."""
        reseller_id = current_tenant()
        with preserve_tenant_scope():
            bind_tenant(None)
            forecast, allowance = await self._forecast(is_coarse=reseller_id is not None)
            is_blocked = allowance.blocked_at is not None
            if reseller_id is None:
                end_at = forecast.end()
                return LookupBacklog(
                    forecast.counts, end_at, is_blocked, allowance, forecast.is_paused
                )
            own, last_places = await count_lookups_of(reseller_id, forecast.now)
        ends = [forecast.of(urgency, place) for urgency, place in last_places.items()]
        known = [end for end in ends if end is not None]
        end_at = max(known, default=None) if len(known) == len(ends) else None
        return LookupBacklog(own, end_at, is_blocked, None, forecast.is_paused)

    async def _forecast(self, *, is_coarse: bool) -> tuple[_Forecast, AllowanceState]:
        now = self.clock()
        counts, allowance = await self._current_counts(now), await self.allowance(now)
        capacity, is_stopped = None, await is_paused(ENRICH)
        can_start = allowance.blocked_at is None and not is_stopped
        if counts.ended and can_start and await is_any_alive(now):
            since = max(counts.busy_since or now, now - RECENT)
            nominal = 1_000_000 / self.quota.allowance.interval_us / ALL_CALLS
            capacity = measured_capacity(counts.ended_while_busy, now - since, nominal)
        forecast = _Forecast(now, counts, capacity, allowance.pause, is_coarse, is_stopped)
        return forecast, allowance

    async def _current_counts(self, now: datetime) -> LookupCounts:
        if self._counts is not None and time.monotonic() < self._counted_until:
            return self._counts
        counts = await count_lookups(now)
        is_long = sum(counts.waiting.values()) > LONG_QUEUE
        self._counts = counts if is_long else None
        self._counted_until = time.monotonic() + CACHED_FOR_S
        return counts

    async def allowance(self, now: datetime) -> AllowanceState:
        """Return the state of the rate limit of register calls, by the monitor's clock."""
        allowance, now_us = self.quota.allowance, microseconds(now)
        row = await RateLimit.get_or_none(key=self.quota.key)
        free_at = now_us if row is None else max(row.free_at, now_us)
        room_us = now_us + allowance.ahead_us(Caller.STARTED) - free_at
        calls_left = room_us // allowance.interval_us + 1
        is_blocked = row is not None and row.blocked_at is not None
        return AllowanceState(
            allowance.limit,
            allowance.window,
            0 if is_blocked else max(calls_left, 0),
            timedelta(microseconds=max(-room_us, 0)),
            row.blocked_at if row else None,
            row.blocked_reason if row else None,
        )
