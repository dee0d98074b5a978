"""Inserts new rows into several tables with one call.

Creating a customer, for example, inserts rows into five tables: with one statement on PostgreSQL,
and on SQLite with one switch to the connection's thread. The SQL text is built once for each
combination of tables and row counts. Rows are inserted in the given order; PostgreSQL checks
foreign keys between them at the end of the statement.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import groupby
from typing import Any, TypeVar

from tortoise import fields
from tortoise.connection import get_connection
from tortoise.fields.base import Field
from tortoise.models import Model

from models.storage.database import dialect_of, note_wake
from models.storage.id_field import IdField
from models.storage.tortoise_internals import mark_saved, unsaved_row

MAX_PARAMETERS = 30_000
"""Maximum parameters of a statement; PostgreSQL allows 32,767, SQLite 32,766."""

MANY_ROWS = 100
"""More rows than this are inserted with statements of one table and SLICE rows each.

Such statements repeat, so that their text, their tenant scope and their plans are remembered.
"""
SLICE = 50

AS_THEY_ARE = (
    fields.TextField,
    fields.IntField,
    fields.SmallIntField,
    fields.BigIntField,
    fields.BooleanField,
)
"""Field types whose values need no conversion."""

Row = TypeVar("Row", bound=Model)


def new_row(model: type[Row], **values: Any) -> Row:
    """Return a new row that is not stored yet; `values` must have the types of their fields.

    The constructor of `model` checks each value and default, which takes five times as long.
    """
    row = unsaved_row(model)
    blank, made = _defaults(model)
    attributes = vars(row)
    attributes.update(blank)
    attributes.update(values)
    for name, make in made:
        if name not in values:
            attributes[name] = make()
    return row


async def add_rows(rows: Sequence[Model], *, waking: str | None = None) -> None:
    """Insert rows in the current transaction; raises IntegrityError for a violated constraint.

    If a topic `waking` is given, it is fired after the commit, without another statement.
    """
    connection: Any = get_connection("default")
    is_postgres = dialect_of(connection) == "postgres"
    chunks = list(_slices(rows) if len(rows) > MANY_ROWS else _chunks(rows, are_joined=is_postgres))
    statements = []
    for place, chunk in enumerate(chunks, start=1):
        groups = tuple((model, len(some)) for model, some in chunk)
        wakes = waking if place == len(chunks) else None
        statements.append((_statement(groups, wakes, is_postgres=is_postgres), _values(chunk)))
    await connection.execute_several(statements)
    for row in rows:
        mark_saved(row)
    if rows:
        note_wake(waking)


def by_table(rows: Iterable[Model]) -> list[Model]:
    """Return rows in the order in which their tables first occur; each table's stay in order."""
    tables: dict[type[Model], list[Model]] = {}
    for row in rows:
        tables.setdefault(type(row), []).append(row)
    return [row for table in tables.values() for row in table]


Chunk = list[tuple[type[Model], list[Model]]]
"""The rows of one statement, grouped by table."""


def _slices(rows: Sequence[Model]) -> Iterator[Chunk]:
    """Split rows into statements of one table and at most SLICE rows."""
    for model, group in groupby(rows, type):
        waiting = list(group)
        for start in range(0, len(waiting), SLICE):
            yield [(model, waiting[start : start + SLICE])]


def _chunks(rows: Sequence[Model], *, are_joined: bool) -> Iterator[Chunk]:
    """Split rows into statements of at most MAX_PARAMETERS parameters.

    With `are_joined`, a statement may insert into several tables, otherwise only into one.
    """
    chunk: Chunk = []
    parameters = 0
    for model, group in groupby(rows, type):
        columns = len(_columns(model))
        waiting = list(group)
        while waiting:
            room = (MAX_PARAMETERS - parameters) // columns
            if not room or (chunk and not are_joined):
                yield chunk
                chunk, parameters = [], 0
                continue
            taken, waiting = waiting[:room], waiting[room:]
            chunk.append((model, taken))
            parameters += len(taken) * columns
    if chunk:
        yield chunk


def _values(chunk: Chunk) -> list[Any]:
    values = []
    for model, rows in chunk:
        columns = _columns(model)
        for row in rows:
            attributes = vars(row)
            for name, _, stays, to_database in columns:
                value = attributes[name]
                values.append(value if stays(value) else to_database(value, row))
    return values


@lru_cache(maxsize=50)
def _statement(
    groups: tuple[tuple[type[Model], int], ...], waking: str | None, *, is_postgres: bool
) -> str:
    """Return the statement that inserts the given number of rows into each table.

    With `waking`, it also notifies that topic. Statements may be long, so few are cached.
    """
    inserts = []
    place = 0
    for model, count in groups:
        columns = _columns(model)
        tuples = []
        for _ in range(count):
            marks = [f"${place + n}" if is_postgres else "?" for n in range(1, len(columns) + 1)]
            place += len(columns)
            tuples.append(f"({', '.join(marks)})")
        names = ", ".join(f'"{column}"' for _, column, *_ in columns)
        table = model._meta.db_table
        inserts.append(f'INSERT INTO "{table}" ({names}) VALUES {", ".join(tuples)}')  # noqa: S608  # a model's own names
    if waking is not None and is_postgres:
        inserts[-1] += f" RETURNING pg_notify('{waking}', '')"
    *others, last = inserts
    if not others:
        return last
    named = ", ".join(f"added_{place} AS ({one})" for place, one in enumerate(others))
    return f"WITH {named} {last}"


@lru_cache(maxsize=100)
def _defaults(
    model: type[Model],
) -> tuple[dict[str, Any], tuple[tuple[str, Callable[[], Any]], ...]]:
    """Return a model's constant defaults, and the functions that compute its other defaults."""
    meta = model._meta
    blank: dict[str, Any] = {}
    made = []
    for name in meta.fields_db_projection:
        field = meta.fields_map[name]
        if field.generated:
            blank[name] = None
        elif callable(field.default):
            made.append((name, field.default))
        elif field.default is None and field.has_db_default():
            blank[name] = field.get_db_default_value()
        else:
            blank[name] = field.default
    return blank, tuple(made)


Converter = Callable[[Any, Any], Any]


@lru_cache(maxsize=100)
def _columns(model: type[Model]) -> tuple[tuple[str, str, Callable[[Any], bool], Converter], ...]:
    """Return a tuple for each field of a model that is not generated by the database.

    The tuple has the field's name, its column, a function that tells whether a value needs no
    conversion, and the converter for other values.
    """
    meta = model._meta
    written = [
        (name, column, meta.fields_map[name])
        for name, column in meta.fields_db_projection.items()
        if not meta.fields_map[name].generated
    ]
    return tuple(
        (name, column, _stays(field), field.to_db_value) for name, column, field in written
    )


def _stays(field: Field[Any]) -> Callable[[Any], bool]:
    """Return a function that tells whether a value can be stored without conversion.

    Most values can. Other values are converted or refused by the field, which takes much longer.
    """
    kind, is_nullable = field.field_type, field.null
    if isinstance(field, fields.CharField) and type(field) in {fields.CharField, IdField}:
        longest = field.max_length
        return lambda value: (
            len(value) <= longest if type(value) is str else value is None and is_nullable
        )
    if type(field) in AS_THEY_ARE:
        return lambda value: type(value) is kind or (value is None and is_nullable)
    if type(field) is fields.DatetimeField and not (field.auto_now or field.auto_now_add):
        return lambda value: (
            value.tzinfo is not None if type(value) is datetime else value is None and is_nullable
        )
    return lambda value: value is None and is_nullable
