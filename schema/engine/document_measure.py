"""Measures the size of the operations and fragments of a document, including what fragments add.

Each definition (operation or fragment) is walked once. Where a fragment is spread, its measures are
added without walking it again. So the time to measure does not grow with the number of fields that
nested fragments stand for, which may be astronomical.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
)

INTROSPECTING = ("__schema", "__type")
ADDED = ("fields", "aliases", "directives")
"""Measures to which a fragment adds its own wherever it is spread."""

LARGEST = (
    "selection_fields",
    "field_directives",
    "list_entries",
    "value_depth",
    "is_introspecting",
)
"""Measures of which the largest counts, in the operation itself or in a fragment."""


class Measures(NamedTuple):
    """The size of an operation or a fragment, including the fragments that it spreads.

    `selection_fields` is the largest number of fields in one selection set, and `field_directives`
    the largest number of directives in one place.
    """

    depth: int = 0
    fragments: int = 0
    """How many levels deep fragments are nested in each other."""
    fields: int = 0
    selection_fields: int = 0
    top_fields: int = 0
    aliases: int = 0
    directives: int = 0
    field_directives: int = 0
    list_entries: int = 0
    value_depth: int = 0
    is_introspecting: bool = False


@dataclass(slots=True)
class _Set:
    """A selection set together with the inline fragments in it.

    `fields` is the number of its fields, and `spreads` lists the fragments spread in it.
    """

    depth: int
    fields: int
    spreads: list[str]


@dataclass(slots=True)
class _Definition:
    """A definition's selection sets and measures, without the fragments that it spreads."""

    sets: list[_Set]
    own: Measures


def measure(
    document: DocumentNode,
) -> Iterator[tuple[OperationDefinitionNode | FragmentDefinitionNode, Measures]]:
    """Yield each operation and each fragment of a document with its measures."""
    nodes = [
        one
        for one in document.definitions
        if isinstance(one, (OperationDefinitionNode, FragmentDefinitionNode))
    ]
    found = {
        one.name.value: _definition(one) for one in nodes if isinstance(one, FragmentDefinitionNode)
    }
    measured: dict[str, Measures] = {}
    for name in _innermost_first(found):
        measured[name] = _together(found[name], measured)
    for node in nodes:
        if isinstance(node, FragmentDefinitionNode):
            yield node, measured[node.name.value]
        else:
            yield node, _together(_definition(node), measured)


def _innermost_first(found: Mapping[str, _Definition]) -> Iterator[str]:
    """Yield the names of fragments, each after those that it spreads; cycles are in any order."""
    done: set[str] = set()
    for first in found:
        path = [(first, _spread_in(found[first]))]
        on_path = {first}
        while path:
            name, ahead = path[-1]
            below = next(
                (one for one in ahead if one in found and not (one in done or one in on_path)), None
            )
            if below is None:
                path.pop()
                on_path.discard(name)
                if name not in done:
                    done.add(name)
                    yield name
            else:
                on_path.add(below)
                path.append((below, _spread_in(found[below])))


def _spread_in(definition: _Definition) -> Iterator[str]:
    return iter([name for one in definition.sets for name in one.spreads])


def _together(definition: _Definition, measured: Mapping[str, Measures]) -> Measures:
    """Return a definition's measures, including those of the fragments that it spreads."""
    own = definition.own._asdict()
    for place, one in enumerate(definition.sets):
        within = [measured.get(name, Measures()) for name in one.spreads]
        wide = one.fields + sum(inner.top_fields for inner in within)
        own["selection_fields"] = max(own["selection_fields"], wide)
        if place == 0:
            own["top_fields"] = wide
        for inner in within:
            own["depth"] = max(own["depth"], one.depth - 1 + inner.depth)
            own["fragments"] = max(own["fragments"], 1 + inner.fragments)
            for name in ADDED:
                own[name] += getattr(inner, name)
            for name in LARGEST:
                own[name] = max(own[name], getattr(inner, name))
    return Measures(**own)


def _definition(node: OperationDefinitionNode | FragmentDefinitionNode) -> _Definition:
    """Measure a definition without the fragments that it spreads.

    This does not use recursion, because a definition may be nested as deeply as the parser allows.
    Fields of an inline fragment count in the selection set around it.
    """
    sets = [_Set(1, 0, [])]
    seen = _Seen()
    seen.directives(node)
    for variable in getattr(node, "variable_definitions", None) or ():
        seen.directives(variable)
        seen.value(variable.default_value)
    waiting: list[tuple[SelectionSetNode, _Set]] = [(node.selection_set, sets[0])]
    while waiting:
        selected, one_set = waiting.pop()
        for selection in selected.selections:
            seen.directives(selection)
            if isinstance(selection, FragmentSpreadNode):
                one_set.spreads.append(selection.name.value)
                continue
            below = one_set
            if isinstance(selection, FieldNode):
                one_set.fields += 1
                seen.field(selection, one_set.depth)
                if selection.selection_set is not None:
                    below = _Set(one_set.depth + 1, 0, [])
                    sets.append(below)
            inner = getattr(selection, "selection_set", None)
            if inner is not None:
                waiting.append((inner, below))
    return _Definition(sets, seen.measures())


class _Seen:
    """Collects the measures of one definition while it is walked."""

    def __init__(self) -> None:
        self._depth = self._fields = self._aliases = 0
        self._directives = self._most_directives = 0
        self._list_entries = self._value_depth = 0
        self._is_introspecting = False

    def field(self, node: FieldNode, depth: int) -> None:
        self._depth = max(self._depth, depth)
        self._fields += 1
        self._aliases += node.alias is not None
        self._is_introspecting |= node.name.value in INTROSPECTING
        for argument in node.arguments or ():
            self.value(argument.value)

    def directives(self, node: Any) -> None:
        found: Sequence[Any] = node.directives or ()
        self._directives += len(found)
        self._most_directives = max(self._most_directives, len(found))
        for directive in found:
            for argument in directive.arguments or ():
                self.value(argument.value)

    def value(self, node: ValueNode | None) -> None:
        level, depth = [node], 0
        while level := [one for one in level if isinstance(one, (ListValueNode, ObjectValueNode))]:
            depth += 1
            below: list[ValueNode | None] = []
            for one in level:
                if isinstance(one, ListValueNode):
                    self._list_entries = max(self._list_entries, len(one.values))
                    below += one.values
                else:
                    below += [field.value for field in one.fields]
            level = below
        self._value_depth = max(self._value_depth, depth)

    def measures(self) -> Measures:
        return Measures(
            depth=self._depth,
            fields=self._fields,
            aliases=self._aliases,
            directives=self._directives,
            field_directives=self._most_directives,
            list_entries=self._list_entries,
            value_depth=self._value_depth,
            is_introspecting=self._is_introspecting,
        )
