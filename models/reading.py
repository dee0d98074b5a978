"""Reads rows for display: one statement a level, only the columns asked for, no ORM instances.

A `Shape` says what to read: columns of a model, rows that they refer to (joined), rows that refer
to them (one more statement for all parents), and what else is to be brought to all objects at once.
It is compiled once, from the model's metadata, into SQL and a function that turns database rows
into objects of the type that the shape names. For

    Shape(Customer, models.Customer, {"id": …, "name": …}, ones={"customer_class": …})

that function is

    def build(rows):
        made = []
        for v0, v1, v2, v3 in rows:
            o0 = new(Row0)
            o0.id = v0
            o0.name = v1
            if v2 is None:
                o0.customer_class = None
            else:
                o1 = new(Row1)
                o1.id = v2
                o1.name = v3
                o0.customer_class = o1
            made.append(o0)
        return made
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from types import CodeType, FunctionType
from typing import Any

from tortoise.models import Model

from models.sql import Sql, among, from_database, run
from models.tally import count

Compute = Callable[..., Any]
Keep = Callable[[list[Any]], list[Any]]
Bring = Callable[[Sequence[Any], Any], Awaitable[Sequence[Any]]]
"""Gives the values of an attribute for objects, in their order, from what the reader was given."""

MOST_KEPT = 256
MOST_JOINS = 30
"""SQLite joins 64 tables, and a written function is not nested deeper than 100 levels."""

ROOT = "t0"
"""The name that a statement has for the table that it is about."""


class TooDeepError(Exception):
    """References are followed further than a statement can."""


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
    with the names of the references that lead there, as `customer_class.code`. `ones` maps an
    attribute to a reference's name, and to what to read of the row that it leads to. `brought` maps
    one to a function of all the objects and of what the reader was given. A row counts `weight`.
    """

    kind: type
    model: type[Model]
    values: Mapping[str, tuple[tuple[str, ...], Compute | None]]
    ones: Mapping[str, tuple[str, "Shape"]] = field(default_factory=dict)
    manies: Mapping[str, Many] = field(default_factory=dict)
    brought: Mapping[str, "Bring"] = field(default_factory=dict)
    weight: int = 1


MOST_CLASSES = 2_000
"""Classes of objects that are kept for the next shape with the same attributes."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """What is read for the objects at the end of a path of references, once they are there."""

    path: tuple[str, ...]
    attribute: str
    bring: Bring


@dataclass(frozen=True, slots=True, eq=False)
class Compiled:
    """A compiled shape."""

    columns: str
    tables: str
    build: Callable[[Sequence[Any]], list[Any]]
    attachments: Sequence[Attachment]
    weight: int = 1


@dataclass(slots=True, eq=False)
class Reader:
    """Reads what a compiled shape says; `given` is passed to what brings attributes."""

    _compiled: Compiled
    _given: Any = None

    def select(self, where: str, tail: str = "") -> str:
        """Write the statement; `where` and `tail` call the shape's own table t0."""
        compiled = self._compiled
        return f"SELECT {compiled.columns} FROM {compiled.tables} WHERE {where} {tail}"  # noqa: S608  # no value is spelt out

    async def read(self, where: Sql, tail: str = "", keep: Keep | None = None) -> list[Any]:
        """Read objects, and then what belongs to those kept, a statement for each relation."""
        rows = await run(self.select(where.text, tail), where.parameters)
        return await self._completed(rows, keep)

    async def read_some(self, where: Sql, order: str, most: int) -> tuple[list[Any], bool]:
        """Read so many objects at most, and tell whether there are more."""
        text = self.select(where.text, f"ORDER BY {order} LIMIT {most + 1:d}")
        rows = await run(text, where.parameters)
        return await self._completed(rows[:most]), len(rows) > most

    async def read_one(self, where: Sql) -> Any | None:
        """Read an object, if there is one."""
        found, _ = await self.read_some(where, f"{ROOT}.id", 1)
        return found[0] if found else None

    async def _completed(self, rows: Sequence[Any], keep: Keep | None = None) -> list[Any]:
        built = self._compiled.build(rows)
        objects = keep(built) if keep else built
        if objects:
            count(len(objects) * self._compiled.weight)
            for attachment in self._compiled.attachments:
                await _attach(objects, attachment, self._given)
        return objects


def compile_shape(shape: Shape) -> Compiled:
    """Compile a shape into SQL and a builder of objects."""
    writer = _Writer()
    lines, name = writer.object(shape, ROOT, ())
    variables = ", ".join(f"v{place}" for place in range(len(writer.columns)))
    source = [
        "def build(rows):",
        " made = []",
        f" for {variables}, in rows:",
        *(f"  {line}" for line in lines),
        f"  made.append({name})",
        " return made",
    ]
    build = FunctionType(_compiled("\n".join(source)), writer.scope)
    return Compiled(
        columns=", ".join(writer.columns),
        tables=" ".join([f'"{shape.model._meta.db_table}" AS {ROOT}', *writer.joins.values()]),
        build=build,
        attachments=writer.attachments,
        weight=shape.weight,
    )


