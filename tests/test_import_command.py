"""`manage.py import`: what it shows while an import runs, and how it ends."""

import asyncio
import os
import pty
import sys
from pathlib import Path

import pytest

from commands.imports import _bar, _plain
from models import Customer, CustomerImport
from models.storage.database import Database
from models.tables.customer_import import ImportState
from tests.processes import ENOUGH_S, ROOT, environment, run

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
    (line,) = out.splitlines()
    assert line.endswith("  DONE: 5 would be stored, 1 refused")
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
