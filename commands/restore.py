"""`manage.py restore` and `erasures`: restores a backup, and what was erased since stays erased."""

import asyncio
import sys
import tempfile
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from uuid import uuid4

import click

from commands.data.erasures import add_erasures, read_erasures, repeat_erasures
from commands.data.manifest import Manifest, read_manifest
from commands.running import read, read_settings, report_problem
from models.changes.job_administration import pause_kind
from models.jobs.kinds import WEBHOOK
from models.storage.database import Database
from models.storage.schema_fit import own_migrations
from models.tables.access import OPERATOR
from models.tables.audit import ActorContext
from models.tables.event_feed import begin_generation
from opening import utc_now
from workers import KINDS

of_file = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def erasures(*, file: Path) -> None:
    """Add the erasures that a file lacks to it, by their ids, for `restore --erasures`.

    Run this often, and keep the file where a loss of the database does not reach it.
    """
    added = read(lambda: add_erasures(file))
    print(f"{file}: {added:,} erasures added")


@click.command()
@click.argument("file", type=of_file)
@click.option("--to", "url", metavar="URL", required=True, help="An empty database, or a new file.")
@click.option(
    "--hold-jobs",
    is_flag=True,
    help="Pause all kinds of jobs, and webhooks, so that none is sent twice; `jobs resume` starts"
    " them again.",
)
@click.option(
    "--erasures",
    "erased",
    type=of_file,
    help="The file that `erasures` wrote; what was erased since the backup is erased again.",
)
def restore(*, file: Path, url: str, hold_jobs: bool, erased: Path | None) -> None:
    """Restore a backup into an empty database, and verify it by the backup's manifest.

    The database cannot be used before everything is done. Cursors of the event feed that are newer
    than the backup are refused afterwards, so that no reader misses events. Exits with 2 if the
    restore is complete, but some erasures were refused and have to be repeated by hand.
    """
    from commands.data.snapshots import told_of_faults  # noqa: PLC0415  # servers need none of it
    from commands.data.targets import (  # noqa: PLC0415  # so does this
        restore_postgres,
        restore_sqlite,
    )

    read_settings()
    manifest = read_manifest(file)
    _refuse_other(manifest, url)
    if erased is not None:
        for _ in read_erasures(erased):
            pass  # an unreadable file is refused before anything is restored
    wanted = _Preparation(hold_jobs, erased)

    async def run() -> int:
        if not Database(url).is_postgres:
            return await restore_sqlite(file, manifest, url, wanted.prepare)
        with tempfile.TemporaryDirectory() as folder:
            return await restore_postgres(file, manifest, url, wanted.prepare, Path(folder))

    with told_of_faults("Nothing was restored"):
        ledgers = asyncio.run(run())
    rows = sum(manifest.tables.values())
    print(f"Restored {rows:,} rows as of {manifest.taken_at}; {ledgers:,} consent ledgers verified")
    wanted.report()


@dataclass(slots=True)
class _Preparation:
    """What a restored database needs before processes use it, and what came of it."""

    holds_jobs: bool
    erased: Path | None
    repeated: int = 0
    refusals: list[str] = field(default_factory=list)

    async def prepare(self, database: Database) -> None:
        act = ActorContext(OPERATOR, utc_now(), f"restore-{uuid4()}")
        await database.transaction(begin_generation)
        if self.holds_jobs:
            for kind in (*KINDS, WEBHOOK):
                await database.transaction(partial(pause_kind, act, kind))
        if self.erased is not None:
            self.repeated, self.refusals = await repeat_erasures(database, act, self.erased)

    def report(self) -> None:
        """Print what was done; exit with 2 if an erasure was refused."""
        if self.holds_jobs:
            print("All jobs and webhooks are paused; `manage.py jobs resume KIND` starts a kind.")
        if self.erased is None:
            report_problem(
                "erasures_unknown",
                "Erasures since the backup were not repeated, because no --erasures was given.",
            )
            return
        print(f"Repeated {self.repeated:,} erasures")
        for one in self.refusals:
            report_problem("erasure_refused", one)
        if self.refusals:
            sys.exit(2)


def _refuse_other(manifest: Manifest, url: str) -> None:
    """Refuse a backup that this program cannot restore into the database of a URL."""
    is_postgres = Database(url).is_postgres
    if not is_postgres and not url.startswith("sqlite://"):
        raise click.BadParameter("Use a URL that begins with sqlite:// or postgres://.")
    wanted = "postgres" if is_postgres else "sqlite"
    if manifest.dialect != wanted:
        raise click.ClickException(
            "Restore a backup of SQLite into SQLite, and one of PostgreSQL into PostgreSQL. `move`"
            " copies a restored SQLite database to PostgreSQL."
        )
    if set(manifest.migrations) != own_migrations():
        raise click.ClickException(
            f"The backup was made by version {manifest.version}, which has other migrations."
            " Restore it with that version; then upgrade, and run `manage.py migrate`."
        )
