"""Resolvers of root fields that are called quickly get what Strawberry gives them."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
import strawberry
from graphql import GraphQLInputObjectType, is_list_type
from strawberry.extensions import FieldExtension
from strawberry.schema.schema_converter import GraphQLCoreConverter

import schema.engine.served_schema
from schema.engine.root_resolvers import prepare_resolvers
from schema.root import build_schema


def _roots(of: Any) -> dict[str, Any]:
    roots = (of._schema.query_type, of._schema.mutation_type)
    return {name: field for root in roots for name, field in root.fields.items()}


with pytest.MonkeyPatch.context() as patched:
    patched.setattr(schema.engine.served_schema, "prepare_resolvers", lambda _: None)
    USUAL = _roots(build_schema())

QUICK = {
    name: field
    for name, field in _roots(build_schema()).items()
    if field.resolve.__code__ is not USUAL[name].resolve.__code__
}


def _value(wanted: Any, depth: int = 0) -> Any:
    """Give a value of an input type as graphql-core hands it over."""
    inner = getattr(wanted, "of_type", None)
    if is_list_type(wanted):
        return [_value(inner, depth), _value(inner, depth)]
    if inner is not None:
        return _value(inner, depth)
    if isinstance(wanted, GraphQLInputObjectType):
        fields = wanted.fields.items() if depth < 2 else ()
        return {name: _value(field.type, depth + 1) for name, field in fields}
    enum = getattr(wanted, "values", None)
    return next(iter(enum.values())).value if enum else f"value of {wanted}"


def _given(field: Any) -> Iterator[dict[str, Any]]:
    """Give nothing, everything, each argument alone, and each as null."""
    whole = {name: _value(argument.type) for name, argument in field.args.items()}
    yield {}
    yield whole
    for name, value in whole.items():
        yield {name: value}
        yield {name: None}


def _called(field: Any, given: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give what the resolver of a field is called with, or why it is not."""
    definition = field.extensions[GraphQLCoreConverter.DEFINITION_BACKREF]
    called = []

    async def note(source: Any, info: Any, args: Any, kwargs: Any) -> str:
        info_name = definition.base_resolver.info_parameter.name
        assert kwargs.pop(info_name) is info
        called.append((source, info._raw_info, info._field is definition, args, kwargs))
        return "done"

    with monkeypatch.context() as patched:
        patched.setattr(definition, "get_result", note)
        try:
            result = asyncio.run(field.resolve("source", "raw", **given))
        except TypeError as error:  # a value that graphql-core lets through to none of these
            return "refused", str(error)
    return repr(called), result


def test_all_that_are_async_are_called_quickly() -> None:
    assert set(USUAL) - set(QUICK) == {"permissions"}


@pytest.mark.parametrize("name", sorted(QUICK))
def test_each_resolver_is_called_as_strawberry_calls_it(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick, usual = QUICK[name], USUAL[name]
    for given in _given(quick):
        assert _called(quick, given, monkeypatch) == _called(usual, given, monkeypatch)


def test_a_root_field_whose_extension_maps_arguments_is_left_to_strawberry() -> None:
    class Doubling(FieldExtension):
        def map_arguments(self, kwargs: dict[str, Any]) -> dict[str, Any]:
            return {name: 2 * value for name, value in kwargs.items()}

    async def give(info: strawberry.Info, of: int) -> int:  # noqa: ARG001  # as ours
        return of

    @strawberry.type
    class Query:
        number: int = strawberry.field(resolver=give, extensions=[Doubling()])

    made = strawberry.Schema(Query)
    prepare_resolvers(made)
    result = asyncio.run(made.execute("{ number(of: 3) }"))
    assert result.data == {"number": 6}
