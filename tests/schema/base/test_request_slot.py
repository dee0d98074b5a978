"""One deadline covers a request's wait and its execution, and stops nothing else."""

import asyncio
from collections.abc import Awaitable

import pytest

from schema.base.errors import ErrorCode, RequestRefused
from schema.base.request_slot import Limiters
from settings import Settings

SHORT_S = 0.02


def limiters(seconds: float) -> Limiters:
    return Limiters.of(Settings(query_timeout_s=seconds))


async def run_query(own: Limiters, work: Awaitable[object]) -> None:
    async with own.request("caller") as slot:
        await slot.enter_queries()
        slot.start_work()
        await work


async def test_what_ends_in_time_goes_on_and_what_does_not_is_stopped() -> None:
    own = limiters(SHORT_S)
    await run_query(own, asyncio.sleep(0))
    with pytest.raises(RequestRefused) as refused:
        await run_query(own, asyncio.Event().wait())
    assert refused.value.code is ErrorCode.TIMEOUT
    assert refused.value.message == (
        "A query may take at most 0.02 s, so this one was stopped. Request less data at once."
    )
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    await asyncio.sleep(2 * SHORT_S)
    await run_query(own, asyncio.sleep(0))


async def test_each_request_has_the_whole_time() -> None:
    own, ended = limiters(SHORT_S), list[int]()
    now = asyncio.get_running_loop().time

    async def stopped_after(number: int, begin_s: float) -> float:
        await asyncio.sleep(begin_s)
        begun = now()
        with pytest.raises(RequestRefused):
            await run_query(own, asyncio.Event().wait())
        ended.append(number)
        return now() - begun

    took = await asyncio.gather(stopped_after(2, SHORT_S / 2), stopped_after(1, 0))
    assert ended == [1, 2]
    assert min(took) >= SHORT_S


async def test_without_a_deadline_nothing_is_stopped() -> None:
    running = asyncio.create_task(run_query(limiters(0), asyncio.Event().wait()))
    done, _ = await asyncio.wait({running}, timeout=2 * SHORT_S)
    assert not done
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_another_cancellation_stays_what_it_is() -> None:
    running = asyncio.create_task(run_query(limiters(600), asyncio.Event().wait()))
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_an_error_within_stays_what_it_is() -> None:
    async def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await run_query(limiters(600), fail())


async def test_a_mutation_has_no_deadline_once_it_has_its_slot() -> None:
    async with limiters(SHORT_S).request("caller") as slot:
        await slot.enter_mutations()
        slot.start_work()
        await asyncio.sleep(3 * SHORT_S)
