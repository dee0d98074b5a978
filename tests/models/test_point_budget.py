"""The budget of points that processes share: one row, taken from with one statement."""

import asyncio
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import RateLimit
from models.point_budget import (
    PointAllowance,
    give_back_points,
    microseconds,
    owe_points,
    take_points,
)
from tests.conftest import Clock

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
    assert await take_points(KEY, 101, SMALL, later) == (False, later - 86_350_000_000)
    assert await take_points(KEY, 100, SMALL, later) == (True, later + 50_000_000)


@pytest.mark.usefixtures("database")
async def test_what_is_spent_already_is_put_on_the_budget_whether_it_is_there_or_not(
    clock: Clock,
) -> None:
    now = microseconds(clock())
    assert await owe_points(KEY, 10, SMALL, now) == now + 5_000_000
    assert await owe_points(KEY, 300, SMALL, now) == now + 155_000_000
    assert await take_points(KEY, 1, SMALL, now) == (False, now + 155_000_000)


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
