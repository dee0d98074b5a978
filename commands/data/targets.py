"""Fills an empty database from a backup, so that no process can use it before it is complete."""

import re
import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing
from pathlib import Path

import asyncpg
import click

from commands.data.files import (
    copy_private,
    create_private,
    digest_of,
    publish,
    sqlite_path,
    unfinished,
)
from commands.data.ledgers import verify_ledgers
from commands.data.manifest import Manifest
from commands.data.postgres_tools import address_of, connected, run_tool, tool
from commands.data.rows import RECORD, PostgresRows, Rows, SqliteRows, counts_of, migrations_of
from commands.data.snapshots import compare_counts, open_sqlite
from models.storage.database import Database

Prepare = Callable[[Database], Awaitable[None]]
"""Makes a restored database ready, before processes can use it."""

HAS_OBJECTS = """SELECT count(*) FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace
  WHERE relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND nspname NOT LIKE 'pg\\_%'
    AND nspname <> 'information_schema' AND NOT EXISTS
      (SELECT 1 FROM pg_depend AS d WHERE d.objid = c.oid AND d.deptype = 'e')"""
_DATA_OF_RECORD = re.compile(rf"^\d+;.* TABLE DATA public {RECORD} ", re.MULTILINE)
NOTHING: Mapping[str, int] = {}
DAMAGED = "The backup is damaged: its SHA-256 is not that of its manifest. Nothing was restored."


async def restore_sqlite(backup: Path, manifest: Manifest, url: str, prepare: Prepare) -> int:
    """Restore a backup into a new SQLite file, which gets its name at the end.

    Returns how many consent ledgers were verified.
    """
    path = sqlite_path(url)
    if not path.absolute().parent.is_dir():
        raise click.ClickException(f"The folder {path.parent} does not exist.")
    for one in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-journal")):
        if one.exists():
            raise click.ClickException(
                f"{one} exists already. Restore into a file that does not exist."
            )
    with unfinished(path) as (folder, _):
        copy = folder / "copy"
        if copy_private(backup, copy) != manifest.sha256:
            raise click.ClickException(DAMAGED)
        with closing(open_sqlite(copy, "rw")) as connection:
            ledgers = await _verify(SqliteRows(connection), manifest)
        await _prepared(f"sqlite://{copy}", prepare)
        with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
        publish(copy, path)
    return ledgers


async def restore_postgres(
    backup: Path, manifest: Manifest, url: str, prepare: Prepare, work: Path
) -> int:
    """Restore a dump into an empty PostgreSQL database.

    The record of the applied migrations is restored last. Without it processes refuse to write,
    so none uses a database whose restore was interrupted. Returns how many consent ledgers were
    verified. `work` is a folder for temporary files.
    """
    connection = await connected(url)
    try:
        pg_restore = await tool("pg_restore", connection)
        await _refuse_used(connection)
        if digest_of(backup) != manifest.sha256:
            raise click.ClickException(DAMAGED)
        address, environment = address_of(url)
        into = (
            *(pg_restore, "--exit-on-error", "--single-transaction", "--no-owner"),
            *("--no-privileges", "--no-comments", "--no-password", f"--dbname={address}"),
        )
        listed = await run_tool([pg_restore, "--list", str(backup)], environment)
        record = _DATA_OF_RECORD.search(listed.decode())
        if record is None:
            raise click.ClickException("The backup does not say which migrations were applied.")
        most, last = work / "most", work / "last"
        line = record[0]
        create_private(most, listed.decode().replace(line, f";{line}").encode())
        create_private(last, listed.decode()[record.start() :].partition("\n")[0].encode() + b"\n")
        await run_tool([*into, f"--use-list={most}", str(backup)], environment)
        await connection.execute("ANALYZE")
        ledgers = await _verify(PostgresRows(connection), manifest, {RECORD: 0})
        await _prepared(url, prepare)
        await run_tool([*into, f"--use-list={last}", str(backup)], environment)
        if await migrations_of(PostgresRows(connection)) != manifest.migrations:
            raise click.ClickException("The record of the applied migrations was not restored.")
        return ledgers
    finally:
        await connection.close()


async def _verify(rows: Rows, manifest: Manifest, later: Mapping[str, int] = NOTHING) -> int:
    """Compare a database with a manifest; `later` has counts of tables that are filled later."""
    expected = {**manifest.tables, **later}
    compare_counts(expected, await counts_of(rows), "The restored database")
    ledgers = await verify_ledgers(rows)
    if ledgers != manifest.ledgers:
        raise click.ClickException("The restored database lacks consent ledgers.")
    return ledgers


async def _prepared(url: str, prepare: Prepare) -> None:
    database = Database(url)
    try:
        await database.open()
        await prepare(database)
    finally:
        await database.close()


async def _refuse_used(connection: asyncpg.Connection) -> None:
    rows = PostgresRows(connection)
    if not await connection.fetchval(HAS_OBJECTS):
        return
    tables = await rows.tables()
    if RECORD in tables and not await rows.count(RECORD) and len(tables) > 1:
        raise click.ClickException(
            "The database has an interrupted restore. Drop it, create it anew, and restore again."
        )
    raise click.ClickException("The database is not empty. Restore into an empty one.")
