"""What the schema uses of Strawberry beyond its documented interface, each with its reason.

Every private name of the library stands here, and nowhere else in `schema`. A test names the
version that this was written for: look at each entry when it fails.
"""

from typing import Any

import strawberry
from graphql import GraphQLNamedType, GraphQLResolveInfo, GraphQLSchema
from graphql.type import GraphQLField, GraphQLInputField
from strawberry.execution import optimized_is_awaitable as is_awaitable
from strawberry.schema.schema import DEFAULT_ALLOWED_OPERATION_TYPES
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext as StrawberryExecution
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.schema.types.base_scalars import isoformat
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule
from strawberry.types.cast import TYPE_CAST_ATTRIBUTE

VERSIONS = ">=0.341,<0.342"
"""The releases whose internals were read."""

__all__ = [
    "ALLOWED_OPERATION_TYPES",
    "STRAWBERRY_RULES",
    "TYPE_CAST_ATTRIBUTE",
    "VERSIONS",
    "StrawberryExecution",
    "core_info",
    "core_schema",
    "definition_of",
    "is_awaitable",
    "is_default_resolver",
    "isoformat",
]

STRAWBERRY_RULES = (MaybeNullValidationRule, OneOfInputValidationRule)
"""The rules that Strawberry's own `execute` adds. Without them, `oneOf` inputs go unchecked."""

ALLOWED_OPERATION_TYPES = DEFAULT_ALLOWED_OPERATION_TYPES
"""What Strawberry's own `execute` allows if the caller names no operation types."""


def core_schema(schema: strawberry.Schema) -> GraphQLSchema:
    """Return graphql-core's schema, which Strawberry has no public name for.

    Executing, validating and checking the schema at its start all need it.
    """
    return schema._schema


def core_info(info: strawberry.Info[Any, Any]) -> GraphQLResolveInfo[Any]:
    """Return graphql-core's info, the only way to the nodes and the fragments of a selection.

    Strawberry's `selected_fields` are copies without identity: row queries could not be kept with
    the document, and every page would compile its row query anew.
    """
    return info._raw_info


def definition_of(core: GraphQLField | GraphQLInputField | GraphQLNamedType) -> Any:
    """Return Strawberry's definition of a field or type of graphql-core; None if it has none.

    Permissions, costs and plans are declared on Strawberry's fields, and looked up by
    graphql-core's.
    """
    return core.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)


def is_default_resolver(resolve: Any) -> bool:
    """Return whether a resolver is Strawberry's own that only reads an attribute.

    A plan reads such an attribute itself. Without the mark it could not tell that nobody has put
    another resolver in its place, and no field would be planned.
    """
    return getattr(resolve, "_is_default", False)
