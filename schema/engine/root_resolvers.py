"""Calls the resolvers of root fields as Strawberry does, with what depends on the field worked out.

For each call Strawberry looks up the names of the arguments, looks through their types, and goes
through a chain of functions in which extensions could take part. Here a root field is resolved by
one function, which knows its arguments; a field with anything more to it is left as it was.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from graphql import GraphQLResolveInfo
from strawberry import Schema
from strawberry.extensions import FieldExtension
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField

from schema.engine.input_coercion import converted, of_arguments

Resolve = Callable[..., Awaitable[Any]]


def prepare_resolvers(schema: Schema) -> None:
    """Let the resolvers of the root fields of a schema be called quickly."""
    for root in (schema._schema.query_type, schema._schema.mutation_type):
        for field in root.fields.values() if root else ():
            definition = field.extensions[GraphQLCoreConverter.DEFINITION_BACKREF]
            info_name = _info_of_usual(definition)
            if info_name is not None:
                field.resolve = _resolve(definition, info_name, schema)


def _info_of_usual(field: StrawberryField) -> str | None:
    """Name what the info is passed as, if a resolver is async and takes no more but arguments."""
    resolver = field.base_resolver
    if resolver is None or not resolver.is_async or resolver.info_parameter is None:
        return None
    wants_source = resolver.self_parameter or resolver.parent_parameter or resolver.root_parameter
    if wants_source or any(map(_takes_part, field.extensions)):
        return None
    return resolver.info_parameter.name


def _takes_part(extension: FieldExtension) -> bool:
    """Tell whether an extension has a say in how a resolver is called, or with what."""
    maps_arguments = type(extension).map_arguments is not FieldExtension.map_arguments
    return extension.has_resolver or maps_arguments


def _resolve(field: StrawberryField, info_name: str, schema: Schema) -> Resolve:
    make_info, known = schema.config.info_class, of_arguments(field, schema)

    async def resolve(source: Any, raw: GraphQLResolveInfo[Any], /, **given: Any) -> Any:
        info = make_info(_raw_info=raw, _field=field)
        values = converted(known, given)
        values[info_name] = info
        return await field.get_result(source, info=info, args=[], kwargs=values)

    return resolve
