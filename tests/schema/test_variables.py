"""Coercing variables gives the values and errors of graphql-core."""

from itertools import product
from typing import Any

import pytest
from graphql import OperationDefinitionNode, build_schema, get_variable_values, parse
from graphql.execution.values import VariableValues

from schema.engine.plan.variable_faults import find_variable_faults
from schema.engine.plan.variables import Variables
from tests.input_kinds import PYTHON

SCHEMA = build_schema(
    """type Query { a(id: ID, text: String, share: Float, is: Boolean): Int }
    enum Colour { RED } input Box { size: Int, label: String = "none", colours: [Colour!] }
    input Whole { box: Box!, many: [Box], any: Any } scalar Any
    input One @oneOf { id: ID, box: Box } input Endless { inner: Endless, size: Int }"""
)
SCALARS = ("ID", "String", "Int", "Float", "Boolean", "Colour", "Any")
OBJECTS = ("Box", "Whole", "One", "Endless")
TYPES = (*SCALARS, *OBJECTS, "[ID!]", "[[Int]]", "[Box]", "[Whole!]")
DECLARATIONS = [f"{kind}{suffix}" for kind, suffix in product(TYPES, ("", "!", " = null")) if kind]
VALUES: tuple[Any, ...] = (
    None, "x", "", 0, 1, -1, True, False, 1.0, 1.5,
    2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 10**20, float("nan"),
    float("inf"), "RED", "BLUE", [], ["x"], [1], [None], [[1, None], None], {}, {"size": 1},
    {"size": "x"}, {"size": None, "label": None}, {"label": "y", "colours": ["RED"]},
    {"colours": "RED"}, {"colours": ["BLUE"]}, {"colours": [None]}, {"other": 1},
    {"box": {"size": 1}}, {"box": None}, {"box": {}, "any": {"deep": [1]}}, {"any": 1},
    {"box": {"size": 2}, "many": [{"size": 1}, None, {}]}, {"box": {}, "many": {"size": 1}},
    {"id": "x"}, {"id": None}, {"id": "x", "box": {}}, {"id": "x", "other": 1},
    {"inner": {"inner": {"size": 1}}}, [{"size": 1}, {}], [{"box": {}}], [{"size": "x"}], ...,
)  # fmt: skip


def _operation(declared: str) -> OperationDefinitionNode:
    operation = parse(f"query ($v: {declared}) {{ a }}").definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    return operation


def _spelt(values: VariableValues) -> list[tuple[str, str, str]]:
    return [
        (name, str(source.signature.type), repr(source.value))
        for name, source in values.sources.items()
    ]


@pytest.mark.parametrize("declared", DECLARATIONS)
def test_what_is_taken_as_it_comes_is_what_graphql_core_gives(declared: str) -> None:
    operation = _operation(declared)
    variables = Variables(SCHEMA, operation)
    for value in VALUES:
        given: dict[str, Any] = {} if value is ... else {"v": value}
        expected = get_variable_values(SCHEMA, operation.variable_definitions or (), given)
        assert (variables.values(given) is None) is isinstance(expected, list), (declared, value)
        faults = find_variable_faults(SCHEMA, operation, given)
        assert bool(faults) is isinstance(expected, list), (declared, value)
        assert not any(PYTHON.search(one.fault.message) for one in faults)
        for taken in (variables.values(given), variables.coerced(given)):
            if taken is None:
                continue
            assert isinstance(expected, VariableValues), (declared, value)
            assert taken.coerced == expected.coerced
            assert _spelt(taken) == _spelt(expected)
            assert [type(v) for v in taken.coerced.values()] == [
                type(v) for v in expected.coerced.values()
            ]


@pytest.mark.parametrize(
    ("declared", "value"),
    [
        ("ID!", "cus_1"),
        ("ID", None),
        ("String", "text"),
        ("Int", 2**31 - 1),
        ("Boolean!", False),
        ("Float", 1.5),
        ("Int", ...),  # may be omitted
        ("Colour", "RED"),
        ("[[Int]]", [[1, None], None]),
        ("Any", {"deep": [1]}),
        ("Whole", {"box": {"size": 1, "label": None, "colours": ["RED"]}, "many": [None]}),
        ("One!", {"id": "x"}),
    ],
)
def test_usual_values_are_taken(declared: str, value: Any) -> None:
    given = {} if value is ... else {"v": value}
    taken = Variables(SCHEMA, _operation(declared)).coerced({**given, "other": 1})
    assert taken is not None
    assert taken.coerced == given


@pytest.mark.parametrize(
    ("declared", "value"),
    [
        ("ID!", None),
        ("ID!", ...),
        ("ID", 1),  # a number becomes text
        ("Int", 2**31),
        ("Int", True),
        ("Float", 1),  # a whole number becomes a float
        ("Float", float("nan")),
        ("Int = 3", ...),  # has a default
        ("Colour", "BLUE"),
        ("Box", {"size": "1"}),
        ("Box", {"other": 1}),
        ("Box", {"colours": "RED"}),  # an item becomes a list
        ("One", {"id": "x", "box": {}}),
        ("Endless", {"size": 1}),
        ("[ID!]", "x"),
        ("[ID!]", [None]),
    ],
)
def test_everything_else_is_left_to_graphql_core(declared: str, value: Any) -> None:
    given = {} if value is ... else {"v": value}
    assert Variables(SCHEMA, _operation(declared)).coerced(given) is None


def test_operations_without_variables_have_none() -> None:
    taken = Variables(SCHEMA, _operation("ID")).coerced({})
    assert taken is not None
    assert taken.coerced == {}
