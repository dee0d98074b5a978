"""How GraphQL types say what they are read from, and how a selection becomes a reader.

A type is tied to a model by `reads(Type, Model)`. Its attributes are columns of the same name,
unless they say otherwise: `derived` makes a value of columns, `one` follows a reference, `many`
brings the rows that refer to this one. What needs more than that, such as arguments, is `brought`:
a function is called once for all objects of a level, and the field's resolver only hands out what
it brought. A field with any other resolver says by `needs` which columns it wants to find on the
object; the type declares those as private attributes.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import strawberry
from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    SelectionSetNode,
)
from strawberry.types import get_object_definition
from strawberry.types.field import StrawberryField
from tortoise.models import Model

from models.reading import ROOT, Bring, Compiled, Many, Reader, Shape, compile_shape
from models.sql import Sql
from schema.context import Info
from schema.errors import RequestRefused
from schema.permissions import Requires, require
from schema.plan import PREPARED
from schema.selections import (
    arguments_of,
    descend,
    fields_of,
    inner_type,
    known_fields,
    selects_at,
    type_at,
)

READ = "read"
BROUGHT = "brought_"
"""What the name of an attribute begins with that was brought; the response key follows."""

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
class Selection:
    """What a brought field is asked for: the request, and the reader of what lies below.

    `fields` names what is selected directly below, left out by a directive or not.
    """

    info: Info
    reader: Reader
    fields: frozenset[str]


@dataclass(frozen=True, slots=True)
class Brought:
    """An attribute that a function brings for all objects at once."""

    bring: Callable[..., Awaitable[Sequence[Any]]]
    columns: tuple[str, ...]
    paths: tuple[tuple[str, ...], ...]
    extra: tuple[str, ...]


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


def brought(
    bring: Callable[..., Awaitable[Sequence[Any]]],
    *columns: str,
    paths: tuple[tuple[str, ...], ...] = ((),),
    extra: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Give the metadata of a field whose value a function brings for all objects of a level.

    `bring(selection, objects, **arguments)` gives a value for each object, which has the `columns`.
    The reader that it is given reads what is selected at the `paths` below the field, and the
    `extra` columns. A refusal that it raises becomes the error of the field of each object.
    """
    return {READ: Brought(bring, columns, paths, extra), PREPARED: BROUGHT}


def hand_out(source: Any, info: Info) -> Any:
    """Give what was brought for the current field; the resolver of such a field does only this."""
    return getattr(source, f"{BROUGHT}{info.path.key}")


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
    raw = info._raw_info
    nodes = raw.field_nodes
    cache: dict[Any, Compiled] = raw.operation.__dict__.setdefault("readers", {})
    key = (*map(id, nodes), kind, paths, extra)
    compiled = cache.get(key)
    if compiled is None:
        if len(cache) >= MOST_READERS:
            cache.clear()
        compiled = cache[key] = _compiled(kind, nodes, paths, extra, raw.fragments)
    return Reader(compiled, info)


async def read_by_id(info: Info, kind: type[Type], row_id: str | int, *path: str) -> Type | None:
    """Read what the current field selects at a path of the row with an id; nothing is unread."""
    if path and not selects_at(info, path):
        return None
    found: Type | None = await reader_for(info, kind, path).read_one(
        Sql(f"{ROOT}.id = ?", (row_id,))
    )
    return found


def _compiled(
    kind: type,
    nodes: Sequence[FieldNode],
    paths: tuple[tuple[str, ...], ...],
    extra: tuple[str, ...],
    fragments: Mapping[str, FragmentDefinitionNode],
) -> Compiled:
    """Compile what some nodes of a field select of a type at some paths."""
    selections = [
        found
        for node in nodes
        for path in paths or ((),)
        for found in descend(node.selection_set, path, fragments)
    ]
    shape = _shape(kind, selections, fragments)
    values = {**shape.values, **{column: ((column,), None) for column in extra}}
    return compile_shape(replace(shape, values=values))


def _shape(
    kind: type,
    selections: list[SelectionSetNode],
    fragments: Mapping[str, FragmentDefinitionNode],
) -> Shape:
    """Work out the shape of what some selection sets ask of a type; the id always comes along."""
    values: dict[str, tuple[tuple[str, ...], Callable[..., Any] | None]] = {"id": (("id",), None)}
    below: dict[str, tuple[StrawberryField, list[FieldNode]]] = {}
    apart: dict[str, tuple[StrawberryField, list[FieldNode]]] = {}
    known, others = known_fields(kind), _other_types(kind)
    for node in (
        node for one_set in selections for node in fields_of(one_set, fragments, others=others)
    ):
        field = known.get(node.name.value)
        if field is None:
            continue  # __typename
        way = field.metadata.get(READ)
        if isinstance(way, One | ManyOf):
            below.setdefault(field.python_name, (field, []))[1].append(node)
        elif isinstance(way, Brought):
            key = node.alias.value if node.alias else node.name.value
            apart.setdefault(key, (field, []))[1].append(node)
        values.update(_values_of(field))
    ones, manies = {}, {}
    for name, (field, nodes) in below.items():
        way = field.metadata[READ]
        sets = [node.selection_set for node in nodes if node.selection_set is not None]
        shape = _shape(inner_type(field.type), sets, fragments)
        if isinstance(way, One):
            ones[name] = (way.reference, shape)
        else:
            manies[name] = Many(shape, way.back, way.order, way.where)
    bring = {
        f"{BROUGHT}{key}": _bring(field, nodes, fragments) for key, (field, nodes) in apart.items()
    }
    return Shape(kind, _models[kind], values, ones, manies, bring)


def _values_of(
    field: StrawberryField,
) -> dict[str, tuple[tuple[str, ...], Callable[..., Any] | None]]:
    """Give the attributes that a field needs on its object, with the columns they are made of."""
    way = field.metadata.get(READ)
    if isinstance(way, Brought | Needs):
        return {column: ((column,), None) for column in way.columns}
    if isinstance(way, Derived):
        return {field.python_name: (way.columns, way.compute)}
    if way is None and field.base_resolver is None:
        return {field.python_name: ((field.python_name,), None)}
    return {}


def _bring(
    field: StrawberryField,
    nodes: list[FieldNode],
    fragments: Mapping[str, FragmentDefinitionNode],
) -> Bring:
    """Give what brings a field's values for the objects of a level, refusals included."""
    way: Brought = field.metadata[READ]
    compiled = _compiled(type_at(field, way.paths[0]), nodes, way.paths, way.extra, fragments)
    sets = [node.selection_set for node in nodes if node.selection_set is not None]
    selected = frozenset(
        node.name.value for one_set in sets for node in fields_of(one_set, fragments)
    )
    scopes = [extension.scopes for extension in field.extensions if isinstance(extension, Requires)]

    async def bring(objects: Sequence[Any], info: Info) -> Sequence[Any]:
        selection = Selection(info, Reader(compiled, info), selected)
        try:
            for wanted in scopes:
                require(info, *wanted)
            arguments = arguments_of(field, nodes[0], info)
            return await way.bring(selection, objects, **arguments)
        except (RequestRefused, GraphQLError) as refusal:
            return [refusal] * len(objects)

    return bring


def _other_types(kind: type) -> frozenset[str]:
    """Name the object types that a fragment may be about without being about this one."""
    names = (get_object_definition(other, strict=True).name for other in _models if other != kind)
    return frozenset(names)
