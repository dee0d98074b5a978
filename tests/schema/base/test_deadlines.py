"""Whose time is up is stopped, and nobody else."""

import asyncio
from collections.abc import Awaitable

import pytest

from schema.base.deadlines import Deadlines

SHORT_S = 0.02


async def within(deadlines: Deadlines, work: Awaitable[object]) -> str:
    """Do some work in its time, and say how it ended."""
    deadline = deadlines.begin()
    try:
        await work
    except BaseException as error:
        deadline.end(error)
        raise
    deadline.end(None)
    return "done"


async def test_what_ends_in_time_goes_on_and_what_does_not_is_stopped() -> None:
    deadlines = Deadlines(SHORT_S)
    assert await within(deadlines, asyncio.sleep(0)) == "done"
    with pytest.raises(TimeoutError):
        await within(deadlines, asyncio.Event().wait())
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    assert await within(deadlines, asyncio.sleep(0)) == "done"


async def test_each_has_its_own_time_by_one_timer() -> None:
    deadlines, ended = Deadlines(SHORT_S), list[int]()
    now = asyncio.get_running_loop().time

    async def begun_at(number: int, begin: asyncio.Event) -> float:
        await begin.wait()
        at = now()
        with pytest.raises(TimeoutError):
            await within(deadlines, asyncio.Event().wait())
        ended.append(number)
        return now() - at

    first, second = asyncio.Event(), asyncio.Event()
    tasks = [asyncio.create_task(begun_at(n, e)) for n, e in ((1, first), (2, second))]
    first.set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    timer = deadlines._timer
    assert timer is not None
    second.set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (deadlines._timer, len(deadlines._running)) == (timer, 2)
    took = await asyncio.gather(*tasks)
    assert ended == [1, 2]
    assert min(took) >= SHORT_S
    assert deadlines._timer is None
    assert not deadlines._running


async def test_another_cancellation_stays_what_it_is() -> None:
    deadlines = Deadlines(600)
    running = asyncio.create_task(within(deadlines, asyncio.Event().wait()))
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not deadlines._running


async def test_an_error_within_stays_what_it_is() -> None:
    async def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await within(Deadlines(600), fail())
