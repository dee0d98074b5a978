"""The cost of operations: by the formula before execution, and by the rows read after it."""

from collections.abc import AsyncIterator
from time import process_time
from typing import Any

import pytest
import pytest_asyncio
from graphql import (
    FragmentDefinitionNode,
    OperationDefinitionNode,
    parse,
    validate,
)

from schema.engine.cost import Cost
from schema.engine.cost_compiler import cost_of
from tests.clock import Clock
from tests.databases import Databases
from tests.graphql_client import Api, Json, running_api, the_schema

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(databases: Databases) -> AsyncIterator[Api]:
    """Yield an application with three customers in a class; tests must not add any."""
    async with running_api(databases, Clock()) as started:
        for name in ("A", "B", "C"):
            await started.save_customer(name=name, classCode="CHARITY")
        yield started


def formula(text: str) -> Cost:
    """Return the cost formula of the first operation of a document."""
    document = parse(text)
    assert validate(the_schema()._schema, document) == []
    (operation, *_) = (
        one for one in document.definitions if isinstance(one, OperationDefinitionNode)
    )
    fragments = {
        one.name.value: one
        for one in document.definitions
        if isinstance(one, FragmentDefinitionNode)
    }
    return cost_of(the_schema()._schema, operation, fragments).whole


def requested(text: str, **variables: Any) -> int:
    return formula(text).of(variables)[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # scalars are free, an object costs a point
        ("{ __typename }", 0),
        ("{ viewer { id name scopes } }", 1),
        ("{ a: viewer { id } b: viewer { id } }", 2),
        ("{ customer { name customerClass { name } parent { parent { id } } } }", 4),
        # a connection, and the number of customers
        ("{ customers(first: 7) { nodes { name } } }", 1 + 7),
        ("{ customers(first: 7) { nodes { customerClass { name } } pageInfo { endCursor } } }", 16),
        ("{ customers(last: 7) { edges { cursor node { name } } } }", 1 + 7),
        ("{ customers(last: 7) { edges { cursor } } }", 1 + 7),
        ("{ customers(first: 0) { nodes { name } } }", 1),
        # without a size: the default page size, at most the largest
        ("{ customers { nodes { name } } }", 1 + 50),
        ("{ customers(first: null) { nodes { name } } }", 1 + 50),
        ("{ customers(first: 9999) { nodes { name } } }", 1 + 500),
        # lists in lists multiply
        (
            "{ customerClasses(first: 3) { nodes { customers(first: 5) { nodes { id } } } } }",
            1 + 3 * (1 + 1 + 5),
        ),
        # lists without a size have a default, the audit trail its maximum of a hundred
        ("{ customer { contacts { id } } }", 1 + 10),
        ("{ customer { auditTrail { nodes { id } } } }", 1 + 1 + 50),
        ('{ nodes(ids: ["a", "b"]) { id ... on Customer { parent { id } } } }', 2 * 2),
        # by the field's weight
        ("{ customers(first: 1) { totalCount } }", 1 + 20),
        ("{ customers(first: 2) { nodes { deliveryPreview { at } } } }", 1 + 2 * (1 + 20 + 1)),
        ('{ companySearch(query: "ab", first: 9) { name } }', 19_000 + 9),
        ("{ __schema { types { name fields { name } } } }", 500),
        (
            'mutation { saveCustomer(input: { name: "A" }) { customer { id parent { id } } } }',
            10 + 1 + 2,
        ),
        # directives and fragments
        ("{ viewer @skip(if: true) { id } viewer @include(if: false) { id } }", 0),
        ("{ ...F ...F } fragment F on Query { viewer { id } }", 2),
        (
            (
                "{ a: customers(first: 2) { ...F } b: customers(first: 5) { ...F } }"
                " fragment F on CustomerConnection { nodes { id } }"
            ),
            1 + 2 + 1 + 5,
        ),
    ],
)
async def test_what_is_requested_is_known_from_the_document(text: str, expected: int) -> None:
    found = formula(text)
    assert (found.requested, found.terms) == (expected, ())


PAGE = "($n: Int, $m: Int = 4, $is: Boolean = true, $not: Boolean = false)"


