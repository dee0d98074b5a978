"""Makes arguments and input objects as Strawberry does, with what depends on types worked out once.

No input here is made in a way of its own, which might want to know the request.

Strawberry looks through the types of a value, and up the name and the type of each field of an
input, whenever one arrives, which for the filter of a list costs as much as reading it. It lets a
type say how its objects are made (`from_input`); the functions that are written here say so for all
inputs of a schema.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING
from typing import Any

from graphql import GraphQLInputObjectType
from strawberry import Schema
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types import get_object_definition
from strawberry.types.arguments import (
    InputContext,
    _is_leaf_type,
    _is_optional_leaf_type,
    convert_argument,
)
from strawberry.types.base import StrawberryList, StrawberryObjectDefinition, StrawberryOptional
from strawberry.types.field import StrawberryField

FromInput = Callable[[type, Mapping[str, Any], InputContext], Any]
Convert = Callable[[Any], Any]
Known = Mapping[str, tuple[str, Convert | None]]
"""Python's names of arguments or fields by those of the schema, with what converts their values."""


def prepare_inputs(schema: Schema) -> None:
    """Let the inputs of a schema be made quickly."""
    for named in schema._schema.type_map.values():
        if isinstance(named, GraphQLInputObjectType):
            definition = named.extensions[GraphQLCoreConverter.DEFINITION_BACKREF]
            if definition.from_input is None:
                definition.from_input = _from_input(definition, schema)


def of_arguments(field: StrawberryField, schema: Schema) -> Known:
    """Give what is to be known of the arguments of a field, to convert their values."""
    names = schema.config.name_converter
    return {
        names.from_argument(one): (one.python_name, _converter(one.type, schema))
        for one in field.arguments
    }


def converted(known: Known, given: Mapping[str, Any]) -> dict[str, Any]:
    """Give the values that graphql-core hands over, in Python's form and by Python's names."""
    values: dict[str, Any] = {}
    for name, value in given.items():
        attribute, convert = known[name]
        values[attribute] = value if convert is None else convert(value)
    return values


def _converter(kind: Any, schema: Schema) -> Convert | None:
    """Give what turns a value of a type into Python's, or nothing where it is Python's already."""
    scalars = schema.schema_converter.scalar_registry
    if _is_leaf_type(kind, scalars) or _is_optional_leaf_type(kind, scalars):
        return None
    inner: Any = kind.of_type if type(kind) is StrawberryOptional else kind
    if isinstance(inner, StrawberryList):
        return _list_converter(_converter(inner.of_type, schema))
    definition = get_object_definition(inner)
    context = InputContext(None, schema.config, scalars, ())
    if definition is None:
        return lambda value: convert_argument(value, kind, scalars, schema.config)

    def convert(value: Any) -> Any:
        from_input = definition.from_input
        assert from_input is not None  # noqa: S101  # all inputs of the schema are prepared
        return None if value is None else from_input(inner, value, context)

    return convert


def _list_converter(convert: Convert | None) -> Convert:
    if convert is None:
        return lambda value: None if value is None else list(value)
    return lambda value: None if value is None else [convert(item) for item in value]


def _from_input(definition: StrawberryObjectDefinition, schema: Schema) -> FromInput:
    names = schema.config.name_converter
    missing: dict[str, Any] = {}
    known: dict[str, tuple[str, Convert | None]] = {}
    for field in definition.fields:
        name, kind = names.from_field(field), field.resolve_type(type_definition=definition)
        if field.default_value is MISSING and field.default_factory is MISSING:
            missing[field.python_name] = None
        known[name] = field.python_name, _converter(kind, schema)

    def from_input(kind: type, given: Mapping[str, Any], _: InputContext) -> Any:
        return kind(**{**missing, **converted(known, given)})

    return from_input
