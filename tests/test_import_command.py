"""`manage.py import`: what it shows while an import runs, and how it ends."""

import asyncio
import json
import os
import pty
import signal
import sys
from pathlib import Path

import pytest

from commands.imports import _bar, _plain
from models import Customer, CustomerImport, Job, WebhookDelivery
from models.changes.import_file import FileWriter
from models.changes.import_run import NewImport, request_import
from models.jobs.job import JobState
from models.jobs.kinds import IMPORT
from models.storage.database import Database
from models.storage.identifiers import new_import_id
from models.tables.audit import ActorContext
from models.tables.customer_import import ImportFormat, ImportState
from tests.processes import ENOUGH_S, ROOT, environment, run, start, stop
from tests.webhook_receiver import add_endpoint

ROWS = "name,classCode\n" + "".join(f"Customer {number},CHARITY\n" for number in range(5))


def state_of(
    done: int, rows: int | None, failed: int = 0, *, has_ended: bool = False
) -> CustomerImport:
    """Return an import that has decided `done` of its rows."""
    state = ImportState.DONE if has_ended else ImportState.RUNNING
    return CustomerImport(state=state, row_count=rows, done_count=done, failed_count=failed)


def test_without_a_terminal_each_tenth_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    show = _plain()
    for done, rows in ((0, None), (0, 2000), (0, 2000), (199, 2000), (200, 2000), (399, 2000)):
        show(state_of(done, rows))
    show(state_of(1_400, 2_000))
    for _ in range(2):
        show(state_of(2_000, 2_000, has_ended=True))
    assert capsys.readouterr().err.splitlines() == [
        "0 of 2,000 rows",
        "200 of 2,000 rows",
        "1,400 of 2,000 rows",
        "2,000 of 2,000 rows",
    ]


def test_in_a_terminal_a_bar_is_drawn_over_the_last_one(capsys: pytest.CaptureFixture[str]) -> None:
    _bar(state_of(0, None))
    _bar(state_of(500, 2_000, 3))
    _bar(state_of(2_000, 2_000, 1_200, has_ended=True))
    drawn = capsys.readouterr().err
    assert drawn.startswith("\r")
    assert drawn.split("\r")[1:] == [
        f"[{'.' * 30}] 0 of ? rows, 0 refused ",
        f"[{'#' * 8}{'.' * 22}] 500 of 2,000 rows, 3 refused ",
        f"[{'#' * 30}] 2,000 of 2,000 rows, 1,200 refused \n",
    ]


