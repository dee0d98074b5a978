"""Compiles the fields that an operation selects on a type into a row query.

The mappings of fields are declared with `field_mapping`. A row query reads the needed columns only,
and makes objects of the GraphQL type.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar, cast

from graphql import FieldNode, GraphQLError, SelectionSetNode
from strawberry.types import get_object_definition
from strawberry.types.field import StrawberryField
from tortoise.exceptions import ValidationError

from models.storage.row_query import ROOT, Bring, Compiled, Compute, Many, RowQuery, Shape
from models.storage.row_query_compiler import TooDeepError, compile_shape
from models.storage.sql import ALWAYS, Sql, all_of, among
from schema.base.context import Info
from schema.base.errors import ErrorCode, RequestRefused
from schema.base.field_mapping import (
    READ,
    Batched,
    Computed,
    Rows,
    Selection,
    ToMany,
    ToOne,
    batched_name,
    granted_name,
    models_of,
)
from schema.base.pagination import CONNECTION, CURSORS
from schema.base.permissions import Requires
from schema.base.personal import PERSONAL, Masked
from schema.base.selections import (
    Arguments,
    Walk,
    condition_values,
    inner_type,
    known_fields,
    selected_names,
    selects_at,
    type_at,
)
from schema.engine.cost_compiler import row_weight
from schema.engine.graphql_core_internals import attachments
from schema.engine.strawberry_internals import core_info

MAX_ROW_QUERIES = 64
"""Maximum number of row queries cached with an operation.

