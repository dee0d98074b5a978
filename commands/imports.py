"""`manage.py import`: imports a file of customers, and shows how far it is."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import click

from commands.running import read_settings, report_problem
from models.changes.import_file import PART, FileWriter
from models.changes.import_run import ImportIsRunning, NewImport, request_import
from models.jobs.kinds import IMPORT
from models.storage.identifiers import new_import_id
from models.tables.access import OPERATOR
from models.tables.audit import ActorContext
from models.tables.customer_import import (
    CustomerImport,
    ImportConflict,
    ImportFault,
    ImportFormat,
    ImportState,
)
from opening import Platform, open_platform

EVERY_S = 0.3
WIDTH = 30
SHOWN = 20
"""The maximum number of faults that are printed."""


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--dry-run", is_flag=True, help="Check every row, and store none.")
@click.option(
    "--on-conflict",
    type=click.Choice([one.value for one in ImportConflict]),
    default=ImportConflict.REFUSE.value,
    help="What to do with a row whose external reference a customer has already.",
)
def import_cli(*, file: Path, dry_run: bool, on_conflict: str) -> None:
    """Import customers from a CSV file, or from a JSONL file (.jsonl, .ndjson).

    If the command is interrupted, a worker goes on with the import; `cancelImport` ends it.
    """
    settings = read_settings()
    is_lines = file.suffix.lower() in {".jsonl", ".ndjson"}
    kind = ImportFormat.JSONL if is_lines else ImportFormat.CSV

    async def run() -> bool:
        async with open_platform(settings) as platform:
            writer = await _stored(platform, file)
            wanted = NewImport(
                writer.import_id,
                kind,
                writer.sha256,
                writer.byte_count,
                ImportConflict(on_conflict),
                dry_run,
            )
            act = ActorContext(OPERATOR, platform.clock(), f"command-{uuid4()}")
            try:
                await platform.database.transaction(lambda: request_import(act, wanted, None))
            except ImportIsRunning:
                await writer.remove()
                raise click.ClickException(
                    "An earlier import of the operator has not ended. Wait for its end."
                ) from None
            worker = await platform.worker(f"import-{uuid4()}", [IMPORT])
            running = asyncio.create_task(worker.run())
            try:
                ended = await _watched(wanted.id, _bar if sys.stderr.isatty() else _plain())
            finally:
                worker.stop()
                await running
            await _print_end(ended)
            return ended.state is ImportState.DONE and not ended.failed_count

    if not asyncio.run(run()):
        sys.exit(1)


async def _stored(platform: Platform, file: Path) -> FileWriter:
    writer = FileWriter(platform.database, new_import_id(), platform.clock())
    with file.open("rb") as handle:
        while piece := handle.read(PART):
            await writer.write(piece)
    await writer.end()
    return writer


Show = Callable[[CustomerImport], None]


async def _watched(import_id: str, show: Show) -> CustomerImport:
    """Show an import until it has ended, and return it."""
    while True:
        found = await CustomerImport.get(id=import_id)
        show(found)
        if found.state.has_ended:
            return found
        await asyncio.sleep(EVERY_S)


def _bar(found: CustomerImport) -> None:
    """Draw a bar over the last one."""
    share = found.done_count / found.row_count if found.row_count else 0.0
    full = round(share * WIDTH)
    end = "\n" if found.state.has_ended else ""
    total = "?" if found.row_count is None else f"{found.row_count:,}"
    print(
        f"\r[{'#' * full}{'.' * (WIDTH - full)}] {found.done_count:,} of {total} rows,"
        f" {found.failed_count:,} refused ",
        end=end,
        file=sys.stderr,
        flush=True,
    )


def _plain() -> Show:
    """Return a function that prints a line for each further tenth of the rows."""
    printed = -1

    def show(found: CustomerImport) -> None:
        nonlocal printed
        tenth = found.done_count * 10 // found.row_count if found.row_count else 0
        if found.row_count is not None and tenth > printed:
            printed = tenth
            print(f"{found.done_count:,} of {found.row_count:,} rows", file=sys.stderr, flush=True)

    return show


async def _print_end(ended: CustomerImport) -> None:
    done = "would be stored" if ended.is_dry_run else "stored"
    print(
        f"{ended.id}  {ended.state}: {ended.stored_count:,} {done}, {ended.failed_count:,} refused"
    )
    for one in await ImportFault.filter(import_id=ended.id).order_by("number").limit(SHOWN):
        column = f", {one.column_name}" if one.column_name else ""
        report_problem(
            "row_refused", f"line {one.line}{column}: {one.code}: {one.message}", code=one.code
        )
    if ended.fault_count > SHOWN:
        print(f"and {ended.fault_count - SHOWN:,} more faults; `importJob` lists all")