async def test_the_command_prints_progress_and_the_end(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "customers.csv"
    file.write_text(ROWS + "Bad,NO_SUCH_CLASS\n")
    status, out, err = await run("import", str(file), "--dry-run", DATABASE_URL=database.url)
    assert (status, await Customer.all().count()) == (1, 0)
    line, hint = out.splitlines()
    assert line.endswith("  DONE: 5 would be stored, 1 refused")
    import_id = line.partition(" ")[0]
    assert f"/imports/{import_id}/errors.csv" in hint
    assert "--refused-rows FILE" in hint
    assert err.splitlines()[0] == f"Import {import_id} has begun."
    assert "6 of 6 rows" in err.splitlines()
    assert "line 7, classCode: NOT_FOUND: " in err
    file.write_text(ROWS)
    status, out, err = await run("import", str(file), DATABASE_URL=database.url)
    assert (status, await Customer.all().count()) == (0, 5)
    done = await CustomerImport.filter(is_dry_run=False).get()
    assert out == f"{done.id}  DONE: 5 stored, 0 refused\n"
    shown = [one for one in err.splitlines() if one.endswith(" rows")]
    assert shown[-1] == "5 of 5 rows"
    assert not {"[", "\r"} & set("".join(shown))


async def test_in_a_terminal_the_command_draws_its_bar(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "customers.csv"
    file.write_text(ROWS)
    ours, theirs = pty.openpty()
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "manage.py",
            "import",
            str(file),
            cwd=ROOT,
            env=environment(DATABASE_URL=database.url),
            stdout=asyncio.subprocess.PIPE,
            stderr=theirs,
        )
        out, _ = await asyncio.wait_for(process.communicate(), ENOUGH_S)
        drawn = os.read(ours, 100_000).decode()
    finally:
        os.close(ours)
        os.close(theirs)
    assert process.returncode == 0
    assert out.endswith(b"DONE: 5 stored, 0 refused\n")
    assert f"\r[{'#' * 30}] 5 of 5 rows, 0 refused \r\n" in drawn
    assert " rows\r\n" not in drawn  # and no lines besides


async def test_the_command_writes_the_refused_rows(database: Database, tmp_path: Path) -> None:
    file, refused = tmp_path / "customers.csv", tmp_path / "refused.csv"
    file.write_text(f"{ROWS}Smith, Jones Ltd,CHARITY\n")
    options = ("import", str(file), "--refused-rows", str(refused))
    status, out, _ = await run(*options, DATABASE_URL=database.url)
    assert (status, out.splitlines()[1].partition(" ")[0]) == (1, str(refused))
    header, row = refused.read_text().splitlines()
    assert header == "name,classCode,import.errorCodes,import.errorMessages"
    assert row.startswith("Smith, Jones Ltd,CHARITY,WRONG_CELL_COUNT,")
    before = await CustomerImport.all().count()
    status, _, err = await run(*options, DATABASE_URL=database.url)
    assert (status, await CustomerImport.all().count()) == (2, before)
    assert "This file exists already." in err


async def test_objects_that_were_refused_are_written_as_objects(
    database: Database, tmp_path: Path
) -> None:
    file, refused = tmp_path / "customers.jsonl", tmp_path / "refused.jsonl"
    file.write_text('{"name": "A", "classCode": "NO_SUCH"}\n')
    options = ("import", str(file), "--refused-rows", str(refused))
    await run(*options, DATABASE_URL=database.url)
    assert json.loads(refused.read_text())["import"]["line"] == 1


@pytest.mark.parametrize(
    ("name", "content", "status", "found"),
    [
        ("a.txt", ROWS, 2, "must end with one of .csv, .jsonl, .ndjson."),
        ("a.csv", "name,classCode\n", 0, "The file has no rows"),
        ("a.csv", "name;classCode\nA;CHARITY\n", 1, "by commas, not by semicolons."),
        ("a.csv", "name\tclassCode\nA\tCHARITY\n", 1, "by commas, not by tabs."),
    ],
)
async def test_files_of_another_form_are_told(
    database: Database, tmp_path: Path, name: str, content: str, status: int, found: str
) -> None:
    file = tmp_path / name
    file.write_text(content)
    ended, _, err = await run("import", str(file), DATABASE_URL=database.url)
    assert (ended, await Customer.all().count()) == (status, 0)
    assert found in err


async def test_the_command_runs_its_own_import_only(
    database: Database, act: ActorContext, tmp_path: Path
) -> None:
    """Another import waits for a worker, and webhooks for the processes that send them."""
    await add_endpoint(database, "http://127.0.0.1:9/", lambda: act.now)
    writer = FileWriter(database, new_import_id(), act.now)
    await writer.write(ROWS.encode())
    await writer.end()
    wanted = NewImport(writer.import_id, ImportFormat.CSV, writer.sha256, writer.byte_count)
    await database.transaction(lambda: request_import(act, wanted, None))
    file = tmp_path / "customers.csv"
    file.write_text("name,classCode\n" + "Customer,CHARITY\n" * 1_000)
    status, _, err = await run("import", str(file), DATABASE_URL=database.url)
    assert (status, await Customer.all().count()) == (0, 1_000), err
    assert (await CustomerImport.get(id=wanted.id)).state is ImportState.WAITING
    assert not await WebhookDelivery.exists()


async def test_an_interrupted_command_tells_how_the_import_goes_on(
    database: Database, tmp_path: Path
) -> None:
    file = tmp_path / "customers.csv"
    file.write_text("name,classCode\n" + "Customer,CHARITY\n" * 20_000)
    process = await start("import", str(file), DATABASE_URL=database.url)
    try:
        assert process.stderr is not None
        async with asyncio.timeout(ENOUGH_S):
            while not (await process.stderr.readline()).startswith(b"Import imp_"):
                assert not process.stderr.at_eof()
            while not await CustomerImport.filter(done_count__gt=0).exists():  # noqa: ASYNC110  # it comes about in another process
                await asyncio.sleep(0.01)
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(ENOUGH_S):
            _, told = await process.communicate()
    finally:
        await stop(process, signal.SIGKILL)
    found = await CustomerImport.get()
    assert f"A worker goes on with import {found.id}; `cancelImport` stops it." in told.decode()
    assert (process.returncode, found.state) == (130, ImportState.RUNNING)
    job = await Job.get(kind=IMPORT)
    assert (job.state, job.owner) == (JobState.READY, None)  # so that a worker runs it at once
    status, _, err = await run("import", str(file), DATABASE_URL=database.url)
    assert status == 1
    assert f"The earlier import {found.id} of the operator has not ended." in err
