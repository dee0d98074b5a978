"""Copies all tables of an SQLite database into PostgreSQL, in one transaction and constant memory.

Each row adds its SHA-256 to the checksum of its table. The same sum over what PostgreSQL then
stores proves that the tables are equal, in whatever order the databases return rows.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import asyncpg
import click

from commands.data.ledgers import verify_ledgers
from commands.data.postgres_tools import connected
from commands.data.rows import RECORD, PostgresRows, SqliteRows, canonical, counts_of, migrations_of
from commands.data.snapshots import lock_unused, open_sqlite
from models.storage.migrate import ADVISORY_LOCK
from models.storage.schema_fit import own_migrations

SEEDED = ("customer_class", "event_generation", "numbering", "platform_defaults", RECORD)
"""The tables that migrations fill; the others of a database that was never used are empty."""

NUMBERED = ("audit_entry", "event")
"""Tables whose column `sequence`, which SQLite lacks, has the order of their numbers."""

_COLUMNS = """SELECT table_name, column_name, data_type FROM information_schema.columns
  WHERE table_schema = 'public' AND is_generated = 'NEVER' ORDER BY ordinal_position"""
_REFERENCES = """SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint
  WHERE contype = 'f' AND connamespace = 'public'::regnamespace AND conrelid <> confrelid"""
_SEQUENCES = """SELECT t.relname, a.attname, s.oid::regclass::text FROM pg_class AS s
  JOIN pg_depend AS d ON d.objid = s.oid AND d.deptype IN ('a', 'i')
    AND d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
  JOIN pg_class AS t ON t.oid = d.refobjid
  JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
  WHERE s.relkind = 'S' AND s.relnamespace = 'public'::regnamespace"""

Note = Callable[[str], object]
Types = dict[str, dict[str, str]]


@dataclass(slots=True)
class Checksum:
    """The number of rows, and the sum of their digests, which does not depend on their order."""

    kinds: Sequence[str]
    count: int = 0
    total: int = 0

    def add(self, row: Iterable[Any]) -> None:
        values = [canonical(kind, one) for kind, one in zip(self.kinds, row, strict=True)]
        text = json.dumps(values, sort_keys=True, separators=(",", ":"))
        self.total += int.from_bytes(hashlib.sha256(text.encode()).digest())
        self.count += 1

    @property
    def proof(self) -> tuple[int, int]:
        return self.count, self.total % (1 << 256)


@dataclass(slots=True)
class Copied:
    """What was copied: the number of rows of each table, and of consent ledgers."""

    tables: dict[str, int] = field(default_factory=dict)
    ledgers: int = 0


async def copy_database(path: Path, url: str) -> Copied:
    """Copy an SQLite file that no process uses to PostgreSQL; print the progress."""
    with closing(open_sqlite(path, "rw")) as source:
        lock_unused(source, path)
        target = await connected(url)
        try:
            copied = await copy_all(
                SqliteRows(source), target, lambda line: print(line, flush=True)
            )
            await target.execute("ANALYZE")
        finally:
            await target.close()
        return copied


async def copy_all(source: SqliteRows, target: asyncpg.Connection, note: Note) -> Copied:
    """Copy all tables and verify the copy; `note` is called with a line for each table.

    Raises ClickException, and copies nothing, if the databases do not fit or the copy differs.
    """
    async with target.transaction():
        if not await target.fetchval("SELECT pg_try_advisory_xact_lock($1)", ADVISORY_LOCK):
            raise click.ClickException("Another process migrates or fills the target.")
        rows = PostgresRows(target)
        await _check_fit(source, rows)
        types: Types = defaultdict(dict)
        for table, column, kind in await target.fetch(_COLUMNS):
            types[table][column] = kind
        order = [one for one in await _by_reference(rows) if one != RECORD]
        await _check_columns(source, types, order)
        for table in order:
            # The triggers would number rows and change them, as for new ones.
            await target.execute(f'ALTER TABLE public."{table}" DISABLE TRIGGER USER')
        for table in reversed([one for one in order if one in SEEDED]):
            await target.execute(f'DELETE FROM public."{table}"')  # noqa: S608  # a table's name
        copied = Copied()
        for table in order:
            copied.tables[table] = await _copy(source, rows, table, types[table])
            note(f"{table}: {copied.tables[table]:,} rows")
        await _set_sequences(source, target)
        for table in order:
            await target.execute(f'ALTER TABLE public."{table}" ENABLE TRIGGER USER')
        copied.ledgers = await verify_ledgers(rows)
    return copied


async def _check_fit(source: SqliteRows, target: PostgresRows) -> None:
    """Refuse databases of other migrations than this program's, and a target that was used."""
    for what, rows in (("SQLite database", source), ("target", target)):
        found = await migrations_of(rows)
        if set(found) != own_migrations():
            raise click.ClickException(
                f"The {what} does not have the migrations of this program. Run `manage.py migrate`"
                " on it."
            )
    counts = await counts_of(target)
    used = sorted(one for one, count in counts.items() if count and one not in SEEDED)
    if used:
        raise click.ClickException(
            f"The target is not empty: {', '.join(used[:5])} have rows. Use a database on which"
            " only `manage.py migrate` was run."
        )


