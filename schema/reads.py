"""How GraphQL types say what they are read from, and how a selection becomes a reader.

A type is tied to a model by `reads(Type, Model)`. Its attributes are columns of the same name,
unless they say otherwise: `derived` makes a value of columns, `one` follows a reference, `many`
brings the rows that refer to this one. A field with a resolver of its own says by `needs` which
columns it wants to find on the object; the type declares those as private attributes.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import strawberry
from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    SelectionSetNode,
)
from strawberry.types import get_object_definition
from strawberry.types.base import StrawberryContainer
from strawberry.types.field import StrawberryField
from strawberry.types.lazy_type import LazyType
from strawberry.utils.str_converters import to_camel_case
from tortoise.models import Model

from models.reading import ROOT, Many, Reader, Shape, compile_shape
from models.sql import Sql
from schema.context import Info

READ = "read"
MOST_READERS = 64
"""So many are kept for an operation: one with many conditions could have any number."""

Type = TypeVar("Type")


@dataclass(frozen=True, slots=True)
class Derived:
    """An attribute that is made of columns."""

    columns: tuple[str, ...]
    compute: Callable[..., Any]


@dataclass(frozen=True, slots=True)
class One:
    """An attribute that is the row a reference leads to."""

    reference: str


@dataclass(frozen=True, slots=True)
class ManyOf:
    """An attribute that is the rows referring to this one."""

    back: str
    order: str
    where: str = ""


@dataclass(frozen=True, slots=True)
class Needs:
    """A resolver that wants columns on its object."""

    columns: tuple[str, ...]


def derived(compute: Callable[..., Any], *columns: str, description: str) -> Any:
    """Declare an attribute that is made of columns when the row is read."""
    return strawberry.field(description=description, metadata={READ: Derived(columns, compute)})


def one(reference: str, *, description: str, name: str | None = None) -> Any:
    """Declare an attribute that is the row a reference leads to."""
    return strawberry.field(description=description, name=name, metadata={READ: One(reference)})


def many(back: str, order: str, *, description: str, where: str = "") -> Any:
    """Declare an attribute that is the rows referring to this one by the column `back`."""
    return strawberry.field(description=description, metadata={READ: ManyOf(back, order, where)})


def needs(*columns: str) -> dict[str, Needs]:
    """Give the metadata of a field whose resolver wants these columns on its object."""
    return {READ: Needs(columns)}


_models: dict[type, type[Model]] = {}


def reads(kind: type, model: type[Model]) -> None:
    """Tie a GraphQL type to the model that it is read from."""
    _models[kind] = model


def reader_for(
    info: Info, kind: type, *paths: tuple[str, ...], extra: tuple[str, ...] = ()
) -> Reader:
    """Give the reader of what the current field selects of a type, compiled once per document.

    `paths` lead from the field to the objects, as `("edges", "node")`; none means the field itself.
    `extra` names columns that the caller needs besides. Which nodes make up the field may depend on
    variables, so they are part of the key; they live as long as the operation that keeps it.
    """
    nodes = info._raw_info.field_nodes
    cache: dict[Any, Reader] = info._raw_info.operation.__dict__.setdefault("readers", {})
    key = (*map(id, nodes), kind, paths, extra)
    reader = cache.get(key)
    if reader is None:
        if len(cache) >= MOST_READERS:
            cache.clear()
        selections = [
            found
            for node in nodes
            for path in paths or ((),)
            for found in _descend(node.selection_set, path, info._raw_info.fragments)
        ]
        shape = _shape(kind, selections, info._raw_info.fragments)
        values = {**shape.values, **{column: ((column,), None) for column in extra}}
        shape = Shape(shape.kind, shape.model, values, shape.ones, shape.manies)
        reader = cache[key] = compile_shape(shape)
    return reader


async def read_by_id(info: Info, kind: type[Type], row_id: str | int, *path: str) -> Type | None:
    """Read what the current field selects at a path of the row with an id; nothing is unread."""
    if path and not _selected(info, path):
        return None
    found: Type | None = await reader_for(info, kind, path).read_one(
        Sql(f"{ROOT}.id = ?", (row_id,))
    )
    return found


def _selected(info: Info, path: tuple[str, ...]) -> bool:
    raw = info._raw_info
    return any(_descend(node.selection_set, path, raw.fragments) for node in raw.field_nodes)


def _shape(
    kind: type,
    selections: list[SelectionSetNode],
    fragments: Mapping[str, FragmentDefinitionNode],
) -> Shape:
    """Work out the shape of what some selection sets ask of a type; the id always comes along."""
    values: dict[str, tuple[tuple[str, ...], Callable[..., Any] | None]] = {"id": (("id",), None)}
    below: dict[str, tuple[StrawberryField, list[SelectionSetNode]]] = {}
    known = _fields(kind)
    for node in (node for one_set in selections for node in _fields_of(one_set, fragments)):
        field = known.get(node.name.value)
        if field is None:
            continue  # __typename
        way = field.metadata.get(READ)
        if isinstance(way, One | ManyOf):
            nested = below.setdefault(field.python_name, (field, []))[1]
            if node.selection_set is not None:
                nested.append(node.selection_set)
        elif isinstance(way, Needs):
            values.update({column: ((column,), None) for column in way.columns})
        elif isinstance(way, Derived):
            values[field.python_name] = (way.columns, way.compute)
        elif field.base_resolver is None:
            values[field.python_name] = ((field.python_name,), None)
    ones, manies = {}, {}
    for name, (field, nested) in below.items():
        way = field.metadata[READ]
        shape = _shape(_inner_type(field.type), nested, fragments)
        if isinstance(way, One):
            ones[name] = (way.reference, shape)
        else:
            manies[name] = Many(shape, way.back, way.order, way.where)
    return Shape(kind, _models[kind], values, ones, manies)


def _fields(kind: type) -> dict[str, StrawberryField]:
    definition = get_object_definition(kind, strict=True)
    return {
        field.graphql_name or to_camel_case(field.python_name): field for field in definition.fields
    }


def _inner_type(annotation: Any) -> type:
    while isinstance(annotation, StrawberryContainer):
        annotation = annotation.of_type
    if isinstance(annotation, LazyType):
        annotation = annotation.resolve_type()
    kind: type = annotation
    return kind


def _fields_of(
    selection_set: SelectionSetNode, fragments: Mapping[str, FragmentDefinitionNode]
) -> Iterator[FieldNode]:
    """Give the fields of a selection set, those of its fragments included.

    Fragments on other types and directives that leave a field out are followed too: at worst a
    column too many is read.
    """
    for node in selection_set.selections:
        if isinstance(node, FieldNode):
            yield node
        elif isinstance(node, FragmentSpreadNode):
            yield from _fields_of(fragments[node.name.value].selection_set, fragments)
        elif isinstance(node, InlineFragmentNode):
            yield from _fields_of(node.selection_set, fragments)


def _descend(
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
            for node in _fields_of(one_set, fragments)
            if node.name.value == step and node.selection_set is not None
        ]
    return found
