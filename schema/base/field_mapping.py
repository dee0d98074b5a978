"""Declares which columns and rows each GraphQL type is read from.

`maps_to(Type, Model)` maps a type to a table. Each attribute is the column of the same name unless
it is declared otherwise: `computed` makes a value of columns, `to_one` follows a reference, and
`to_many` reads the rows that refer to this one. A field that needs more, such as arguments or the
time, is `batched`: one function computes its values for all objects of a level, and the field's
resolver returns the `prefetched` value. The function declares the columns and rows that it needs.
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
"""Prefixes of attributes: values of batched fields, and values that the caller may see."""


Type = TypeVar("Type")


@dataclass(frozen=True, slots=True)
class Computed:
    """An attribute that is computed from columns of its row."""

    columns: tuple[str, ...]
    compute: Callable[..., Any]


@dataclass(frozen=True, slots=True)
class ToOne:
    """An attribute that is the row that a reference points to."""

    reference: str


@dataclass(frozen=True, slots=True)
class ToMany:
    """An attribute that is the rows that refer to this one."""

    back: str
    order: str
    where: str = ""


@dataclass(frozen=True, slots=True)
class Selection:
    """The request of a batched field, and the row query of the objects selected below it.

    `fields` are the names of the fields selected directly below.
    """

    info: Info
    reader: RowQuery
    fields: frozenset[str]


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows that the function of a batched field needs on its objects.

    They refer to the objects by the column `back`, have these columns, and what the field selects
    at a path if the caller holds the permission `requires`. Fields that name the same rows share
    one query.
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
    """An attribute that one function computes for all objects of a level."""

    load: Callable[..., Awaitable[Sequence[Any]]]
    columns: tuple[str, ...]
    paths: tuple[tuple[str, ...], ...]
    extra: tuple[str, ...]
    places: tuple[str, ...]
    rows: Mapping[str, Rows]


def computed(
    compute: Callable[..., Any], *columns: str, description: str, masked: Masked | None = None
) -> Any:
    """Declare an attribute that is computed from columns; `masked` if it is personal data."""
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
    """Declare an attribute that is the row that a reference points to."""
    return _relation(ToOne(reference), requires, description=description, name=name)


def to_many(
    back: str,
    order: str,
    *,
    description: str,
    where: str = "",
    requires: Requires | None = None,
) -> Any:
    """Declare an attribute that is the rows that refer to this one by the column `back`."""
    return _relation(ToMany(back, order, where), requires, description=description)


def _relation(way: ToOne | ToMany, requires: Requires | None, **settings: Any) -> Any:
    """Declare a relation whose permission the row query checks once for all objects.

    For callers who hold it, the row query stores the rows under a second name, which plans read.
    For others it reads nothing, and the field's resolver refuses.
    """
    if requires is None:
        return strawberry.field(metadata={READ: way}, **settings)
    metadata = {READ: way, PREPARED: granted_name, HONOURED: (Requires,)}
    return strawberry.field(metadata=metadata, extensions=[requires], **settings)


def granted_name(node: FieldNode) -> str:
    """Return the attribute that holds a field's value on objects of callers who may see it."""
    return granted(node.name.value)


def granted(name: str) -> str:
    """Return the same attribute for the name of a field."""
    return f"{GRANTED}{name}"


def batched(
    load: Callable[..., Awaitable[Sequence[Any]]],
    *columns: str,
    paths: tuple[tuple[str, ...], ...] = ((),),
    extra: tuple[str, ...] = (),
    places: tuple[str, ...] = (),
    rows: Mapping[str, Rows] = NO_ROWS,
) -> dict[str, Any]:
    """Return the metadata of a field whose values one function loads for all objects of a level.

    `load(selection, objects, **arguments)` returns a value for each object. The objects have the
    `columns` under names such as `row_profile` for the column `profile` (the attribute `profile`
    may be computed) and `row_customer_class_code` for `customer_class.code`, and the `rows` under
    the names of private attributes.

    `selection.reader` is the row query of what is selected at the `paths` below the field, with the
    `extra` columns; without paths there is none. For a connection it also reads the columns of the
    `places`, from which cursors are made, if cursors are selected. An error that `load` raises
    becomes the error of the field of each object. The only extension that such a field may have is
    `Requires`, which is checked before `load` is called: plans do not call the field's resolver.
    """
    way = Batched(load, columns, paths, extra, places, rows)
    return {READ: way, PREPARED: batched_name, HONOURED: (Requires,)}


def prefetched(source: Any, info: Info) -> Any:
    """Return the value that was loaded for the current field, as a batched field's resolver."""
    return getattr(source, batched_name(core_info(info).field_nodes[0]))


def batched_name(node: FieldNode) -> str:
    """Return the attribute that holds a batched field's value: of the field and its arguments.

    The response key is not enough: below `nodes` and below `edges`, the same key of the same object
    may stand for different arguments.
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
"""The table of each type."""


def maps_to(kind: type, model: type[Model]) -> None:
    """Declare that a GraphQL type is read from a table."""
    models_of[kind] = model
