"""Reads rows for display: one statement a level, only the columns asked for, no ORM instances.

A `Shape` says what to read: columns of a model, rows that they refer to (joined), and rows that
refer to them (one more statement for all parents). It is compiled once, from the model's own
metadata, into SQL and into a function that turns a database row into an object of the type that
the shape names. The object has the attributes that were asked for, and no others.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from types import CodeType, FunctionType
from typing import Any

from tortoise.models import Model

from models.sql import Sql, among, from_database, run

Compute = Callable[..., Any]

MOST_KEPT = 256

ROOT = "t0"
"""The name that a statement has for the table that it is about."""


@dataclass(frozen=True, slots=True)
class Many:
    """Rows that refer to their parent by the column `back`, in the order given."""

    shape: "Shape"
    back: str
    order: str
    where: str = ""


@dataclass(frozen=True, slots=True)
class Shape:
    """What to read of a model, and the `kind` of objects that it becomes.

    `values` maps an attribute to the columns that it is made of, and to the function that makes
    it; without one it is the column itself. A column of a row that this one refers to is written
    with the name of the reference, as `customer_class.code`. `ones` maps an attribute to the name
    of a reference, and to what to read of the row that it leads to.
    """

    kind: type
    model: type[Model]
    values: Mapping[str, tuple[tuple[str, ...], Compute | None]]
    ones: Mapping[str, tuple[str, "Shape"]] = field(default_factory=dict)
    manies: Mapping[str, Many] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Attachment:
    """A relation to be read for the objects at the end of a path of references."""

    path: tuple[str, ...]
    attribute: str
    child: "Reader"
    many: Many


@dataclass(frozen=True, slots=True, eq=False)
class Reader:
    """A compiled shape."""

    columns: str
    tables: str
    build: Callable[[Any], Any]
    attachments: Sequence[Attachment]

    def select(self, where: str, tail: str = "") -> str:
        """Write the statement; `where` and `tail` call the shape's own table t0."""
        return f"SELECT {self.columns} FROM {self.tables} WHERE {where} {tail}"  # noqa: S608  # no value is spelt out

    async def read(self, where: Sql, tail: str = "") -> list[Any]:
        """Read objects, and then what refers to them with one statement for each relation."""
        rows = await run(self.select(where.text, tail), where.parameters)
        return await self._completed(rows)

    async def read_some(self, where: Sql, order: str, most: int) -> tuple[list[Any], bool]:
        """Read so many objects at most, and tell whether there are more."""
        text = self.select(where.text, f"ORDER BY {order} LIMIT {most + 1:d}")
        rows = await run(text, where.parameters)
        return await self._completed(rows[:most]), len(rows) > most

    async def read_one(self, where: Sql) -> Any | None:
        """Read an object, if there is one."""
        found, _ = await self.read_some(where, f"{ROOT}.id", 1)
        return found[0] if found else None

    async def _completed(self, rows: Sequence[Any]) -> list[Any]:
        build = self.build
        objects = [build(row) for row in rows]
        if objects:
            for attachment in self.attachments:
                await _attach(objects, attachment)
        return objects


def compile_shape(shape: Shape) -> Reader:
    """Compile a shape into SQL and a builder of objects."""
    writer = _Writer()
    source = writer.object(shape, ROOT, ())
    made = FunctionType(_compiled(f"lambda row: {source}"), writer.scope)
    return Reader(
        columns=", ".join(writer.columns),
        tables=" ".join([f'"{shape.model._meta.db_table}" AS {ROOT}', *writer.joins.values()]),
        build=made,
        attachments=writer.attachments,
    )


@lru_cache(MOST_KEPT)
def _compiled(source: str) -> CodeType:
    """Give the code of a lambda of ours; many documents have the same."""
    code = compile(source, "<reader>", "eval")
    return next(part for part in code.co_consts if isinstance(part, CodeType))


