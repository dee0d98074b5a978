"""`manage.py import`: imports a file of customers, and shows how far it is."""

import asyncio
import os
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import click

from commands.running import read_settings, report_problem
from models.changes.import_file import PART, FileWriter
from models.changes.import_run import ImportIsRunning, NewImport, request_import
from models.jobs.kinds import IMPORT, import_key
from models.jobs.own_job import OwnJob
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
from web.csv_answer import written
from web.refused_rows import refused_header, refused_lines, refused_rows
from workers import KIND_OPTIONS

FORMATS = {
    ".csv": ImportFormat.CSV,
    ".jsonl": ImportFormat.JSONL,
    ".ndjson": ImportFormat.JSONL,
}
"""The formats of files by the end of their names."""

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
@click.option(
    "--refused-rows",
    "refused",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write refused rows into this new file, so that you can mend and import them.",
)
def import_cli(*, file: Path, dry_run: bool, on_conflict: str, refused: Path | None) -> None:
    """Import customers from a CSV file, or from a JSONL file (.jsonl, .ndjson).

    If the command is interrupted, a worker goes on with the import; `cancelImport` ends it.
    """
    settings = read_settings()
    kind = FORMATS.get(file.suffix.lower())
    if kind is None:
        message = f"The name of the file must end with one of {', '.join(FORMATS)}."
        raise click.BadParameter(message, param_hint="FILE")
    if refused is not None and refused.exists():
        raise click.BadParameter("This file exists already.", param_hint="--refused-rows")
    if refused is not None and not refused.absolute().parent.is_dir():
        raise click.BadParameter("Its folder does not exist.", param_hint="--refused-rows")

    async def run() -> bool:
        async with open_platform(settings, with_worker=False) as platform:
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
                requested = await platform.database.transaction(
                    lambda: request_import(act, wanted, None)
                )
            except ImportIsRunning:
                await writer.remove()
                raise click.ClickException(await _earlier()) from None
            if requested.earlier_import_id is not None:
                print(_sent_before(requested.earlier_import_id), file=sys.stderr)
            print(f"Import {wanted.id} has begun.", file=sys.stderr, flush=True)
            ended = await _run(platform, wanted.id)
            await _print_end(ended)
            await _tell_refused(ended, refused)
            return ended.state is ImportState.DONE and not ended.failed_count

    if not asyncio.run(run()):
        sys.exit(1)


def _sent_before(import_id: str) -> str:
    """Return the warning about an import that has stored the same file."""
    return (
        f"Warning: import {import_id} has stored this file within the last 24 hours. Rows without"
        " an external reference or account number are doubled, unless you stop this import."
    )


async def _earlier() -> str:
    """Return the message about the import that keeps another from beginning."""
    found = await CustomerImport.get_or_none(live_caller=OPERATOR.quota_key)
    name = "An earlier import" if found is None else f"The earlier import {found.id}"
    return f"{name} of the operator has not ended. Wait for its end, or stop it by `cancelImport`."


async def _run(platform: Platform, import_id: str) -> CustomerImport:
    """Run this import, and nothing else that waits; return it when it has ended."""
    options = await KIND_OPTIONS[IMPORT](platform)
    lease = timedelta(seconds=platform.settings.worker_lease_s)
    job = OwnJob(
        IMPORT,
        import_key(import_id),
        options.handler,
        platform.database,
        platform.shared_clock,
        lease,
    )
    running = asyncio.create_task(job.run())
    try:
        return await _watched(import_id, _bar if sys.stderr.isatty() else _plain())
    except asyncio.CancelledError:
        print(
            f"\nInterrupted. A worker goes on with import {import_id}; `cancelImport` stops it.",
            file=sys.stderr,
            flush=True,
        )
        raise
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


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
    if ended.state is ImportState.DONE and not ended.row_count:
        report_problem("import_without_rows", "The file has no rows, so there is nothing to store.")


async def _tell_refused(ended: CustomerImport, file: Path | None) -> None:
    """Write the refused rows into a file, or say how to get them; nothing if there are none."""
    if not ended.failed_count:
        return
    if file is None:
        path = f"/imports/{ended.id}/errors.{ended.format.value.lower()}"
        print(f"`GET {path}` returns the refused rows; `--refused-rows FILE` writes them")
        return
    # Only the operator may read it, as it has personal data.
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as handle:
        if ended.format is ImportFormat.JSONL:
            async for line in refused_lines(ended.id):
                handle.write(line)
        else:
            columns = ended.columns or []
            handle.write(written([refused_header(columns)]).encode())
            async for row in refused_rows(ended.id, columns):
                handle.write(written([row]).encode())
    print(f"{file} has the refused rows; mend them, and import it")
