"""Hand-written SQL for PostgreSQL and SQLite: fragments with parameters, and functions to run them.

Fragments write `?` for each parameter on both databases. Differences between PostgreSQL and SQLite
in reads are handled here only.
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
from models.storage.tenant_clients import scope_shown_rows
from models.storage.tenant_scope import current_tenant
from models.storage.time_slice import is_over, pause


@dataclass(frozen=True, slots=True)
class Sql:
    """A piece of SQL and the parameters of its question marks."""

    text: str
    parameters: tuple[Any, ...] = ()


ALWAYS = Sql("1 = 1")

TRIGRAM = 3
"""Texts with fewer characters cannot be searched by the trigram index."""

COMMON = 2_000
"""On SQLite, the index is not used to search a text that this number of customers contain.

Counting up to this number takes 5 ms.
"""


def all_of(conditions: Iterable[Sql]) -> Sql:
    """Return the conditions joined by AND; if there are none, a condition that is always true."""
    parts = list(conditions)
    if not parts:
        return ALWAYS
    parameters: list[Any] = []
    for part in parts:
        parameters += part.parameters
    return Sql(_joined_by_and(tuple([part.text for part in parts])), tuple(parameters))


def among(column: str, values: Sequence[str]) -> Sql:
    """Return a condition that a column has one of `values`, which are passed as one parameter."""
    if is_postgres():
        return Sql(f"{column} = ANY(?)", (list(values),))
    as_list = orjson.dumps(list(values)).decode()
    return Sql(f"{column} IN (SELECT value FROM json_each(?))", (as_list,))  # noqa: S608  # a column's own name


def listed(values: Sequence[str]) -> Sql:
    """Return a SELECT of `values` as column `key`; the values are passed as one parameter."""
    if is_postgres():
        return Sql("SELECT unnest(?::text[]) AS key", (list(values),))
    return Sql("SELECT value AS key FROM json_each(?)", (orjson.dumps(list(values)).decode(),))


def search_key_contains(table: str, text: str, *, is_common: bool = False) -> Sql:
    """Return a condition that a customer's search key contains `text`.

    `table` is the alias of the customer table. The trigram index is used unless the text is shorter
    than TRIGRAM characters, or `is_common` says that many customers contain it.
    """
    if is_common or len(text) < TRIGRAM:
        # The SQL must differ from that for longer texts, so that PostgreSQL plans it separately.
        return containing(f"{table}.search_key", text)
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    pattern = f"%{escaped}%"
    if is_postgres():
        return Sql(f"{table}.search_key LIKE ? ESCAPE '\\'", (pattern,))
    # A trigram table supports only LIKE without ESCAPE; a second LIKE removes false matches.
    return Sql(
        f"{table}.rowid IN ({_FOUND}) AND {table}.search_key LIKE ? ESCAPE '\\'",
        (_wide(text), pattern),
    )


def without_index_on_sqlite(column: str) -> str:
    """Return SQL for a column that keeps SQLite, not PostgreSQL, from using the column's index."""
    return column if is_postgres() else f"+{column}"


def without_index(column: str) -> str:
    """Return SQL for a text column that keeps both databases from using the column's index.

    An index lookup takes longer if a row exists, even one out of scope, which would reveal it.
    """
    return f"({column} || '')" if is_postgres() else f"+{column}"


def containing(column: str, text: str) -> Sql:
    """Return a condition that a column contains `text`, evaluated for each row without an index."""
    position = "strpos" if is_postgres() else "instr"
    return Sql(f"{position}({column}, ?) > 0", (text,))


async def is_common(text: str) -> bool:
    """Return whether a search for `text` is faster without the trigram index, on SQLite.

    That is so if at least COMMON customers contain the text, since SQLite reads all matches before
    it sorts them. Always false on PostgreSQL, whose planner decides by statistics.
    """
    if is_postgres() or len(text) < TRIGRAM:
        return False
    if current_tenant() is not None:
        return True  # Few customers are in scope, and a count of all would reveal others.
    probe = f"SELECT count(*) FROM ({_FOUND} LIMIT {COMMON})"  # noqa: S608  # no value is spelt out
    ((found,),) = await run(probe, (_wide(text),))
    return int(found) == COMMON


_FOUND = "SELECT rowid FROM customer_search WHERE search_key LIKE ?"


def _wide(text: str) -> str:
    return "%" + text.replace("%", "_") + "%"


def is_postgres() -> bool:
    return dialect_of(get_connection("default")) == "postgres"


def sqlite_folder() -> Path:
    """Return the folder of the SQLite database file."""
    connection: Any = get_connection("default")
    return Path(connection.filename).parent


async def run(text: str, parameters: Sequence[Any]) -> Sequence[Sequence[Any]]:
    """Run a read and return its rows, in the current transaction if there is one.

    Outside of a transaction it uses the pool for reads, so that it never waits for a writer.
    """
    connection: Any = get_connection("default")
    reader = getattr(connection, READER, None)  # in a transaction there is none
    is_numbered = dialect_of(connection) == "postgres"
    text = _numbered(text) if is_numbered else text
    if reader is None:
        _, rows = await connection.read(text, parameters)
        return cast("Sequence[Sequence[Any]]", rows)
    if current_tenant() is not None:
        text, parameters = scope_shown_rows(text, parameters, is_postgres=is_numbered)
    connection.log.debug("%s: %s", text, parameters)
    if is_numbered:
        rows = await reader.fetch(text, parameters)
        if is_over():  # several requests may have got rows at once
            await pause()
        return cast("Sequence[Sequence[Any]]", rows)
    if is_over():  # the statement blocks the event loop
        await pause()
    started = perf_counter()
    rows = reader.execute(text, parameters).fetchall()
    add_since(started, text)
    return cast("Sequence[Sequence[Any]]", rows)


def from_database(column: Field[Any]) -> Callable[[Any], Any] | None:
    """Return the function that converts a column's stored values to Python; None if not needed."""
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
    """Return a value in the form in which the database stores and compares the column's values."""
    if isinstance(column, fields.DatetimeField) and not is_postgres():
        return value.astimezone(UTC).isoformat(" ")
    return value


async def execute(statement: Sql) -> list[dict[str, Any]]:
    """Run a statement and return its rows, such as those of RETURNING, as dictionaries.

    It runs in the current transaction if there is one.
    """
    connection: Any = get_connection("default")
    is_numbered = dialect_of(connection) == "postgres"
    text = _numbered(statement.text) if is_numbered else statement.text
    return cast(
        "list[dict[str, Any]]",
        await connection.execute_query_dict(text, list(statement.parameters)),
    )


async def plan_by_present_sizes() -> None:
    """On PostgreSQL, plan each statement of the current transaction by the tables' present sizes.

    Connections keep plans, and those made while tables were small read whole tables. Planning takes
    a fraction of a millisecond a statement, so this is for few statements that handle many rows.
    """
    if is_postgres():
        await run("SELECT set_config('plan_cache_mode', 'force_custom_plan', true)", ())


@lru_cache(maxsize=500)
def _joined_by_and(conditions: tuple[str, ...]) -> str:
    return " AND ".join(f"({condition})" for condition in conditions)


@lru_cache(maxsize=500)
def _numbered(text: str) -> str:
    """Replace question marks by $1, $2 …; none may be in a literal."""
    first, *rest = text.split("?")
    return first + "".join(f"${place}{part}" for place, part in enumerate(rest, start=1))


def _from_json(value: str | bytes | None) -> Any:
    return None if value is None else orjson.loads(value)


def _from_integer(value: int | None) -> bool | None:
    return None if value is None else bool(value)


def _from_text(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)
