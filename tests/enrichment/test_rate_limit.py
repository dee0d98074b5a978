"""The shared request budget, by a simulated clock."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrichment.errors import BudgetSpent
from enrichment.rate_limit import Allowance, KeyBlocked, SharedBudget
from models import RateLimit
from models.database import Database
from tests.conftest import Clock

SECOND = timedelta(seconds=1)
NOW_OR_NEVER = timedelta(0)
SMALL = Allowance(limit=40, window=timedelta(seconds=60))


def budget_of(
    clock: Clock, key: str = "key", allowance: Allowance | None = SMALL, **waits: timedelta
) -> SharedBudget:
    return SharedBudget(key, clock, allowance, **{"patience": NOW_OR_NEVER, **waits})


async def taken(budget: SharedBudget, *, is_search: bool = False) -> int:
    """Take requests until there are no more, and give how many they were."""
    number = 0
    with suppress(BudgetSpent):
        while True:
            await budget.acquire(is_search=is_search)
            number += 1
    return number


def most_in_any_window(times_us: Sequence[int], window_us: int) -> int:
    most = first = 0
    for last, at in enumerate(times_us):
        while times_us[first] <= at - window_us:
            first += 1
        most = max(most, last - first + 1)
    return most


def greedy(allowance: Allowance, span_us: int) -> list[int]:
    """Give the instants at which somebody who never waits in vain may send, by the same rule."""
    times, free_at, now = [], 0, 0
    while now < span_us:
        times.append(now)
        free_at = max(free_at, now) + allowance.interval_us
        now = max(now, free_at - allowance.tolerance_us)
    return times


@pytest.mark.parametrize(
    ("limit", "usable", "burst"),
    [
        (600, 570, 57),  # the register's
        (100, 95, 9),
        (10, 9, 1),
        (2, 1, 1),
        (1, 1, 1),  # the smallest that can be
    ],
)
def test_an_allowance_leaves_headroom(limit: int, usable: int, burst: int) -> None:
    """R90."""
    allowance = Allowance(limit=limit)
    assert (allowance.usable, allowance.burst) == (usable, burst)


@given(limit=st.integers(1, 800), window_s=st.integers(1, 600))
def test_no_window_holds_more_than_the_allowance(limit: int, window_s: int) -> None:
    """R90."""
    allowance = Allowance(limit, window_s * SECOND)
    window_us = window_s * 1_000_000
    times = greedy(allowance, 3 * window_us)
    most = most_in_any_window(times, window_us)
    assert most <= allowance.usable <= max(limit, 1)
    assert most >= allowance.usable * 0.9 - 1  # and it is made use of


@pytest.mark.usefixtures("database")
async def test_the_budget_keeps_to_its_allowance_and_makes_use_of_it(clock: Clock) -> None:
    """R90: 600 in 5 minutes, at a tenth of the scale."""
    allowance = Allowance(60, timedelta(minutes=5))
    budget = budget_of(clock, allowance=allowance)
    sent, start = [], clock()
    while clock() - start < timedelta(minutes=11):
        try:
            await budget.acquire()
            sent.append((clock() - start) // timedelta(microseconds=1))
        except BudgetSpent as spent:
            clock.advance(timedelta(seconds=spent.wait))
    assert sent == greedy(allowance, 660_000_000)
    assert most_in_any_window(sent, 300_000_000) == 56
    assert allowance.usable == 57


@pytest.mark.usefixtures("database")
async def test_several_tasks_share_one_budget(clock: Clock) -> None:
    """R90: each has a SharedBudget of its own, as processes have."""
    budgets = [budget_of(clock) for _ in range(4)]
    sent: list[int] = []
    start = clock()

    async def send(budget: SharedBudget) -> float:
        try:
            await budget.acquire()
        except BudgetSpent as spent:
            return spent.wait
        sent.append((clock() - start) // timedelta(microseconds=1))
        return 0.0

    while clock() - start < timedelta(seconds=90):
        waits = await asyncio.gather(*(send(budget) for budget in budgets))
        if all(waits):
            clock.advance(timedelta(seconds=min(waits)))
    assert sent == sorted(sent)
    assert 30 <= most_in_any_window(sent, 60_000_000) <= SMALL.usable
    assert await RateLimit.all().count() == 1


@pytest.mark.usefixtures("database")
async def test_a_spent_budget_says_how_long_to_wait(clock: Clock) -> None:
    """R90."""
    budget = budget_of(clock)
    for _ in range(SMALL.burst):
        await budget.acquire()
    with pytest.raises(BudgetSpent) as spent:
        await budget.acquire()
    assert spent.value.wait == SMALL.interval_us / 1_000_000
    clock.advance(timedelta(microseconds=SMALL.interval_us - 1))
    with pytest.raises(BudgetSpent):
        await budget.acquire()
    clock.advance(timedelta(microseconds=1))
    await budget.acquire()


@pytest.mark.usefixtures("database")
async def test_a_short_wait_is_waited_for(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """R90."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock.advance(timedelta(seconds=seconds))

    budget = budget_of(clock, patience=2 * SECOND)
    for _ in range(SMALL.burst):
        await budget.acquire()
    monkeypatch.setattr("enrichment.rate_limit.asyncio.sleep", sleep)
    await budget.acquire()
    assert slept == [SMALL.interval_us / 1_000_000]


