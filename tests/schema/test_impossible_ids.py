"""An id that is longer than ids can be is treated as any unknown id, wherever it can be sent."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from graphql import (
    GraphQLSchema,
    get_named_type,
    is_input_object_type,
    is_object_type,
    is_scalar_type,
)

from tests.graphql_client import Api, connected, serving, the_schema
from tests.input_kinds import IMPOSSIBLE_IDS

UNKNOWN = "cus_nope"
PERIOD = 'fromAt: "2026-01-01T00:00:00Z", untilAt: "2026-02-01T00:00:00Z", '
REQUIRED = {
    "deliveryExposure": PERIOD,
    "customerReport": "groupBy: CLASS, ",
    "usage": 'fromOn: "2026-01-01", untilOn: "2026-02-01", ',
}
"""Other arguments that a field requires, by its name."""

Place = tuple[str, str, tuple[str, ...]]
"""A type, one of its fields, and the path to an id in the field's arguments."""


def graphql_schema() -> GraphQLSchema:
    return the_schema()._schema


def id_paths(kind: Any, *path: str) -> Iterator[tuple[str, ...]]:
    named = get_named_type(kind)
    if named.name == "ID":
        yield path
    elif is_input_object_type(named):
        for name, field in named.fields.items():
            yield from id_paths(field.type, *path, name)


def places() -> list[Place]:
    """Return all places of ids in the arguments of queries."""
    schema = graphql_schema()
    others = {schema.mutation_type, schema.subscription_type}
    return [
        (kind.name, name, path)
        for kind in schema.type_map.values()
        if is_object_type(kind) and kind not in others
        for name, field in kind.fields.items()
        for argument, declared in field.args.items()
        for path in id_paths(declared.type, argument)
    ]


def field_text(kind: str, name: str, path: tuple[str, ...], value: str) -> str:
    """Return the selection of a field with an id in one of its arguments."""
    found = graphql_schema().type_map[kind]
    assert is_object_type(found)
    field = found.fields[name]
    literal = f'"{value}"'
    for step in reversed(path[1:]):
        literal = f"{{ {step}: {literal} }}"
    required = REQUIRED.get(name, "")
    return f"{name}({required}{path[0]}: {literal}) {selection_of(field.type)}"


def selection_of(kind: Any) -> str:
    named = get_named_type(kind)
    if is_scalar_type(named):
        return ""
    nodes = getattr(named, "fields", {}).get("nodes")
    return "{ nodes { __typename } }" if nodes else "{ __typename }"


@pytest.mark.parametrize("value", IMPOSSIBLE_IDS)
async def test_a_query_finds_nothing_by_an_impossible_id(api: Api, value: str) -> None:
    customer = await api.save_customer("id customerClass { id }")
    owners = {
        "Query": "%s",
        "Customer": f'customer(id: "{customer["id"]}") {{ %s }}',
        "CustomerClass": f'customerClass(id: "{customer["customerClass"]["id"]}") {{ %s }}',
    }
    for kind, name, path in places():
        answers = []
        for one in (UNKNOWN, value):
            text = owners[kind] % field_text(kind, name, path, one)
            body = (await api.post(f"{{ {text} }}")).json()
            told = [(error["message"], error["path"]) for error in body.get("errors", ())]
            answers.append((body["data"], [(said.replace(one, ""), at) for said, at in told]))
        assert answers[0] == answers[1], (kind, name, path)


@pytest.mark.parametrize("value", IMPOSSIBLE_IDS)
async def test_a_subscription_leaves_out_an_impossible_id(api: Api, value: str) -> None:
    customer = await api.save_customer()
    async with serving(api.app) as address, connected(address) as socket:
        await socket.sign_in(api.token)
        for name in ("customerEnriched", "contactConfirmed"):
            document = f"subscription($ids: [ID!]!) {{ {name}(customerIds: $ids) {{ id }} }}"
            await socket.subscribe(document, ids=[value, customer["id"]])
        refused = await socket.subscribe(document, ids=[value])
        (error,) = (await socket.next(refused))["errors"]
        assert error["message"] == "There is no customer with these `customerIds`."


async def export(api: Api, name: str, query: str) -> httpx.Response:
    return await api.http.get(
        f"/exports/{name}.csv?{query}", headers={"Authorization": f"Bearer {api.token}"}
    )


@pytest.mark.parametrize("value", IMPOSSIBLE_IDS)
async def test_a_download_of_an_impossible_customer_is_not_found(api: Api, value: str) -> None:
    answer = await export(api, "consent-evidence", f"customerId={value}")
    assert answer.status_code == 404
    assert answer.json()["errors"][0]["extensions"]["code"] == "NOT_FOUND"


@pytest.mark.parametrize(
    ("name", "query", "code"),
    [
        ("consent-evidence", "customerId=cus_1&customerid=cus_2", "UNKNOWN_FIELD"),
        ("consent-evidence", "customerId=cus_1&customerId=cus_2", "DUPLICATE_ITEM"),
        ("consent-evidence", "customerId=cus_1&bom=true&bom=true", "DUPLICATE_ITEM"),
        ("delivery-exposure", "fromAt=x&untilAt=x&customerId=cus_1", "UNKNOWN_FIELD"),
        ("delivery-exposure", f"{'x' * 5000}=1", "UNKNOWN_FIELD"),
    ],
)
async def test_a_download_ignores_no_parameter(api: Api, name: str, query: str, code: str) -> None:
    answer = await export(api, name, query)
    assert (answer.status_code, len(answer.content) < 1000) == (400, True)
    (fault,) = answer.json()["errors"][0]["extensions"]["faults"]
    assert fault["code"] == code
