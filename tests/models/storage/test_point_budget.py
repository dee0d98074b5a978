"""The point budget that processes share: one row per budget, updated by one statement."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import RateLimit
from models.storage.database import Database
from models.storage.point_budget import (
    PointAllowance,
    give_back_points,
    microseconds,
    owe_points,
    reset_points,
    take_points,
)
from models.storage.tenant_scope import bind_tenant, current_tenant, preserve_tenant_scope
from tests.clock import Clock

SMALL = PointAllowance(100, timedelta(seconds=50))
KEY = "cost:tok_1"


@given(points=st.integers(1, 10**12), window_s=st.integers(1, 86_400), part=st.integers(0, 10**9))
def test_points_take_an_equal_share_of_the_window(points: int, window_s: int, part: int) -> None:
    allowance = PointAllowance(points, timedelta(seconds=window_s))
    assert allowance.time_us(points) == allowance.window_us
    assert 0 <= allowance.time_us(part) * points - part * allowance.window_us < points


@pytest.mark.usefixtures("database")
async def test_all_points_are_there_at_first_and_then_as_they_come_back(clock: Clock) -> None:
    now = microseconds(clock())
    assert await take_points(KEY, 60, SMALL, now) == (True, now + 30_000_000)
    assert await take_points(KEY, 40, SMALL, now) == (True, now + 50_000_000)
    assert await take_points(KEY, 1, SMALL, now) == (False, now + 50_000_000)
    row = await RateLimit.get(key=KEY)
    assert row.free_at == now + 50_000_000
    later = microseconds(clock.advance(timedelta(seconds=5)))
    assert await take_points(KEY, 11, SMALL, later) == (False, now + 50_000_000)
    assert await take_points(KEY, 10, SMALL, later) == (True, now + 55_000_000)


@pytest.mark.usefixtures("database")
async def test_after_a_pause_there_is_no_more_than_the_budget(clock: Clock) -> None:
    await take_points(KEY, 100, SMALL, microseconds(clock()))
    later = microseconds(clock.advance(timedelta(days=1)))
    assert await take_points(KEY, 101, SMALL, later) == (False, later)
    assert await take_points(KEY, 100, SMALL, later) == (True, later + 50_000_000)


@pytest.mark.usefixtures("database")
async def test_what_is_spent_already_is_put_on_the_budget_whether_it_is_there_or_not(
    clock: Clock,
) -> None:
    now = microseconds(clock())
    assert await owe_points(KEY, 10, SMALL, now) == now + 5_000_000
    assert await owe_points(KEY, 50, SMALL, now) == now + 30_000_000
    assert (
        await owe_points(KEY, 300, SMALL, now) == now + 50_000_000
    )  # and at most the whole budget
    assert await take_points(KEY, 1, SMALL, now) == (False, now + 50_000_000)


@pytest.mark.usefixtures("database")
async def test_what_is_given_back_can_be_taken_again_and_no_more(clock: Clock) -> None:
    now = microseconds(clock())
    await take_points("cost:tok_2", 100, SMALL, now)
    await take_points(KEY, 100, SMALL, now)
    assert await give_back_points(KEY, 30, SMALL, now) == now + 35_000_000
    assert await take_points(KEY, 31, SMALL, now) == (False, now + 35_000_000)
    assert await take_points(KEY, 30, SMALL, now) == (True, now + 50_000_000)
    assert await give_back_points(KEY, 9999, SMALL, now) == now
    assert await take_points(KEY, 101, SMALL, now) == (False, now)
    assert (await RateLimit.get(key="cost:tok_2")).free_at == now + 50_000_000
    assert await give_back_points("cost:nobody", 1, SMALL, now) == now
    assert await RateLimit.all().count() == 2


@pytest.mark.usefixtures("database")
async def test_each_credential_has_a_budget_of_its_own(clock: Clock) -> None:
    now = microseconds(clock())
    assert await take_points(KEY, 100, SMALL, now) == (True, now + 50_000_000)
    assert await take_points("cost:tok_2", 100, SMALL, now) == (True, now + 50_000_000)
    assert [row.key for row in await RateLimit.all().order_by("key")] == [KEY, "cost:tok_2"]


@pytest.mark.usefixtures("database")
async def test_who_takes_at_once_takes_no_more_than_there_is(clock: Clock) -> None:
    now = microseconds(clock())
    taken = await asyncio.gather(*(take_points(KEY, 9, SMALL, now) for _ in range(30)))
    assert sum(is_taken for is_taken, _ in taken) == 11


HOUR_US = 3_600_000_000


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("off_us", [HOUR_US, 30 * 24 * HOUR_US])
async def test_a_process_whose_clock_is_ahead_locks_nobody_out(clock: Clock, off_us: int) -> None:
    now = microseconds(clock())
    assert (await take_points(KEY, 100, SMALL, now + off_us))[0]
    assert await take_points(KEY, 60, SMALL, now) == (True, now + 30_000_000)
    assert await take_points(KEY, 41, SMALL, now) == (False, now + 30_000_000)


@pytest.mark.usefixtures("database")
async def test_a_process_whose_clock_is_behind_is_not_locked_out(clock: Clock) -> None:
    now = microseconds(clock())
    await take_points(KEY, 100, SMALL, now)
    assert await take_points(KEY, 60, SMALL, now - HOUR_US) == (True, now - HOUR_US + 30_000_000)


@pytest.mark.usefixtures("database")
async def test_clocks_that_differ_by_less_than_a_window_never_cost_more_than_one(
    clock: Clock,
) -> None:
    now = microseconds(clock())
    assert (await take_points(KEY, 100, SMALL, now + 40_000_000))[0]
    assert await take_points(KEY, 1, SMALL, now) == (False, now + 90_000_000)
    later = microseconds(clock.advance(timedelta(seconds=41)))
    assert (await take_points(KEY, 1, SMALL, later))[0]


@pytest.mark.usefixtures("database")
async def test_points_given_back_or_owed_heal_a_row_from_the_future(clock: Clock) -> None:
    now = microseconds(clock())
    for heal in (give_back_points, owe_points):
        await take_points(KEY, 100, SMALL, now + HOUR_US)
        assert now <= await heal(KEY, 1, SMALL, now) <= now + 500_000
        assert (await take_points(KEY, 99, SMALL, now))[0]
        await reset_points(None)


async def test_on_postgresql_rows_go_by_the_databases_clock(
    database: Database, clock: Clock
) -> None:
    """Regardless of the process's clock, which is used only to measure elapsed time."""
    if not database.is_postgres:
        pytest.skip("SQLite's clock is the process's own")
    shared = PointAllowance(100, timedelta(seconds=50), goes_by_database=True)
    now = microseconds(clock())
    is_taken, free_at = await take_points(KEY, 60, shared, now + HOUR_US)
    assert is_taken
    assert free_at == now + HOUR_US + 30_000_000
    is_taken, free_at = await take_points(KEY, 41, shared, now - HOUR_US)
    assert not is_taken
    assert 0 < free_at - (now - HOUR_US) <= 30_000_000
    assert (await take_points(KEY, 30, shared, now))[0]
    row = await RateLimit.get(key=KEY)
    assert abs(row.free_at - microseconds(datetime.now(UTC))) < 60_000_000


