"""Takes variables as they come where graphql-core's coercion would give back the same.

That is so for a value of a built-in scalar type that has the type's own form already, as a string
for `ID!`, and for null where it may be. What belongs to the types of the variables is worked out
once for an operation; whenever a value is of another type or form, or missing, graphql-core coerces
all of them.
"""

from collections.abc import Callable, Mapping
from typing import Any

from graphql import (
    GraphQLBoolean,
    GraphQLError,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLSchema,
    GraphQLString,
    OperationDefinitionNode,
    is_non_null_type,
)
from graphql.execution.get_variable_signature import (
    GraphQLVariableSignature,
    get_variable_signature,
)
from graphql.execution.values import (
    VariableValues,
    VariableValueSource,
    get_variable_values,
)

LARGEST_INT = 2**31 - 1

IS_AS_IT_SHOULD: dict[Any, Callable[[Any], bool]] = {
    GraphQLID: lambda value: type(value) is str,
    GraphQLString: lambda value: type(value) is str,
    GraphQLBoolean: lambda value: type(value) is bool,
    GraphQLInt: lambda value: type(value) is int and -LARGEST_INT - 1 <= value <= LARGEST_INT,
    GraphQLFloat: lambda value: type(value) is float and value - value == 0.0,
}


class Variables:
    """The variables that an operation declares."""

    __slots__ = ("_declared", "_nodes", "_schema")

    def __init__(self, schema: GraphQLSchema, operation: OperationDefinitionNode) -> None:
        self._schema = schema
        self._nodes = operation.variable_definitions or ()
        self._declared = _declared(schema, operation)

    def values(self, given: dict[str, Any]) -> VariableValues | None:
        """Give the values as graphql-core would; nothing if one of them is wrong."""
        taken = self.as_they_come(given)
        if taken is not None:
            return taken
        coerced = get_variable_values(self._schema, self._nodes, given)
        return None if isinstance(coerced, list) else coerced

    def as_they_come(self, given: Mapping[str, Any]) -> VariableValues | None:
        """Give the values if each is of a form that would be left as it is."""
        if self._declared is None:
            return None
        sources: dict[str, VariableValueSource] = {}
        coerced: dict[str, Any] = {}
        for signature, is_as_it_should, is_nullable, may_be_missing in self._declared:
            name = signature.name
            value = given.get(name, ...)
            if value is ... and may_be_missing:
                sources[name] = VariableValueSource(signature)
                continue
            if not (is_as_it_should(value) or (value is None and is_nullable)):
                return None
            sources[name] = VariableValueSource(signature, value)
            coerced[name] = value
        return VariableValues(sources, coerced)


Declared = tuple[GraphQLVariableSignature, Callable[[Any], bool], bool, bool]


def _declared(
    schema: GraphQLSchema, operation: OperationDefinitionNode
) -> tuple[Declared, ...] | None:
    """Give each variable's signature and test, and whether it may be null, and be missing.

    Nothing if one has another type.
    """
    found = []
    for node in operation.variable_definitions or ():
        signature = get_variable_signature(schema, node)
        if isinstance(signature, GraphQLError):
            return None
        wanted: Any = signature.type
        is_nullable = not is_non_null_type(wanted)
        test = IS_AS_IT_SHOULD.get(wanted if is_nullable else wanted.of_type)
        if test is None:
            return None
        found.append((signature, test, is_nullable, is_nullable and node.default_value is None))
    return tuple(found)
