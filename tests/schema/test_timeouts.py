"""Queries that take too long are stopped without harm to others; mutations are not stopped."""

import asyncio
from typing import Any

import httpx
import pytest
from tortoise.connection import get_connection

import models
from models.storage.sql import is_postgres, run
from schema.base.errors import RequestRefused
from schema.base.request_slot import Limiters
from settings import Settings
from tests.clock import Clock
from tests.databases import Databases
from tests.graphql_client import connected, running_api, serving, stored

SHORT_S = 0.2
PAGE = "{ customers { nodes { id } } }"
ADD = 'mutation { saveCustomer(input: { name: "A", classCode: "CHARITY" }) { customer { name } } }'


async def dawdle(*_: Any, **__: Any) -> Any:
    """Run a statement that never ends; on SQLite, wait instead."""
    if is_postgres():
        return await run("SELECT pg_sleep(600)", ())
    return await asyncio.sleep(600)


async def dawdle_by_orm(*_: Any, **__: Any) -> Any:
    """Run a statement that never ends on a pooled connection, as the ORM does."""
    if is_postgres():
        return await get_connection("default").execute_query("SELECT pg_sleep(600)")
    return await asyncio.sleep(600)


def timed_out(response: httpx.Response) -> bool:
    (error,) = response.json()["errors"]
    assert error["extensions"] == {"code": "TIMEOUT", "limit": SHORT_S}
    return response.status_code == 503 and "data" not in response.json()


@pytest.mark.parametrize("slow", [dawdle, dawdle_by_orm])
async def test_a_query_that_takes_too_long_is_stopped_and_its_connection_serves_again(
    databases: Databases, clock: Clock, monkeypatch: pytest.MonkeyPatch, slow: Any
) -> None:
    async with running_api(
        databases, clock, query_timeout_s=SHORT_S, database_pool_size=6, running_requests=3
    ) as api:
        with monkeypatch.context() as patch:
            patch.setattr("resolvers.customer.page", slow)
            for _ in range(5):  # more than the pool has connections
                found = await asyncio.gather(*(api.post(PAGE) for _ in range(3)))
                assert all(timed_out(one) for one in found)
        for _ in range(20):
            assert await api.data("{ viewer { id } }")
        if api.platform.database.is_postgres:
            pool: Any = get_connection("default")._pool
            assert not pool._taken
            (count,) = await run(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'",
                (),
            )
            assert tuple(count) == (0,)


async def test_what_was_stopped_is_paid_for_and_gives_its_turn_to_others(
    databases: Databases, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_api(
        databases, clock, query_timeout_s=SHORT_S, running_requests=1, cost_budget=10**5
    ) as api:
        with monkeypatch.context() as patch:
            patch.setattr("resolvers.customer.page", dawdle)
            response = await api.post(PAGE)
        assert timed_out(response)
        assert response.headers["graphql-cost"] == "requested=51, actual=1"
        assert await api.data("{ viewer { name } }") == {"viewer": {"name": "Tess Tester"}}


WAITED = (
    f"The request waited {SHORT_S:g} s in the queue and was not started, so nothing was done. Try"
    " again later."
)


async def test_a_mutation_that_has_not_begun_is_given_up_and_one_that_runs_is_not(
    databases: Databases, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, may_end = asyncio.Event(), asyncio.Event()
    async with running_api(databases, clock, query_timeout_s=SHORT_S, writing_requests=1) as api:
        transaction = api.platform.database.transaction

        async def slowly(work: Any, *, dry_run: bool = False) -> Any:
            begun.set()
            await may_end.wait()
            return await transaction(work, dry_run=dry_run)

        monkeypatch.setattr(api.platform.database, "transaction", slowly)
        running = asyncio.create_task(api.post(ADD))
        await begun.wait()
        response = await api.post(ADD)
        assert timed_out(response)
        assert response.json()["errors"][0]["message"] == WAITED
        may_end.set()
        assert (await running).json()["data"] == {"saveCustomer": {"customer": {"name": "A"}}}
        assert await models.Customer.all().count() == 1


async def test_the_wait_for_a_slot_is_part_of_the_time() -> None:
    limiters = Limiters.of(
        Settings(query_timeout_s=SHORT_S, running_requests=1, caller_running_requests=1)
    )
    held = limiters.intake.try_acquire("one")
    assert held is not None
    with pytest.raises(RequestRefused) as refused:
        async with limiters.request("other") as slot:
            await slot.enter_intake()
    assert refused.value.message == WAITED
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    held.release()
    async with limiters.request("other") as slot:
        await slot.enter_intake()  # the stopped request holds no connection


async def test_a_mutation_is_waited_for_however_long_it_takes(
    databases: Databases, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, may_end = asyncio.Event(), asyncio.Event()
    async with running_api(databases, clock, query_timeout_s=SHORT_S) as api:
        transaction = api.platform.database.transaction

        async def slowly(work: Any, *, dry_run: bool = False) -> Any:
            async def later() -> Any:
                begun.set()
                await may_end.wait()
                return await work()

            return await transaction(later, dry_run=dry_run)

        monkeypatch.setattr(api.platform.database, "transaction", slowly)
        asked = asyncio.create_task(api.post(ADD))
        await begun.wait()
        done, _ = await asyncio.wait({asked}, timeout=4 * SHORT_S)
        assert not done
        may_end.set()
        assert (await asked).json()["data"] == {"saveCustomer": {"customer": {"name": "A"}}}


async def test_a_query_of_a_websocket_is_stopped_too(
    databases: Databases, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        running_api(databases, clock, query_timeout_s=SHORT_S) as api,
        serving(api.app) as host,
        connected(host) as socket,
    ):
        await socket.sign_in(api.token)
        with monkeypatch.context() as patch:
            patch.setattr("resolvers.customer.page", dawdle)
            operation = await socket.subscribe(PAGE)
            message = await socket.receive()
        assert (message["type"], message["id"]) == ("error", operation)
        assert message["payload"][0]["extensions"] == {"code": "TIMEOUT", "limit": SHORT_S}
        assert (await socket.ask("{ viewer { name } }"))["data"]["viewer"]["name"] == "Tess Tester"


async def test_without_a_limit_nothing_is_stopped(
    databases: Databases, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_end = asyncio.Event()

    async def wait(*_: Any, **__: Any) -> tuple[list[Any], bool]:
        await may_end.wait()
        return [], False

    async with running_api(databases, clock, query_timeout_s=0) as api:
        monkeypatch.setattr("resolvers.customer.page", wait)
        before = await stored()
        asked = asyncio.create_task(api.post(PAGE))
        done, _ = await asyncio.wait({asked}, timeout=4 * SHORT_S)
        assert not done
        may_end.set()
        assert (await asked).json()["data"] == {"customers": {"nodes": []}}
        assert await stored() == before
