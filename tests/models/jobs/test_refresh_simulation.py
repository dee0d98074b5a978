"""Simulates a year of refreshes: when companies are looked up again, and who waits for it.

Due dates, starts and the queue follow the rules of production on a virtual clock.
"""

import heapq
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import pytest

from models.changes.refresh import most_waiting
from models.rules.allowance import Allowance
from models.rules.enrichment_status import EnrichmentStatus
from models.rules.refresh import (
    OVERDUE,
    REFRESH_SHARE,
    SPREAD,
    START_EVERY,
    RefreshPolicy,
    next_refresh,
)
from models.rules.urgency import Urgency
from tests.clock import START
from tests.queue_simulation import Entry, Held, Load, ModelQueue, Simulation

POLICY = RefreshPolicy()
COMPANIES = 2_000
DAY_S = 86_400.0
YEAR_S = 385 * DAY_S
"""A year, and the days in which its last accounts are found."""

YEAR_ENDS = ((12, 31), (12, 31), (3, 31), (3, 31), (9, 30), (6, 30), (4, 5))
"""Year ends bunch, and with them the days on which accounts fall due, nine months later."""


@dataclass(slots=True)
class Filer:
    """A company that files its accounts on the day on which they fall due, or some days later."""

    number: str
    accounts_due_on: date
    late_days: int
    changed_at: datetime
    """When the profile changed last."""
    looked_at: datetime = START
    due_at: datetime = START

    @property
    def filed_at(self) -> datetime:
        """When the next accounts are filed."""
        filed_on = self.accounts_due_on + timedelta(days=self.late_days)
        return datetime.combine(filed_on, time(15), START.tzinfo)


class RefreshQueue(ModelQueue):
    """A queue to which refreshes are added as they fall due."""

    def __init__(self, allowance: Allowance, filers: list[Filer]) -> None:
        super().__init__(allowance)
        self.most = most_waiting(allowance)
        self.unfinished: dict[str, Filer] = {}
        self.lateness_s: list[float] = []
        """Seconds from when each refresh was due until it ended."""
        self.found_after: list[tuple[int, timedelta]] = []
        """How many days late accounts were filed, and the time until they were found.

        That time begins when they are both due and filed.
        """
        self.to_come: list[tuple[datetime, str, Filer]] = []
        for filer in filers:
            self._plan(filer, START)

    async def start(self, now: float) -> int:
        """Start refreshes as `start_refreshes` does; return how many."""
        instant, started = START + timedelta(seconds=now), 0
        while len(self.unfinished) < self.most and self.to_come and self.to_come[0][0] <= instant:
            _, _, filer = heapq.heappop(self.to_come)
            (job_id,) = await self.enqueue([Entry(Urgency.REFRESH, None)], now)
            self.unfinished[job_id] = filer
            started += 1
        return started

    def is_unchanged(self, job_id: str, now: float) -> bool:
        """Return whether a refresh finds the profile as it was at the last look."""
        filer, instant = self.unfinished[job_id], START + timedelta(seconds=now)
        return max(self._changes(filer, instant), default=START) <= filer.looked_at

    async def finish(self, held: Held, now: float) -> None:
        """Plan the next refresh of the company that was looked up."""
        filer = self.unfinished.pop(held.id, None)
        if filer is None:
            return  # a save
        instant = START + timedelta(seconds=now)
        self.lateness_s.append((instant - filer.due_at).total_seconds())
        if filer.filed_at <= instant:
            due = datetime.combine(filer.accounts_due_on, time(), START.tzinfo)
            self.found_after.append((filer.late_days, instant - max(due, filer.filed_at)))
            filer.changed_at = filer.filed_at
            filer.accounts_due_on = filer.accounts_due_on.replace(
                year=filer.accounts_due_on.year + 1
            )
        self._plan(filer, instant)

    def _changes(self, filer: Filer, now: datetime) -> list[datetime]:
        return [at for at in (filer.changed_at, filer.filed_at) if at <= now]

    def _plan(self, filer: Filer, looked_at: datetime) -> None:
        details = {"accounts_next_due_on": filer.accounts_due_on.isoformat()}
        filer.looked_at = looked_at
        filer.due_at = next_refresh(
            filer.number, looked_at, EnrichmentStatus.SUCCEEDED, details, POLICY
        )
        heapq.heappush(self.to_come, (filer.due_at, filer.number, filer))