@pytest.mark.usefixtures("database")
async def test_who_is_always_beaten_to_it_gives_up(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R90: patience is for all waits of a request together."""
    budget, faster = budget_of(clock, patience=4 * SECOND), budget_of(clock)
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock.advance(timedelta(seconds=seconds))
        await faster.acquire()

    for _ in range(SMALL.burst):
        await budget.acquire()
    monkeypatch.setattr("enrichment.rate_limit.asyncio.sleep", sleep)
    interval = SMALL.interval_us / 1_000_000
    with pytest.raises(BudgetSpent) as spent:
        await budget.acquire()
    assert (slept, spent.value.wait) == ([interval] * 2, interval)


@pytest.mark.parametrize(
    ("limit", "at_once", "searches"),
    [(600, 57, 28), (60, 5, 2), (40, 3, 1), (24, 2, 1), (10, 1, 1), (1, 1, 1)],
)
@pytest.mark.usefixtures("database")
async def test_searches_leave_lookups_half_of_what_may_go_out_at_once(
    clock: Clock, limit: int, at_once: int, searches: int
) -> None:
    """R90."""
    budget = budget_of(clock, allowance=Allowance(limit))
    assert await taken(budget, is_search=True) == searches
    assert await taken(budget) == at_once - searches


@pytest.mark.usefixtures("database")
async def test_a_flood_of_searches_takes_nothing_from_lookups(clock: Clock) -> None:
    """R83, R90: five requests each five seconds go through at once, for ten minutes."""
    budget, searches = budget_of(clock, allowance=Allowance()), 0
    sent: list[int] = []
    start = clock()
    for tenth in range(6_000):
        found = await taken(budget, is_search=True)
        if tenth % 50 == 0:
            for _ in range(5):
                await budget.acquire()
            found += 5
        searches += found
        sent += [(clock() - start) // timedelta(microseconds=1)] * found
        clock.advance(SECOND / 10)
    assert searches > 500
    assert most_in_any_window(sent, 300_000_000) <= 570


@pytest.mark.usefixtures("database")
async def test_a_search_says_when_there_is_more_than_the_share_of_lookups(clock: Clock) -> None:
    """R90: and what is refused takes nothing."""
    budget = budget_of(clock, allowance=Allowance())
    await taken(budget)
    before = await RateLimit.get()
    with pytest.raises(BudgetSpent) as spent:
        await budget.acquire(is_search=True)
    assert (await RateLimit.get()).free_at == before.free_at
    assert 29 * 0.58 < spent.value.wait < 30 * 0.6
    clock.advance(timedelta(seconds=spent.value.wait) - SECOND / 1000)
    with pytest.raises(BudgetSpent):
        await budget.acquire(is_search=True)
    clock.advance(SECOND / 1000)
    await budget.acquire(is_search=True)


@pytest.mark.usefixtures("database")
async def test_everybody_holds_off_for_as_long_as_was_asked(clock: Clock) -> None:
    """R90: Retry-After."""
    one, other = budget_of(clock), budget_of(clock)
    await one.hold_off(30)
    await one.hold_off(5)  # a shorter one does not end a longer one
    with pytest.raises(BudgetSpent) as spent:
        await other.acquire()
    assert spent.value.wait == 30
    clock.advance(30 * SECOND - timedelta(microseconds=1))
    with pytest.raises(BudgetSpent):
        await other.acquire()
    clock.advance(timedelta(microseconds=1))
    await other.acquire()
    with pytest.raises(BudgetSpent):  # no burst right after
        await other.acquire()


@pytest.mark.usefixtures("database")
async def test_a_refused_key_stops_everybody_until_an_operator_unblocks_it(clock: Clock) -> None:
    """R90: a 401 is not retried."""
    one, other = budget_of(clock), budget_of(clock, blocked_for=timedelta(minutes=5))
    assert await other.blocked_reason() is None
    await one.block("UNAUTHORISED")
    await one.block("FORBIDDEN")  # the first reason stays
    assert await other.blocked_reason() == "UNAUTHORISED"
    with pytest.raises(KeyBlocked) as blocked:
        await other.acquire()
    assert blocked.value.wait == 300
    clock.advance(timedelta(days=3))
    with pytest.raises(KeyBlocked):
        await other.acquire()
    await other.unblock()
    assert await one.blocked_reason() is None
    await one.acquire()


@pytest.mark.usefixtures("database")
async def test_another_key_is_another_budget(clock: Clock) -> None:
    """R90."""
    await budget_of(clock, "old").block("UNAUTHORISED")
    await budget_of(clock, "new").acquire()
    keys = await RateLimit.all().values_list("key", flat=True)
    assert len(set(keys)) == 2
    assert not any("old" in str(key) or "new" in str(key) for key in keys)


async def test_callers_who_hang_up_while_they_wait_do_no_harm(
    database: Database, clock: Clock
) -> None:
    for number in range(24):
        budget = budget_of(clock, f"key-{number}")
        caller = asyncio.create_task(budget.acquire())
        for _ in range(number):
            await asyncio.sleep(0)
        caller.cancel()
        await asyncio.gather(caller, return_exceptions=True)
    async with asyncio.timeout(10):
        await budget_of(clock, "last").acquire()
        assert await database.transaction(lambda: RateLimit.all().count()) > 0