class _Writer:
    """Collects columns and joins while it writes the expression that builds an object."""

    def __init__(self) -> None:
        self.columns: list[str] = []
        self.joins: dict[tuple[str, str], str] = {}
        self.attachments: list[Attachment] = []
        self.scope: dict[str, Any] = {"make": _make}
        self._places: dict[str, int] = {}

    def object(self, shape: Shape, table: str, path: tuple[str, ...]) -> str:
        """Write the expression of an object that is read from a table."""
        parts = [
            f"{attribute!r}: {self._value(shape.model, table, columns, compute)}"
            for attribute, (columns, compute) in shape.values.items()
        ]
        for attribute, (reference, other) in shape.ones.items():
            name = self._joined(shape.model, table, reference)
            made = self.object(other, name, (*path, attribute))
            key = self._raw(name, other.model._meta.db_pk_column)
            parts.append(f"{attribute!r}: (None if {key} is None else {made})")
        for attribute, many in shape.manies.items():
            child = compile_shape(_with_back(many))
            self.attachments.append(Attachment(path, attribute, child, many))
        return f"make({self._constant(shape.kind)}, {{{', '.join(parts)}}})"

    def _value(
        self, model: type[Model], table: str, columns: tuple[str, ...], compute: Compute | None
    ) -> str:
        values = ", ".join(self._converted(model, table, column) for column in columns)
        return values if compute is None else f"{self._constant(compute)}({values})"

    def _converted(self, model: type[Model], table: str, column: str) -> str:
        reference, _, own = column.rpartition(".")
        if reference:
            table = self._joined(model, table, reference)
            model = _referred(model, reference)
        convert = from_database(model._meta.fields_map[own])
        raw = self._raw(table, own)
        return raw if convert is None else f"{self._constant(convert)}({raw})"

    def _joined(self, model: type[Model], table: str, reference: str) -> str:
        name = f"{table}_{reference}"
        other = _referred(model, reference)
        column = model._meta.fields_map[reference].source_field
        self.joins[table, reference] = (
            f'LEFT JOIN "{other._meta.db_table}" AS {name}'
            f' ON {name}."{other._meta.db_pk_column}" = {table}."{column}"'
        )
        return name

    def _raw(self, table: str, column: str) -> str:
        name = f'{table}."{column}"'
        place = self._places.get(name)
        if place is None:
            place = self._places[name] = len(self.columns)
            self.columns.append(name)
        return f"row[{place}]"

    def _constant(self, value: Any) -> str:
        name = f"c{len(self.scope)}"
        self.scope[name] = value
        return name


BACK = "_back"
"""The attribute by which a child knows its parent until it is attached."""


def _with_back(many: Many) -> Shape:
    shape = many.shape
    values = {**shape.values, BACK: ((many.back,), None)}
    return Shape(shape.kind, shape.model, values, shape.ones, shape.manies)


async def _attach(objects: list[Any], attachment: Attachment) -> None:
    parents = objects
    for step in attachment.path:
        parents = [one for parent in parents if (one := getattr(parent, step)) is not None]
    many = attachment.many
    children: dict[str, list[Any]] = {parent.id: [] for parent in parents}
    where = among(f'{ROOT}."{many.back}"', list(children))
    if many.where:
        where = Sql(f"{where.text} AND {many.where}", where.parameters)
    for child in await attachment.child.read(where, f"ORDER BY {many.order}"):
        children[getattr(child, BACK)].append(child)
    for parent in parents:
        setattr(parent, attachment.attribute, children[parent.id])


def _make(kind: type, values: dict[str, Any]) -> Any:
    """Make an object without its constructor, which wants every attribute."""
    made: Any = object.__new__(kind)
    made.__dict__ = values
    return made


def _referred(model: type[Model], reference: str) -> type[Model]:
    related: type[Model] = model._meta.fields_map[reference].related_model  # type: ignore[attr-defined]  # a relation
    return related
