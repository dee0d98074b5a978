"""Finds the fields that an operation selects below a field, also in fragments, and their types."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, cast

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLIncludeDirective,
    GraphQLSkipDirective,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    print_ast,
)
from graphql.execution import VariableValues, get_argument_values, get_directive_values
from strawberry.types import get_object_definition
from strawberry.types.arguments import convert_arguments
from strawberry.types.base import StrawberryContainer
from strawberry.types.field import StrawberryField
from strawberry.types.lazy_type import LazyType
from strawberry.utils.str_converters import to_camel_case

from schema.base.context import Info
from schema.base.permissions import Requires
from schema.engine.graphql_core_internals import attachments
from schema.engine.plan.arguments import prepare_arguments
from schema.engine.plan.selection import conditions
from schema.engine.strawberry_internals import core_info, core_schema

CONDITIONS = "conditions"
"""The key, in the dictionary attached to an operation, of variables in `@skip` and `@include`."""


def variables_of(info: Info) -> VariableValues:
    """Return the values of the request's variables, in the form that graphql-core uses."""
    return VariableValues({}, info.variable_values)


@dataclass(frozen=True, slots=True)
class Walk:
    """Collects the fields that an operation selects with the variables of the request.

    Fields that `@skip` or `@include` leaves out are not collected. `fields` visits each selection
    set once, however many fragments lead to it.
    """

    info: Info
    variables: VariableValues
    answers: dict[Requires, bool] = field(default_factory=dict)
    """The permissions that were checked so far, each with whether the caller has it."""

    @classmethod
    def of(cls, info: Info) -> "Walk":
        """Return a new walk of the current operation."""
        return cls(info, variables_of(info))

    @property
    def operation(self) -> OperationDefinitionNode:
        """The current operation."""
        return self.info.operation

    def meets(self, requirements: Iterable[Requires]) -> bool:
        """Return whether the caller has all of the permissions."""
        for one in requirements:
            if one not in self.answers:
                self.answers[one] = one.allows(self.info)
        return all(self.answers[one] for one in requirements)

    def fields(
        self, sets: Iterable[SelectionSetNode | None], others: frozenset[str] = frozenset()
    ) -> list[FieldNode]:
        """Return the fields of selection sets and of fragments in them.

        Fragments on types that `others` names are left out.
        """
        found: list[FieldNode] = []
        seen: set[int] = set()
        for one_set in sets:
            if one_set is not None:
                self._collect(one_set, others, seen, found)
        return found

    def descend(
        self, sets: Iterable[SelectionSetNode | None], path: tuple[str, ...]
    ) -> list[SelectionSetNode]:
        """Return the selection sets to which a path of field names leads from `sets`."""
        found = [one for one in sets if one is not None]
        for step in path:
            fields = self.fields(found)
            found = [
                node.selection_set
                for node in fields
                if node.name.value == step and node.selection_set is not None
            ]
        return found

    def _collect(
        self,
        one_set: SelectionSetNode,
        others: frozenset[str],
        seen: set[int],
        found: list[FieldNode],
    ) -> None:
        if id(one_set) in seen:
            return
        seen.add(id(one_set))
        for node in one_set.selections:
            if not _is_included(node, self.variables):
                continue
            if isinstance(node, FieldNode):
                found.append(node)
                continue
            is_spread = isinstance(node, FragmentSpreadNode)
            about: Any = (
                core_info(self.info).fragments[cast("Any", node).name.value] if is_spread else node
            )
            condition = about.type_condition
            if condition is None or condition.name.value not in others:
                self._collect(about.selection_set, others, seen, found)


def selected_sets(info: Info) -> list[SelectionSetNode | None]:
    """Return the selection sets of the current field."""
    return [node.selection_set for node in core_info(info).field_nodes]


def selected_names(info: Info) -> frozenset[str]:
    """Return the names of the fields selected directly below the current field."""
    nodes = Walk.of(info).fields(selected_sets(info))
    return frozenset(node.name.value for node in nodes)


