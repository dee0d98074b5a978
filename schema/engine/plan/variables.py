"""Coerces (checks and converts) the values of an operation's variables by compiled coercers.

If a required value is missing, or any value has an unusual form, graphql-core coerces all of them;
see `coercion`.
"""

from collections.abc import Mapping
from typing import Any

from graphql import (
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    is_non_null_type,
)
from graphql.execution import VariableValues, get_variable_values

from schema.engine.graphql_core_internals import (
    GraphQLVariableSignature,
    VariableValueSource,
    get_variable_signature,
)
from schema.engine.plan.coercion import Coercer, EndlessError, coercer_of


class Variables:
    """The variables that an operation declares."""

    __slots__ = ("_declared", "_nodes", "_schema")

    def __init__(self, schema: GraphQLSchema, operation: OperationDefinitionNode) -> None:
        self._schema = schema
        self._nodes = operation.variable_definitions or ()
        self._declared = _declared(schema, operation)

    def values(self, given: dict[str, Any]) -> VariableValues | None:
        """Return the coerced values, by graphql-core if necessary; None if a value is wrong."""
        values = self.coerced(given)
        if values is not None:
            return values
        coerced = get_variable_values(self._schema, self._nodes, given)
        return None if isinstance(coerced, list) else coerced

    def coerced(self, given: Mapping[str, Any]) -> VariableValues | None:
        """Return the coerced values; None if graphql-core must coerce them or report an error."""
        if self._declared is None:
            return None
        sources: dict[str, VariableValueSource] = {}
        coerced: dict[str, Any] = {}
        for signature, coerce, may_be_missing in self._declared:
            name = signature.name
            if name not in given:
                if not may_be_missing:
                    return None
                sources[name] = VariableValueSource(signature)
                continue
            value = given[name]
            try:
                coerced[name] = coerce(value)
            except Exception:  # graphql-core reports the error
                return None
            sources[name] = VariableValueSource(signature, value)
        return VariableValues(sources, coerced)


Declared = tuple[GraphQLVariableSignature, Coercer, bool]


def _declared(
    schema: GraphQLSchema, operation: OperationDefinitionNode
) -> tuple[Declared, ...] | None:
    """Return each variable's signature, its coercer, and whether it may be missing.

    None if graphql-core must coerce the variables, because of a type that contains itself.
    """
    found = []
    for node in operation.variable_definitions or ():
        signature = get_variable_signature(schema, node)
        if isinstance(signature, GraphQLError):
            return None
        try:
            coerce = coercer_of(signature.type)
        except EndlessError:
            return None
        is_nullable = not is_non_null_type(signature.type)
        found.append((signature, coerce, is_nullable and node.default_value is None))
    return tuple(found)
