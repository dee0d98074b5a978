"""How GraphQL types say what they are read from, and how a selection becomes a reader.

A type is tied to a model by `maps_to(Type, Model)`. Its attributes are columns of the same name,
unless they say otherwise: `derived` makes a value of columns, `one` follows a reference, `many`
brings the rows that refer to this one. What needs more than that, such as arguments or the time, is
`brought`: a function is called once for all objects of a level, and the field's resolver only hands
out what it brought. It may say which columns and rows it wants to find on the objects.
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
from schema.engine.plan import HONOURED, PREPARED
from schema.engine.strawberry_internals import core_info

READ = "read"
BROUGHT, GRANTED = "brought_", "granted_"
"""What the name of an attribute begins with that was brought, or is there for who may see it."""


Type = TypeVar("Type")


@dataclass(frozen=True, slots=True)
class Computed:
    """An attribute that is made of columns."""

    columns: tuple[str, ...]
    compute: Callable[..., Any]


@dataclass(frozen=True, slots=True)
class ToOne:
    """An attribute that is the row a reference leads to."""

    reference: str


@dataclass(frozen=True, slots=True)
class ToMany:
    """An attribute that is the rows referring to this one."""

    back: str
    order: str
    where: str = ""


@dataclass(frozen=True, slots=True)
class Selection:
    """What a brought field is asked for: the request, and the reader of what lies below.

    `fields` names what is selected directly below.
    """

    info: Info
    reader: RowQuery
    fields: frozenset[str]


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows that a function wants on its objects, referring to them by the column `back`.

    They are objects of a type, with these columns, and with what the field selects at a path, for
    who meets what that requires. Those of one name are the same rows, whichever fields want them.
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
    """An attribute that a function brings for all objects at once."""

    bring: Callable[..., Awaitable[Sequence[Any]]]
    columns: tuple[str, ...]
    paths: tuple[tuple[str, ...], ...]
    extra: tuple[str, ...]
    places: tuple[str, ...]
    rows: Mapping[str, Rows]


def computed(
    compute: Callable[..., Any], *columns: str, description: str, masked: Masked | None = None
) -> Any:
    """Declare an attribute that is made of columns when the row is read; `masked` if personal."""
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
    """Declare an attribute that is the row a reference leads to."""
    return _relation(ToOne(reference), requires, description=description, name=name)


def to_many(
    back: str,
    order: str,
    *,
    description: str,
    where: str = "",
    requires: Requires | None = None,
) -> Any:
    """Declare an attribute that is the rows referring to this one by the column `back`."""
    return _relation(ToMany(back, order, where), requires, description=description)


def _relation(way: ToOne | ToMany, requires: Requires | None, **settings: Any) -> Any:
    """Declare a relation: what it requires is looked at by the reader, once for all objects.

    For who may see it the reader gives it another name as well, by which plans go; for others it
    reads nothing, and the field's resolver refuses.
    """
    if requires is None:
        return strawberry.field(metadata={READ: way}, **settings)
    metadata = {READ: way, PREPARED: granted_name, HONOURED: (Requires,)}
    return strawberry.field(metadata=metadata, extensions=[requires], **settings)


def granted_name(node: FieldNode) -> str:
    """Name the attribute that holds what a field shows, on objects for who may see it."""
    return granted(node.name.value)


def granted(name: str) -> str:
    """Give the same by the name of the field."""
    return f"{GRANTED}{name}"


def batched(
    bring: Callable[..., Awaitable[Sequence[Any]]],
    *columns: str,
    paths: tuple[tuple[str, ...], ...] = ((),),
    extra: tuple[str, ...] = (),
    places: tuple[str, ...] = (),
    rows: Mapping[str, Rows] = NO_ROWS,
) -> dict[str, Any]:
    """Give the metadata of a field whose value a function brings for all objects of a level.

    `bring(selection, objects, **arguments)` gives a value for each object. These have the
    `columns`, as `row_profile` for the column `profile`, since the attribute `profile` may be
    derived, or as `row_customer_class_code` for `customer_class.code`. They have the `rows` by the
    names of private attributes, read once for all fields that want them.

    The reader that it is given reads what is selected at the `paths` below the field, and the
    `extra` columns; without paths there is none. Of a connection it also reads the columns that
    `places` in the list are made of, if cursors are selected. A refusal that it raises becomes the
    error of the field of each object. Of extensions such a field may have `Requires` only, which is
    checked before `bring` is called: plans do not call the field's resolver.
    """
    way = Batched(bring, columns, paths, extra, places, rows)
    return {READ: way, PREPARED: batched_name, HONOURED: (Requires,)}


def prefetched(source: Any, info: Info) -> Any:
    """Give what was brought for the current field; the resolver of such a field does only this."""
    return getattr(source, batched_name(core_info(info).field_nodes[0]))


def batched_name(node: FieldNode) -> str:
    """Name the attribute that holds what was brought for a field: by the field and its arguments.

    The response key would not do: two of the same may be about one object, as below `nodes` and
    below `edges`, and ask for different things.
    """
    name: str | None = vars(node).get(BROUGHT)
    if name is None:
        name = f"{BROUGHT}{node.name.value}"
        if node.arguments:
            said = " ".join(sorted(print_ast(argument) for argument in node.arguments))
            name += f"_{sha256(said.encode()).hexdigest()[:16]}"
        vars(node)[BROUGHT] = name
    return name


models_of: dict[type, type[Model]] = {}
"""The models that types are read from."""


def maps_to(kind: type, model: type[Model]) -> None:
    """Tie a GraphQL type to the model that it is read from."""
    models_of[kind] = model
