"""What responses say about a caller's cost budget, and how requests beyond it are refused."""

import asyncio
from datetime import timedelta

import pytest
from pydantic import ValidationError

import models
from models.tables.access import Scope
from settings import Settings
from tests.clock import Clock
from tests.databases import Databases
from tests.graphql_client import connected, running_api, running_live_api, serving, stored


async def test_the_budget_is_told_in_the_answer_and_in_headers(
    databases: Databases, clock: Clock
) -> None:
    async with running_api(
        databases, clock, cost_budget=200, cost_window_s=100, max_cost=150
    ) as api:
        response = await api.post("{ customers(first: 100) { nodes { id } } }")
        # 101 were reserved; unused points were returned, except a portion of 10
        assert response.json()["extensions"] == {
            "cost": {
                "requested": 101,
                "actual": 1,
                "remaining": 199,
                "limit": 200,
                "resetAt": "2026-10-01T09:30:06+00:00",
            }
        }
        assert response.headers["graphql-cost"] == "requested=101, actual=1"
        assert response.headers["ratelimit-policy"] == '"cost";q=200;w=100'
        assert response.headers["ratelimit"] == '"cost";r=199;t=6'


async def test_what_is_asked_for_and_not_found_is_not_paid(
    databases: Databases, clock: Clock
) -> None:
    """Twenty large requests, sequential and then concurrent, leave nearly the whole budget."""
    async with running_api(
        databases, clock, cost_budget=2000, cost_window_s=20, max_cost=2000
    ) as api:
        document = "{ customers(first: 90) { nodes { contacts { id } } } }"
        for spent in range(1, 21):
            response = await api.post(document)
            told = response.json()["extensions"]["cost"]
            assert (told["requested"], told["actual"], told["remaining"]) == (991, 1, 2000 - spent)
        await asyncio.gather(*(api.post(document) for _ in range(20)))
        told = (await api.post(document)).json()["extensions"]["cost"]
        assert told["actual"] == 1
        assert told["remaining"] >= 2000 - 41


async def test_variables_that_are_refused_cost_a_base(databases: Databases, clock: Clock) -> None:
    async with running_api(databases, clock) as api:
        document = (
            "mutation($i: SaveCustomerInput!) { saveCustomer(input: $i) { customer { id } } }"
        )
        body = (await api.post(document, {"i": {"none": 1}})).json()
        assert "errors" in body
        assert body["extensions"]["cost"]["requested"] == 12
        assert body["extensions"]["cost"]["actual"] == 1
        assert await models.Customer.all().count() == 0


async def test_an_operation_beyond_the_most_is_refused_before_it_begins(
    databases: Databases, clock: Clock
) -> None:
    async with running_api(databases, clock, max_cost=60) as api:
        before = await stored()
        add = 'saveCustomer(input: { name: "A", classCode: "CHARITY" }) { customer { id } }'
        for document, points in (
            ("{ customers(first: 60) { nodes { id } } }", 61),
            ("mutation { " + " ".join(f"a{n}: {add}" for n in range(6)) + " }", 6 * 12),
        ):
            error = await api.error(document)
            assert error["extensions"] == {
                "code": "QUERY_TOO_COSTLY",
                "limit": 60,
                "actual": points,
            }
        assert await stored() == before
        await api.data("{ customers(first: 59) { nodes { id } } }")


