"""Compiles a shape into SQL, and into a function that makes objects from database rows.

For the shape

    Shape(Customer, models.Customer, {"id": …, "name": …}, ones={"customer_class": …})

the function is

    def build(rows):
        m0 = []
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
            m0.append(o0)
        return m0,

Children that are read in the same statement are one column, an array of records. A nested loop
makes their objects, and the list of all children is returned before the list of the parents.

            o0.class_history = m1 = []
            for v5, v6 in v4:
                o2 = new(Row2)
                …
                m1.append(o2)
            m0 += m1
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache, lru_cache, partial
from types import CodeType, FunctionType
from typing import Any

from tortoise.models import Model

from models.storage.row_query import (
    ROOT,
    Attachment,
    Bring,
    Compiled,
    Compute,
    Level,
    Many,
    RowQuery,
    Shape,
)
from models.storage.sql import Sql, among, from_database, is_postgres
from models.storage.time_slice import is_over, pause

MAX_KEPT = 256
MAX_JOINS = 30
"""Maximum joins of a statement: SQLite allows 64 tables, and Python 100 levels of indentation."""

MAX_CLASSES = 2_000
"""Number of generated row classes that are cached for shapes with the same attributes."""


class TooDeepError(Exception):
    """A shape has more references to parent rows than one statement can join."""


def compile_shape(shape: Shape) -> Compiled:
    """Compile a shape; raises TooDeepError if it has more than MAX_JOINS references."""
    compiled = _compiled(shape, reads_along=False)
    # On SQLite, separate statements are cheap, so children are always read separately.
    if shape.manies and is_postgres():
        return replace(compiled, compile_along=partial(_compiled, shape, reads_along=True))
    return compiled


def columns_reader(kind: type, model: type[Model], columns: Iterable[str]) -> RowQuery:
    """Return a query that reads only the given columns, and adds nothing to the row counter.

    `b` of a parent row `a` is written `a.b`, and becomes the attribute `a_b`.
    """
    return _columns_reader(kind, model, tuple(columns), is_postgres())


@cache
def _columns_reader(
    kind: type,
    model: type[Model],
    columns: tuple[str, ...],
    dialect: object,  # noqa: ARG001  # it keeps the dialects apart
) -> RowQuery:
    values = {name.replace(".", "_"): ((name,), None) for name in columns}
    return RowQuery(compile_shape(Shape(kind, model, values, weight=0)))


def _compiled(shape: Shape, *, reads_along: bool) -> Compiled:
    common = _Common()
    own = _Select(common, shape, reads_along=reads_along)
    source = [
        "def build(rows):",
        *(f" {objects} = []" for objects in common.levels),
        *(f" {line}" for line in own.loop("rows", own.objects)),
        f" return {', '.join(common.levels)},",
    ]
    build = FunctionType(_code("\n".join(source)), common.constants)
    return Compiled(own.columns, own.table, own.joins, build, tuple(common.levels.values()))


@lru_cache(MAX_KEPT)
def _code(source: str) -> CodeType:
    """Compile generated source and return the code of its only function."""
    code = compile(source, "<reader>", "exec")
    return next(part for part in code.co_consts if isinstance(part, CodeType))


class _Common:
    """Data shared by the SELECTs of one statement: constants, levels and unique names."""

    def __init__(self) -> None:
        self.constants: dict[str, Any] = {"new": object.__new__}
        self.levels: dict[str, Level] = {}
        """The level of each SELECT, by the name of its list of objects in the generated code."""
        self._named: Counter[str] = Counter()

    def name(self, letter: str) -> str:
        """Return the letter with the next number, such as t0, t1 for tables."""
        number = self._named[letter]
        self._named[letter] += 1
        return f"{letter}{number}"

    def constant(self, value: Any) -> str:
        """Make a value available to the generated function and return its name there."""
        name = self.name("c")
        self.constants[name] = value
        return name


class _Select:
    """Collects the columns and joins of one SELECT, and writes the loop that builds its objects."""

    def __init__(self, common: _Common, shape: Shape, *, reads_along: bool) -> None:
        self.alias = common.name("t")
        self.table = f'"{shape.model._meta.db_table}" AS {self.alias}'
        self._common = common
        self._reads_along = reads_along
        self._variables: dict[str, str] = {}
        """Names of variables in the generated function, by SQL column."""
        self._tables: dict[tuple[str, str], str] = {}
        self._joins: list[str] = []
        self._attachments: list[Attachment] = []
        self._lines, self._object = self._made(shape, self.alias, ())
        self.objects = common.name("m")
        common.levels[self.objects] = Level(shape.weight, self._attachments)

    @property
    def columns(self) -> str:
        """The SELECT list."""
        return ", ".join(self._variables)

    @property
    def joins(self) -> str:
        """The JOIN clauses."""
        return " ".join(self._joins)

    def loop(self, rows: str, into: str) -> list[str]:
        """Return the lines of a loop over `rows` that appends an object for each row to `into`."""
        return [
            f"for {', '.join(self._variables.values())}, in {rows}:",
            *(f" {line}" for line in self._lines),
            f" {into}.append({self._object})",
        ]

    def _made(self, shape: Shape, table: str, path: tuple[str, ...]) -> tuple[list[str], str]:
        """Return the lines that make an object from a row, and the name of its variable."""
        name = self._common.name("o")
        attributes = (*shape.values, *shape.ones, *shape.manies, *shape.brought)
        aliases = tuple(sorted(shape.aliases.items()))
        kind = self._common.constant(_row_class(shape.kind, tuple(sorted(attributes)), aliases))
        lines = [f"{name} = new({kind})"]
        for attribute, (columns, compute) in shape.values.items():
            value = self._value(shape.model, table, columns, compute)
            lines.append(f"{name}.{attribute} = {value}")
        for attribute, (reference, other) in shape.ones.items():
            joined = self._joined(shape.model, table, reference)
            key = self._raw(f'{joined}."{other.model._meta.db_pk_column}"')
            inner, made = self._made(other, joined, (*path, attribute))
            lines += [
                f"if {key} is None:",
                f" {name}.{attribute} = None",
                "else:",
                *(f" {line}" for line in inner),
                f" {name}.{attribute} = {made}",
            ]
        for attribute, many in shape.manies.items():
            if self._reads_along and not path:
                key = f'{table}."{shape.model._meta.db_pk_column}"'
                lines += self._along(f"{name}.{attribute}", key, many)
            else:
                self._attachments.append(Attachment(path, attribute, _brings(many)))
        for attribute, bring in shape.brought.items():
            self._attachments.append(Attachment(path, attribute, bring))
        return lines, name

    def _along(self, attribute: str, key: str, many: Many) -> list[str]:
        """Select the children of the row with id `key` as an array; return the lines that read it.

        Used only for rows of the main table, which are few and distinct. A joined row may occur
        several times, and its children would be read each time.
        """
        child = _Select(self._common, many.shape, reads_along=False)
        own = re.compile(rf"\b{ROOT}\b")
        where = f'{child.alias}."{many.back}" = {key}'
        if many.where:
            where += f" AND {own.sub(child.alias, many.where)}"
        rows = self._raw(
            f"ARRAY(SELECT ROW({child.columns}) FROM {child.table} {child.joins}"  # noqa: S608  # no value is spelt out
            f" WHERE {where} ORDER BY {own.sub(child.alias, many.order)})"
        )
        found = self._common.name("m")
        return [
            f"{attribute} = {found} = []",
            *child.loop(rows, found),
            f"{child.objects} += {found}",
        ]

    def _value(
        self, model: type[Model], table: str, columns: tuple[str, ...], compute: Compute | None
    ) -> str:
        values = ", ".join(self._converted(model, table, column) for column in columns)
        return values if compute is None else f"{self._common.constant(compute)}({values})"

    def _converted(self, model: type[Model], table: str, column: str) -> str:
        *references, own = column.split(".")
        for reference in references:
            table = self._joined(model, table, reference)
            model = _referred(model, reference)
        convert = from_database(model._meta.fields_map[own])
        raw = self._raw(f'{table}."{own}"')
        return raw if convert is None else f"{self._common.constant(convert)}({raw})"

    def _joined(self, model: type[Model], table: str, reference: str) -> str:
        if (table, reference) in self._tables:
            return self._tables[table, reference]
        if len(self._tables) >= MAX_JOINS:
            raise TooDeepError(f"{MAX_JOINS} references at most are followed at once.")
        name = self._tables[table, reference] = self._common.name("t")
        other = _referred(model, reference)
        column = model._meta.fields_map[reference].source_field
        self._joins.append(
            f'LEFT JOIN "{other._meta.db_table}" AS {name}'
            f' ON {name}."{other._meta.db_pk_column}" = {table}."{column}"'
        )
        return name

    def _raw(self, column: str) -> str:
        """Return the variable of a column; on first use, add the column to the SELECT list."""
        if column not in self._variables:
            self._variables[column] = self._common.name("v")
        return self._variables[column]


PARENTS_AT_ONCE = 250
"""Maximum number of parents whose children one statement reads.

