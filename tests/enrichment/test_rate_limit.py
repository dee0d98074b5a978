"""The shared request budget, tested with a simulated clock."""

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
from models.rules.allowance import Caller
from models.storage.database import Database
from tests.clock import Clock

SECOND = timedelta(seconds=1)
NOW_OR_NEVER = timedelta(0)
SMALL = Allowance(limit=40, window=timedelta(seconds=60))


def budget_of(
    clock: Clock, key: str = "key", allowance: Allowance | None = SMALL, **waits: timedelta
) -> SharedBudget:
    return SharedBudget(key, clock, allowance, **{"patience": NOW_OR_NEVER, **waits})


async def taken(budget: SharedBudget, *, is_search: bool = False) -> int:
    """Take requests until none is left; return their number."""
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
    """Return the instants (µs) at which a caller may send who sends as early as the rule allows."""
    times, free_at, now = [], 0, 0
    while now < span_us:
        times.append(now)
        free_at = max(free_at, now) + allowance.interval_us
        now = max(now, free_at - allowance.ahead_us(Caller.STARTED))
    return times


@pytest.mark.parametrize(
    ("limit", "burst", "in_a_window"),
    [
        (600, 10.0, 585),  # 97.5 % of the register's limit
        (100, 2.5, 97),
        (60, 1.9, 58),
        (10, 1.15, 9),
        (2, 1.03, 1),
        (1, 1.0, 0),  # the smallest possible limit: slightly less than one
    ],
)
def test_a_burst_costs_little_of_the_steady_rate(
    limit: int, burst: float, in_a_window: int
) -> None:
    """R90: 1.5 % of the allowance may be sent at once, the rest evenly."""
    allowance = Allowance(limit=limit)
    assert allowance.burst == pytest.approx(burst)
    assert allowance.window // (allowance.interval_us * timedelta(microseconds=1)) == in_a_window


def test_who_asks_decides_how_much_of_the_burst_may_be_used() -> None:
    """R90: a started lookup 10 calls, a search 8, the first call of an urgent lookup 6, else 3."""
    allowance = Allowance()
    used = {caller: 1 + allowance.ahead_us(caller) / allowance.interval_us for caller in Caller}
    assert {caller: round(number, 3) for caller, number in used.items()} == {
        Caller.STARTED: 10,
        Caller.SEARCH: 8,
        Caller.URGENT: 6,
        Caller.OTHER: 3,
    }


@given(limit=st.integers(1, 800), window_s=st.integers(1, 600))
def test_no_window_holds_more_than_the_allowance(limit: int, window_s: int) -> None:
    """R90."""
    allowance = Allowance(limit, window_s * SECOND)
    window_us = window_s * 1_000_000
    times = greedy(allowance, 3 * window_us)
    most = most_in_any_window(times, window_us)
    assert most <= limit
    assert most >= limit * 0.97 - 1  # and the allowance is used


