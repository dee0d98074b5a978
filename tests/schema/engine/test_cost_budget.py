"""Processes spend points of a shared budget, which they reserve in portions."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from models import RateLimit
from models.storage.database import Database
from models.storage.point_budget import PointAllowance, microseconds, reset_points
from models.tables.access import Principal
from schema.base.errors import RequestRefused
from schema.engine.cost_budget import MAX_ACCOUNTS, Account, CostBudget
from tests.clock import Clock
from tests.graphql_client import counted_statements

ROOT = Path(__file__).resolve().parents[3]
ALLOWANCE = PointAllowance(1000, timedelta(seconds=100))
PORTION = 50
ANN = Principal("tok_ann", "Ann", frozenset())
BOB = Principal("tok_bob", "Bob", frozenset())

pytestmark = pytest.mark.usefixtures("database")


class Spender:
    """A simulated process that spends points, with its own clock."""

    def __init__(self, clock: Clock) -> None:
        self.budget = CostBudget(ALLOWANCE)
        self._clock = clock

    @property
    def now(self) -> int:
        """The current time in microseconds."""
        return microseconds(self._clock())

    async def spend(self, points: int, principal: Principal = ANN) -> None:
        """Spend as a request does."""
        account = self.account(principal)
        if not self.budget.spend_held(account, points, self.now):
            await self.budget.spend(account, points, self.now)

    async def may_spend(self, points: int, principal: Principal = ANN) -> bool:
        """Spend points; return whether the budget allowed it."""
        try:
            await self.spend(points, principal)
        except RequestRefused:
            return False
        return True

    def account(self, principal: Principal = ANN) -> Account:
        """Return the account of a credential."""
        return self.budget.account(principal)

    @property
    def remaining(self) -> int:
        """The points that Ann has left."""
        return self.budget.state(self.account(), self.now)[0]


async def test_most_requests_are_paid_from_memory(clock: Clock) -> None:
    process = Spender(clock)
    assert process.budget.portion == PORTION
    assert await process.may_spend(1, BOB)  # the first statement connects
    with counted_statements() as counted:
        for _ in range(PORTION):
            assert await process.may_spend(1)
    assert len(counted) == 1
    assert process.remaining == 950


async def test_what_was_not_needed_comes_back(clock: Clock) -> None:
    process = Spender(clock)
    account = process.account()
    await process.spend(40)
    process.budget.charge(account, 3 - 40)
    assert (account.held, process.remaining) == (47, 997)


async def test_more_than_a_portion_is_given_back_to_all(clock: Clock) -> None:
    """So that a process never holds much more than a portion, and no points are lost."""
    process, other = Spender(clock), Spender(clock)
    account = process.account()
    await process.spend(600)
    process.budget.charge(account, 1 - 600)
    assert (account.held, process.remaining) == (599, 999)
    await process.budget.return_surplus(account, process.now)
    assert (account.held, process.remaining) == (50, 999)
    row = await RateLimit.get(key="cost:tok_ann")
    assert row.free_at == process.now + 5_100_000
    assert await other.may_spend(949)
    assert not await other.may_spend(1)


async def test_what_is_given_back_after_a_window_is_not_there_twice(clock: Clock) -> None:
    process, other = Spender(clock), Spender(clock)
    await process.spend(600)
    process.budget.charge(process.account(), -600)
    clock.advance(timedelta(seconds=100))
    assert await other.may_spend(700)
    await process.budget.return_surplus(process.account(), process.now)
    assert process.account().held == 50
    assert not await other.may_spend(301)
    assert await other.may_spend(300)


async def test_many_who_give_back_at_once_give_it_once(clock: Clock) -> None:
    process = Spender(clock)
    account = process.account()
    await process.spend(900)
    process.budget.charge(account, -900)
    await asyncio.gather(*(process.budget.return_surplus(account, process.now) for _ in range(5)))
    assert (await RateLimit.get(key="cost:tok_ann")).free_at == process.now + 5_000_000


async def test_what_is_left_never_exceeds_the_budget(clock: Clock) -> None:
    process = Spender(clock)
    await process.spend(1)
    assert process.remaining == 999
    clock.advance(
        timedelta(seconds=60)
    )  # the row was refilled with the portion that the process still holds
    for _ in range(3):
        assert process.budget.state(process.account(), process.now) == (1000, 0)
        assert process.account().reset_at(process.now) == "2026-10-01T09:31:00+00:00"
        await process.spend(1)


async def test_what_came_to_more_is_paid_next_time_and_told_to_others(clock: Clock) -> None:
    process, other = Spender(clock), Spender(clock)
    await process.spend(10)
    process.budget.charge(process.account(), 500)
    assert (process.account().held, process.remaining) == (-460, 490)
    assert await process.may_spend(490)
    assert not await process.may_spend(1)
    assert not await other.may_spend(1)


async def test_any_debt_is_worked_off_within_a_window(clock: Clock) -> None:
    """Even a debt that exceeds the whole budget."""
    process = Spender(clock)
    await process.spend(10)
    process.budget.charge(process.account(), 5000)
    assert not await process.may_spend(1)
    clock.advance(timedelta(seconds=1))
    assert not await process.may_spend(11)
    assert await process.may_spend(10)


async def test_all_of_the_budget_can_be_spent_and_not_a_point_more(clock: Clock) -> None:
    process = Spender(clock)
    assert [await process.may_spend(7) for _ in range(143)] == [True] * 142 + [False]
    assert await process.may_spend(6)
    assert not await process.may_spend(1)
    assert await process.may_spend(1000, BOB)
    clock.advance(timedelta(seconds=1))
    assert await process.may_spend(10)
    assert not await process.may_spend(1)


async def test_a_refusal_says_when_there_is_enough_again(clock: Clock) -> None:
    process = Spender(clock)
    assert await process.may_spend(1000)
    with pytest.raises(RequestRefused) as refused:
        await process.spend(25)
    assert refused.value.extensions == {
        "code": "RATE_LIMITED",
        "retryable": True,
        "retryAfterSeconds": 3,
        "limit": 1000,
        "remaining": 0,
        "resetAt": "2026-10-01T09:31:40+00:00",
    }
    clock.advance(timedelta(seconds=3))
    assert await process.may_spend(25)


async def test_who_keeps_asking_in_vain_does_not_reach_the_database(clock: Clock) -> None:
    process = Spender(clock)
    assert await process.may_spend(1000)
    with counted_statements() as counted:
        for _ in range(100):
            assert not await process.may_spend(1)
    assert len(counted) == 0


async def test_many_at_once_take_one_portion(clock: Clock) -> None:
    process = Spender(clock)
    assert all(await asyncio.gather(*(process.may_spend(1) for _ in range(PORTION))))
    assert process.remaining == 950
    assert (await RateLimit.get(key="cost:tok_ann")).free_at == int(
        clock().timestamp() * 1_000_000
    ) + 5_000_000


async def test_a_portion_that_was_not_spent_is_not_kept_for_ever(clock: Clock) -> None:
    process = Spender(clock)
    assert await process.may_spend(1)
    clock.advance(timedelta(seconds=100))
    assert await process.may_spend(1)
    assert process.remaining == 999


@pytest.mark.parametrize("processes", [2, 5])
async def test_processes_together_overspend_a_portion_each_at_the_most(
    clock: Clock, processes: int
) -> None:
    """In a window they spend at most the refill, the initial balance, and their held portions."""
    random = Random(processes)  # noqa: S311  # no secret
    several = [Spender(clock) for _ in range(processes)]
    for process in several:  # each holds nearly a portion when the window begins
        assert await process.may_spend(1)
    clock.advance(timedelta(seconds=99))
    total = 0
    for _ in range(100 * processes):
        points = random.randint(1, 40)
        if await random.choice(several).may_spend(points):
            total += points
    for process in several:
        while await process.may_spend(1):
            total += 1
    assert 1000 <= total <= 1000 + processes * PORTION


async def test_more_tokens_give_no_more_to_spend(clock: Clock) -> None:
    """All tokens of a user share one budget, and so do a partner's tokens without a user."""
    process = Spender(clock)
    users = [Principal(f"tok_{n}", "", frozenset(), "cus_1", "usr_1") for n in range(2)]
    nobodys = [Principal(f"tok_{n}", "", frozenset(), "cus_1") for n in range(2, 4)]
    for first, second in (users, nobodys):
        assert await process.may_spend(1000, first)
        assert not await process.may_spend(1, second)
    assert await process.may_spend(1000)  # Ann has her own budget
    keys = [row.key for row in await RateLimit.all().order_by("key")]
    assert keys == ["cost:cus_1", "cost:tok_ann", "cost:usr_1"]


