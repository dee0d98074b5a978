"""`manage.py migrate`: applies the missing migrations, or lists them with their kinds."""

import asyncio
from collections.abc import Sequence

import click

from commands.data.files import sqlite_path
from commands.running import migrate_database, read_settings
from models.storage.database import Database
from models.storage.migrate import SchemaNewer, refusal_of_newer
from models.storage.schema_fit import ADDITIVE, fit_of, own_migrations
from settings import Settings

KINDS = {
    True: "additive: the previous release can go on writing",
    False: "breaking: the previous release refuses writes afterwards",
}
"""What a migration does to processes of the release before it, by whether it is additive."""


@click.command()
@click.option(
    "--plan",
    "is_plan",
    is_flag=True,
    help="List the migrations that would be applied, with their kinds, and change nothing.",
)
def migrate(*, is_plan: bool) -> None:
    """Apply missing migrations; processes that do so at the same time wait for each other.

    The command fails, and names the session that holds the lock, if a lock is not free within
    MIGRATION_LOCK_TIMEOUT_S. It also fails, without changes, if the database is newer than this
    program.
    """
    if is_plan:
        print(*plan_lines(asyncio.run(planned_migrations(read_settings()))), sep="\n")
        return

    def note(name: str) -> None:
        print(f"applied {name}", flush=True)

    asyncio.run(migrate_database(read_settings(), note))
    print("The database is up to date.")


async def planned_migrations(settings: Settings) -> tuple[str, ...]:
    """Return the names of the missing migrations; raises SchemaNewer if none may be applied.

    An SQLite file that does not exist is not created.
    """
    path = sqlite_path(settings.database_url)
    if settings.database_url.startswith("sqlite") and not path.is_file():
        return fit_of(own_migrations(), ()).missing
    database = Database(settings.database_direct_url or settings.database_url)
    try:
        await database.open()
        fit = await database.read_schema_fit()
    finally:
        await database.close()
    if fit.breaking:
        raise SchemaNewer(refusal_of_newer(fit.breaking))
    return fit.missing


def plan_lines(names: Sequence[str]) -> list[str]:
    """Return the lines to print about the migrations that would be applied."""
    if not names:
        return ["The database is up to date."]
    width = max(map(len, names))
    lines = [f"{name:<{width}}  {KINDS[name.endswith(ADDITIVE)]}" for name in names]
    some = "1 migration" if len(names) == 1 else f"{len(names)} migrations"
    return [*lines, f"{some} would be applied. Nothing was changed."]
