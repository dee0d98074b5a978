"""Checks every permission that an operation with mutations needs, before any of these runs.

The selected fields that need a permission are found once for each operation, together with their
`@skip` and `@include`, and are kept with the operation. If a caller has all of these permissions,
checking a request takes only a few set look-ups.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from graphql import (
    BooleanValueNode,
    DirectiveNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    Undefined,
    VariableNode,
    get_named_type,
    is_abstract_type,
    is_input_object_type,
    is_object_type,
    located_error,
    value_from_ast_untyped,
)
from strawberry.types.field import StrawberryField

from models.tables.access import Principal
from schema.base.permissions import INPUT_PERMISSION, Requires
from schema.engine.graphql_core_internals import attachments
from schema.engine.plan.selection import CONDITIONS
from schema.engine.strawberry_internals import definition_of

PERMISSIONS = "permissions"
"""The key, in the dictionary attached to an operation, of its `GuardedSelection`."""

MAX_REFUSALS = 100
"""Maximum number of refused fields that an answer reports."""

Variables = Mapping[str, Any]
Types = frozenset[GraphQLObjectType]


class Condition(NamedTuple):
    """A `@skip` or `@include` on a field.

    `value` is the directive's argument: a boolean, or the name of a variable. The field is selected
    if the argument's value equals `wanted`.
    """

    value: str | bool
    wanted: bool

    def holds(self, variables: Variables) -> bool:
        """Return whether the field is selected, with these values of variables."""
        value = self.value
        return (variables.get(value) if isinstance(value, str) else value) is self.wanted


class InputNeed(NamedTuple):
    """A permission that is needed to set a field of an input object.

    `argument` is the argument of a field that takes the input object, and `path` leads from that to
    the input field, through objects and lists of objects.
    """

    argument: str
    path: tuple[str, ...]
    requires: Requires


@dataclass(frozen=True, slots=True)
class Guarded:
    """A selected field or fragment that needs permissions, or contains fields that do.

    `requires` are the permissions that the field needs, `inputs` those that setting its input
    fields needs, and `below` is the selection in it, None if nothing in it needs a permission.
    """

    node: FieldNode | None
    """The field's node; None for a fragment, which adds nothing to the path of its fields."""
    requires: tuple[Requires, ...]
    inputs: tuple[InputNeed, ...]
    conditions: tuple[Condition, ...]
    below: "GuardedSelection | None"


@dataclass(frozen=True, slots=True)
class GuardedSelection:
    """The parts of a selection set that need permissions, and all of these permissions."""

    parts: tuple[Guarded, ...]
    needs: frozenset[Requires]


def refusals(
    schema: GraphQLSchema,
    operation: OperationDefinitionNode,
    fragments: Mapping[str, FragmentDefinitionNode],
    variables: Variables,
    principal: Principal | None,
) -> list[GraphQLError]:
    """Return one error for each selected field that the principal may not use.

    `variables` are the coerced values of variables. Fields below a refused field are not reported.
    """
    known: GuardedSelection | None = attachments(operation).get(PERMISSIONS)
    if known is None:
        known = attachments(operation)[PERMISSIONS] = _guarded(schema, operation, fragments)
    refused = {one: error for one in known.needs if (error := one.refusal(principal))}
    if not refused:
        return []
    found: dict[tuple[str, ...], GraphQLError] = {}
    for path, node, requires in _refused_paths(known, (), refused.keys(), variables):
        if path not in found:
            found[path] = located_error(refused[requires], [node], list(path))
        if len(found) >= MAX_REFUSALS:
            break
    return list(found.values())


def _refused_paths(
    selection: GuardedSelection,
    path: tuple[str, ...],
    refused: Iterable[Requires],
    variables: Variables,
) -> Iterator[tuple[tuple[str, ...], FieldNode, Requires]]:
    """Yield path, node and permission of each selected field that needs one of `refused`."""
    if selection.needs.isdisjoint(refused):
        return
    for part in selection.parts:
        if not all(condition.holds(variables) for condition in part.conditions):
            continue
        node, own = part.node, path
        if node is not None:
            own = (*path, (node.alias or node.name).value)
            needed = (*part.requires, *_set_inputs(part, variables))
            mine = next((one for one in needed if one in refused), None)
            if mine is not None:
                yield own, node, mine
                continue
        if part.below is not None:
            yield from _refused_paths(part.below, own, refused, variables)


def _set_inputs(part: Guarded, variables: Variables) -> Iterator[Requires]:
    """Yield the permissions of those input fields of `part` that the request sets."""
    for need in part.inputs:
        arguments = cast("FieldNode", part.node).arguments or ()
        value = next((one.value for one in arguments if one.name.value == need.argument), None)
        if _is_set(value, need.path, variables):
            yield need.requires


def _is_set(value: Any, path: tuple[str, ...], variables: Variables) -> bool:
    """Return whether the input object `value`, given as a node, sets the field at `path`.

    A field that is null, false or an empty list does not count as set.
    """
    if isinstance(value, VariableNode):
        return _is_set_in(variables.get(value.name.value), path)
    if isinstance(value, ObjectValueNode):
        inner = next((one.value for one in value.fields if one.name.value == path[0]), None)
        if inner is not None:
            return _is_set_in(value_from_ast_untyped(inner, dict(variables)), path[1:])
    return False


