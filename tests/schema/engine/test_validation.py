"""Combined validation rules report the errors of graphql-core's validation, in its order."""

from collections.abc import Callable

import pytest
from graphql import GraphQLError, GraphQLSyntaxError, parse, specified_rules, validate

from schema.engine.served_schema import MAX_FAULTS
from schema.engine.strawberry_internals import STRAWBERRY_RULES
from schema.engine.validation import faults_of
from tests.graphql_client import the_schema

SCHEMA = the_schema()
RULES = (*specified_rules, *STRAWBERRY_RULES)
PARTS = (
    "{ viewer { id name } }",
    "query A { viewer { id } }",
    "query A { viewer { nothing ...Nowhere } }",
    "query B($a: ID!, $a: ID, $b: Nothing, $c: Customer) { customer(id: $a) { id } }",
    'query C { customer(id: "1", id: "2", other: 3) { name(x: 1) id: name id } }',
    "query D($n: String, $u: Int) { customers(first: $n, after: $missing) { nodes { id } } }",
    "query E { customer(id: {a: 1, a: 2}) viewer { id { more } } }",
    "query F @skip @skip(if: 3) @include(if: true) @nothing { viewer @skip(if: true) { id } }",
    "fragment One on Customer { id ...Two @defer } fragment Two on Customer { ...One }",
    "fragment One on Nothing { id } fragment Three on Int { id } fragment Four on Customer { id }",
    'query G { ...Four node(id: "1") { ... on Customer { id ...Four } ... on Date { x } } }',
    "mutation H { saveCustomer(input: {nothing: 1, name: 2, version: null}) { customer { id } } }",
    'mutation I { saveContact(input: {id: null, name: ["a"]}) { contact { id } userErrors } }',
    'subscription J { customerEnriched(customerId: "1") { id } viewer { id } __typename }',
    "subscription K @include(if: true) { customerEnriched { id } }",
    "query L { customers(sort: NOTHING, filter: {labels: [WRONG], classIds: {a: $x}}) { nodes } }",
    "{ viewer { id } viewer { id: name } } { viewer { ... { id } ... @include { name } } }",
    "type Own { id: ID } extend type Customer { own: Own }",
)


def _told(text: str, find: Callable[..., list[GraphQLError]]) -> list[dict[str, object]]:
    rules = RULES if find is validate else specified_rules  # it adds Strawberry's rules itself
    errors = find(SCHEMA._schema, parse(text), rules, max_errors=MAX_FAULTS)
    return [dict(error.formatted) for error in errors]


@pytest.mark.parametrize("first", range(len(PARTS)))
def test_the_same_is_found_whatever_the_document(first: int) -> None:
    for second in range(first, len(PARTS)):
        text = " ".join(PARTS[part] for part in sorted({first, second}))
        assert _told(text, faults_of) == _told(text, validate), text


def test_each_part_is_well_formed_and_most_are_wrong() -> None:
    wrong = 0
    for text in PARTS:
        try:
            wrong += bool(_told(text, validate))
        except GraphQLSyntaxError as error:
            pytest.fail(f"{text}: {error.message}")
    assert wrong >= len(PARTS) - 2


def test_all_of_it_at_once_ends_at_the_same_error() -> None:
    text = " ".join(PARTS)
    found = _told(text, faults_of)
    assert found == _told(text, validate)
    assert len(found) == MAX_FAULTS + 1