async def _check_columns(source: SqliteRows, types: Types, order: Sequence[str]) -> None:
    """Refuse if a table or a column would not be copied."""
    missing = set(await source.tables()) - {*order, RECORD}
    for table in order:
        missing |= {f"{table}.{one}" for one in set(source.columns(table)) - types[table].keys()}
        own = {"sequence"} if table in NUMBERED else set()
        missing |= {
            f"{table}.{one}" for one in types[table].keys() - own - set(source.columns(table))
        }
    if missing:
        raise click.ClickException(
            f"Only one of the databases has {', '.join(sorted(missing))}. Nothing was moved."
        )


async def _by_reference(rows: PostgresRows) -> list[str]:
    """Return the tables, each after those that it references."""
    graph = TopologicalSorter[str](dict.fromkeys(await rows.tables(), ()))
    for table, referenced in await rows.connection.fetch(_REFERENCES):
        graph.add(table, referenced)
    return list(graph.static_order())


async def _copy(source: SqliteRows, target: PostgresRows, table: str, types: dict[str, str]) -> int:
    """Copy a table and read it back; return its number of rows."""
    columns = source.columns(table)
    kinds = [types[one] for one in columns]
    sent, stored = Checksum(kinds), Checksum(kinds)
    order = "number" if table in NUMBERED else "rowid"

    def rows() -> Iterator[tuple[Any, ...]]:
        for row in source.stream(table, columns, kinds, order):
            sent.add(row)
            yield row

    try:
        await target.connection.copy_records_to_table(
            table, schema_name="public", columns=columns, records=rows()
        )
    except (ValueError, TypeError, asyncpg.DataError) as error:
        raise click.ClickException(
            f"Row {sent.count:,} of {table} does not fit PostgreSQL: {error}. Nothing was moved."
        ) from error
    async for row in target.stream(table, columns):
        stored.add(row)
    if sent.proof != stored.proof:
        raise click.ClickException(f"The copy of {table} differs. Nothing was moved.")
    return sent.count


async def _set_sequences(source: SqliteRows, target: asyncpg.Connection) -> None:
    """Let the sequences of PostgreSQL go on after the highest values that were ever given."""
    given = dict(source.connection.execute("SELECT name, seq FROM sqlite_sequence"))
    for table, column, sequence in await target.fetch(_SEQUENCES):
        if table == RECORD:
            continue
        highest = await target.fetchval(f'SELECT max("{column}") FROM public."{table}"')  # noqa: S608  # a table's name
        last = max(highest or 0, given.get(table, 0) if column == "id" else 0)
        await target.execute(
            "SELECT setval($1::text::regclass, $2, $3)", sequence, last or 1, last > 0
        )
