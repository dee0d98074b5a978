"""Only selected columns are read, in all ways of writing a selection."""

from collections.abc import AsyncIterator
from time import process_time
from typing import Any

import pytest

from models.storage.row_query_compiler import MAX_JOINS
from models.storage.sql import is_postgres
from tests.clock import Clock
from tests.databases import Databases
from tests.graphql_client import Api, counted_statements, running_api

CUSTOMERS = ["A", "B", "C"]
UNLIMITED: dict[str, Any] = {"max_fields": 10**20, "max_selection_fields": 10**20, "max_depth": 200}


@pytest.fixture
async def filled(databases: Databases, clock: Clock) -> AsyncIterator[Api]:
    """Yield an application without document limits, with three customers in a class."""
    async with running_api(databases, clock, **UNLIMITED) as api:
        for name in CUSTOMERS:
            await api.save_customer(name=name, classCode="CHARITY")
        for _ in range(2):  # the first request stores the token's last use
            await api.data("{ viewer { id } }")
        yield api


def names(page: dict[str, list[dict[str, str]]]) -> list[str]:
    return [node["name"] for node in page["nodes"]]


async def test_one_response_key_may_ask_for_different_things_in_different_places(
    filled: Api,
) -> None:
    own = "c: customers(first: %d) { nodes { name } }"
    found = await filled.data(
        f"""{{ customers(first: 1) {{ nodes {{
          a: customerClass {{ {own % 1} }} b: customerClass {{ {own % 2} }}
          d: customerClass {{ c: auditTrail {{ nodes {{ operation }} }} }} }} }}
        customerClasses {{ x: nodes {{ code {own % 1} }} y: nodes {{ code {own % 3} }}
          edges {{ node {{ code {own % 0} }} }} }} }}"""
    )
    (customer,) = found["customers"]["nodes"]
    assert names(customer["a"]["c"]) == ["A"]
    assert names(customer["b"]["c"]) == ["A", "B"]
    assert customer["d"]["c"] == {"nodes": []}
    for key, expected in (("x", ["A"]), ("y", CUSTOMERS)):
        (charity,) = (one for one in found["customerClasses"][key] if one["code"] == "CHARITY")
        assert names(charity["c"]) == expected
    edges = [edge["node"] for edge in found["customerClasses"]["edges"]]
    assert all(names(one["c"]) == [] for one in edges)


async def test_what_a_variable_leaves_out_is_not_read(filled: Api) -> None:
    document = """query($yes: Boolean!) { customers(first: 2) { nodes { name
      classHistory @include(if: $yes) { id } ...More @include(if: $yes)
      customerClass { customers(first: 1) { nodes { id } totalCount @include(if: $yes) } } } } }
    fragment More on Customer { auditTrail { nodes { id } } enrichment { status } }"""
    counts = []
    for yes in (False, True, False, True):
        with counted_statements() as statements:
            data = await filled.data(document, yes=yes)
        assert all(("classHistory" in node) is yes for node in data["customers"]["nodes"])
        counts.append(len(statements))
    # The page, the batched fields, and on SQLite the class history (on PostgreSQL it is joined).
    most = 5 if is_postgres() else 6
    assert counts == [2, most, 2, most]


async def test_fragments_within_fragments_are_walked_once(filled: Api) -> None:
    twice = "fragment F{} on Customer {{ ...F{} ...F{} }} "
    spreads = "".join(twice.format(n, n + 1, n + 1) for n in range(40))
    begun = process_time()
    data = await filled.data(
        f"{{ customers(first: 1) {{ nodes {{ ...F0 }} }} }} {spreads}"
        " fragment F40 on Customer { name }"
    )
    assert data["customers"]["nodes"] == [{"name": "A"}]
    assert process_time() - begun < 5  # doubling the time with each fragment would take for ever


async def test_references_are_followed_so_far_on_any_database(filled: Api) -> None:
    def chain(steps: int) -> str:
        inner = "parent { " * steps + "name" + " }" * steps
        return f"{{ customers(first: 1) {{ nodes {{ {inner} }} }} }}"

    assert await filled.data(chain(MAX_JOINS)) == {"customers": {"nodes": [{"parent": None}]}}
    far, back = "parent { " * (MAX_JOINS - 1), " }" * (MAX_JOINS - 1)
    contacts = f"contacts {{ customer {{ {far} id {back} }} }}"
    both = await filled.data(f"{{ customers(first: 1) {{ nodes {{ {far} {contacts} {back} }} }} }}")
    assert both == {"customers": {"nodes": [{"parent": None}]}}
    for steps in (MAX_JOINS + 1, 110):
        error = await filled.error(chain(steps))
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
        assert error["message"] == f"{MAX_JOINS} references at most are followed at once."
