"""Long responses are read and completed in parts, with the same result."""

import pytest

from tests.clock import Clock
from tests.databases import Databases
from tests.graphql_client import Api, running_api

ADD = """mutation($name: String!) { saveCustomer(input: { name: $name, classCode: "CHARITY" })
  { customer { id } } }"""
LIST = """{ customers(first: 20) { totalCount nodes { id name labels customerClass { id name }
  contacts { name } classHistory { reason } } } }"""


async def add_customers(api: Api) -> None:
    for number in range(15):
        saved = await api.data(ADD, name=f"Customer {number:02}")
        customer = saved["saveCustomer"]["customer"]["id"]
        for place in range(number % 3):
            await api.data(
                "mutation($i: SaveContactInput!) { saveContact(input: $i) { contact { id } } }",
                i={"customerId": customer, "name": f"Contact {place}"},
            )


async def test_an_answer_in_parts_is_the_same(
    databases: Databases, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[None] = []

    async def note() -> None:
        pauses.append(None)

    async with running_api(databases, clock) as api:
        await add_customers(api)
        await api.data(LIST)
        whole = await api.data(LIST)
        monkeypatch.setattr("schema.engine.plan.executor.ROWS_AT_ONCE", 4)
        monkeypatch.setattr("schema.engine.plan.executor.pause", note)
        monkeypatch.setattr("models.storage.row_query_compiler.PARENTS_AT_ONCE", 4)
        for _ in range(3):
            assert await api.data(LIST) == whole
        assert len(whole["customers"]["nodes"]) == 15
        assert len(pauses) >= 3 * 8
