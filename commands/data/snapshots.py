"""Takes a verified copy of the database as it is at one instant, while other processes write."""

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

import click

from commands.data.files import create_private, digest_of, sqlite_path
from commands.data.ledgers import verify_ledgers
from commands.data.manifest import Manifest
from commands.data.postgres_tools import address_of, connected, counts_in, run_tool, tool
from commands.data.rows import PostgresRows, Rows, SqliteRows, counts_of, migrations_of
from models.storage.database import Database
from observability.version import version

PAGES = 10_000
"""The number of pages that SQLite copies at once, after which Ctrl-C is heard."""

BUSY_S = 10.0


def open_sqlite(path: Path, mode: str) -> sqlite3.Connection:
    """Open an SQLite file that exists; `mode` is `ro` or `rw`. Transactions are explicit."""
    if not path.is_file():
        raise click.ClickException(f"The SQLite file {path} does not exist.")
    uri = f"file://{quote(str(path.absolute()))}?mode={mode}"
    return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=BUSY_S)


@contextmanager
def told_of_faults(outcome: str) -> Iterator[None]:
    """Turn errors of SQLite into ClickException; `outcome` says what was not done."""
    try:
        yield
    except sqlite3.Error as error:
        raise click.ClickException(f"{outcome}: {error}.") from error


def lock_unused(connection: sqlite3.Connection, path: Path) -> None:
    """Lock a file against all other processes until it is closed; refuse one that is in use."""
    try:
        connection.execute("PRAGMA busy_timeout = 0")
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        raise click.ClickException(
            f"{path} is in use: {error}. Stop the processes that use it, and try again."
        ) from error


async def take(url: str, copy: Path, lock: int, now: datetime) -> Manifest:
    """Copy the database of a URL into the file `copy`, verify it, and return its manifest.

    `lock` is the descriptor of the lock that programs hold while they write. Raises
    ClickException if the copy is not complete and intact.
    """
    if Database(url).is_postgres:
        return await _take_postgres(url, copy, lock, now)
    return await _take_sqlite(sqlite_path(url), copy, now)


async def _take_sqlite(path: Path, copy: Path, now: datetime) -> Manifest:
    create_private(copy)
    with (
        closing(open_sqlite(path, "ro")) as source,
        closing(sqlite3.connect(copy, isolation_level=None)) as target,
    ):
        # One transaction of the source is one snapshot: its writers go on beside it.
        source.execute("BEGIN")
        counts = await counts_of(SqliteRows(source))
        source.backup(target, pages=PAGES, sleep=0)
        source.execute("COMMIT")
        # The copy becomes a single file, without a log beside it.
        target.execute("PRAGMA journal_mode = DELETE")
        problems = [row[0] for row in target.execute("PRAGMA integrity_check(5)")]
        if problems != ["ok"]:
            raise click.ClickException(f"The copy is damaged: {'; '.join(problems)}")
        rows = SqliteRows(target)
        compare_counts(counts, await counts_of(rows), "The copy")
        return await _manifest("sqlite", rows, counts, copy, now)


async def _take_postgres(url: str, copy: Path, lock: int, now: datetime) -> Manifest:
    connection = await connected(url)
    try:
        pg_dump = await tool("pg_dump", connection)
        pg_restore = await tool("pg_restore", connection)
        create_private(copy)
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            snapshot = await connection.fetchval("SELECT pg_export_snapshot()")
            rows = PostgresRows(connection)
            counts = await counts_of(rows)
            address, environment = address_of(url)
            await run_tool(
                [
                    *(pg_dump, "--format=custom", f"--snapshot={snapshot}", f"--file={copy}"),
                    *("--no-password", f"--dbname={address}"),
                ],
                environment,
                lock,
            )
            await run_tool([pg_restore, "--list", str(copy)], environment)
            compare_counts(counts, await counts_in(copy, pg_restore), "The dump")
            return await _manifest("postgres", rows, counts, copy, now)
    finally:
        await connection.close()


async def _manifest(
    dialect: str, rows: Rows, counts: dict[str, int], copy: Path, now: datetime
) -> Manifest:
    return Manifest(
        dialect=dialect,
        version=version(),
        taken_at=now.isoformat(timespec="seconds"),
        migrations=await migrations_of(rows),
        tables=counts,
        ledgers=await verify_ledgers(rows),
        size=os.stat(copy).st_size,
        sha256=digest_of(copy),
    )


def compare_counts(expected: Mapping[str, int], found: Mapping[str, int], what: str) -> None:
    """Raise ClickException unless a copy has the expected number of rows of each table."""
    if found == expected:
        return
    differing = sorted(
        one for one in expected.keys() | found.keys() if expected.get(one) != found.get(one)
    )
    told = ", ".join(
        f"{one} has {found.get(one, 'no')} rows instead of {expected.get(one, 'no')}"
        for one in differing[:5]
    )
    raise click.ClickException(f"{what} is not complete: {told}.")
