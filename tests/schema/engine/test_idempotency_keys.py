"""Where `@idempotent` may be, which keys it takes, and how it goes with the header."""

from typing import Any

import pytest
from graphql import OperationDefinitionNode, parse, specified_rules

from schema.base.errors import RequestRefused
from schema.engine.idempotency_keys import keys_of
from tests.graphql_client import the_schema

INVALID, MISPLACED, CONFLICT = (
    "IDEMPOTENCY_KEY_INVALID",
    "IDEMPOTENCY_KEY_MISPLACED",
    "IDEMPOTENCY_KEY_CONFLICT",
)
VARIABLES = "$k: String!, $l: String!, $i: SaveCustomerInput!"
SAVE = "saveCustomer(input: $i)"
ID = "{ customer { id } }"
SUBSCRIPTION = (
    "subscription($k: String!, $i: [ID!]!) {"
    " contactConfirmed(customerIds: $i) @idempotent(key: $k) { id } }"
)
ON_K, ON_L = "@idempotent(key: $k)", "@idempotent(key: $l)"


def mutation(selection: str, more: str = "") -> str:
    return f"mutation({VARIABLES}) {{ {selection} }} {more}"


def keyed(directives: str) -> str:
    """Return a document whose only mutation has these directives."""
    return (
        "mutation($i: SaveCustomerInput!)"
        f" {{ saveCustomer(input: $i) {directives} {{ isReplayed }} }}"
    )


def codes_of(document: str) -> list[str]:
    """Return the codes of the document's faults; those of graphql-core's own rules have none."""
    schema = the_schema()
    faults = schema.faults(parse(document), tuple(specified_rules))
    return [str((one.extensions or {}).get("code", one.message)) for one in faults]


@pytest.mark.parametrize(
    ("document", "codes"),
    [
        # on root fields of a mutation
        (mutation(f"{SAVE} {ON_K} {ID} b: {SAVE} {ON_L} {ID}"), []),
        (mutation(f"{SAVE} {ON_K} {ID} b: {SAVE} @skip(if: true) {ON_L} {ID}"), []),
        (mutation(f"a: {SAVE} {ON_K} {ID} b: {SAVE} {ON_L} {ID} c: {SAVE} {ID}"), []),
        # in fragments on Mutation
        (
            mutation(
                f"...F b: {SAVE} {ON_L} {ID}", f"fragment F on Mutation {{ {SAVE} {ON_K} {ID} }}"
            ),
            [],
        ),
        (mutation(f"... on Mutation {{ {SAVE} {ON_K} {ID} }} b: {SAVE} {ON_L} {ID}"), []),
        # below a mutation's field
        (mutation(f"{SAVE} {ON_L} {{ customer {ON_K} {{ id }} }}"), [MISPLACED]),
        (mutation(f"{SAVE} {ON_L} {{ customer {{ id {ON_K} }} }}"), [MISPLACED]),
        (
            mutation(
                f"{SAVE} {ON_L} {{ ...F }}",
                f"fragment F on SaveCustomerPayload {{ customer {ON_K} {{ id }} }}",
            ),
            [MISPLACED],
        ),
        # in a query or subscription
        ("query($k: String!) { viewer @idempotent(key: $k) { id } }", [MISPLACED]),
        (SUBSCRIPTION, [MISPLACED]),
        # one field of the answer, with two keys or the same key twice
        (mutation(f"{SAVE} {ON_K} {ID} {SAVE} {ON_L} {{ isReplayed }}"), [CONFLICT]),
        (mutation(f"{SAVE} {ON_K} {ID} {SAVE} {ON_K} {{ isReplayed }} b: {SAVE} {ON_L} {ID}"), []),
        (mutation(f"{SAVE} {ON_K} {ID} {SAVE} {{ isReplayed }} b: {SAVE} {ON_L} {ID}"), []),
        # the same key on two fields of the answer
        (mutation(f"{SAVE} {ON_K} {ID} b: {SAVE} {ON_K} {ID} c: {SAVE} {ON_L} {ID}"), [CONFLICT]),
        (
            mutation(
                f'a: {SAVE} @idempotent(key: "x") {ID} b: {SAVE} @idempotent(key: "x") {ID}'
                f" c: {SAVE} {ON_K} {ID} d: {SAVE} {ON_L} {ID}"
            ),
            [CONFLICT],
        ),
        # literal keys
        (
            keyed('@idempotent(key: "x")'),
            [],
        ),
        (
            keyed('@idempotent(key: "")'),
            [INVALID],
        ),
        (
            keyed('@idempotent(key: " x")'),
            [INVALID],
        ),
        (
            keyed(f'@idempotent(key: "{"x" * 256}")'),
            [INVALID],
        ),
    ],
)
def test_a_document_is_refused_where_the_directive_would_mislead(
    document: str, codes: list[str]
) -> None:
    assert codes_of(document) == codes


@pytest.mark.parametrize(
    "document",
    [
        keyed("@idempotent"),
        keyed("@idempotent(key: null)"),
        keyed("@idempotent(key: 1)"),
        keyed('@idempotent(key: "a") @idempotent(key: "b")'),
        keyed("").replace("{", '@idempotent(key: "a") {', 1),
        keyed("").replace("{", '{ ... on Mutation @idempotent(key: "a") {', 1) + "}",
    ],
)
def test_the_standard_rules_refuse_other_misuses(document: str) -> None:
    assert len(codes_of(document)) == 1


TWO = mutation(f"a: {SAVE} {ON_K} {ID} b: {SAVE} {ON_L} {ID}")
ONE = f"mutation($k: String!, $i: SaveCustomerInput!) {{ a: {SAVE} {ON_K} {ID} __typename }}"
BARE = f"mutation($i: SaveCustomerInput!) {{ a: {SAVE} {ID} }}"
BARE_TWO = f"mutation($i: SaveCustomerInput!) {{ a: {SAVE} {ID} b: {SAVE} {ID} }}"
MERGED = (
    f"mutation($i: SaveCustomerInput!) {{ a: {SAVE} {ID} ... on Mutation {{ a: {SAVE} {ID} }} }}"
)


@pytest.mark.parametrize(
    ("document", "variables", "header", "expected"),
    [
        (BARE, {}, None, {}),
        (BARE, {}, "h", {"a": "h"}),
        (MERGED, {}, "h", {"a": "h"}),  # one field of the answer
        (BARE_TWO, {}, "h", MISPLACED),
        (BARE_TWO, {}, None, {}),
        (ONE, {"k": "x"}, None, {"a": "x"}),
        (ONE, {"k": "x"}, "x", {"a": "x"}),
        (ONE, {"k": "x"}, "h", CONFLICT),
        (ONE, {"k": ""}, None, INVALID),
        (ONE, {"k": "x" * 256}, None, INVALID),
        (ONE, {"k": "a b"}, None, INVALID),
        (TWO, {"k": "x", "l": "y"}, None, {"a": "x", "b": "y"}),
        (TWO, {"k": "x", "l": "x"}, None, CONFLICT),
        (TWO, {"k": "x", "l": "y"}, "x", MISPLACED),
    ],
)
def test_keys_by_variables_and_header(
    document: str, variables: dict[str, Any], header: str | None, expected: dict[str, str] | str
) -> None:
    (operation,) = parse(document).definitions
    assert isinstance(operation, OperationDefinitionNode)
    for _ in range(2):  # the second time, with what was found the first time
        found: dict[str, str] | str
        try:
            found = keys_of(operation, {}, variables, header)
        except RequestRefused as refused:
            found = refused.code.value
        assert found == expected