@pytest.mark.parametrize(
    ("text", "variables", "expected"),
    [
        ("query($n: Int) { customers(first: $n) { nodes { id } } }", {"n": 7}, 1 + 7),
        ("query($n: Int) { customers(first: $n) { nodes { id } } }", {}, 1 + 50),
        ("query($n: Int) { customers(first: $n) { nodes { id } } }", {"n": None}, 1 + 50),
        ("query($n: Int) { customers(first: $n) { nodes { id } } }", {"n": -3}, 1),
        ("query($n: Int) { customers(first: $n) { nodes { id } } }", {"n": 10**9}, 1 + 500),
        ("query($n: Int) { customers(first: $n) { nodes { id } } }", {"n": "many"}, 1 + 500),
        ("query($n: Int = 3) { customers(last: $n) { nodes { id } } }", {}, 1 + 3),
        ("query($n: Int = 3) { customers(last: $n) { nodes { id } } }", {"n": 2}, 1 + 2),
        (
            "query($n: Int, $m: Int) { customers(first: $n, last: $m) { nodes { id } } }",
            {"m": 9},
            1 + 9,
        ),
        (
            (
                "query($n: Int, $m: Int) { customerClasses(first: $n) { nodes {"
                " customers(first: $m) { nodes { id parent { id } } totalCount } } } }"
            ),
            {"n": 3, "m": 5},
            1 + 3 * (1 + 1 + 5 * 2 + 20),
        ),
        ("query($i: [ID!]!) { nodes(ids: $i) { id } }", {"i": ["a"] * 30}, 30),
        ("query($i: [ID!]!) { nodes(ids: $i) { id } }", {"i": "a"}, 1),
        ("query($i: Boolean!) { viewer @skip(if: $i) { id } }", {"i": False}, 1),
        ("query($i: Boolean!) { viewer @skip(if: $i) { id } }", {"i": True}, 0),
        ("query($i: Boolean = true) { viewer @include(if: $i) { id } }", {}, 1),
        ("query($i: Boolean = true) { viewer @include(if: $i) { id } }", {"i": False}, 0),
        (
            (
                "query($n: Int, $i: Boolean!) { customers(first: $n) { nodes { id parent"
                " @include(if: $i) { id } } } }"
            ),
            {"n": 4, "i": True},
            1 + 4 * 2,
        ),
    ],
)
async def test_what_is_requested_depends_on_the_variables(
    text: str, variables: dict[str, Any], expected: int
) -> None:
    assert requested(text, **variables) == expected


async def test_fragments_of_fragments_are_compiled_once() -> None:
    tenfold = "".join(
        f"fragment F{n} on CustomerConnection {{ {f'...F{n + 1} ' * 10} }} " for n in range(18)
    )
    begun = process_time()
    text = (
        f"{{ customers {{ ...F0 }} }} {tenfold} fragment F18 on CustomerConnection {{ totalCount }}"
    )
    document = parse(text)
    (operation, *fragments) = document.definitions
    found = cost_of(
        the_schema()._schema,
        operation,  # type: ignore[arg-type]  # the first is one
        {one.name.value: one for one in fragments if isinstance(one, FragmentDefinitionNode)},
    )
    assert found.whole.requested == 1 + 20 * 10**18
    assert process_time() - begun < 5  # computed one after the other, they would take for ever


async def cost_told(api: Api, document: str, **variables: Any) -> Json:
    body = await api.answer(document, **variables)
    assert "errors" not in body
    told: Json = body["extensions"]["cost"]
    return told


COUNTED = [
    # the rows found, and the rows joined to them
    ("{ viewer { id } }", {}, 1, 1),
    ("{ customers { nodes { name } } }", {}, 51, 1 + 3),
    ("{ customers(first: 2) { edges { node { name } } } }", {}, 3, 1 + 2),
    ("{ customers { nodes { customerClass { name } profile { netAssets { value } } } } }", {}, 201,
     1 + 3 * 4),
    ("{ customer(accountNumber: $a) { name customerClass { name } } }".replace("$a", '"none"'), {},
     2, 0),
    # another statement for related rows: one class change each
    ("{ customers { nodes { classHistory { to { name } } } } }", {}, 1 + 50 * 21, 1 + 3 + 3 * 2),
    ("{ customers { nodes { contacts { name } } } }", {}, 1 + 50 * 11, 1 + 3),
    # weights are charged
    ("{ customers { nodes { id } totalCount } }", {}, 71, 1 + 20 + 3),
    ("query($is: Boolean!) { customers(first: 2) { nodes { id } totalCount @include(if: $is) } }",
     {"is": False}, 3, 3),
    ('{ nodes(ids: ["a", "b", "c"]) { id } }', {}, 3, 0),
]  # fmt: skip


@pytest.mark.parametrize(("document", "variables", "expected", "actual"), COUNTED)
async def test_the_caller_is_told_what_was_requested_and_what_it_came_to(
    api: Api, document: str, variables: dict[str, Any], expected: int, actual: int
) -> None:
    for _ in range(3):  # costs the same with a prepared plan
        told = await cost_told(api, document, **variables)
        assert (told["requested"], told["actual"]) == (expected, actual)


async def test_a_class_counts_its_customers(api: Api) -> None:
    document = "{ customerClasses(first: 30) { nodes { customers(first: 4) { nodes { id } } } } }"
    told = await cost_told(api, document)
    classes = 10
    assert (told["requested"], told["actual"]) == (1 + 30 * (2 + 4), 1 + classes * 2 + 3)