async def test_the_least_recently_used_account_without_a_debt_makes_room(clock: Clock) -> None:
    process = Spender(clock)
    for principal in (ANN, BOB):
        await process.spend(1, principal)
    process.budget.charge(process.account(ANN), 500)
    for number in range(MAX_ACCOUNTS - 2):
        process.account(Principal(f"tok_{number}", "", frozenset()))
    process.account(BOB)
    process.account(Principal("tok_new", "", frozenset()))
    assert {"tok_ann", "tok_bob", "tok_new"} <= set(process.budget._accounts)
    assert "tok_0" not in process.budget._accounts
    assert "tok_1" in process.budget._accounts


async def test_where_all_have_debts_the_longest_unused_makes_room(clock: Clock) -> None:
    process = Spender(clock)
    for number in range(MAX_ACCOUNTS):
        process.account(Principal(f"tok_{number}", "", frozenset())).held = -1
    process.account(ANN)
    assert len(process.budget._accounts) == MAX_ACCOUNTS
    assert "tok_0" not in process.budget._accounts


async def test_accounts_are_bounded_and_long_names_fit(clock: Clock) -> None:
    process = Spender(clock)
    for number in range(MAX_ACCOUNTS + 5):
        process.account(Principal(f"tok_{number}", "", frozenset()))
    assert len(process.budget._accounts) == MAX_ACCOUNTS
    long = Principal("x" * 500, "", frozenset())
    assert await process.may_spend(1, long)
    (key,) = await RateLimit.all().values_list("key", flat=True)
    assert len(str(key)) <= 80


