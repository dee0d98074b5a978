"""An answer says which deprecated parts of the schema its operation uses."""

from collections.abc import AsyncIterator
from functools import partial
from time import process_time
from typing import Any

import pytest
from graphql import OperationDefinitionNode, build_schema, parse, validate

from schema.engine.deprecations import Deprecated, DeprecatedParts
from tests.clock import Clock
from tests.databases import Databases
from tests.deprecated_schema import REASON, deprecated_schema, running_deprecated_api
from tests.event_rows import publish_enriched
from tests.graphql_client import Api, connected, serving, the_schema

OLD = f'@deprecated(reason: "{REASON}")'
SCHEMA = build_schema(f"""
type Query {{
  thing(id: ID, code: String {OLD}): Thing
  things(filter: Filter, colour: Colour): [Thing!]
  node: Node
}}
interface Node {{ id: ID! old: String {OLD} }}
type Thing implements Node {{ id: ID! name: String old: String {OLD} inner: Thing }}
enum Colour {{ RED BLUE {OLD} }}
input Filter {{ text: String old: String {OLD} colours: [Colour!] also: Filter }}
input Plain {{ text: String }}
""")

USES = [
    # text, variables, coordinates
    ("{ thing { id name } }", {}, []),
    ("{ thing { old } }", {}, ["Thing.old"]),
    ("{ a: thing { b: old inner { old } } }", {}, ["Thing.old"]),
    ('{ thing(code: "a") { id } }', {}, ["Query.thing(code:)"]),
    ("query ($c: String) { thing(code: $c) { id } }", {}, ["Query.thing(code:)"]),
    ("{ node { old ... on Thing { old } } }", {}, ["Node.old", "Thing.old"]),
    ("{ thing { ...F } } fragment F on Thing { inner { ...G } } fragment G on Thing { old }", {},
     ["Thing.old"]),
    ("{ things(colour: RED) { id } }", {}, []),
    ("{ things(colour: BLUE) { id } }", {}, ["Colour.BLUE"]),
    ('{ things(filter: { old: "a" }) { id } }', {}, ["Filter.old"]),
    ("{ things(filter: { also: { colours: [RED, BLUE] } }) { id } }", {}, ["Colour.BLUE"]),
    ("query ($c: Colour = BLUE) { things(colour: $c) { id } }", {}, ["Colour.BLUE"]),
    ("query ($c: Colour) { things(colour: $c) { id } }", {"c": "BLUE"}, ["Colour.BLUE"]),
    ("query ($c: Colour) { things(colour: $c) { id } }", {"c": "RED"}, []),
    ("query ($f: Filter) { things(filter: $f) { id } }", {"f": {"text": "a"}}, []),
    ("query ($f: Filter) { things(filter: $f) { id } }", {"f": None}, []),
    ("query ($f: Filter) { things(filter: $f) { id } }", None, []),
    ("query ($f: Filter) { things(filter: $f) { id } }",
     {"f": {"old": None, "also": {"also": {"colours": ["BLUE", "BLUE"]}}}},
     ["Filter.old", "Colour.BLUE"]),
    ("query ($f: Filter) { things(filter: $f) { old } }", {"f": {"colours": "BLUE"}},
     ["Thing.old", "Colour.BLUE"]),
    ("{ thing @include(if: true) { id } }", {}, []),
    ("{ __schema { types { name } } }", {}, []),
]  # fmt: skip


@pytest.mark.parametrize(("text", "variables", "coordinates"), USES)
def test_uses_are_found_in_the_text_and_in_variables(
    text: str, variables: dict[str, Any] | None, coordinates: list[str]
) -> None:
    document = parse(text)
    assert validate(SCHEMA, document) == []
    (operation, *_) = (
        one for one in document.definitions if isinstance(one, OperationDefinitionNode)
    )
    parts = DeprecatedParts.of(SCHEMA)
    assert parts is not None
    found = parts.used_by(document, operation).of(variables)
    assert found == tuple(Deprecated(one, REASON) for one in coordinates)


def test_only_the_operation_that_runs_counts() -> None:
    document = parse(
        "query A { thing { old } } query B { thing { id ...F } } fragment F on Thing { id }"
    )
    parts = DeprecatedParts.of(SCHEMA)
    assert parts is not None
    used = [
        len(parts.used_by(document, one).of({}))
        for one in document.definitions
        if isinstance(one, OperationDefinitionNode)
    ]
    assert used == [1, 0]


