"""Coerces the values of variables with what belongs to their types worked out once.

Whenever a value is missing that may not be, or has an unusual form, graphql-core coerces all of
them; see `coercion`.
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
        """Give the values as graphql-core would; nothing if one of them is wrong."""
        taken = self.taken(given)
        if taken is not None:
            return taken
        coerced = get_variable_values(self._schema, self._nodes, given)
        return None if isinstance(coerced, list) else coerced

    def taken(self, given: Mapping[str, Any]) -> VariableValues | None:
        """Give the values if none is wrong or unusual."""
        if self._declared is None:
            return None
        sources: dict[str, VariableValueSource] = {}
        coerced: dict[str, Any] = {}
        for signature, take, may_be_missing in self._declared:
            name = signature.name
            if name not in given:
                if not may_be_missing:
                    return None
                sources[name] = VariableValueSource(signature)
                continue
            value = given[name]
            try:
                coerced[name] = take(value)
            except Exception:  # graphql-core will meet it too
                return None
            sources[name] = VariableValueSource(signature, value)
        return VariableValues(sources, coerced)


Declared = tuple[GraphQLVariableSignature, Coercer, bool]


def _declared(
    schema: GraphQLSchema, operation: OperationDefinitionNode
) -> tuple[Declared, ...] | None:
    """Give each variable's signature, what takes its values, and whether it may be missing.

    Nothing if one has a type that graphql-core has to see to.
    """
    found = []
    for node in operation.variable_definitions or ():
        signature = get_variable_signature(schema, node)
        if isinstance(signature, GraphQLError):
            return None
        try:
            take = coercer_of(signature.type)
        except EndlessError:
            return None
        is_nullable = not is_non_null_type(signature.type)
        found.append((signature, take, is_nullable and node.default_value is None))
    return tuple(found)
