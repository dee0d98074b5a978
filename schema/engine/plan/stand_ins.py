"""Executes mutations although users typed values that cannot be read, or left fields open.

These values are replaced by stand-ins, and the mutation then refuses them together with everything
else that is wrong; see `schema.base.input_faults`.
"""

from functools import lru_cache
from typing import Any

from graphql import (
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    Undefined,
    get_named_type,
    is_input_object_type,
)
from graphql.execution import VariableValues

from schema.base.input_faults import StandIn
from schema.engine.plan.variable_faults import MAX_FAULTS, Path, Values, VariableFault


def has_stand_ins(
    schema: GraphQLSchema, operation: OperationDefinitionNode, found: list[VariableFault]
) -> bool:
    """Return whether an operation can be executed with stand-ins for all its wrong values.

    Only mutations refuse stand-ins, so the types of the variables must be inputs of mutations only.
    An entry of a list has no stand-in. If there may be more faults than were
    found, none has.
    """
    return (
        operation.operation is OperationType.MUTATION
        and len(found) < MAX_FAULTS
        and all(
            get_named_type(one.kind) in _mutation_inputs(schema)
            and one.fault.stand_in is not Undefined
            and one.fault.path
            and isinstance(one.fault.path[-1], str)
            for one in found
        )
    )


def with_raw_stand_ins(given: Values, found: list[VariableFault]) -> dict[str, Any]:
    """Return the values of variables with the stand-ins in place of the wrong values."""
    values = dict(given)
    for one in found:
        values = _replaced(values, (one.variable, *one.fault.path), one.fault.raw_stand_in)
    return values


def mark_stand_ins(
    variables: VariableValues, found: list[VariableFault], *, hides_names: bool
) -> None:
    """Put a `StandIn` in place of each stand-in among coerced values."""
    for one in found:
        *parts, last = one.fault.path
        kind: Any = get_named_type(one.kind)
        holder = variables.coerced[one.variable]
        for part in parts:
            if isinstance(part, int):
                holder = holder[part]
                continue
            field = kind.fields[part]
            holder, kind = holder[field.out_name or part], get_named_type(field.type)
        key = kind.fields[last].out_name or last
        holder[key] = StandIn(one.fault.stand_in, one.fault.refusal(hides_names=hides_names))


def _replaced(values: Any, path: Path, value: Any) -> Any:
    part, *rest = path
    if isinstance(part, int):
        entries = list(values) if isinstance(values, list) else [values]  # one stands for a list
        entries[part] = _replaced(entries[part], tuple(rest), value)
        return entries
    return {**values, part: _replaced(values[part], tuple(rest), value) if rest else value}


@lru_cache(8)
def _mutation_inputs(schema: GraphQLSchema) -> frozenset[GraphQLInputObjectType]:
    """Return the input types that occur in arguments of mutations, and nowhere else."""
    of_mutations: set[GraphQLInputObjectType] = set()
    of_others: set[GraphQLInputObjectType] = set()
    for kind in schema.type_map.values():
        if isinstance(kind, GraphQLObjectType):
            found = of_mutations if kind is schema.mutation_type else of_others
            for field in kind.fields.values():
                for argument in field.args.values():
                    _collect(get_named_type(argument.type), found)
    return frozenset(of_mutations - of_others)


def _collect(kind: Any, found: set[GraphQLInputObjectType]) -> None:
    if is_input_object_type(kind) and kind not in found:
        found.add(kind)
        for field in kind.fields.values():
            _collect(get_named_type(field.type), found)
