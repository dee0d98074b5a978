"""Refused documents are charged by size, take little time, and do not block the event loop."""

import asyncio
import threading
from typing import Any

import orjson
import pytest
from graphql import GraphQLError, specified_rules

from schema.engine.metering import document_points
from schema.engine.plan.variable_faults import MAX_FAULTS
from schema.engine.served_schema import CustomerClassesSchema
from tests.clock import Clock
from tests.databases import Databases
from tests.graphql_client import Api, connected, running_api, serving, stored, the_schema

LONG = 8_000
RULES = tuple(specified_rules)
SHA = "sha256:" + "0" * 64


def padded(document: str, length: int = LONG) -> str:
    return document + " " * (length - len(document))


REFUSED = {
    "a syntax error": orjson.dumps({"query": padded("{ viewer {")}),
    "an unknown field": orjson.dumps({"query": padded("{ viewer { nam } }")}),
    "too deep": orjson.dumps({"query": padded("{ a" * 30 + "}" * 30)}),
    "too many tokens": orjson.dumps({"query": "{ viewer { " + "name " * 6_000}),
    "too wide": orjson.dumps({"query": "{ viewer { " + "name " * 1_598}),
    "no such operation": orjson.dumps(
        {"query": padded("query A { viewer { id } }"), "operationName": "B"}
    ),
    "an ambiguous operation": orjson.dumps(
        {"query": padded("query A { viewer { id } } query B { viewer { id } }")}
    ),
}
SMALL = {
    "wrong JSON": (b'{"query": ', 400, 1),
    "a list": (b"[]", 400, 1),
    "a wrong type": (b'{"query": 1}', 400, 1),
    "no query": (b"{}", 400, 1),
    "an unknown id": (orjson.dumps({"documentId": SHA}), 200, 1),
    "a wrong hash": (orjson.dumps({"query": "{ viewer { id } }", "documentId": SHA}), 400, 1),
    "a wrong variable": (
        orjson.dumps(
            {
                "query": "query($id: ID!) { customer(id: $id) { id } }",
                "variables": {"id": [1]},
            }
        ),
        200,
        1,
    ),
    "too many variables": (
        orjson.dumps({"query": "{ viewer { id } }", "variables": {"a": [[0] * 900] * 20}}),
        200,
        1 + 2,
    ),
    "100 kB of wrong JSON": (b'{"query": "' + b"x" * 100_000, 400, 10),
    "too costly": (
        orjson.dumps({"query": "{ customers(first: 500) { nodes { contacts { id } } } }"}),
        200,
        1,
    ),
}


async def remaining(api: Api) -> int:
    cost: dict[str, int] = (await api.answer("{ viewer { name } }"))["extensions"]["cost"]
    return cost["remaining"]


async def send(api: Api, body: bytes) -> Any:
    headers = {"Authorization": f"Bearer {api.token}", "Content-Type": "application/json"}
    return await api.http.post("/graphql", content=body, headers=headers)


@pytest.mark.parametrize("kind", REFUSED)
async def test_a_refused_document_is_paid_for_by_its_size(
    databases: Databases, clock: Clock, kind: str
) -> None:
    async with running_api(databases, clock) as api:
        before, rows = await remaining(api), await stored()
        body = REFUSED[kind]
        response = await send(api, body)
        assert "errors" in response.json()
        points = document_points(orjson.loads(body)["query"]) + len(body) // 10_000
        assert points >= 150
        assert before - await remaining(api) == points + 1  # and one for the request
        assert response.headers["graphql-cost"] == f"requested=0, actual=0, size={points}"
        assert f";r={before - points};" in response.headers["ratelimit"]
        assert await stored() == rows


@pytest.mark.parametrize("kind", SMALL)
async def test_whatever_is_refused_costs_a_point(
    databases: Databases, clock: Clock, kind: str
) -> None:
    body, status, points = SMALL[kind]
    async with running_api(databases, clock, max_cost=1_000) as api:
        before, rows = await remaining(api), await stored()
        response = await send(api, body)
        assert response.status_code == status
        assert "errors" in response.json()
        assert before - await remaining(api) == points + 1
        assert await stored() == rows


