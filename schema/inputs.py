"""Makes input objects as Strawberry does, with what depends on their types alone worked out once.

Strawberry looks up the name and the type of each field of an input whenever one arrives, which for
the filter of a list costs as much as reading it. It lets a type say how its objects are made
(`from_input`); the functions that are written here say so for all inputs of a schema.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING
from typing import Any

from graphql import GraphQLInputObjectType
from strawberry import Schema
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.arguments import InputContext, _is_leaf_type, _is_optional_leaf_type
from strawberry.types.base import StrawberryObjectDefinition

FromInput = Callable[[type, Mapping[str, Any], InputContext], Any]


def prepare_inputs(schema: Schema) -> None:
    """Let the inputs of a schema be made quickly."""
    for named in schema._schema.type_map.values():
        if isinstance(named, GraphQLInputObjectType):
            definition = named.extensions[GraphQLCoreConverter.DEFINITION_BACKREF]
            if definition.from_input is None:
                definition.from_input = _from_input(definition, schema)


def _from_input(definition: StrawberryObjectDefinition, schema: Schema) -> FromInput:
    names, scalars = schema.config.name_converter, schema.schema_converter.scalar_registry
    missing: dict[str, Any] = {}
    plain: dict[str, str] = {}
    others: dict[str, tuple[str, Any]] = {}
    for field in definition.fields:
        name, kind = names.from_field(field), field.resolve_type(type_definition=definition)
        if field.default_value is MISSING and field.default_factory is MISSING:
            missing[field.python_name] = None
        if _is_leaf_type(kind, scalars) or _is_optional_leaf_type(kind, scalars):
            plain[name] = field.python_name
        else:
            others[name] = field.python_name, kind

    def from_input(kind: type, given: Mapping[str, Any], context: InputContext) -> Any:
        values = dict(missing)
        for name, value in given.items():
            if name in plain:
                values[plain[name]] = value
            else:
                attribute, wanted = others[name]
                values[attribute] = context.convert(value, wanted, name)
        return kind(**values)

    return from_input