async def test_a_budget_that_is_spent_is_429_until_enough_is_back(
    databases: Databases, clock: Clock
) -> None:
    async with running_api(
        databases, clock, cost_budget=100, cost_window_s=100, max_cost=100
    ) as api:
        add = 'mutation { saveCustomer(input: { name: "A", classCode: "CHARITY" }) { customer { id'
        add += " } } }"
        for _ in range(8):  # 12 points each: 96 of 100 are spent
            assert (await api.post(add)).status_code == 200
        before = await stored()
        response = await api.post(add)
        assert (response.status_code, response.headers["retry-after"]) == (429, "8")
        assert response.headers["ratelimit"] == '"cost";r=4;t=96'
        (error,) = response.json()["errors"]
        assert error["extensions"] == {
            "code": "RATE_LIMITED",
            "retryable": True,
            "retryAfterSeconds": 8,
            "limit": 100,
            "remaining": 4,
            "resetAt": "2026-10-01T09:31:36+00:00",
        }
        assert "data" not in response.json()
        assert await stored() == before
        other = await api.token_for(*Scope, name="Another")
        assert (await api.post(add, token=other)).status_code == 200
        clock.advance(timedelta(seconds=8))
        assert (await api.post(add)).status_code == 200


async def test_without_a_budget_nothing_is_kept_and_only_the_cost_is_told(
    databases: Databases, clock: Clock
) -> None:
    async with running_api(databases, clock, cost_budget=0) as api:
        response = await api.post("{ viewer { id } }")
        assert response.json()["extensions"] == {"cost": {"requested": 1, "actual": 1}}
        assert "ratelimit" not in response.headers


async def test_a_websocket_is_told_and_refused_the_same(databases: Databases, clock: Clock) -> None:
    async with (
        running_api(databases, clock, cost_budget=100, cost_window_s=100, max_cost=90) as api,
        serving(api.app) as host,
        connected(host) as socket,
    ):
        await socket.sign_in(api.token)
        operation = await socket.subscribe("{ customers(last: 80) { nodes { id } } }")
        message = await socket.receive()
        assert message["payload"]["extensions"]["cost"]["requested"] == 81
        assert message["payload"]["extensions"]["cost"]["actual"] == 1
        assert (await socket.receive())["type"] == "complete"
        counts = " ".join(f"a{n}: customers(first: 0) {{ totalCount }}" for n in range(4))
        await socket.subscribe(f"{{ {counts} }}")
        assert (await socket.receive())["payload"]["extensions"]["cost"]["remaining"] == 99 - 84
        assert (await socket.receive())["type"] == "complete"
        own = "contacts { id } auditTrail(first: 90) { nodes { id } }"
        follow = f'subscription {{ customerEnriched(customerId: "x") {{ {own} }} }}'
        for document, code in (
            ("{ customers(last: 90) { nodes { id } } }", "QUERY_TOO_COSTLY"),
            (follow, "QUERY_TOO_COSTLY"),
            ("{ customers(last: 80) { nodes { id } } }", "RATE_LIMITED"),
            (follow.replace(own, "contacts { id } suggestions { id } classHistory { id }"),
             "RATE_LIMITED"),
        ):  # fmt: skip
            operation = await socket.subscribe(document)
            message = await socket.receive()
            assert (message["type"], message["id"]) == ("error", operation)
            assert message["payload"][0]["extensions"]["code"] == code


async def test_each_result_of_a_subscription_is_told_its_cost(
    databases: Databases, clock: Clock
) -> None:
    async with (
        running_live_api(databases, clock) as live,
        serving(live.app) as host,
        connected(host) as socket,
    ):
        customer = await live.save_customer(
            classCode="COMPANY_UK_LIMITED", companyNumber="00000101"
        )
        await live.settled(customer["id"])
        await socket.sign_in(live.token)
        await socket.subscribe(
            "subscription($id: ID!, $since: DateTime) { customerEnriched(customerId: $id,"
            " since: $since) { customerClass { name } contacts { id } } }",
            id=customer["id"],
            since=clock().isoformat(),
        )
        told = (await socket.receive())["payload"]["extensions"]["cost"]
        assert (told["requested"], told["actual"]) == (12, 2)


def test_a_budget_pays_for_any_operation_that_is_allowed() -> None:
    with pytest.raises(ValidationError, match="COST_BUDGET"):
        Settings(cost_budget=9, max_cost=10)
    assert Settings(cost_budget=10, max_cost=10).cost_budget == 10
    assert Settings(cost_budget=0, max_cost=10).cost_budget == 0
