"""`manage.py move`: copies an SQLite database to PostgreSQL, completely or not at all."""

import asyncio

import click

from commands.data.files import sqlite_path
from commands.running import read_settings
from models.storage.database import Database


@click.command()
@click.option(
    "--to",
    "url",
    metavar="URL",
    required=True,
    help="A PostgreSQL database on which only `manage.py migrate` was run.",
)
def move(*, url: str) -> None:
    """Copy the SQLite database of DATABASE_URL to PostgreSQL, while no process uses it.

    All tables are copied and verified in one transaction: if the command fails or is killed, the
    target stays empty, and you run the command again. The SQLite file is not changed.
    """
    from commands.data.copying import copy_database  # noqa: PLC0415  # servers need none of it
    from commands.data.snapshots import told_of_faults  # noqa: PLC0415  # so does this

    settings = read_settings()
    if Database(settings.database_url).is_postgres:
        raise click.ClickException("DATABASE_URL is not an SQLite database.")
    if not Database(url).is_postgres:
        raise click.BadParameter("This is not the URL of a PostgreSQL database.")
    with told_of_faults("Nothing was moved"):
        copied = asyncio.run(copy_database(sqlite_path(settings.database_url), url))
    rows = sum(copied.tables.values())
    print(
        f"Moved {rows:,} rows of {len(copied.tables)} tables; {copied.ledgers:,} consent ledgers"
        " verified. Set DATABASE_URL to the new database, and start the processes."
    )
