"""Operations take turns: first come first served, so many at once, and no more than may wait."""

import asyncio
from typing import Any

import pytest

from schema.admission import Admission, Crowded
from tests.conftest import Clock
from tests.databases import Databases
from tests.graphql_client import running_api


async def test_who_comes_first_goes_first() -> None:
    admission, order = Admission(running=1, waiting=10), list[int]()

    async def come(number: int) -> None:
        async with admission.turn():
            order.append(number)
            await asyncio.sleep(0)

    await asyncio.gather(*(come(number) for number in range(10)))
    assert order == list(range(10))


async def test_no_more_run_at_once_than_may_and_writes_have_turns_of_their_own() -> None:
    admission, most, running = Admission(running=2, waiting=50, writing=3), {}, {}
    for writes in (False, True):
        most[writes] = running[writes] = 0

    async def come(*, writes: bool) -> None:
        async with admission.turn(writes=writes):
            running[writes] += 1
            most[writes] = max(most[writes], running[writes])
            await asyncio.sleep(0)
            running[writes] -= 1

    await asyncio.gather(*(come(writes=bool(number % 2)) for number in range(40)))
    assert most == {False: 2, True: 3}


async def test_a_full_queue_refuses_and_whoever_hangs_up_leaves_it() -> None:
    admission = Admission(running=1, waiting=1, retry_after=7)
    async with admission.turn():
        waiting = asyncio.create_task(admission.turn().__aenter__())
        await asyncio.sleep(0)
        with pytest.raises(Crowded) as refused:
            await admission.turn().__aenter__()
        assert refused.value.retry_after == 7
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        waiting = asyncio.create_task(admission.turn().__aenter__())
        await asyncio.sleep(0)
        assert not waiting.done()
    await waiting


async def test_a_turn_is_given_up_while_somebody_outside_is_asked() -> None:
    admission = Admission(running=1, waiting=0)
    async with admission.turn(), admission.outside(), admission.turn():
        pass  # would be refused if the first still had its turn


async def test_who_is_cancelled_before_its_turn_comes_back_leaves_no_turn_too_many() -> None:
    admission = Admission(running=1)
    may_return = asyncio.Event()

    async def ask_outside() -> None:
        async with admission.turn(), admission.outside():
            await may_return.wait()

    asking = asyncio.create_task(ask_outside())
    await asyncio.sleep(0)
    async with admission.turn():
        may_return.set()
        await asyncio.sleep(0)  # now it waits to have its turn again
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await asyncio.sleep(0)
    async with asyncio.timeout(10), admission.turn():
        assert admission._queries.locked()


async def test_a_crowded_server_answers_503_with_a_code_and_when_to_come_back(
    databases: Databases, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs, may_end = asyncio.Event(), asyncio.Event()

    async def take_long(*_: Any, **__: Any) -> tuple[list[Any], bool]:
        runs.set()
        await may_end.wait()
        return [], False

    monkeypatch.setattr("resolvers.customer.page", take_long)
    async with running_api(databases, clock, running_requests=1, waiting_requests=1) as api:
        running = asyncio.create_task(api.post("{ customers { nodes { id } } }"))
        await runs.wait()
        others = {asyncio.create_task(api.post("{ viewer { name } }")) for _ in range(2)}
        (refused,), (waiting,) = await asyncio.wait(others, return_when=asyncio.FIRST_COMPLETED)
        response = refused.result()
        assert response.status_code == 503
        assert response.headers["retry-after"] == "1"
        assert [error["extensions"] for error in response.json()["errors"]] == [
            {"code": "OVERLOADED"}
        ]
        may_end.set()
        assert (await waiting).json()["data"] == {"viewer": {"name": "Tess Tester"}}
        assert (await running).json()["data"] == {"customers": {"nodes": []}}
        told = (await api.answer("{ viewer { name } }"))["extensions"]["cost"]
        assert told["limit"] - told["remaining"] == 3  # whoever was turned away paid nothing