async def test_a_known_document_costs_no_more_than_what_it_asks_for(
    databases: Databases, clock: Clock
) -> None:
    document = padded("{ viewer { name } }", 1_250)
    async with running_api(databases, clock) as api:
        first, second = [await api.post(document) for _ in range(2)]
        assert first.headers["graphql-cost"] == "requested=1, actual=1, size=20"
        assert second.headers["graphql-cost"] == "requested=1, actual=1"
        left = [one.json()["extensions"]["cost"]["remaining"] for one in (first, second)]
        assert left[0] - left[1] == 1


async def test_without_points_a_document_is_not_even_parsed(
    databases: Databases, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[str] = []

    def parse(_: Any, text: str) -> Any:
        parsed.append(text)
        raise GraphQLError("It is parsed.")

    async with running_api(databases, clock, cost_budget=200, max_cost=200) as api:
        await api.data("{ customers(first: 0) { a: totalCount } }")
        for _ in range(5):
            await api.data("{ customers(first: 0) { totalCount } }")
        monkeypatch.setattr(CustomerClassesSchema, "parsed", parse)
        response = await api.post(padded("{ viewer { name } }"))
        assert (response.status_code, parsed) == (429, [])
        assert response.headers["retry-after"] == str(
            response.json()["errors"][0]["extensions"]["retryAfterSeconds"]
        )
        assert (await api.error("{ viewer { name } }"))["message"] == "It is parsed."
        assert parsed == ["{ viewer { name } }"]


async def test_a_refused_document_of_a_websocket_is_paid_for_the_same(
    databases: Databases, clock: Clock
) -> None:
    async with (
        running_api(databases, clock) as api,
        serving(api.app) as host,
        connected(host) as socket,
    ):
        await socket.sign_in(api.token)
        before = await remaining(api)
        await socket.subscribe(padded("{ viewer { nam } }"))
        assert (await socket.receive())["type"] == "error"
        assert before - await remaining(api) == document_points("x" * LONG) + 1


async def test_a_long_document_is_read_in_a_thread_and_a_short_one_is_not(
    databases: Databases, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[threading.Thread] = []
    parsed = CustomerClassesSchema.parsed

    def note(self: Any, text: str) -> Any:
        threads.append(threading.current_thread())
        return parsed(self, text)

    monkeypatch.setattr(CustomerClassesSchema, "parsed", note)
    async with running_api(databases, clock) as api:
        await api.data("{ viewer { id } }")
        await api.data(padded("{ viewer { name } }"))
        assert [one is threading.main_thread() for one in threads] == [True, False]


async def test_while_a_document_is_read_others_are_answered(
    databases: Databases, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_end, parsed = threading.Event(), CustomerClassesSchema.parsed

    def take_long(self: Any, text: str) -> Any:
        if len(text) == LONG:
            may_end.wait(20)
        return parsed(self, text)

    monkeypatch.setattr(CustomerClassesSchema, "parsed", take_long)
    async with running_api(databases, clock, running_requests=1) as api:
        reading = asyncio.create_task(api.post(padded("{ viewer { id } }")))
        await asyncio.sleep(0)
        assert await api.data("{ viewer { name } }") == {"viewer": {"name": "Tess Tester"}}
        assert not reading.done()
        may_end.set()
        assert (await reading).status_code == 200


def test_only_the_first_faults_suggest_names() -> None:
    schema = the_schema()
    names = " ".join(f"nam{number}" for number in range(150))
    errors = schema.faults(schema.parsed(f"{{ viewer {{ {names} }} }}"), RULES)
    suggesting = ["Did you mean" in error.message for error in errors]
    assert suggesting == [True] * 3 + [False] * 8


async def test_faults_of_variables_end_as_well(databases: Databases, clock: Clock) -> None:
    document = "mutation($i: SaveCustomerInput!) { saveCustomer(input: $i) { customer { id } } }"
    async with running_api(databases, clock) as api:
        body = (await api.post(document, {"i": {f"nam{n}": n for n in range(500)}})).json()
        (error,) = body["errors"]
        assert len(error["extensions"]["faults"]) == MAX_FAULTS
