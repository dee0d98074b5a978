"""Introspection for signed-in callers; if it is turned off, errors suggest no names."""

import re
from threading import current_thread
from typing import Any

import pytest
from graphql import get_introspection_query
from strawberry.types.execution import ExecutionResult

from schema.engine.execution import Operation
from schema.engine.served_schema import CustomerClassesSchema
from tests.clock import Clock
from tests.databases import Databases
from tests.graphql_client import Api, connected, running_api, serving, the_schema

SAVE = "mutation($input: SaveCustomerInput!) { saveCustomer(input: $input) { customer { id } } }"
SUBSCRIBE = "subscription($id: ID!, $since: DateTime) { %s(customerId: $id, since: $since) { id } }"

NEARLY: list[tuple[str, dict[str, Any]]] = [
    ("{ viewr { id } }", {}),
    ("{ viewer { idd } }", {}),
    ("{ customers(frist: 1) { totalCount } }", {}),
    ("{ customers(sort: NAME_ASK) { totalCount } }", {}),
    ("{ customers(filter: { txet: \"a\" }) { totalCount } }", {}),
    ("{ node(id: \"x\") { ... on Customr { id } } }", {}),
    ("{ node(id: \"x\") { name } }", {}),
    ("query($s: CustomerSrot) { customers(sort: $s) { totalCount } }", {}),
    ("query($s: CustomerSort) { customers(sort: $s) { totalCount } }", {"s": "NAME_ASK"}),
    ("query($f: CustomerFilter) { customers(filter: $f) { totalCount } }", {"f": {"txet": "a"}}),
    (SAVE, {"input": {"nmae": "A"}}),
]  # fmt: skip
"""Misspelt names, in documents and in variables."""

SUGGESTION = re.compile("Did you mean|Allowed: ")
"""How a message helps with a misspelt name."""


async def test_the_schema_is_shown_by_default(api: Api) -> None:
    found = await api.data(get_introspection_query())
    assert "Customer" in {one["name"] for one in found["__schema"]["types"]}
    assert await api.data('{ __type(name: "Node") { kind } }') == {"__type": {"kind": "INTERFACE"}}
    for document, variables in NEARLY:
        (error, *_) = (await api.answer(document, **variables))["errors"]
        assert SUGGESTION.search(error["message"]), document


async def test_the_event_loop_is_free_while_the_schema_is_shown(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[str] = []
    original = CustomerClassesSchema._executed

    def noted(self: CustomerClassesSchema, context: Operation) -> ExecutionResult:
        threads.append(current_thread().name)
        return original(self, context)

    monkeypatch.setattr(CustomerClassesSchema, "_executed", noted)
    whole = await api.data(get_introspection_query())
    shown = {one["name"] for one in whole["__schema"]["types"]}
    assert shown == the_schema()._schema.type_map.keys()
    await api.data('{ __type(name: "Node") { kind } }')
    await api.data("{ viewer { name } __typename }")
    assert len(threads) == 2
    assert all(name.startswith("documents") for name in threads)


async def test_where_it_is_not_shown_nothing_gives_it_away(
    databases: Databases, clock: Clock
) -> None:
    async with running_api(databases, clock, introspection=False) as api:
        for document in (
            get_introspection_query(),
            '{ a: __type(name: "Customer") { name } }',
            "{ viewer { id } ...F } fragment F on Query { ... { __schema { types { name } } } }",
        ):
            error = await api.error(document)
            assert error["extensions"] == {"code": "INTROSPECTION_DISABLED"}
        assert await api.data("{ __typename viewer { __typename } }") == {
            "__typename": "Query",
            "viewer": {"__typename": "Viewer"},
        }
        for document, variables in NEARLY:
            body = await api.answer(document, **variables)
            assert body["errors"]
            assert "mean" not in str(body), document
        headers = {"Authorization": f"Bearer {api.token}", "Accept": "application/json"}
        printed = await api.http.get("/schema.graphql", headers=headers)
        assert (printed.status_code, "Customer" in printed.text) == (403, False)
        (error,) = printed.json()["errors"]
        assert error["extensions"] == {"code": "INTROSPECTION_DISABLED"}


@pytest.mark.parametrize(("introspection", "is_suggested"), [(True, True), (False, False)])
async def test_a_websocket_suggests_as_much(
    databases: Databases, clock: Clock, introspection: bool, is_suggested: bool
) -> None:
    async with (
        running_api(databases, clock, introspection=introspection) as api,
        serving(api.app) as host,
        connected(host) as socket,
    ):
        await socket.sign_in(api.token)
        for document, variables in (*NEARLY, (SUBSCRIBE % "customerEnrichd", {"id": "x"})):
            operation = await socket.subscribe(document, **variables)
            message = await socket.receive()
            assert message["id"] == operation
            is_told = SUGGESTION.search(str(message["payload"])) is not None
            assert is_told is is_suggested, document
            if message["type"] == "next":
                assert (await socket.receive())["type"] == "complete"
        await socket.subscribe("{ __schema { types { name } } }")
        message = await socket.receive()
        assert (message["type"] == "next") is introspection
