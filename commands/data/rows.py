"""Reads tables of an SQLite file or a PostgreSQL database, without the ORM.

Values of SQLite are converted to the types of PostgreSQL, so that both can be compared and copied.
"""

import json
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Protocol

import asyncpg
from tortoise import fields

import models

RECORD = "tortoise_migrations"
"""The table that says which migrations were applied."""

SQLITE_ALONE = ("sqlite_", "customer_search", "epoch")
"""The beginnings of names of tables that only SQLite has; they follow from other tables."""

PREFETCHED = 1_000

_TABLES = """SELECT relname FROM pg_class
  WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname COLLATE "C" """

Convert = Callable[[Any], Any]


class Rows(Protocol):
    """Reads the tables of a database, in one snapshot."""

    async def tables(self) -> list[str]:
        """Return the names of all tables with data of their own."""

    async def count(self, table: str) -> int:
        """Return the number of rows of a table."""

    async def ids_after(self, table: str, last: str, size: int) -> list[dict[str, Any]]:
        """Return the next rows of a table after an id, in the order of ids."""

    async def of(self, table: str, column: str, ids: Sequence[str]) -> list[dict[str, Any]]:
        """Return the rows with one of the values in a column."""


async def counts_of(rows: Rows) -> dict[str, int]:
    """Return the number of rows of each table."""
    return {table: await rows.count(table) for table in await rows.tables()}


async def migrations_of(rows: Rows) -> list[str]:
    """Return the names of the migrations that were applied; none if the schema was never made."""
    if RECORD not in await rows.tables():
        return []
    return sorted(one["name"] for one in await rows.of(RECORD, "app", ["models"]))


def as_instant(value: Any) -> datetime:
    """Return an instant that SQLite stores as text."""
    found = datetime.fromisoformat(value)
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


CONVERT: dict[str, Convert] = {
    "timestamp with time zone": as_instant,
    "boolean": bool,
    "date": date.fromisoformat,
    "bytea": bytes,
}
"""By type of PostgreSQL, what makes a value of it from that of SQLite; other values stay."""


def convert(kind: str, value: Any) -> Any:
    """Return the value of a type of PostgreSQL that a value of SQLite stands for."""
    made = CONVERT.get(kind)
    return value if value is None or made is None else made(value)


def _number(text: str) -> str:
    return f"n{Decimal(text).normalize()}"


def canonical(kind: str, value: Any) -> Any:
    """Return what both databases store for a value, as a JSON value.

    PostgreSQL changes the order of keys, the spaces and the spelling of numbers in JSON.
    """
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if kind == "jsonb" and value is not None:
        return json.loads(value, parse_float=_number, parse_int=_number)
    return value


@dataclass(slots=True)
class SqliteRows:
    """Reads an SQLite file; a transaction of the connection makes it one snapshot."""

    connection: sqlite3.Connection

    async def tables(self) -> list[str]:
        found = self.connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        return sorted(name for (name,) in found if not name.startswith(SQLITE_ALONE))

    def columns(self, table: str) -> list[str]:
        """Return the columns of a table, without those that the database computes."""
        found = self.connection.execute(f'PRAGMA table_xinfo("{table}")')
        return [row[1] for row in found if row[6] == 0]

    async def count(self, table: str) -> int:
        ((count,),) = self.connection.execute(f'SELECT count(*) FROM "{table}"')  # noqa: S608  # a table's name
        return int(count)

    async def ids_after(self, table: str, last: str, size: int) -> list[dict[str, Any]]:
        text = f'SELECT * FROM "{table}" WHERE id > ? ORDER BY id LIMIT ?'  # noqa: S608  # see above
        return self._typed(table, text, (last, size))

    async def of(self, table: str, column: str, ids: Sequence[str]) -> list[dict[str, Any]]:
        marks = ", ".join("?" * len(ids))
        text = f'SELECT * FROM "{table}" WHERE "{column}" IN ({marks})'  # noqa: S608  # see above
        return self._typed(table, text, ids)

    def stream(
        self, table: str, columns: Sequence[str], kinds: Sequence[str], order: str
    ) -> Iterator[tuple[Any, ...]]:
        """Yield rows with values of the given types of PostgreSQL."""
        names = ", ".join(f'"{one}"' for one in columns)
        text = f'SELECT {names} FROM "{table}" ORDER BY {order}'  # noqa: S608  # see above
        for row in self.connection.execute(text):
            yield tuple(convert(kind, value) for kind, value in zip(kinds, row, strict=True))

    def _typed(self, table: str, text: str, values: Sequence[Any]) -> list[dict[str, Any]]:
        found = self.connection.execute(text, values)
        names = [one[0] for one in found.description]
        kinds = _kinds_of_models().get(table, {})
        return [
            {
                name: convert(kinds.get(name, ""), value)
                for name, value in zip(names, row, strict=True)
            }
            for row in found
        ]


@dataclass(slots=True)
class PostgresRows:
    """Reads a PostgreSQL database; a transaction of the connection makes it one snapshot."""

    connection: asyncpg.Connection

    async def tables(self) -> list[str]:
        return [row[0] for row in await self.connection.fetch(_TABLES)]

    async def count(self, table: str) -> int:
        return int(await self.connection.fetchval(f'SELECT count(*) FROM public."{table}"'))  # noqa: S608  # see above

    async def ids_after(self, table: str, last: str, size: int) -> list[dict[str, Any]]:
        text = f'SELECT * FROM public."{table}" WHERE id > $1 ORDER BY id LIMIT $2'  # noqa: S608  # see above
        return [dict(row) for row in await self.connection.fetch(text, last, size)]

    async def of(self, table: str, column: str, ids: Sequence[str]) -> list[dict[str, Any]]:
        text = f'SELECT * FROM public."{table}" WHERE "{column}" = ANY($1::text[])'  # noqa: S608  # see above
        return [dict(row) for row in await self.connection.fetch(text, list(ids))]

    async def stream(self, table: str, columns: Sequence[str]) -> AsyncIterator[Any]:
        """Yield the given columns of all rows."""
        names = ", ".join(f'"{one}"' for one in columns)
        text = f'SELECT {names} FROM public."{table}"'  # noqa: S608  # see above
        async for row in self.connection.cursor(text, prefetch=PREFETCHED):
            yield row


def _kinds_of_models() -> dict[str, dict[str, str]]:
    """Return the types of PostgreSQL by table and column, where SQLite has none of its own."""
    tables: dict[str, dict[str, str]] = {}
    for model in (getattr(models, name) for name in models.__all__):
        own = tables.setdefault(model._meta.db_table, {})
        for name, column in model._meta.fields_db_projection.items():
            field = model._meta.fields_map[name]
            if isinstance(field, fields.DatetimeField):
                own[column] = "timestamp with time zone"
            elif isinstance(field, fields.BooleanField):
                own[column] = "boolean"
    return tables