def test_a_schema_without_deprecated_parts_looks_for_none() -> None:
    assert DeprecatedParts.of(build_schema("type Query { a(b: Int): Int }")) is None


@pytest.fixture
async def aged(databases: Databases, clock: Clock) -> AsyncIterator[Api]:
    """Yield the application with a schema that has deprecated parts."""
    async with running_deprecated_api(databases, clock) as started:
        yield started


async def test_an_answer_tells_what_is_deprecated(aged: Api) -> None:
    document = """query ($s: [ClassStatus!], $ref: String) {
      customer(externalReference: $ref) { id invoiceWording }
      customerClasses(first: 1, filter: { statuses: $s }) { nodes { id } }
    }"""
    for _ in range(2):  # the second time from the cache
        body = await aged.answer(document, s=["ACTIVE", "RETIRED"], ref="none")
        assert body["extensions"]["deprecations"] == [
            {
                "coordinate": "Query.customer(externalReference:)",
                "reason": "Away",
                "removedOn": None,
            },
            {
                "coordinate": "Customer.invoiceWording",
                "reason": REASON,
                "removedOn": "2027-06-01",
            },
            {"coordinate": "ClassStatus.RETIRED", "reason": REASON, "removedOn": "2027-06-01"},
        ]
    both = f"{document} query Other {{ viewer {{ name }} }}".replace("query (", "query One (")
    response = await aged.http.post(
        "/graphql",
        json={"query": both, "operationName": "Other"},
        headers={"Authorization": f"Bearer {aged.token}"},
    )
    assert response.json()["extensions"].keys() == {"cost"}
    plain = await aged.answer("{ viewer { name } customers(first: 1) { nodes { name } } }")
    assert plain["extensions"].keys() == {"cost"}


async def test_a_mutation_tells_of_its_input_and_a_refused_request_of_nothing(aged: Api) -> None:
    save = """mutation ($input: SaveCustomerInput!) {
      saveCustomer(input: $input) { userErrors { code } } }"""
    body = await aged.answer(save, input={"name": "A", "classCode": "CHARITY"})
    assert body["data"]["saveCustomer"] == {"userErrors": []}
    told = [one["coordinate"] for one in body["extensions"]["deprecations"]]
    assert told == ["SaveCustomerInput.classCode"]
    nobody = await aged.token_for()
    for given, token in (({"name": "A", "classCode": "CHARITY"}, nobody), ({"classCode": 1}, None)):
        body = await aged.answer(save, token=token, input=given)
        assert "deprecations" not in body["extensions"]


def test_the_served_schema_pays_nothing_while_nothing_is_deprecated() -> None:
    assert the_schema()._deprecated is None


def test_finding_uses_takes_a_fraction_of_validating() -> None:
    """Measured on a long document; it is done once, and not at all without deprecated parts."""
    schema = deprecated_schema()
    parts = DeprecatedParts.of(schema.core)
    assert parts is not None
    fields = " ".join(f'a{n}: customer(id: "a") {{ id name version }}' for n in range(100))
    document = parse(f"{{ {fields} }}")
    (operation,) = document.definitions
    assert isinstance(operation, OperationDefinitionNode)
    started = process_time()
    validate(schema.core, document)
    validated = process_time()
    parts.used_by(document, operation)
    found = process_time()
    assert found - validated < validated - started


async def test_a_subscription_tells_it_with_its_first_event(aged: Api) -> None:
    ids = [(await aged.save_customer(name=name))["id"] for name in ("A", "B")]
    document = """subscription ($ids: [ID!], $since: DateTime) {
      customerEnriched(customerIds: $ids, since: $since) { id invoiceWording } }"""
    since = aged.clock()
    for customer_id in ids:
        await aged.platform.database.transaction(
            partial(publish_enriched, customer_id, aged.clock())
        )
    async with serving(aged.app) as address, connected(address) as opened:
        socket = await opened.sign_in(aged.token)
        operation = await socket.subscribe(document, ids=ids, since=since.isoformat())
        messages = [await socket.receive() for _ in ids]
    assert [one["id"] for one in messages] == [operation, operation]
    told = [
        [entry["coordinate"] for entry in one["payload"]["extensions"].get("deprecations", ())]
        for one in messages
    ]
    assert told == [["Customer.invoiceWording"], []]