@pytest.mark.usefixtures("database")
async def test_budgets_are_reset_one_by_one_or_all_and_no_others(clock: Clock) -> None:
    now = microseconds(clock())
    for key in (KEY, "cost:tok_2", "cost:tok_3"):
        await take_points(key, 100, SMALL, now)
    await RateLimit.create(key="companies-house:x", free_at=now)
    assert await reset_points("tok_1") == 1
    assert await reset_points("tok_none") == 0
    assert (await take_points(KEY, 100, SMALL, now))[0]
    assert not (await take_points("cost:tok_2", 1, SMALL, now))[0]
    assert await reset_points(None) == 3
    assert [row.key for row in await RateLimit.all()] == ["companies-house:x"]


@pytest.mark.usefixtures("database")
async def test_a_bound_operation_takes_owes_and_gives_back_by_either_clock(clock: Clock) -> None:
    """R99: the rows belong to the platform, and a partner's request may change them."""
    now = microseconds(clock())
    for goes_by_database in (False, True):
        allowance = PointAllowance(100, timedelta(seconds=50), goes_by_database=goes_by_database)
        key = f"{KEY}{goes_by_database}"
        with preserve_tenant_scope():
            bind_tenant("cus_1")
            assert (await take_points(key, 60, allowance, now))[0]
            await owe_points(key, 30, allowance, now)
            await give_back_points(key, 80, allowance, now)
            assert (await take_points(key, 90, allowance, now))[0]
            assert current_tenant() == "cus_1"