@given(
    limit=st.integers(1, 700),
    window_s=st.integers(1, 600),
    pauses=st.lists(st.floats(0, 2), max_size=30),
    lateness=st.lists(st.floats(0, 1), min_size=1, max_size=30),
)
def test_no_window_of_arrivals_holds_more_either(
    limit: int, window_s: int, pauses: list[float], lateness: list[float]
) -> None:
    """R90: after pauses of any length, and with calls that arrive late by up to the margin."""
    allowance = Allowance(limit, window_s * SECOND)
    window_us, ahead = window_s * 1_000_000, allowance.ahead_us(Caller.STARTED)
    margin = min(3_000_000, window_us // 100)
    sent, free_at, now = [], 0, 0
    for pause in [*pauses, 0.0]:
        now += int(pause * window_us)
        for _ in range(limit // 4 + 2):
            now = max(now, free_at - ahead)
            free_at = max(free_at, now) + allowance.interval_us
            sent.append(now)
    late = sorted(at + int(margin * lateness[n % len(lateness)]) for n, at in enumerate(sent))
    assert most_in_any_window(late, window_us) <= limit


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
    assert most_in_any_window(sent, 300_000_000) == 60


@pytest.mark.usefixtures("database")
async def test_several_tasks_share_one_budget(clock: Clock) -> None:
    """R90: each task has its own SharedBudget, like separate processes."""
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
    assert 38 <= most_in_any_window(sent, 60_000_000) <= SMALL.limit
    assert await RateLimit.all().count() == 1


@pytest.mark.usefixtures("database")
async def test_a_spent_budget_says_how_long_to_wait(clock: Clock) -> None:
    """R90."""
    budget = budget_of(clock)
    assert await taken(budget) == 1
    with pytest.raises(BudgetSpent) as spent:
        await budget.acquire()
    wait_us = SMALL.interval_us - SMALL.ahead_us(Caller.STARTED)
    assert spent.value.wait == wait_us / 1_000_000
    clock.advance(timedelta(microseconds=wait_us - 1))
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
    await taken(budget_of(clock))
    monkeypatch.setattr("enrichment.rate_limit.asyncio.sleep", sleep)
    await budget.acquire()
    assert slept == [(SMALL.interval_us - SMALL.ahead_us(Caller.STARTED)) / 1_000_000]


@pytest.mark.usefixtures("database")
async def test_who_is_always_beaten_to_it_gives_up(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R90: the longest wait is for all waits of a request together."""
    budget, faster = budget_of(clock, patience=4 * SECOND), budget_of(clock)
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock.advance(timedelta(seconds=seconds))
        await faster.acquire()

    await taken(faster)
    monkeypatch.setattr("enrichment.rate_limit.asyncio.sleep", sleep)
    with pytest.raises(BudgetSpent) as spent:
        await budget.acquire()
    assert len(slept) >= 2
    assert sum(slept) < 4 <= sum(slept) + spent.value.wait


@pytest.mark.parametrize(
    ("limit", "at_once", "searches"), [(600, 10, 8), (60, 1, 1), (40, 1, 1), (10, 1, 1), (1, 1, 1)]
)
@pytest.mark.usefixtures("database")
async def test_searches_leave_a_part_of_the_burst_to_lookups(
    clock: Clock, limit: int, at_once: int, searches: int
) -> None:
    """R90."""
    budget = budget_of(clock, allowance=Allowance(limit))
    assert await taken(budget, is_search=True) == searches
    assert await taken(budget) == at_once - searches


@pytest.mark.usefixtures("database")
async def test_a_flood_of_searches_takes_nothing_from_lookups(clock: Clock) -> None:
    """R83, R90: for ten minutes, two lookup requests each five seconds need not wait."""
    budget, searches = budget_of(clock, allowance=Allowance()), 0
    sent: list[int] = []
    start = clock()
    for tenth in range(6_000):
        found = await taken(budget, is_search=True)
        if tenth % 50 == 0:
            for _ in range(2):
                await budget.acquire()
            found += 2
        searches += found
        sent += [(clock() - start) // timedelta(microseconds=1)] * found
        clock.advance(SECOND / 10)
    assert searches > 500
    assert most_in_any_window(sent, 300_000_000) <= 600


@pytest.mark.usefixtures("database")
async def test_a_search_says_when_there_is_more_than_the_share_of_lookups(clock: Clock) -> None:
    """R90: and a refused request uses no call."""
    budget = budget_of(clock, allowance=Allowance())
    await taken(budget)
    before = await RateLimit.get()
    with pytest.raises(BudgetSpent) as spent:
        await budget.acquire(is_search=True)
    assert (await RateLimit.get()).free_at == before.free_at
    assert 2 * 0.51 < spent.value.wait < 3.1 * 0.52
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


async def pause(budget: SharedBudget, clock: Clock) -> float:
    """Return the length of the current pause in seconds, and advance the clock by it."""
    try:
        await budget.acquire()
    except BudgetSpent as spent:
        clock.advance(timedelta(seconds=spent.wait))
        return spent.wait
    return 0.0


@pytest.mark.usefixtures("database")
async def test_five_faults_in_a_row_pause_everybody_and_each_more_for_longer(
    clock: Clock,
) -> None:
    """R90: faults of all processes count; a register down for an hour is asked 70 times."""
    allowance = Allowance()
    one, other = budget_of(clock, allowance=allowance), budget_of(clock, allowance=allowance)
    for budget in (one, other, one, other):
        await budget.acquire()
        await budget.note_fault()
    assert await pause(other, clock) == 0
    await one.note_fault()
    await other.note_fault()  # the request was already on its way, so its fault does not count
    pauses = [await pause(other, clock)]
    for _ in range(5):
        await one.acquire()
        await one.note_fault()
        pauses.append(await pause(other, clock))
    assert [round(seconds) for seconds in pauses] == [5, 10, 20, 40, 60, 60]
    await other.acquire()
    await other.note_success()
    for _ in range(4):
        await one.note_fault()
    assert (await RateLimit.get()).faults == 4


@pytest.mark.usefixtures("database")
async def test_a_wrong_clock_closes_the_budget_for_nobody(clock: Clock) -> None:
    """R90: a process whose clock is an hour ahead takes a call, and others can still send."""
    ahead = Clock(clock() + timedelta(hours=1))
    await budget_of(ahead).acquire()
    waited, budget = 0.0, budget_of(clock)
    while waited < 10:
        wait = await pause(budget, clock)
        if not wait:
            break
        waited += wait
    assert waited <= 2 * SMALL.interval_us / 1_000_000


@pytest.mark.usefixtures("database")
async def test_an_operator_resets_the_budget(clock: Clock) -> None:
    """A pause ends at once; a refused key stays blocked, and no burst is allowed."""
    budget = budget_of(clock, allowance=Allowance())
    await budget.hold_off(300)
    for _ in range(9):
        await RateLimit.all().update(faults=7)
    await budget.reset()
    assert (await RateLimit.get()).faults == 0
    assert await pause(budget, clock) <= 0.52
    await budget.acquire()
    assert await taken(budget) == 0
    await budget.block("FORBIDDEN")
    await budget.reset()
    assert await budget.blocked_reason() == "FORBIDDEN"


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
    async with asyncio.timeout(60):
        await budget_of(clock, "last").acquire()
        assert await database.transaction(lambda: RateLimit.all().count()) > 0