Other requests can use the event loop between two statements.
"""

BACK = "_back"
"""The attribute of a child object that holds the id of its parent."""


def _brings(many: Many) -> Bring:
    """Return a function that reads the child rows of a list of objects."""
    shape = many.shape
    values = {**shape.values, BACK: ((many.back,), None)}
    child = compile_shape(replace(shape, values=values))
    column, order = f'{ROOT}."{many.back}"', f"ORDER BY {many.order}"

    async def bring(parents: Sequence[Any], given: Any) -> Sequence[Any]:
        children: dict[str, list[Any]] = {parent.id: [] for parent in parents}
        ids = list(children)
        for begin in range(0, len(ids), PARENTS_AT_ONCE):
            where = among(column, ids[begin : begin + PARENTS_AT_ONCE])
            if many.where:
                where = Sql(f"{where.text} AND {many.where}", where.parameters)
            for made in await RowQuery(child, given).read(where, order):
                children[made._back].append(made)
            if is_over():
                await pause()
        return [children[parent.id] for parent in parents]

    return bring


@lru_cache(maxsize=MAX_CLASSES)
def _row_class(
    kind: type, attributes: tuple[str, ...], aliases: tuple[tuple[str, str], ...]
) -> type:
    """Return a subclass of `kind` with a slot for each attribute, as slots are fastest to set."""
    content = {"__slots__": attributes, "__module__": kind.__module__}
    made = type(kind.__name__, (kind,), content)
    for alias, attribute in aliases:
        setattr(made, alias, vars(made)[attribute])
    return made


def _referred(model: type[Model], reference: str) -> type[Model]:
    related: type[Model] = model._meta.fields_map[reference].related_model  # type: ignore[attr-defined]  # a relation
    return related
