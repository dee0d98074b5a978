"""`manage.py backup`: writes a verified backup of the database and a manifest of it."""

import asyncio
from pathlib import Path

import click

from commands.data.files import create_private, publish, remove_unfinished, unfinished
from commands.data.manifest import manifest_path
from commands.running import read_settings
from models.storage.database import Database
from opening import utc_now

NAME = "customer-classes"


@click.command()
@click.argument("target", metavar="FILE|FOLDER", type=click.Path(path_type=Path))
def backup(*, target: Path) -> None:
    """Write a verified backup of the database into a new file, while processes run.

    In a folder, the file gets a name with the time. The manifest beside it says what it holds.
    The file has personal data, and only you may read it. It has no settings, so no secrets of
    the configuration: keep those elsewhere.
    """
    from commands.data.snapshots import take, told_of_faults  # noqa: PLC0415  # servers need none of it

    settings = read_settings()
    now = utc_now()
    if target.is_dir():
        ending = "dump" if Database(settings.database_url).is_postgres else "sqlite"
        remove_unfinished(target, NAME)
        target /= f"{NAME}-{now:%Y%m%dT%H%M%SZ}.{ending}"
    if target.exists():
        raise click.BadParameter(f"{target} exists already.")
    if not target.absolute().parent.is_dir():
        raise click.BadParameter("Its folder does not exist.")
    url = settings.database_direct_url or settings.database_url
    with unfinished(target) as (folder, lock):
        copy = folder / "copy"
        with told_of_faults("No backup was written"):
            manifest = asyncio.run(take(url, copy, lock, now))
        described = folder / "manifest"
        create_private(described, manifest.as_json())
        publish(described, manifest_path(target))
        publish(copy, target)
    rows = sum(manifest.tables.values())
    print(
        f"{target}: {manifest.size:,} bytes, {rows:,} rows of {len(manifest.tables)} tables,"
        f" {manifest.ledgers:,} consent ledgers verified"
    )