Each combination of values in `@skip` and `@include` has its own.
"""

MAX_VARIANTS = 16
"""Maximum number of cached variants of a row query, for callers with different permissions."""

ROW_QUERIES, SELECTED = "row queries", "selected"
"""Keys in the dictionary attached to an operation: row queries, and results of `_found`."""

Answers = tuple[tuple[Requires, bool], ...]
"""The permissions that selected fields need, each with whether the caller has it."""

Type = TypeVar("Type")


def row_query_for(
    info: Info, kind: type, *paths: tuple[str, ...], extra: tuple[str, ...] = ()
) -> RowQuery:
    """Return the row query for the objects of type `kind` that the current field returns.

    It reads the columns of the selected fields, and the columns `extra`. `paths` lead from the
    field to the objects, such as `("edges", "node")`; without paths, the field itself returns them.

    Row queries are compiled once and cached with the document. There are different ones for callers
    with different permissions: fields that the caller may not see are left out. The nodes of the
    field are part of the cache key, because they may depend on variables.
    """
    nodes = core_info(info).field_nodes
    cache: dict[Any, list[tuple[Answers, Compiled]]] = attachments(info.operation).setdefault(
        ROW_QUERIES, {}
    )
    is_masked = info.context.is_masked
    key = (*map(id, nodes), kind, paths, extra, is_masked, *condition_values(info))
    variants = cache.get(key, [])
    for answers, compiled in variants:
        if all(requirement.allows(info) is answer for requirement, answer in answers):
            return RowQuery(compiled, info)
    if len(cache) >= MAX_ROW_QUERIES:
        cache.clear()
    if len(variants) >= MAX_VARIANTS:
        variants.clear()
    walk = Walk.of(info)
    compiled = _compiled(kind, nodes, paths, extra, walk)
    cache.setdefault(key, variants).append((tuple(walk.answers.items()), compiled))
    return RowQuery(compiled, info)


def page_query(info: Info, kind: type, *places: str) -> tuple[RowQuery, frozenset[str]]:
    """Return the row query of a connection's nodes, and the names of its selected fields.

    If cursors are selected, the row query also reads the columns `places`, which make up cursors.
    """
    selected: frozenset[str] = _found(info, (), lambda: selected_names(info))
    extra = places if selected & CURSORS else ()
    return row_query_for(info, kind, *CONNECTION, extra=extra), selected


def full_row_query(kind: type, *extra: str, is_masked: bool) -> RowQuery:
    """Return a row query for all columns of a type, for exports; its rows cost no points.

    It reads the columns `extra` too.
    """
    values: dict[str, tuple[tuple[str, ...], Compute | None]] = {}
    for known in known_fields(kind).values():
        values |= _values_of(known, is_masked=is_masked)
    shape = Shape(kind, models_of[kind], values, weight=0)
    return RowQuery(compile_shape(_with_columns(shape, extra)))


async def read_by_id(
    info: Info, kind: type[Type], row_id: str | int, *path: str, within: Sql = ALWAYS
) -> Type | None:
    """Return an object with the columns that the current field selects below `path`.

    None if there is no row with this id that meets the condition `within`, or if nothing is
    selected at `path`.
    """
    if path and not _found(info, path, lambda: selects_at(info, path)):
        return None
    which = Sql(f"{ROOT}.id = ?", (row_id,))
    found: Type | None = await row_query_for(info, kind, path).read_one(
        which if within is ALWAYS else all_of([which, within])
    )
    return found


async def read_by_ids(
    info: Info, kind: type[Type], ids: Sequence[str], *path: str, within: Sql = ALWAYS
) -> list[Type]:
    """Read rows with the columns that the current field selects below `path`, in the order of ids.

    Ids of rows that do not exist or do not meet the condition `within` are left out. Returns an
    empty list if nothing is selected at `path`.
    """
    if not ids or not _found(info, path, lambda: selects_at(info, path)):
        return []
    found: list[Any] = await row_query_for(info, kind, path).read(
        all_of([among(f"{ROOT}.id", ids), within]), most=len(ids)
    )
    by_id = {one.id: one for one in found}
    return [by_id[row_id] for row_id in ids if row_id in by_id]


def _found(info: Info, path: tuple[str, ...], find: Callable[[], Any]) -> Any:
    """Return the result of `find()`, which is cached for the current field and `path`.

    The result must depend only on the document, and on variables in `@skip` and `@include`.
    """
    known: dict[Any, Any] = attachments(info.operation).setdefault(SELECTED, {})
    key = (*map(id, core_info(info).field_nodes), path, *condition_values(info))
    found = known.get(key)
    if found is None:
        if len(known) >= MAX_ROW_QUERIES:
            known.clear()
        found = known[key] = find()
    return found


def _compiled(
    kind: type,
    nodes: Sequence[FieldNode],
    paths: tuple[tuple[str, ...], ...],
    extra: tuple[str, ...],
    walk: Walk,
) -> Compiled:
    """Compile the row query for the fields selected below `paths` in the nodes of a field."""
    sets = [node.selection_set for node in nodes]
    selections = [found for path in paths or ((),) for found in walk.descend(sets, path)]
    shape = replace(_shape(kind, selections, walk), weight=_weight(selections, walk))
    try:
        return compile_shape(_with_columns(shape, extra))
    except TooDeepError as error:
        raise RequestRefused(ErrorCode.BAD_USER_INPUT, str(error)) from error


def _shape(kind: type, selections: Sequence[SelectionSetNode | None], walk: Walk) -> Shape:
    """Return the shape (what to read) for objects of type `kind`: selected fields and id."""
    values: dict[str, tuple[tuple[str, ...], Compute | None]] = {"id": (("id",), None)}
    below: dict[str, tuple[StrawberryField, list[FieldNode]]] = {}
    apart: dict[str, tuple[StrawberryField, list[FieldNode]]] = {}
    wanted: dict[str, list[tuple[Rows, FieldNode]]] = {}
    known = known_fields(kind)
    for node in walk.fields(selections, _other_types(kind)):
        field = known.get(node.name.value)
        if field is None:
            continue  # __typename
        way = field.metadata.get(READ)
        if isinstance(way, ToOne | ToMany):
            if not walk.meets(_permissions(field)):
                continue  # the field's resolver will raise the refusal
            below.setdefault(field.python_name, (field, []))[1].append(node)
        elif isinstance(way, Batched):
            apart.setdefault(batched_name(node), (field, []))[1].append(node)
            for name, rows in way.rows.items() if walk.meets(_permissions(field)) else ():
                wanted.setdefault(name, []).append((rows, node))
        values |= _values_of(field, is_masked=walk.info.context.is_masked)
    ones, manies = _relations(below, walk)
    manies |= {name: _rows(asked, walk) for name, asked in wanted.items()}
    loaders = {name: _loader(field, nodes, walk) for name, (field, nodes) in apart.items()}
    aliases = {
        granted_name(nodes[0]): name
        for name, (field, nodes) in below.items()
        if _permissions(field)
    }
    return Shape(kind, models_of[kind], values, ones, manies, loaders, aliases)


def _relations(
    below: Mapping[str, tuple[StrawberryField, Sequence[FieldNode]]], walk: Walk
) -> tuple[dict[str, tuple[str, Shape]], dict[str, Many]]:
    """Return the shapes of rows that an object refers to, and of rows that refer to the object."""
    ones, manies = {}, {}
    for name, (field, nodes) in below.items():
        way = field.metadata[READ]
        sets = [node.selection_set for node in nodes]
        shape = _shape(inner_type(field.type), sets, walk)
        if isinstance(way, ToOne):
            ones[name] = (way.reference, shape)
        else:
            shape = replace(shape, weight=_weight(sets, walk))
            manies[name] = Many(shape, way.back, way.order, way.where)
    return ones, manies


def _rows(asked: Sequence[tuple[Rows, FieldNode]], walk: Walk) -> Many:
    """Return the relation that reads rows that several batched fields need under one name."""
    (rows, _), *_ = asked
    columns: list[str] = []
    nested: list[SelectionSetNode] = []
    for wanted, node in asked:
        columns += wanted.columns
        if wanted.requires is None or walk.meets([wanted.requires]):
            nested += walk.descend([node.selection_set], wanted.path)
    # Rows that are read to compute a value cost nothing.
    shape = replace(_shape(rows.kind, nested, walk), weight=0)
    return Many(_with_columns(shape, tuple(columns)), rows.back, rows.order)


def _weight(sets: Sequence[SelectionSetNode | None], walk: Walk) -> int:
    return row_weight(walk.operation, sets, walk.variables.coerced)


def _with_columns(shape: Shape, columns: tuple[str, ...]) -> Shape:
    """Return the shape with further columns; those that it has stay as they are, maybe masked."""
    return replace(shape, values={**{name: ((name,), None) for name in columns}, **shape.values})


def _values_of(
    field: StrawberryField, *, is_masked: bool
) -> dict[str, tuple[tuple[str, ...], Compute | None]]:
    """Return the attributes that a field needs, by name: their columns, and how to compute them."""
    way = field.metadata.get(READ)
    masked: Masked | None = field.metadata.get(PERSONAL) if is_masked else None
    if masked is not None:
        return {field.python_name: (masked.columns, masked.compute)}
    if isinstance(way, Batched):
        return {f"row_{column.replace('.', '_')}": ((column,), None) for column in way.columns}
    if isinstance(way, Computed):
        return {field.python_name: (way.columns, way.compute)}
    if way is None and field.base_resolver is None:
        return {field.python_name: ((field.python_name,), None)}
    return {}


def _loader(field: StrawberryField, nodes: list[FieldNode], walk: Walk) -> Bring:
    """Return the function that loads the values of a batched field for many objects.

    If loading fails, the function returns the error as the value of each object.
    """
    way: Batched = field.metadata[READ]
    fields = walk.fields([node.selection_set for node in nodes])
    selected = frozenset(node.name.value for node in fields)
    extra = way.extra + (way.places if selected & CURSORS else ())
    kinds = way.kinds() if way.kinds is not None else ()
    of_kinds = {kind: _compiled(kind, nodes, way.paths, extra, walk) for kind in kinds}
    compiled = None
    if way.paths and not kinds:
        compiled = _compiled(type_at(field, way.paths[0]), nodes, way.paths, extra, walk)
    permissions = _permissions(field)
    arguments = Arguments(field, nodes[0], walk.info)

    async def load(objects: Sequence[Any], info: Info) -> Sequence[Any]:
        reader = RowQuery(compiled, info) if compiled else None
        readers = {kind: RowQuery(one, info) for kind, one in of_kinds.items()}
        selection = Selection(info, cast("RowQuery", reader), selected, readers)
        try:
            for permission in permissions:
                permission.check(info)
            return await way.load(selection, objects, **arguments.of(info))
        except (RequestRefused, GraphQLError, ValidationError) as refusal:
            # The traceback refers to the objects, which would refer to the error: a cycle.
            return [refusal.with_traceback(None)] * len(objects)

    return load


def _permissions(field: StrawberryField) -> list[Requires]:
    return [one for one in field.extensions if isinstance(one, Requires)]


def _other_types(kind: type) -> frozenset[str]:
    """Return the names of all other mapped types: fragments on these do not apply to `kind`."""
    names = (get_object_definition(other, strict=True).name for other in models_of if other != kind)
    return frozenset(names)
