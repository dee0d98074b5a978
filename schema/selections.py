"""Walks what a field selects, through fragments and past directives, and the types it leads to."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, cast

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLIncludeDirective,
    GraphQLSkipDirective,
    InlineFragmentNode,
    SelectionNode,
    SelectionSetNode,
)
from graphql.execution.values import VariableValues, get_argument_values, get_directive_values
from strawberry.types import get_object_definition
from strawberry.types.arguments import convert_arguments
from strawberry.types.base import StrawberryContainer
from strawberry.types.field import StrawberryField
from strawberry.types.lazy_type import LazyType
from strawberry.utils.str_converters import to_camel_case

from schema.context import Info


def variables_of(info: Info) -> VariableValues:
    """Give the variables as graphql-core wants them; resolvers are only shown their values."""
    return VariableValues({}, cast("dict[str, Any]", info._raw_info.variable_values))


def selects(info: Info, names: Collection[str]) -> bool:
    """Tell whether the current field selects one of some fields, not left out by a directive."""
    raw = info._raw_info
    return any(
        node.name.value in names
        for field_node in raw.field_nodes
        if field_node.selection_set is not None
        for node in fields_of(field_node.selection_set, raw.fragments, variables_of(info))
    )


def selects_at(info: Info, *paths: tuple[str, ...]) -> bool:
    """Tell whether any of some paths of fields leads from the current field to a selection."""
    raw = info._raw_info
    return any(
        descend(node.selection_set, path, raw.fragments)
        for node in raw.field_nodes
        for path in paths
    )


def arguments_of(field: StrawberryField, node: FieldNode, info: Info) -> dict[str, Any]:
    """Give the arguments of a field's node, as its resolver would be given them."""
    if not field.arguments:
        return {}
    schema = info.schema
    definition = get_object_definition(field.origin, strict=True)
    core: Any = info._raw_info.schema.get_type(definition.name)
    given = get_argument_values(core.fields[node.name.value], node, variables_of(info))
    return convert_arguments(
        given,
        field.arguments,
        scalar_registry=schema.schema_converter.scalar_registry,
        config=schema.config,
        info=info,
    )


def fields_of(
    selection_set: SelectionSetNode,
    fragments: Mapping[str, FragmentDefinitionNode],
    variables: VariableValues | None = None,
    others: frozenset[str] = frozenset(),
) -> Iterator[FieldNode]:
    """Give the fields of a selection set, those of its fragments included.

    Fragments on `others` are passed by. What a directive leaves out is only passed by if the values
    of the variables are given.
    """
    for node in selection_set.selections:
        if variables is not None and not _is_included(node, variables):
            continue
        if isinstance(node, FieldNode):
            yield node
            continue
        about = fragments[node.name.value] if isinstance(node, FragmentSpreadNode) else node
        assert isinstance(about, InlineFragmentNode | FragmentDefinitionNode)  # noqa: S101  # no others
        condition = about.type_condition
        if condition is None or condition.name.value not in others:
            yield from fields_of(about.selection_set, fragments, variables, others)


def _is_included(node: SelectionNode, variables: VariableValues) -> bool:
    if not node.directives:
        return True
    skip = get_directive_values(GraphQLSkipDirective, node, variables)
    include = get_directive_values(GraphQLIncludeDirective, node, variables)
    return not (skip and skip["if"]) and not (include and not include["if"])


def descend(
    selection_set: SelectionSetNode | None,
    path: tuple[str, ...],
    fragments: Mapping[str, FragmentDefinitionNode],
) -> list[SelectionSetNode]:
    """Give the selection sets that a path of fields leads to."""
    found = [] if selection_set is None else [selection_set]
    for step in path:
        found = [
            node.selection_set
            for one_set in found
            for node in fields_of(one_set, fragments)
            if node.name.value == step and node.selection_set is not None
        ]
    return found


def known_fields(kind: type) -> dict[str, StrawberryField]:
    """Give the fields of a type by their names in the schema."""
    definition = get_object_definition(kind, strict=True)
    return {
        field.graphql_name or to_camel_case(field.python_name): field for field in definition.fields
    }


def type_at(field: StrawberryField, path: tuple[str, ...]) -> type:
    """Give the type that a path of fields leads to from a field."""
    for step in path:
        field = known_fields(inner_type(field.type))[step]
    return inner_type(field.type)


def inner_type(annotation: Any) -> type:
    """Give the type within lists and nulls."""
    while isinstance(annotation, StrawberryContainer):
        annotation = annotation.of_type
    if isinstance(annotation, LazyType):
        annotation = annotation.resolve_type()
    kind: type = annotation
    return kind
