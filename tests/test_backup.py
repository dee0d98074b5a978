"""`manage.py backup`: a whole and verified copy, or none."""

import json
import stat
from hashlib import sha256
from pathlib import Path

import pytest

from commands.data.files import create_private, digest_of
from commands.data.postgres_tools import address_of
from models import ConsentLedger, Customer
from models.storage.database import Database
from models.tables.audit import ActorContext
from tests.clock import Clock
from tests.data_commands import backup_path, kill_at, names_in, needs_tools, rows_of, run_limited
from tests.factories import add_customer
from tests.partner_world import two_partners
from tests.processes import run


async def test_a_backup_is_private_verified_and_described(
    database: Database, clock: Clock, tmp_path: Path
) -> None:
    needs_tools(database.url)
    await two_partners(database, clock)
    status, told, errors = await run("backup", str(tmp_path), DATABASE_URL=database.url)
    assert (status, errors) == (0, "")
    path = backup_path(tmp_path)
    assert told.startswith(f"{path}: ")
    assert told.endswith(" 6 consent ledgers verified\n")
    manifest = json.loads(path.with_name(f"{path.name}.manifest.json").read_text())
    assert manifest["sha256"] == digest_of(path)
    assert manifest["size"] == path.stat().st_size
    assert manifest["tables"]["customer"] == await Customer.all().count()
    assert manifest["ledgers"] == 6
    for one in (path, path.with_name(f"{path.name}.manifest.json")):
        assert stat.S_IMODE(one.stat().st_mode) == 0o600


async def test_a_backup_has_no_change_of_a_transaction_that_is_open(
    database: Database, act: ActorContext, tmp_path: Path
) -> None:
    """Writers and the backup do not wait for each other."""
    needs_tools(database.url)
    target = tmp_path / "copy"

    async def add_and_back_up() -> None:
        await Customer.all().update(name="Changed")
        status, _, errors = await run("backup", str(target), DATABASE_URL=database.url)
        assert (status, errors) == (0, "")

    await add_customer(database, act)
    await database.transaction(add_and_back_up)
    if not database.is_postgres:
        found = await rows_of(f"sqlite://{target}", "SELECT name FROM customer")
        assert found == [[("Acme",)]]


async def test_an_existing_file_is_not_replaced(database: Database, tmp_path: Path) -> None:
    target = tmp_path / "copy"
    create_private(target, b"mine")
    status, _, errors = await run("backup", str(target), DATABASE_URL=database.url)
    assert status == 2
    assert errors.endswith(f"{target} exists already.\n")
    assert digest_of(target) == sha256(b"mine").hexdigest()


@pytest.mark.parametrize(
    ("module", "function"),
    [("commands.data.snapshots", "digest_of"), ("commands.backup", "publish")],
)
async def test_a_killed_backup_leaves_no_file_and_the_next_one_tidies_up(
    database: Database, tmp_path: Path, module: str, function: str
) -> None:
    needs_tools(database.url)
    target = tmp_path / "copy"
    await kill_at(module, function, "backup", str(target), DATABASE_URL=database.url)
    assert names_in(tmp_path) == [".copy.partial"]
    status, _, errors = await run("backup", str(target), DATABASE_URL=database.url)
    assert (status, errors) == (0, "")
    assert backup_path(tmp_path) == target


async def test_a_killed_backup_into_a_folder_is_tidied_up(
    database: Database, tmp_path: Path
) -> None:
    needs_tools(database.url)
    await kill_at("commands.backup", "publish", "backup", str(tmp_path), DATABASE_URL=database.url)
    assert len(names_in(tmp_path)) == 1
    status, _, _ = await run("backup", str(tmp_path), DATABASE_URL=database.url)
    assert status == 0
    backup_path(tmp_path)


async def test_a_full_disk_leaves_no_file(database: Database, tmp_path: Path) -> None:
    needs_tools(database.url)
    arguments = ("backup", str(tmp_path / "copy"))
    status, errors = await run_limited(50_000, *arguments, DATABASE_URL=database.url)
    assert status == 1
    assert errors.count("\n") == 1
    wanted = "pg_dump failed" if database.is_postgres else "No backup was written"
    assert errors.startswith(f"Error: {wanted}: ")
    assert names_in(tmp_path) == []


async def test_a_broken_ledger_is_told_and_not_backed_up(
    database: Database, clock: Clock, tmp_path: Path
) -> None:
    needs_tools(database.url)
    world = await two_partners(database, clock)
    ledger_of = world.ours.customers[1].id
    await ConsentLedger.filter(id=ledger_of).update(last_hash="f" * 64)
    status, _, errors = await run("backup", str(tmp_path), DATABASE_URL=database.url)
    assert status == 1
    assert f"1 consent ledgers are not intact, those of the customers {ledger_of}" in errors
    assert names_in(tmp_path) == []


@pytest.mark.parametrize(
    ("url", "address", "password"),
    [
        ("postgres://h/d", "postgresql://h/d", None),
        ("postgres://u@h:5433/d", "postgresql://u@h:5433/d", None),
        (
            "postgres://u:p%40ss:w@h/d?sslmode=require",
            "postgresql://u@h/d?sslmode=require",
            "p@ss:w",
        ),
        ("postgres://u@/d?host=%2Frun&password=p%26w", "postgresql://u@/d?host=%2Frun", "p&w"),
    ],
)
def test_no_argument_of_a_program_has_the_password(
    url: str, address: str, password: str | None
) -> None:
    found, environment = address_of(url)
    assert (found, environment.get("PGPASSWORD")) == (address, password)


@pytest.mark.parametrize(
    ("version", "message"),
    [
        (None, "pg_dump was not found. Install the client programs of PostgreSQL"),
        ("9.6.24", "pg_dump is of version 9, and the server of version "),
    ],
)
async def test_a_missing_or_old_pg_dump_is_told_plainly(
    database: Database, tmp_path: Path, version: str | None, message: str
) -> None:
    if not database.is_postgres:
        pytest.skip("SQLite needs no program for backups")
    programs = tmp_path / "bin"
    programs.mkdir()
    if version is not None:
        (programs / "pg_dump").write_text(f"#!/bin/sh\necho 'pg_dump (PostgreSQL) {version}'\n")
        (programs / "pg_dump").chmod(0o700)
    settings = {"DATABASE_URL": database.url, "PATH": str(programs)}
    target = tmp_path / "copies"
    target.mkdir()
    status, errors = await run_limited(10**9, "backup", str(target), **settings)
    assert status == 1
    assert errors.startswith(f"Error: {message}")
    assert names_in(target) == []