@lru_cache(MOST_KEPT)
def _compiled(source: str) -> CodeType:
    """Give the code of the only function in a source of ours; many documents have the same."""
    code = compile(source, "<reader>", "exec")
    return next(part for part in code.co_consts if isinstance(part, CodeType))


class _Writer:
    """Collects columns and joins while it writes the lines that make an object."""

    def __init__(self) -> None:
        self.columns: list[str] = []
        self.joins: dict[tuple[str, str], str] = {}
        self.attachments: list[Attachment] = []
        self.scope: dict[str, Any] = {"new": object.__new__}
        self._places: dict[str, int] = {}
        self._tables: dict[tuple[str, str], str] = {}
        self._objects = 0

    def object(self, shape: Shape, table: str, path: tuple[str, ...]) -> tuple[list[str], str]:
        """Write the lines that make an object of a row of a table, and name the object."""
        name, self._objects = f"o{self._objects}", self._objects + 1
        attributes = (*shape.values, *shape.ones, *shape.manies, *shape.brought)
        kind = self._constant(_row_class(shape.kind, tuple(sorted(attributes))))
        lines = [f"{name} = new({kind})"]
        for attribute, (columns, compute) in shape.values.items():
            value = self._value(shape.model, table, columns, compute)
            lines.append(f"{name}.{attribute} = {value}")
        for attribute, (reference, other) in shape.ones.items():
            joined = self._joined(shape.model, table, reference)
            key = self._raw(joined, other.model._meta.db_pk_column)
            inner, made = self.object(other, joined, (*path, attribute))
            lines += [
                f"if {key} is None:",
                f" {name}.{attribute} = None",
                "else:",
                *(f" {line}" for line in inner),
                f" {name}.{attribute} = {made}",
            ]
        for attribute, many in shape.manies.items():
            self.attachments.append(Attachment(path, attribute, _brings(many)))
        for attribute, bring in shape.brought.items():
            self.attachments.append(Attachment(path, attribute, bring))
        return lines, name

    def _value(
        self, model: type[Model], table: str, columns: tuple[str, ...], compute: Compute | None
    ) -> str:
        values = ", ".join(self._converted(model, table, column) for column in columns)
        return values if compute is None else f"{self._constant(compute)}({values})"

    def _converted(self, model: type[Model], table: str, column: str) -> str:
        *references, own = column.split(".")
        for reference in references:
            table = self._joined(model, table, reference)
            model = _referred(model, reference)
        convert = from_database(model._meta.fields_map[own])
        raw = self._raw(table, own)
        return raw if convert is None else f"{self._constant(convert)}({raw})"

    def _joined(self, model: type[Model], table: str, reference: str) -> str:
        if (table, reference) in self._tables:
            return self._tables[table, reference]
        if len(self.joins) >= MOST_JOINS:
            raise TooDeepError(f"{MOST_JOINS} references at most are followed at once.")
        name = self._tables[table, reference] = f"t{len(self.joins) + 1}"
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
        return f"v{place}"

    def _constant(self, value: Any) -> str:
        name = f"c{len(self.scope)}"
        self.scope[name] = value
        return name


BACK = "_back"
"""The attribute by which a child knows its parent until it is attached."""


def _brings(many: Many) -> Bring:
    """Give what reads the rows that refer to some objects."""
    shape = many.shape
    values = {**shape.values, BACK: ((many.back,), None)}
    child = compile_shape(replace(shape, values=values))
    column, order = f'{ROOT}."{many.back}"', f"ORDER BY {many.order}"

    async def bring(parents: Sequence[Any], given: Any) -> Sequence[Any]:
        children: dict[str, list[Any]] = {parent.id: [] for parent in parents}
        where = among(column, list(children))
        if many.where:
            where = Sql(f"{where.text} AND {many.where}", where.parameters)
        for made in await Reader(child, given).read(where, order):
            children[made._back].append(made)
        return [children[parent.id] for parent in parents]

    return bring


async def _attach(objects: list[Any], attachment: Attachment, given: Any) -> None:
    parents = objects
    for step in attachment.path:
        parents = [one for parent in parents if (one := getattr(parent, step)) is not None]
    values = await attachment.bring(parents, given) if parents else ()
    for parent, value in zip(parents, values, strict=True):
        setattr(parent, attachment.attribute, value)


@lru_cache(maxsize=MOST_CLASSES)
def _row_class(kind: type, attributes: tuple[str, ...]) -> type:
    """Make a subclass that has room for these attributes; slots are written fastest."""
    return type(kind.__name__, (kind,), {"__slots__": attributes, "__module__": kind.__module__})


def _referred(model: type[Model], reference: str) -> type[Model]:
    related: type[Model] = model._meta.fields_map[reference].related_model  # type: ignore[attr-defined]  # a relation
    return related