async def test_a_process_with_a_wrong_clock_costs_others_nothing(clock: Clock) -> None:
    wrong, right = Spender(Clock(clock() + timedelta(hours=1))), Spender(clock)
    assert await wrong.may_spend(1)
    assert await right.may_spend(940)
    assert await wrong.may_spend(500)
    assert await right.may_spend(10)


async def test_a_process_whose_clock_was_set_back_is_not_locked_out(clock: Clock) -> None:
    """The times that it remembers are then in the future."""
    ahead = Clock(clock() + timedelta(hours=1))
    process = Spender(ahead)
    assert await process.may_spend(1000)
    assert not await process.may_spend(1)
    ahead.now = clock()
    assert await process.may_spend(1)
    assert 900 <= process.remaining < 1000


async def test_a_budget_that_was_reset_is_there_again_within_a_second(clock: Clock) -> None:
    process = Spender(clock)
    assert await process.may_spend(1000)
    assert not await process.may_spend(1)
    assert await reset_points(None) == 1
    assert not await process.may_spend(1)
    clock.advance(timedelta(seconds=1))
    assert await process.may_spend(900)


PROCESS = """
import asyncio, json, sys
from datetime import UTC, datetime, timedelta
from models.tables.access import Principal
from models.storage.database import Database
from models.storage.point_budget import PointAllowance, microseconds
from schema.engine.cost_budget import CostBudget
from schema.base.errors import RequestRefused

async def main():
    database = Database(sys.argv[1])
    await database.open()
    now = microseconds(datetime(2026, 10, 1, 9, 30, tzinfo=UTC))
    budget = CostBudget(PointAllowance(1000, timedelta(seconds=100)))
    account = budget.account(Principal("tok_ann", "Ann", frozenset()))
    spent = 0
    try:
        while True:
            await budget.spend(account, 3, now)
            spent += 3
    except RequestRefused:
        pass
    await database.close()
    print(json.dumps(spent))

asyncio.run(main())
"""


async def test_real_processes_share_one_budget(database: Database) -> None:
    """Each has its own database connection; the clock stands still, so nothing is refilled."""
    started = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", PROCESS, database.url, stdout=PIPE, cwd=ROOT
        )
        for _ in range(2)
    ]
    answers = [await process.communicate() for process in started]
    spent = [json.loads(out) for out, _ in answers]
    assert 1000 - 2 * 2 <= sum(spent) <= 1000
    assert all(process.returncode == 0 for process in started)
