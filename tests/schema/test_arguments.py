"""Cached argument values equal those that graphql-core computes for each request."""

from typing import Any

import pytest
from graphql import FieldNode, OperationDefinitionNode, build_schema, parse, print_ast, validate
from graphql.execution.values import VariableValues, get_argument_values, get_variable_values

from schema.engine.plan.arguments import PreparedArguments, prepare_arguments

SCHEMA = build_schema(
    """
    type Query {
      a(
        id: ID, first: Int = 50, must: Int! = 1, names: [String!], grid: [[Int]]
        colour: Colour = RED
        box: Box, boxes: [Box!], one: One, any: Any
        odd: Odd
      ): Int
    }
    enum Colour { RED GREEN }
    input Box { size: Int!, label: String = "none", tags: [String], inner: Box }
    input One @oneOf { id: ID, name: String }
    scalar Any
    scalar Odd
    """
)
SCHEMA.type_map["Odd"].coerce_input_literal = print_ast  # type: ignore[attr-defined]  # a scalar
FIELD = SCHEMA.query_type.fields["a"]  # type: ignore[union-attr]  # it has one
DECLARED = """$id: ID, $number: Int, $text: String, $texts: [String!], $colour: Colour, $box: Box,
  $sure: Int!, $label: String = "given", $size: Int! = 3, $any: Any, $name: String!"""
GIVEN: dict[str, Any] = {
    "id": "cus_1",
    "number": 7,
    "text": "x",
    "texts": ["x", "y"],
    "colour": "GREEN",
    "box": {"size": 2, "tags": ["t"], "inner": {"size": 1}},
    "sure": 1,
    "any": {"deep": [1]},
    "name": "n",
}
PREPARED = (
    "",
    "id: $id",
    'id: "x", first: 5, names: ["a", "b"], grid: [[1, null], null], colour: GREEN',
    "first: $number, must: $sure, colour: $colour",
    "names: $texts",
    'names: ["a", $name]',
    'names: "a", grid: 3',
    "box: $box",
    "box: {size: $size, label: $label, tags: [$text, null, $text]}",
    "box: {size: 1, inner: {size: $sure, inner: $box}}",
    "boxes: [{size: 1}, {size: $size, tags: $texts}]",
    "boxes: {size: 4, label: null}",
    "one: {name: $name}",
    "any: $any",
    "any: {a: [1, {b: 2}]}",
    "id: null, names: null, box: null",
    "any: {a: $number}",
    "any: [$text, {b: $id}]",
)
LEFT = ("odd: {a: $number}", "odd: [$text, 1]")
"""Literals with variables inside, whose values custom scalars compute themselves."""


def _parts(arguments: str) -> tuple[OperationDefinitionNode, FieldNode]:
    spelt = f"({arguments})" if arguments else ""
    document = parse(f"query ({DECLARED}) {{ a{spelt} }}")
    faults = [fault.message for fault in validate(SCHEMA, document)]
    assert all("never used" in fault for fault in faults), faults
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    node = operation.selection_set.selections[0]
    assert isinstance(node, FieldNode)
    return operation, node


def _values(operation: OperationDefinitionNode, given: dict[str, Any]) -> VariableValues:
    values = get_variable_values(SCHEMA, operation.variable_definitions or (), given)
    assert isinstance(values, VariableValues), values
    return values


def _without(given: dict[str, Any]) -> list[dict[str, Any]]:
    """Return copies of the values, each with one value omitted or null where allowed."""
    optional = [name for name in given if name not in {"sure", "name"}]
    left_out = [{k: v for k, v in given.items() if k != name} for name in optional]
    return [given, *left_out, *({**given, name: None} for name in optional)]


@pytest.mark.parametrize("arguments", [*PREPARED, *LEFT])
def test_what_was_worked_out_once_is_what_graphql_core_gives(arguments: str) -> None:
    operation, node = _parts(arguments)
    prepared = prepare_arguments(FIELD, node)
    for given in _without(GIVEN):
        values = _values(operation, given)
        known = prepared.of(values) if prepared else None
        assert known is None or known == get_argument_values(FIELD, node, values), given


@pytest.mark.parametrize("arguments", PREPARED)
def test_a_request_that_gives_all_variables_is_not_gone_through_again(arguments: str) -> None:
    operation, node = _parts(arguments)
    prepared = prepare_arguments(FIELD, node)
    assert prepared is not None
    assert prepared.of(_values(operation, GIVEN)) is not None


@pytest.mark.parametrize("arguments", LEFT)
def test_what_cannot_be_foreseen_is_left_to_graphql_core(arguments: str) -> None:
    assert prepare_arguments(FIELD, _parts(arguments)[1]) is None


@pytest.mark.parametrize("arguments", ["names: [1]", "first: 1.5", "box: {}", "colour: BLUE"])
def test_so_is_what_is_wrong(arguments: str) -> None:
    node = parse(f"{{ a({arguments}) }}").definitions[0].selection_set.selections[0]  # type: ignore[attr-defined]  # an operation
    assert prepare_arguments(FIELD, node) is None


@pytest.mark.parametrize(
    "arguments", ["box: {size: 1, tags: [$text]}", "any: {a: [1]}", 'names: ["a"]', "grid: [[1]]"]
)
def test_nothing_that_one_request_changes_is_another_ones(arguments: str) -> None:
    operation, node = _parts(arguments)
    prepared = prepare_arguments(FIELD, node)
    assert prepared is not None
    values = _values(operation, GIVEN)
    spoilt, expected = _made(prepared, values), get_argument_values(FIELD, node, values)
    for name in ("box", "any", "names", "grid"):
        _spoil(spoilt.get(name))
    spoilt.clear()
    assert _made(prepared, values) == expected


def _made(prepared: PreparedArguments, values: VariableValues) -> dict[str, Any]:
    made = prepared.of(values)
    assert made is not None
    return made


def _spoil(value: Any) -> None:
    if isinstance(value, dict):
        for inner in value.values():
            _spoil(inner)
        value.clear()
    elif isinstance(value, list):
        for inner in value:
            _spoil(inner)
        value.clear()
