"""Reads rows for display: one statement per level, only the requested columns, no ORM objects.

A `Shape` says what to read: columns of a model; parent rows, to which a row refers (they are
joined); child rows, which refer to a row (one more statement reads those of all rows); and
attributes that a function computes for all objects at once. `models/storage/row_query_compiler.py`
compiles a shape once into SQL and a function that makes objects from rows.

On PostgreSQL, the children of up to FEW rows are read in the statement of the rows; for more rows,
a second statement is faster.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tortoise.models import Model

from models.storage.row_counter import count
from models.storage.sql import Sql, run
from models.storage.time_slice import is_over, pause

Compute = Callable[..., Any]
Keep = Callable[[list[Any]], list[Any]]
Bring = Callable[[Sequence[Any], Any], Awaitable[Sequence[Any]]]
"""Computes an attribute for a list of objects: returns one value per object, in order.

The second argument is the value that the `RowQuery` was given for this purpose.
"""

ROOT = "t0"
"""The alias of a statement's main table."""

THE_TABLE = Sql("")
"""The default of `source` in `RowQuery.read`: the table of the shape."""

FEW = 10
"""The children of at most this number of rows are read in the statement of the rows.

At 20 rows, one statement and two statements take the same time.
"""


@dataclass(frozen=True, slots=True)
class Many:
    """Child rows, which refer to their parent by the column `back`, sorted by `order`.

    In the SQL of `order` and `where`, t0 is the table of the child rows.
    """

    shape: "Shape"
    back: str
    order: str
    where: str = ""


@dataclass(frozen=True, slots=True)
class Shape:
    """What to read of the rows of `model`; objects of the class `kind` are made from the rows.

    `values` maps an attribute to its columns and to the function that computes it from them; if
    the function is None, the attribute is the value of its only column. Columns of parent rows are
    written with the names of the references, for example `customer_class.code`. `ones` maps an
    attribute to the name of a reference and the shape of the parent row. `manies` maps an attribute
    to child rows. `brought` maps an attribute to a function that computes it for all objects at
    once. `aliases` maps further names to attributes of `ones` and `manies`. Each row that is read
    adds `weight` to the request's row counter.
    """

    kind: type
    model: type[Model]
    values: Mapping[str, tuple[tuple[str, ...], Compute | None]]
    ones: Mapping[str, tuple[str, "Shape"]] = field(default_factory=dict)
    manies: Mapping[str, Many] = field(default_factory=dict)
    brought: Mapping[str, "Bring"] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Attachment:
    """An attribute that `bring` computes for all objects at once, after the rows were read.

    It is set on the objects to which the attributes in `path` lead from those of the rows.
    """

    path: tuple[str, ...]
    attribute: str
    bring: Bring


@dataclass(frozen=True, slots=True)
class Level:
    """Facts about the objects made from the rows of one SELECT."""

    weight: int
    attachments: Sequence[Attachment]


@dataclass(frozen=True, eq=False)
class Compiled:
    """A compiled shape: parts of its SELECT, and `build`, which makes objects from rows.

    `build` returns a list of objects for each of `levels`; the last list has the objects of the
    shape itself.
    """

    columns: str
    table: str
    joins: str
    build: Callable[[Sequence[Any]], tuple[list[Any], ...]]
    levels: Sequence[Level]
    compile_along: Callable[[], "Compiled"] | None = None

    def select(self, where: str, tail: str = "", source: str = "") -> str:
        """Return the SELECT statement; `RowQuery.read` explains the arguments."""
        rows = source or self.table
        return f"SELECT {self.columns} FROM {rows} {self.joins} WHERE {where} {tail}"  # noqa: S608  # no value is spelt out

    @property
    def along(self) -> "Compiled":
        """The variant that reads children in the statement of their parents; on SQLite `self`."""
        return self if self.compile_along is None else self._along

    @cached_property
    def _along(self) -> "Compiled":
        assert self.compile_along is not None  # noqa: S101  # it is asked for no other
        return self.compile_along()


@dataclass(slots=True, eq=False)
class RowQuery:
    """Reads objects by a compiled shape.

    `_given` is passed to the functions that compute attributes (`Shape.brought`).
    """

    _compiled: Compiled
    _given: Any = None

    async def read(
        self,
        where: Sql,
        tail: str = "",
        *,
        source: Sql = THE_TABLE,
        keep: Keep | None = None,
        most: int | None = None,
    ) -> list[Any]:
        """Return the objects that match `where`, with their children and computed attributes.

        In `where` and `tail`, t0 is the table of the shape; `source` is a subquery to use instead
        of that table. `keep` can drop objects before their children are read. `most` is the
        expected maximum number of rows; it chooses the faster variant but limits nothing.
        """
        # With `keep`, read children separately: those of dropped objects are not read or counted.
        compiled = self._for(None if keep else most)
        text = compiled.select(where.text, tail, source.text)
        rows = await run(text, (*source.parameters, *where.parameters))
        *others, own = compiled.build(rows)
        return await self._completed(compiled, (*others, keep(own) if keep else own))

    async def read_some(self, where: Sql, order: str, most: int) -> tuple[list[Any], bool]:
        """Return the first `most` objects in `order`, and whether there are more."""
        compiled = self._for(most)
        text = compiled.select(where.text, f"ORDER BY {order} LIMIT {most + 1:d}")
        rows = await run(text, where.parameters)
        return await self._completed(compiled, compiled.build(rows[:most])), len(rows) > most

    async def read_one(self, where: Sql) -> Any | None:
        """Return the matching object with the lowest id; None if there is none."""
        found, _ = await self.read_some(where, f"{ROOT}.id", 1)
        return found[0] if found else None

    def _for(self, most: int | None) -> Compiled:
        return self._compiled if most is None or most > FEW else self._compiled.along

    async def _completed(self, compiled: Compiled, made: Sequence[list[Any]]) -> list[Any]:
        for objects, level in zip(made, compiled.levels, strict=True):
            if objects:
                count(len(objects) * level.weight)
                for attachment in level.attachments:
                    await _attach(objects, attachment, self._given)
                    if is_over():
                        await pause()
        return made[-1]


async def _attach(objects: list[Any], attachment: Attachment, given: Any) -> None:
    parents = objects
    for step in attachment.path:
        parents = [one for parent in parents if (one := getattr(parent, step)) is not None]
    values = await attachment.bring(parents, given) if parents else ()
    for parent, value in zip(parents, values, strict=True):
        setattr(parent, attachment.attribute, value)
