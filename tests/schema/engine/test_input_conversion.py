"""Converting only the sent fields of an input gives the same objects as Strawberry."""

from collections.abc import Iterator
from typing import Any

import pytest
from graphql import GraphQLInputObjectType, get_named_type, is_list_type
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.arguments import convert_argument

from tests.graphql_client import the_schema

SCHEMA = the_schema()
INPUTS = {
    name: named
    for name, named in SCHEMA._schema.type_map.items()
    if isinstance(named, GraphQLInputObjectType)
}


def _value(wanted: Any, depth: int = 0) -> Any:
    """Return a value of an input type, as graphql-core passes it."""
    inner = getattr(wanted, "of_type", None)
    if is_list_type(wanted):
        return [_value(inner, depth)]
    if inner is not None:
        return _value(inner, depth)
    if isinstance(wanted, GraphQLInputObjectType):
        return {
            name: _value(field.type, depth + 1)
            for name, field in wanted.fields.items()
            if depth < 3 or not isinstance(get_named_type(field.type), GraphQLInputObjectType)
        }
    enum = getattr(wanted, "values", None)
    return next(iter(enum.values())).value if enum else f"value of {wanted}"


def _given(named: GraphQLInputObjectType) -> Iterator[dict[str, Any]]:
    """Yield nothing, everything, each field alone, and each as null."""
    whole = _value(named)
    yield {}
    yield whole
    for name, value in whole.items():
        yield {name: value}
        yield {name: None}


@pytest.mark.parametrize("name", sorted(INPUTS))
def test_each_input_is_made_as_strawberry_makes_it(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = INPUTS[name]
    definition: Any = named.extensions[GraphQLCoreConverter.DEFINITION_BACKREF]
    definitions = [
        one.extensions[GraphQLCoreConverter.DEFINITION_BACKREF] for one in INPUTS.values()
    ]

    def made(given: dict[str, Any]) -> tuple[str, Any]:
        try:
            return "made", convert_argument(
                given, definition.origin, SCHEMA.schema_converter.scalar_registry, SCHEMA.config
            )
        except TypeError as error:
            return "refused", str(error)

    for given in _given(named):
        assert definition.from_input is not None
        quick = made(given)
        with monkeypatch.context() as patched:
            for other in definitions:
                patched.setattr(other, "from_input", None)
            usual = made(given)
        assert quick == usual
        assert repr(quick) == repr(usual)
