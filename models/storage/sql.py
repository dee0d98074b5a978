"""Hand-written SQL for reads: fragments with parameters, and what differs between the dialects.

Fragments write `?` for each parameter, on either database. This module is the one place that
knows how PostgreSQL and SQLite differ for a reader.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from time import perf_counter
from typing import Any, cast

import orjson
from tortoise import fields
from tortoise.connection import get_connection
from tortoise.fields.base import Field
from tortoise.fields.data import CharEnumFieldInstance

from models.storage.database import READER, dialect_of
from models.storage.statement_time import add_since
from models.storage.tenant_clients import shown_within_reach
from models.storage.tenant_scope import current_tenant
from models.storage.time_slice import is_over, pause


@dataclass(frozen=True, slots=True)
class Sql:
    """A piece of SQL and the parameters of its question marks."""

    text: str
    parameters: tuple[Any, ...] = ()


ALWAYS = Sql("1 = 1")

TRIGRAM = 3
"""Shorter texts cannot be searched by the trigram index."""

COMMON = 2_000
"""On SQLite, a text that so many customers contain is not searched by index; counting to it takes 5
ms."""


def all_of(conditions: Iterable[Sql]) -> Sql:
    """Join conditions by AND."""
    parts = list(conditions)
    if not parts:
        return ALWAYS
    parameters: list[Any] = []
    for part in parts:
        parameters += part.parameters
    return Sql(_joined_by_and(tuple([part.text for part in parts])), tuple(parameters))


def among(column: str, values: Sequence[str]) -> Sql:
    """Match a column against a list that is one parameter, whatever its length."""
    if is_postgres():
        return Sql(f"{column} = ANY(?)", (list(values),))
    as_list = orjson.dumps(list(values)).decode()
    return Sql(f"{column} IN (SELECT value FROM json_each(?))", (as_list,))  # noqa: S608  # a column's own name


def listed(values: Sequence[str]) -> Sql:
    """Return a subquery with the values of a list as `key`; the list is one parameter."""
    if is_postgres():
        return Sql("SELECT unnest(?::text[]) AS key", (list(values),))
    return Sql("SELECT value AS key FROM json_each(?)", (orjson.dumps(list(values)).decode(),))


def holding(table: str, text: str, *, is_common: bool = False) -> Sql:
    """Match customers whose search key contains a text; by index, unless it is short or common."""
    if is_common or len(text) < TRIGRAM:
        # Another statement than that of longer texts, so that PostgreSQL plans each for itself.
        return containing(f"{table}.search_key", text)
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    pattern = f"%{escaped}%"
    if is_postgres():
        return Sql(f"{table}.search_key LIKE ? ESCAPE '\\'", (pattern,))
    # A trigram table serves LIKE without ESCAPE only; what it finds too much is filtered out.
    return Sql(
        f"{table}.rowid IN ({_FOUND}) AND {table}.search_key LIKE ? ESCAPE '\\'",
        (_wide(text), pattern),
    )


def not_looked_up(column: str) -> str:
    """Write a column so that SQLite uses no index for it; PostgreSQL decides by itself."""
    return column if is_postgres() else f"+{column}"


def never_looked_up(column: str) -> str:
    """Write a text column so that neither database uses an index for it.

    An index lookup takes longer if a row exists, even one out of scope, which would reveal it.
    """
    return f"({column} || '')" if is_postgres() else f"+{column}"


def containing(column: str, text: str) -> Sql:
    """Match rows that contain a text, by looking at each row."""
    position = "strpos" if is_postgres() else "instr"
    return Sql(f"{position}({column}, ?) > 0", (text,))


async def is_common(text: str) -> bool:
    """Return whether so many customers contain a text that walking the list is faster.

    SQLite reads all matches before it sorts them; PostgreSQL decides by statistics.
    """
    if is_postgres() or len(text) < TRIGRAM:
        return False
    if current_tenant() is not None:
        return True  # few are reached, and nothing is told of how many the others are
    probe = f"SELECT count(*) FROM ({_FOUND} LIMIT {COMMON})"  # noqa: S608  # no value is spelt out
    ((found,),) = await run(probe, (_wide(text),))
    return int(found) == COMMON


_FOUND = "SELECT rowid FROM customer_search WHERE search_key LIKE ?"


def _wide(text: str) -> str:
    return "%" + text.replace("%", "_") + "%"


def is_postgres() -> bool:
    """Return whether the database is PostgreSQL."""
    return dialect_of(get_connection("default")) == "postgres"


def sqlite_folder() -> Path:
    """Return the folder of the SQLite database."""
    connection: Any = get_connection("default")
    return Path(connection.filename).parent


async def run(text: str, parameters: Sequence[Any]) -> Sequence[Sequence[Any]]:
    """Run a read and return its rows, in the current transaction if there is one.

    Outside of a transaction it uses the pool for reads, so that it never waits for a writer.
    """
    connection: Any = get_connection("default")
    reader = getattr(connection, READER, None)  # a transaction has none
    is_numbered = dialect_of(connection) == "postgres"
    text = _numbered(text) if is_numbered else text
    if reader is None:
        _, rows = await connection.read(text, parameters)
        return cast("Sequence[Sequence[Any]]", rows)
    if current_tenant() is not None:
        text, parameters = shown_within_reach(text, parameters, is_postgres=is_numbered)
    connection.log.debug("%s: %s", text, parameters)
    if is_numbered:
        rows = await reader.fetch(text, parameters)
        if is_over():  # the answers of several statements may have come at once
            await pause()
        return cast("Sequence[Sequence[Any]]", rows)
    if is_over():  # this one is run in the event loop
        await pause()
    started = perf_counter()
    rows = reader.execute(text, parameters).fetchall()
    add_since(started)
    return cast("Sequence[Sequence[Any]]", rows)


def from_database(column: Field[Any]) -> Callable[[Any], Any] | None:
    """Return the converter from database values to Python; None if none is needed."""
    if isinstance(column, CharEnumFieldInstance):
        members = {member.value: member for member in column.enum_type}
        return members.get
    if isinstance(column, fields.JSONField):
        return _from_json
    if is_postgres():
        return None
    if isinstance(column, fields.BooleanField):
        return _from_integer
    if isinstance(column, fields.DatetimeField):
        return _from_text
    return None


def to_database(column: Field[Any], value: Any) -> Any:
    """Convert a value to the form in which the database compares it."""
    if isinstance(column, fields.DatetimeField) and not is_postgres():
        return value.astimezone(UTC).isoformat(" ")
    return value


async def execute(statement: Sql) -> list[dict[str, Any]]:
    """Run a statement on the current transaction's connection and return its rows (RETURNING)."""
    connection: Any = get_connection("default")
    is_numbered = dialect_of(connection) == "postgres"
    text = _numbered(statement.text) if is_numbered else statement.text
    return cast(
        "list[dict[str, Any]]",
        await connection.execute_query_dict(text, list(statement.parameters)),
    )


@lru_cache(maxsize=500)
def _joined_by_and(conditions: tuple[str, ...]) -> str:
    return " AND ".join(f"({condition})" for condition in conditions)


@lru_cache(maxsize=500)
def _numbered(text: str) -> str:
    """Replace question marks by $1, $2 …; our statements contain no others."""
    first, *rest = text.split("?")
    return first + "".join(f"${place}{part}" for place, part in enumerate(rest, start=1))


def _from_json(value: str | bytes | None) -> Any:
    return None if value is None else orjson.loads(value)


def _from_integer(value: int | None) -> bool | None:
    return None if value is None else bool(value)


def _from_text(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)
