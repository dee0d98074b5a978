"""Walks what a field selects, through fragments and past directives, and the types it leads to."""

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
"""The attribute of an operation that holds the variables on which its selection depends."""


def variables_of(info: Info) -> VariableValues:
    """Give the variables as graphql-core wants them; resolvers are only shown their values."""
    return VariableValues({}, info.variable_values)


@dataclass(frozen=True, slots=True)
class Walk:
    """Goes through what an operation selects, as its variables have it.

    Each selection set is gone through once, however often fragments lead to it.
    """

    info: Info
    variables: VariableValues
    answers: dict[Requires, bool] = field(default_factory=dict)
    """What was required on the way, and whether the principal met it."""

    @classmethod
    def of(cls, info: Info) -> "Walk":
        """Go through the operation that is executed."""
        return cls(info, variables_of(info))

    @property
    def operation(self) -> OperationDefinitionNode:
        """Give the operation."""
        return self.info.operation

    def meets(self, requirements: Iterable[Requires]) -> bool:
        """Tell whether the principal meets all of some requirements."""
        for one in requirements:
            if one not in self.answers:
                self.answers[one] = one.allows(self.info)
        return all(self.answers[one] for one in requirements)

    def fields(
        self, sets: Iterable[SelectionSetNode | None], others: frozenset[str] = frozenset()
    ) -> list[FieldNode]:
        """Give the fields of some selection sets and of their fragments, but those on `others`."""
        found: list[FieldNode] = []
        seen: set[int] = set()
        for one_set in sets:
            if one_set is not None:
                self._collect(one_set, others, seen, found)
        return found

    def descend(
        self, sets: Iterable[SelectionSetNode | None], path: tuple[str, ...]
    ) -> list[SelectionSetNode]:
        """Give the selection sets that a path of fields leads to."""
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
    """Give the selection sets of the current field."""
    return [node.selection_set for node in core_info(info).field_nodes]


def selected_names(info: Info) -> frozenset[str]:
    """Name the fields that the current field selects, but for those that directives leave out."""
    nodes = Walk.of(info).fields(selected_sets(info))
    return frozenset(node.name.value for node in nodes)


def selects(info: Info, names: Collection[str]) -> bool:
    """Tell whether the current field selects one of some fields, not left out by a directive."""
    return any(node.name.value in names for node in Walk.of(info).fields(selected_sets(info)))


def selects_at(info: Info, *paths: tuple[str, ...]) -> bool:
    """Tell whether any of some paths of fields leads from the current field to a selection."""
    walk, sets = Walk.of(info), selected_sets(info)
    return any(walk.descend(sets, path) for path in paths)


def condition_values(info: Info) -> tuple[Any, ...]:
    """Give the values of the variables on which it depends what the operation leaves out."""
    kept = attachments(info.operation)
    names = kept.get(CONDITIONS)
    if names is None:
        fragments = core_info(info).fragments
        names = kept[CONDITIONS] = conditions((info.operation, *fragments.values()))
    values = variables_of(info).coerced
    return tuple(values.get(name, ...) for name in names)


class Arguments:
    """The arguments of a field's node, as its resolver would be given them.

    They are made once where no variable is among them; whoever takes them leaves them as they are.
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
        """Give them; raises GraphQLError for values that are wrong."""
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
    kind: type = _resolved(annotation) if isinstance(annotation, LazyType) else annotation
    return kind


@cache
def _resolved(annotation: LazyType[Any, Any]) -> type:
    """Resolve once: each time, the library looks at the files of the modules."""
    return annotation.resolve_type()
