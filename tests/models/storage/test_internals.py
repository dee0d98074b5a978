"""Where private names of the database libraries are used, and with which releases."""

import re
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from tortoise.connection import get_connection
from tortoise.transactions import in_transaction

from models.jobs.heartbeat import Heartbeat
from models.storage.database import Database
from models.storage.statement_time import StatementTime, current_statement_time
from models.storage.tortoise_internals import (
    driver_connection,
    has_ended,
    mark_saved,
    row_from_database,
    unsaved_row,
)

ROOT = Path(__file__).resolve().parents[3]
NOW = datetime(2026, 1, 1, tzinfo=UTC)

CHECKED = {
    "tortoise-orm": ((1, 1, 8), (1, 1, 9)),
    "aiosqlite": ((0, 22, 0), (0, 22, 1)),
}
"""The first and the last release with which the internals were checked. asyncpg and
pypika-tortoise are used by their public names only."""

WHAT_TO_CHECK = {
    "tortoise-orm": "models/storage/tortoise_internals.py and the client classes that"
    " tenant_clients.py and sqlite_clients.py extend",
    "aiosqlite": "models/storage/aiosqlite_internals.py",
}

PRIVATE = re.compile(
    r"\b(_pool|_connection|_finalized|_parent|_trxlock|_lock|_pool_init_lock|_conn|_execute"
    r"|_schema_editor|_project_state|_in_transaction|_init_from_db|_saved_in_db"
    r"|_custom_generated_pk|_partial|_await_when_save"
    r"|_enable_global_fallback|_translate_exceptions|_post_connect|_template)\b"
    r"|__module__ =(?!=)"
)


class BrokenError(Exception):
    """An error that a test raises."""


@pytest.mark.parametrize("name", CHECKED)
def test_the_installed_release_is_one_that_the_internals_were_checked_with(name: str) -> None:
    first, last = CHECKED[name]
    installed = tuple(int(part) for part in version(name).split(".")[:3])
    assert first <= installed <= last, (
        f"{name} {version(name)} is installed. Compare {WHAT_TO_CHECK[name]} with its source, run"
        " tests/models/storage, tests/models/jobs and tests/models/changes on SQLite and"
        " PostgreSQL, and then extend CHECKED."
    )


def test_private_names_stand_in_the_internals_alone() -> None:
    paths = [
        *ROOT.glob("models/**/*.py"),
        *ROOT.glob("commands/*.py"),
        ROOT / "app.py",
        ROOT / "opening.py",
    ]
    found = {path.name for path in paths if PRIVATE.search(path.read_text())}
    assert found == {"tortoise_internals.py", "aiosqlite_internals.py"}


@pytest.mark.usefixtures("database")
async def test_a_transaction_that_was_ended_by_hand_is_not_ended_again() -> None:
    async with in_transaction() as connection:
        await Heartbeat.create(worker="w", seen_at=NOW)
        assert not has_ended(connection)
        await connection.rollback()
        assert has_ended(connection)
    assert await Heartbeat.all().count() == 0


@pytest.mark.usefixtures("database")
async def test_a_savepoint_is_rolled_back_alone() -> None:
    async def fail() -> None:
        async with in_transaction():
            await Heartbeat.create(worker="dropped", seen_at=NOW)
            raise BrokenError

    async with in_transaction():
        await Heartbeat.create(worker="kept", seen_at=NOW)
        with pytest.raises(BrokenError):
            await fail()
    assert [row.worker for row in await Heartbeat.all()] == ["kept"]


@pytest.mark.usefixtures("database")
async def test_a_row_from_columns_is_updated_and_not_inserted_again() -> None:
    await Heartbeat.create(worker="w", seen_at=NOW)
    (values,) = await Heartbeat.all().values()
    row = row_from_database(Heartbeat, values)
    row.seen_at = datetime(2026, 1, 2, tzinfo=UTC)
    await row.save()
    assert [one.seen_at for one in await Heartbeat.all()] == [row.seen_at]


@pytest.mark.usefixtures("database")
async def test_a_bare_row_is_inserted() -> None:
    row = unsaved_row(Heartbeat)
    row.worker, row.seen_at = "w", NOW
    await row.save()
    assert [one.seen_at for one in await Heartbeat.all()] == [NOW]


@pytest.mark.usefixtures("database")
async def test_a_row_that_is_marked_as_saved_is_updated() -> None:
    await Heartbeat.create(worker="w", seen_at=NOW)
    row = Heartbeat(worker="w", seen_at=datetime(2026, 1, 2, tzinfo=UTC))
    mark_saved(row)
    await row.save()
    assert [one.seen_at for one in await Heartbeat.all()] == [row.seen_at]


async def test_what_goes_to_the_thread_of_sqlite_is_timed_once(database: Database) -> None:
    if database.is_postgres:
        pytest.skip("PostgreSQL's connections time their statements by public methods")
    client: Any = get_connection("default")
    await client.create_connection(
        with_db=True
    )  # already connected: the connection is not timed twice
    assert driver_connection(client) is not None
    measured = StatementTime()
    token = current_statement_time.set(measured)
    await client.execute_query("SELECT 1")
    await client.execute_several([("SELECT 1", []), ("SELECT 2", [])])  # run in the thread together
    current_statement_time.reset(token)
    assert measured.statements == 2
    assert measured.database_s > 0