class Year(Simulation):
    """A simulation to which a timer adds refreshes."""

    def __init__(self, queue: RefreshQueue, load: Load) -> None:
        super().__init__(queue, load)
        self._refreshes = queue
        self._at(START_EVERY.total_seconds(), self._tick)

    async def _tick(self) -> None:
        if await self._refreshes.start(self._now):
            self._wake_all()
        self._at(self._now + START_EVERY.total_seconds(), self._tick)

    def _is_short(self, held: Held) -> bool:
        if held.id not in self._refreshes.unfinished:
            return super()._is_short(held)
        return self._refreshes.is_unchanged(held.id, self._now)


def filers() -> list[Filer]:
    """Return companies that were all looked up for the first time at the start."""
    made = []
    for index in range(COMPANIES):
        month, day = YEAR_ENDS[index % len(YEAR_ENDS)]
        due_on = date(2026, month, 28) + timedelta(days=day - 28 + 273)
        late = (0, 0, 0, 4, 12)[index % 5]
        made.append(Filer(f"{index:08}", due_on - timedelta(days=365), late, START))
        while made[-1].filed_at <= START:
            made[-1].accounts_due_on = made[-1].accounts_due_on.replace(
                year=made[-1].accounts_due_on.year + 1
            )
    return made


def quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


@pytest.mark.parametrize(("limit", "latest_s"), [(600, 120.0), (20, 600.0)])
async def test_a_year_of_refreshes(limit: int, latest_s: float) -> None:
    allowance = Allowance(limit=limit)
    queue = RefreshQueue(allowance, filers())
    load = Load(YEAR_S, workers=1, save_every_s=1_800)
    outcome = await Year(queue, load).run()

    # Everything in time: at the latest after the maximum age, and accounts soon after both the day
    # on which they were due and that on which they were filed.
    assert len(queue.lateness_s) >= 12 * COMPANIES
    assert max(queue.lateness_s) <= latest_s
    ends = START + timedelta(seconds=YEAR_S)
    overdue = [
        due_at for due_at, *_ in queue.to_come if due_at < ends - timedelta(seconds=latest_s)
    ]
    assert overdue == []
    assert len(queue.found_after) >= 0.95 * COMPANIES
    slack = timedelta(seconds=latest_s)
    punctual = [waited for late_days, waited in queue.found_after if late_days == 0]
    assert max(punctual) <= POLICY.grace + SPREAD + slack
    assert max(waited for _, waited in queue.found_after) <= OVERDUE[2] - OVERDUE[1] + slack

    # Within the budget, day by day, and without bursts.
    saved = len(outcome.saves)
    by_day = Counter(int(at // DAY_S) for at in outcome.arrivals)
    most_a_day = allowance.limit * (DAY_S / allowance.window.total_seconds())
    of_saves = 48 * 4
    assert max(by_day.values()) <= REFRESH_SHARE * most_a_day + of_saves
    calls_each = (len(outcome.arrivals) - 3.5 * saved) / len(queue.lateness_s)
    assert 1.0 <= calls_each <= 1.35
    window_s = allowance.window.total_seconds()
    assert outcome.worst_window(window_s) <= allowance.limit
    if limit == 600:
        assert outcome.worst_window(window_s) <= 20  # of the 300 that refreshes may use
        assert max(by_day.values()) <= 700  # the first load comes back over six days

    # A save never waits behind refreshes.
    waits = outcome.save_waits()
    assert len(waits) >= saved - 1
    calm = await Simulation(ModelQueue(allowance), load).run()
    assert quantile(waits, 0.99) <= quantile(calm.save_waits(), 0.99) + allowance.interval_us / 1e6