def selects(info: Info, names: Collection[str]) -> bool:
    """Return whether any of the named fields is selected directly below the current field."""
    return any(node.name.value in names for node in Walk.of(info).fields(selected_sets(info)))


def selects_at(info: Info, *paths: tuple[str, ...]) -> bool:
    """Return whether any of the paths of field names is selected below the current field."""
    walk, sets = Walk.of(info), selected_sets(info)
    return any(walk.descend(sets, path) for path in paths)


def names_at(info: Info, path: tuple[str, ...]) -> frozenset[str]:
    """Return the names of the fields selected where a path of field names leads."""
    walk = Walk.of(info)
    nodes = walk.fields(walk.descend(selected_sets(info), path))
    return frozenset(node.name.value for node in nodes)


def condition_values(info: Info) -> tuple[Any, ...]:
    """Return the values of the variables in `@skip` and `@include`; Ellipsis for one not sent."""
    kept = attachments(info.operation)
    names = kept.get(CONDITIONS)
    if names is None:
        fragments = core_info(info).fragments
        names = kept[CONDITIONS] = conditions((info.operation, *fragments.values()))
    values = variables_of(info).coerced
    return tuple(values.get(name, ...) for name in names)


class Arguments:
    """The arguments of a field, converted as for the field's resolver.

    Arguments without variables are converted once and shared by all requests, so callers must not
    change them.
    """

    def __init__(self, field: StrawberryField, node: FieldNode, info: Info) -> None:
        self._node = node
        self._varies = any("$" in print_ast(argument) for argument in node.arguments or ())
        self._made: dict[str, Any] | None = None if field.arguments else {}
        if self._made is not None:
            return
        definition = get_object_definition(field.origin, strict=True)
        core: Any = core_schema(info.schema).get_type(definition.name)
        self._core: GraphQLField = core.fields[node.name.value]
        self._prepared = prepare_arguments(self._core, node)
        self._arguments = field.arguments

    def of(self, info: Info) -> dict[str, Any]:
        """Return the arguments by Python name; raises GraphQLError for wrong values."""
        if self._made is not None:
            return self._made
        variables = variables_of(info)
        given = self._prepared.of(variables) if self._prepared else None
        if given is None:
            given = get_argument_values(self._core, self._node, variables)
        schema = info.schema
        scalars = schema.schema_converter.scalar_registry
        made = convert_arguments(given, self._arguments, scalars, schema.config)
        if not self._varies:
            self._made = made
        return made


def _is_included(node: SelectionNode, variables: VariableValues) -> bool:
    if not node.directives:
        return True
    skip = get_directive_values(GraphQLSkipDirective, node, variables)
    include = get_directive_values(GraphQLIncludeDirective, node, variables)
    return not (skip and skip["if"]) and not (include and not include["if"])


def known_fields(kind: type) -> dict[str, StrawberryField]:
    """Return the fields of a GraphQL type by their names in the schema."""
    definition = get_object_definition(kind, strict=True)
    return {
        field.graphql_name or to_camel_case(field.python_name): field for field in definition.fields
    }


def type_at(field: StrawberryField, path: tuple[str, ...]) -> type:
    """Return the type of the objects to which a path of field names leads from `field`."""
    for step in path:
        field = known_fields(inner_type(field.type))[step]
    return inner_type(field.type)


def inner_type(annotation: Any) -> type:
    """Return the type in an annotation, without lists and options around it."""
    while isinstance(annotation, StrawberryContainer):
        annotation = annotation.of_type
    kind: type = _resolved(annotation) if isinstance(annotation, LazyType) else annotation
    return kind


@cache
def _resolved(annotation: LazyType[Any, Any]) -> type:
    """Return the type of a lazy reference; cached, as Strawberry resolves it slowly."""
    return annotation.resolve_type()
