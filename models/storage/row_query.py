"""Reads rows for display: one statement per level, only the requested columns, no ORM objects.

A `Shape` says what to read: columns of a model, rows that they refer to (joined), rows that refer
to them (one more statement for all parents), and attributes that a function computes for all
objects. `models/storage/row_query_compiler.py` compiles it once into SQL and a function that makes
objects.

On PostgreSQL one more statement costs about as much as reading a row. For few parents, their
children are therefore read in the same statement; for many, a second statement is faster.
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
"""Returns the values of an attribute for objects, in their order; the second argument is
`given`."""

ROOT = "t0"
"""The alias of a statement's main table."""

THE_TABLE = Sql("")
"""Read from the table itself."""

FEW = 10
"""Up to so many parents, children are read in the same statement; at 20 both ways cost the same."""


@dataclass(frozen=True, slots=True)
class Many:
    """Rows that refer to their parent by the column `back`, sorted by `order`.

    In `order` and `where`, t0 is the rows' own table.
    """

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
    one to a function of all the objects and of what the reader was given. `aliases` are more names
    for attributes of `ones` and `manies`. A row counts `weight`.
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
    """An attribute that is read after its objects, which are at the end of a path of references."""

    path: tuple[str, ...]
    attribute: str
    bring: Bring


@dataclass(frozen=True, slots=True)
class Level:
    """The objects made from the rows of one SELECT."""

    weight: int
    attachments: Sequence[Attachment]


@dataclass(frozen=True, eq=False)
class Compiled:
    """A compiled shape; `build` returns a list of objects per level, the shape's own last."""

    columns: str
    table: str
    joins: str
    build: Callable[[Sequence[Any]], tuple[list[Any], ...]]
    levels: Sequence[Level]
    compile_along: Callable[[], "Compiled"] | None = None

    def select(self, where: str, tail: str = "", source: str = "") -> str:
        """Write the statement; see `RowQuery.read`."""
        rows = source or self.table
        return f"SELECT {self.columns} FROM {rows} {self.joins} WHERE {where} {tail}"  # noqa: S608  # no value is spelt out

    @property
    def along(self) -> "Compiled":
        """The variant that reads children in the same statement, where that is faster."""
        return self if self.compile_along is None else self._along

    @cached_property
    def _along(self) -> "Compiled":
        assert self.compile_along is not None  # noqa: S101  # it is asked for no other
        return self.compile_along()


@dataclass(slots=True, eq=False)
class RowQuery:
    """Runs a compiled shape; `given` is passed to the functions that compute attributes."""

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
        """Read objects, and then the relations of those that `keep` keeps, one statement each.

        In `where` and `tail`, t0 is the shape's own table; `source` is a subquery to use instead of
        it. `most` is a hint how many rows there can be; it limits nothing.
        """
        # Of rows that are not kept, nothing is to be made or counted.
        compiled = self._for(None if keep else most)
        text = compiled.select(where.text, tail, source.text)
        rows = await run(text, (*source.parameters, *where.parameters))
        *others, own = compiled.build(rows)
        return await self._completed(compiled, (*others, keep(own) if keep else own))

    async def read_some(self, where: Sql, order: str, most: int) -> tuple[list[Any], bool]:
        """Read at most so many objects, and return them with whether there are more."""
        compiled = self._for(most)
        text = compiled.select(where.text, f"ORDER BY {order} LIMIT {most + 1:d}")
        rows = await run(text, where.parameters)
        return await self._completed(compiled, compiled.build(rows[:most])), len(rows) > most

    async def read_one(self, where: Sql) -> Any | None:
        """Read one object; None if there is none."""
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
