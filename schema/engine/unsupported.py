"""Refuses to build a schema with features of Strawberry that would be ignored.

`RememberingSchema` does not use Strawberry's `execute`, and plans do not call the resolvers of
batched fields. Strawberry would accept extensions and other hooks there, but they would never run.
"""

from collections.abc import Iterator

import strawberry
from graphql import GraphQLField
from strawberry.extensions import FieldExtension
from strawberry.types.field import StrawberryField

from schema.base.idempotent import idempotent
from schema.engine.plan import PREPARED, foreign_extensions
from schema.engine.strawberry_internals import core_schema, definition_of

HANDLED = (idempotent,)
"""Directives that are declared in the schema, and handled elsewhere."""

IGNORED_SETTINGS = ("extensions", "directives", "exception_handlers")
"""Settings of a Strawberry schema that only Strawberry's own `execute` would use."""


class UnsupportedSchemaError(Exception):
    """Raised when a schema is built with settings or extensions that would be ignored."""


def refuse_unsupported(schema: strawberry.Schema) -> None:
    """Raise UnsupportedSchemaError, naming all settings and extensions that would be ignored."""
    faults = [*_ignored_settings(schema), *_ignored_extensions(schema)]
    if faults:
        raise UnsupportedSchemaError("\n".join(faults))


def _ignored_settings(schema: strawberry.Schema) -> Iterator[str]:
    for setting in IGNORED_SETTINGS:
        for given in getattr(schema, setting):
            if given in HANDLED:
                continue
            name = getattr(given, "__name__", type(given).__name__)
            yield (
                f"{name} in `{setting}` would never run: {type(schema).__name__} executes"
                " documents itself. Do its work in schema/engine/served_schema.py."
            )


def _ignored_extensions(schema: strawberry.Schema) -> Iterator[str]:
    for kind in core_schema(schema).type_map.values():
        for name, field in getattr(kind, "fields", {}).items():
            for extension in _foreign(field):
                yield (
                    f"{type(extension).__name__} on {kind.name}.{name} would not run for a"
                    " document that was executed before: the field is batched, so plans do not"
                    " call its resolver. Use `extensions=[Requires(…)]` for permissions, and do"
                    " everything else in the function that batches the field."
                )


def _foreign(field: GraphQLField) -> list[FieldExtension]:
    definition = definition_of(field)
    if not isinstance(definition, StrawberryField) or PREPARED not in definition.metadata:
        return []
    return foreign_extensions(definition)
