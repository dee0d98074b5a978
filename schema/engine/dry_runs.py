"""Marks the ids in payloads of dry runs, so that no client takes them for ids of stored objects.

A client's normalised cache files each object under its id. What a dry run returns was never stored:
under the id of a stored object, it would replace that object in the cache.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLID,
    GraphQLSchema,
    SelectionSetNode,
    get_named_type,
    get_operation_ast,
    is_interface_type,
    is_object_type,
)

from schema.base.dry_run_ids import as_dry_run_id
from schema.engine.execution import Operation

ID = re.compile(r"[a-z]{3,5}_[0-7][0-9a-z]{25}")
"""Matches ids, which are TypeIDs, in values of any JSON."""

Fragments = Mapping[str, FragmentDefinitionNode]


@dataclass(slots=True)
class _Marks:
    """The response keys of the ids in an object, and the marks in the objects below it.

    `json` are the keys of values of any JSON, such as those of audit entries.
    """

    ids: set[str] = field(default_factory=set)
    json: set[str] = field(default_factory=set)
    below: dict[str, "_Marks"] = field(default_factory=dict)


def mark_dry_runs(schema: GraphQLSchema, operation: Operation, dry_runs: set[str]) -> None:
    """Mark all ids in those root fields of a mutation's result that were dry runs, in place.

    `dry_runs` are the response keys of these root fields.
    """
    document, result = operation.graphql_document, operation.result
    data = result.data if result else None
    if document is None or not data:
        return
    asked = get_operation_ast(document, operation.asked_name)
    assert asked is not None  # noqa: S101  # it was executed
    fragments = {
        one.name.value: one
        for one in document.definitions
        if isinstance(one, FragmentDefinitionNode)
    }
    marks = _marks([asked.selection_set], fragments, id_fields(schema), json_fields(schema))
    for key in dry_runs:
        _mark(data.get(key), marks.below[key])


@cache
def id_fields(schema: GraphQLSchema) -> frozenset[str]:
    """Return the names of all fields that return an id or a list of ids."""
    return _fields_of(schema, GraphQLID.name)


@cache
def json_fields(schema: GraphQLSchema) -> frozenset[str]:
    """Return the names of all fields that return any JSON."""
    return _fields_of(schema, "JSON")


def _fields_of(schema: GraphQLSchema, scalar: str) -> frozenset[str]:
    return frozenset(
        name
        for kind in schema.type_map.values()
        if is_object_type(kind) or is_interface_type(kind)
        for name, one in kind.fields.items()
        if get_named_type(one.type).name == scalar
    )


def _marks(
    selections: Sequence[SelectionSetNode],
    fragments: Fragments,
    ids: frozenset[str],
    json: frozenset[str],
) -> _Marks:
    marks = _Marks()
    below: dict[str, list[SelectionSetNode]] = {}
    for node in _fields(selections, fragments):
        key = (node.alias or node.name).value
        if node.selection_set is not None:
            below.setdefault(key, []).append(node.selection_set)
        elif node.name.value in ids:
            marks.ids.add(key)
        elif node.name.value in json:
            marks.json.add(key)
    for key, inner in below.items():
        marks.below[key] = _marks(inner, fragments, ids, json)
    return marks


def _fields(selections: Sequence[SelectionSetNode], fragments: Fragments) -> Iterator[FieldNode]:
    for selection in selections:
        for node in selection.selections:
            if isinstance(node, FieldNode):
                yield node
                continue
            inner: Any = (
                fragments[node.name.value] if isinstance(node, FragmentSpreadNode) else node
            )
            yield from _fields([inner.selection_set], fragments)


def _mark(value: Any, marks: _Marks) -> None:
    if isinstance(value, list):
        for item in value:
            _mark(item, marks)
    elif isinstance(value, dict):
        for key in marks.ids & value.keys():
            value[key] = _marked(value[key])
        for key in marks.json & value.keys():
            value[key] = _marked_in(value[key])
        for key, inner in marks.below.items():
            _mark(value.get(key), inner)


def _marked(value: Any) -> Any:
    if isinstance(value, list):
        return [_marked(item) for item in value]
    return None if value is None else as_dry_run_id(value)


def _marked_in(value: Any) -> Any:
    """Return a copy of any JSON in which all ids are marked."""
    if isinstance(value, dict):
        return {name: _marked_in(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_marked_in(one) for one in value]
    return as_dry_run_id(value) if isinstance(value, str) and ID.fullmatch(value) else value
