"""The limit on searches at the register: fair between callers, and never exceeded."""

import asyncio
from datetime import timedelta
from typing import Any

from models.tables.access import Principal, Scope
from schema.base.errors import RequestRefused
from schema.base.search_limit import SearchLimit
from tests.clock import Clock
from tests.databases import Databases
from tests.graphql_client import LiveApi, running_live_api
from tests.partner_world import bound_token

A = Principal("tok_1", "Ann", frozenset())
B = Principal("tok_2", "Bob", frozenset())
SEARCH = '{ companySearch(query: "alpha") { name } }'
FOUND = [{"name": "SANDBOX ALPHA TRADING LIMITED"}]


async def outcome(limit: SearchLimit, principal: Principal) -> dict[str, Any] | None:
    try:
        async with limit.slot(principal):
            return None
    except RequestRefused as refused:
        return refused.extensions


def refused_with(seconds: int, limit: int) -> dict[str, object]:
    return {
        "code": "RATE_LIMITED",
        "retryable": True,
        "retryAfterSeconds": seconds,
        "limit": limit,
    }


async def test_a_payer_searches_so_often_a_minute_and_others_do_not_notice(clock: Clock) -> None:
    limit = SearchLimit(clock, 9)
    refusal = refused_with(7, limit=9)
    assert [await outcome(limit, A) for _ in range(5)] == [None, None, None, refusal, refusal]
    assert await outcome(limit, B) is None
    clock.advance(timedelta(seconds=7))
    assert [await outcome(limit, A) for _ in range(2)] == [None, refusal]
    clock.advance(timedelta(seconds=60))
    assert [await outcome(limit, A) for _ in range(4)] == [None, None, None, refusal]


async def test_one_search_a_minute_is_one(clock: Clock) -> None:
    limit = SearchLimit(clock, 1)
    refusal = refused_with(60, limit=1)
    assert [await outcome(limit, A) for _ in range(2)] == [None, refusal]


async def test_a_payer_has_two_searches_at_once_and_others_do_not_wait(clock: Clock) -> None:
    limit, go_on, running = SearchLimit(clock, 30), asyncio.Event(), list[str]()

    async def search(principal: Principal) -> None:
        async with limit.slot(principal):
            running.append(principal.id)
            await go_on.wait()

    async with asyncio.TaskGroup() as tasks:
        for principal in (A, A, A, A, B):
            tasks.create_task(search(principal))
        for _ in range(10):
            await asyncio.sleep(0)
        assert running == ["tok_1", "tok_1", "tok_2"]
        go_on.set()
    assert sorted(running) == ["tok_1"] * 4 + ["tok_2"]


async def test_nothing_is_kept_of_who_waits_no_more(clock: Clock) -> None:
    limit = SearchLimit(clock, 30)
    async with limit.slot(A):
        assert len(limit._slots) == 1
    assert len(limit._slots) == 0


async def test_a_partner_searches_and_what_it_did_not_need_comes_back(
    databases: Databases, clock: Clock
) -> None:
    """R99: the budgets belong to the platform, also for callers bound to a reseller."""
    async with running_live_api(databases, clock, cost_budget=1_000_000) as live:
        reseller = await live.save_customer(classCode="RESELLER_OTHER")
        _, secret = await bound_token(reseller["id"], clock(), Scope.CUSTOMERS_READ)
        assert await live.data(SEARCH, token=secret) == {"companySearch": FOUND}
        wide = "{ customers(first: 1000) { nodes { id contacts { id } } } }"
        await live.answer(wide, token=secret)
        cost = (await live.answer("{ viewer { name } }", token=secret))["extensions"]["cost"]
        assert cost["remaining"] > 1_000_000 - 19_100


async def test_a_flood_of_one_leaves_searches_of_others_and_lookups(
    databases: Databases, clock: Clock
) -> None:
    """R83, R90: and refused searches are not sent to the register."""
    async with running_live_api(databases, clock, company_searches=12) as live:
        answers = await asyncio.gather(*(live.answer(SEARCH) for _ in range(30)))
        answered = [answer for answer in answers if "errors" not in answer]
        assert [answer["data"] for answer in answered] == [{"companySearch": FOUND}] * 4
        refused = [error for answer in answers for error in answer.get("errors", ())]
        refusal = refused_with(5, limit=12)
        assert [error["extensions"] for error in refused] == [refusal] * 26
        assert len(live.sandbox.requests) == 4
        other = await live.token_for(Scope.CUSTOMERS_READ, name="Bob")
        assert await live.data(SEARCH, token=other) == {"companySearch": FOUND}
        customer = await live.save_customer(classCode="COMPANY_UK_LIMITED", companyNumber="101")
        assert await live.settled(customer["id"]) == {"status": "SUCCEEDED", "reason": None}
        assert len(live.sandbox.requests) == 4 + 1 + 5


async def test_an_operation_searches_five_times_at_most(live: LiveApi) -> None:
    fields = [f'a{number}: companySearch(query: "alpha") {{ name }}' for number in range(6)]
    error = await live.error(f"{{ {' '.join(fields)} }}")
    assert error["extensions"]["code"] == "QUERY_TOO_COSTLY"
    assert live.sandbox.requests == []
    found = await live.data(f"{{ {' '.join(fields[:5])} }}")
    assert found == {f"a{number}": FOUND for number in range(5)}
    assert len(live.sandbox.requests) == 5