def _is_set_in(value: Any, path: tuple[str, ...]) -> bool:
    if path and isinstance(value, list):
        return any(_is_set_in(one, path) for one in value)
    if path:
        return isinstance(value, dict) and _is_set_in(value.get(path[0]), path[1:])
    return value not in (None, False, Undefined, [])


def _guarded(
    schema: GraphQLSchema,
    operation: OperationDefinitionNode,
    fragments: Mapping[str, FragmentDefinitionNode],
) -> GuardedSelection:
    root = schema.get_root_type(operation.operation)
    assert root is not None  # noqa: S101  # the operation is valid
    return _Compiler(schema, fragments).selection(frozenset({root}), operation.selection_set)


class _Compiler:
    """Finds the parts of selection sets that need permissions.

    Each selection set is walked once for each combination of object types that it can apply to.
    """

    def __init__(
        self, schema: GraphQLSchema, fragments: Mapping[str, FragmentDefinitionNode]
    ) -> None:
        self._schema = schema
        self._fragments = fragments
        self._known: dict[tuple[int, Types], GuardedSelection] = {}

    def selection(self, types: Types, selected: SelectionSetNode) -> GuardedSelection:
        key = (id(selected), types)
        known = self._known.get(key)
        if known is None:
            found = (self._part(types, node) for node in selected.selections)
            parts = tuple(part for part in found if part is not None)
            needs = frozenset[Requires]().union(*(_needs(part) for part in parts))
            known = self._known[key] = GuardedSelection(parts, needs)
        return known

    def _part(self, types: Types, node: SelectionNode) -> Guarded | None:
        """Return the permissions of a field or fragment on `types`; None if it needs none."""
        if isinstance(node, FieldNode):
            return self._field(types, node)
        about: Any = node
        if isinstance(node, FragmentSpreadNode):
            about = self._fragments[node.name.value]
        if about.type_condition is not None:
            types &= self._possible(self._schema.type_map[about.type_condition.name.value])
        below = self.selection(types, about.selection_set)
        return Guarded(None, (), (), _conditions(node), below) if below.needs else None

    def _field(self, types: Types, node: FieldNode) -> Guarded | None:
        found = (one.fields.get(node.name.value) for one in types)
        fields = [field for field in found if field is not None]
        requires = dict.fromkeys(one for field in fields for one in _requires(field))
        inputs = dict.fromkeys(one for field in fields for one in _input_needs(field))
        below = None
        if node.selection_set is not None:
            inner = (self._possible(get_named_type(field.type)) for field in fields)
            below = self.selection(Types().union(*inner), node.selection_set)
            below = below if below.needs else None
        if not requires and not inputs and below is None:
            return None
        return Guarded(node, tuple(requires), tuple(inputs), _conditions(node), below)

    def _possible(self, kind: GraphQLNamedType) -> Types:
        """Return the object types that values of the type `kind` can have."""
        if is_abstract_type(kind):
            return Types(self._schema.get_possible_types(kind))
        return Types({kind}) if is_object_type(kind) else Types()


def _needs(part: Guarded) -> frozenset[Requires]:
    own = frozenset((*part.requires, *(need.requires for need in part.inputs)))
    return own if part.below is None else own | part.below.needs


def _requires(field: GraphQLField) -> list[Requires]:
    definition = definition_of(field)
    extensions = definition.extensions if isinstance(definition, StrawberryField) else ()
    return [one for one in extensions if isinstance(one, Requires)]


def _input_needs(field: GraphQLField) -> Iterator[InputNeed]:
    for argument, declared in field.args.items():
        for path, requires in _needs_of_input(get_named_type(declared.type), frozenset()):
            yield InputNeed(argument, path, requires)


def _needs_of_input(kind: Any, above: frozenset[Any]) -> Iterator[tuple[tuple[str, ...], Requires]]:
    """Yield path and permission of each field that needs one, in an input type and below."""
    if kind in above or not is_input_object_type(kind):
        return
    for name, inner in kind.fields.items():
        definition = definition_of(inner)
        metadata = definition.metadata if isinstance(definition, StrawberryField) else {}
        if INPUT_PERMISSION in metadata:
            yield (name,), metadata[INPUT_PERMISSION]
        for path, requires in _needs_of_input(get_named_type(inner.type), above | {kind}):
            yield (name, *path), requires


def _conditions(node: SelectionNode) -> tuple[Condition, ...]:
    directives = (one for one in node.directives or () if one.name.value in CONDITIONS)
    return tuple(_condition(one) for one in directives)


def _condition(directive: DirectiveNode) -> Condition:
    (argument,) = directive.arguments or ()
    wanted = directive.name.value == "include"
    if isinstance(argument.value, VariableNode):
        return Condition(argument.value.name.value, wanted)
    return Condition(cast("BooleanValueNode", argument.value).value, wanted)
