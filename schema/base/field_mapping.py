"""Declares from which columns and rows the fields of each GraphQL type are read.

`maps_to(Type, Model)` maps a type to a table. By default, a field is read from the column with the
name of the field's attribute. Other fields are declared by `computed` (computed from columns),
`to_one` (the row to which a foreign key refers) or `to_many` (the rows whose foreign key refers to
this row). A field that needs more, such as arguments or the time, is `batched`: one function
computes the values for all objects at the same level of the answer, and the field's resolver is
`prefetched`, which returns the value for its object. `batched` names the columns and rows that the
function needs.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeVar

import strawberry
from graphql import FieldNode, print_ast
from tortoise.models import Model

from models.storage.row_query import RowQuery
from schema.base.context import Info
from schema.base.permissions import Requires
from schema.base.personal import PERSONAL, Masked
from schema.engine.graphql_core_internals import attachments
from schema.engine.plan import HONOURED, PREPARED
from schema.engine.strawberry_internals import core_info

READ = "read"
PREFETCHED, GRANTED = "prefetched_", "granted_"
"""Prefixes of attributes with the values of batched fields, and of fields that need permissions."""


Type = TypeVar("Type")


@dataclass(frozen=True, slots=True)
class Computed:
    """The mapping of a field whose value `compute` returns, called with the values of `columns`."""

    columns: tuple[str, ...]
    compute: Callable[..., Any]


@dataclass(frozen=True, slots=True)
class ToOne:
    """The mapping of a field to the row to which the foreign key `reference` refers."""

    reference: str


@dataclass(frozen=True, slots=True)
class ToMany:
    """The mapping of a field to the rows whose foreign key `back` refers to this row.

    `order` and `where` are SQL that sorts and restricts the rows.
    """

    back: str
    order: str
    where: str = ""


@dataclass(frozen=True, slots=True)
class Selection:
    """The first argument of a batched field's function: the request, and what it selects.

    `reader` is the row query for the objects selected below the field; `fields` are the names of
    the fields selected directly below it. If the field returns objects of several types, `readers`
    has a row query for each type.
    """

    info: Info
    reader: RowQuery
    fields: frozenset[str]
    readers: Mapping[type, RowQuery]


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows that must be read for each object before the function of a batched field runs.

    `kind` is the GraphQL type of the rows, and `back` the column by which a row refers to its
    object. The columns in `columns` are read, and those of what the document selects at `path`
    below the field, unless the caller lacks the permission `requires`. If several batched fields
    need rows under one name, these are read once.
    """

    kind: type
    back: str
    order: str
    columns: tuple[str, ...] = ()
    path: tuple[str, ...] = ()
    requires: Requires | None = None


NO_ROWS: Mapping[str, Rows] = {}


@dataclass(frozen=True, slots=True)
class Batched:
    """The mapping of a batched field; the function `batched` explains the attributes."""

    load: Callable[..., Awaitable[Sequence[Any]]]
    columns: tuple[str, ...]
    paths: tuple[tuple[str, ...], ...]
    extra: tuple[str, ...]
    places: tuple[str, ...]
    rows: Mapping[str, Rows]
    kinds: Callable[[], tuple[type, ...]] | None


def computed(
    compute: Callable[..., Any], *columns: str, description: str, masked: Masked | None = None
) -> Any:
    """Declare a field whose value `compute` returns, called with the values of `columns`.

    If the field is personal data, `masked` says what callers get who see personal data masked.
    """
    metadata: dict[str, Any] = {READ: Computed(columns, compute)}
    if masked is not None:
        metadata[PERSONAL], description = masked, masked.described(description)
    return strawberry.field(description=description, metadata=metadata)


def to_one(
    reference: str,
    *,
    description: str,
    name: str | None = None,
    requires: Requires | None = None,
) -> Any:
    """Declare a field that returns the row to which the foreign key `reference` refers."""
    return _relation(ToOne(reference), requires, description=description, name=name)


def to_many(
    back: str,
    order: str,
    *,
    description: str,
    where: str = "",
    requires: Requires | None = None,
) -> Any:
    """Declare a field that returns the rows whose foreign key `back` refers to this row."""
    return _relation(ToMany(back, order, where), requires, description=description)


def _relation(way: ToOne | ToMany, requires: Requires | None, **settings: Any) -> Any:
    """Declare a relation; its permission `requires` is checked once for all objects.

    If the caller holds the permission, the row query also stores the rows in a second attribute
    (`granted_name`), which plans read (`schema.engine.plan`). Otherwise it reads no rows, and the
    field's resolver raises the refusal.
    """
    if requires is None:
        return strawberry.field(metadata={READ: way}, **settings)
    metadata = {READ: way, PREPARED: granted_name, HONOURED: (Requires,)}
    return strawberry.field(metadata=metadata, extensions=[requires], **settings)


def granted_name(node: FieldNode) -> str:
    """Return the name of the attribute that is set to a field's value if the caller may see it."""
    return granted(node.name.value)


def granted(name: str) -> str:
    """Return what `granted_name` returns for a node of a field with this name."""
    return f"{GRANTED}{name}"


def batched(
    load: Callable[..., Awaitable[Sequence[Any]]],
    *columns: str,
    paths: tuple[tuple[str, ...], ...] = ((),),
    extra: tuple[str, ...] = (),
    places: tuple[str, ...] = (),
    rows: Mapping[str, Rows] = NO_ROWS,
    kinds: Callable[[], tuple[type, ...]] | None = None,
) -> dict[str, Any]:
    """Return the metadata of a field whose values `load` returns for many objects at once.

    `load(selection, objects, **arguments)` returns one value for each object. The value of a column
    in `columns` is in an attribute of the object such as `row_profile` for `profile` (the attribute
    `profile` itself may be computed), or `row_customer_class_code` for `customer_class.code`. Rows
    in `rows` are in the attribute that is their key.

    `selection.reader` is the row query for what the document selects at the `paths` below the
    field, and for the `extra` columns; it is None if `paths` is empty. If the field is a connection
    whose cursors are selected, `reader` also reads the columns `places`, which make up the cursors.
    If the field returns an interface, `kinds` returns the types of its objects: `selection.readers`
    then has a row query for each of them, and there is no `reader`.
    An error that `load` raises becomes the error of the field on each object. The field may have no
    extension but `Requires`, which is checked before `load` is called: plans do not call the
    field's resolver.
    """
    way = Batched(load, columns, paths, extra, places, rows, kinds)
    return {READ: way, PREPARED: batched_name, HONOURED: (Requires,)}


def prefetched(source: Any, info: Info) -> Any:
    """Resolve a batched field: return the value that was loaded for the object `source`."""
    return getattr(source, batched_name(core_info(info).field_nodes[0]))


def batched_name(node: FieldNode) -> str:
    """Return the name of the attribute that has a batched field's value for the node's arguments.

    It is not named after the response key: an object can be selected below both `nodes` and
    `edges`, where one response key may stand for different arguments.
    """
    name: str | None = attachments(node).get(PREFETCHED)
    if name is None:
        name = f"{PREFETCHED}{node.name.value}"
        if node.arguments:
            text = " ".join(sorted(print_ast(argument) for argument in node.arguments))
            name += f"_{sha256(text.encode()).hexdigest()[:16]}"
        attachments(node)[PREFETCHED] = name
    return name


models_of: dict[type, type[Model]] = {}
"""The table of each GraphQL type."""


def maps_to(kind: type, model: type[Model]) -> None:
    """Declare that objects of the GraphQL type `kind` are read from the table of `model`."""
    models_of[kind] = model
