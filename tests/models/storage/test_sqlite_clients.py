"""SQLite's single write connection stays usable after any failure of a transaction."""

import sqlite3
from typing import Any

import pytest
from tortoise.connection import get_connection

from models import Heartbeat
from models.jobs.heartbeat import beat
from models.storage.database import Database
from models.storage.database_faults import DatabaseUnavailable, FaultKind, fault_of
from models.tables.access import AccessToken, new_token
from tests.clock import START
from tests.database_faults import locked


@pytest.fixture
async def lite(database: Database) -> Database:
    if database.is_postgres:
        pytest.skip("SQLite alone has a single connection")
    await get_connection("default").execute_script("PRAGMA busy_timeout = 20")
    return database


async def test_a_transaction_that_could_not_begin_lets_others_begin(lite: Database) -> None:
    async with locked(lite):
        for _ in range(3):
            with pytest.raises(Exception, match="locked") as refused:
                await lite.transaction(lambda: beat("w", START))
            fault = fault_of(refused.value)
            assert fault is not None
            assert (fault.kind, fault.code) == (FaultKind.LOCKED, "SQLITE_BUSY")
    await lite.transaction(lambda: beat("w", START))
    assert await Heartbeat.all().count() == 1


async def test_a_transaction_that_could_not_commit_lets_others_begin(lite: Database) -> None:
    """A foreign key violation is found only at COMMIT."""

    async def work() -> None:
        await get_connection("default").execute_query("PRAGMA defer_foreign_keys = ON")
        token, _ = new_token("Nobody's", frozenset(), START)
        token.user_id = "usr_none"
        await token.save(force_create=True)

    for _ in range(2):
        with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
            await lite.transaction(work)
    await lite.transaction(lambda: beat("w", START))
    assert await Heartbeat.all().count() == 1
    assert await AccessToken.all().count() == 0


async def test_who_waits_behind_a_stuck_writer_is_told_so(
    lite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.storage.sqlite_clients.MAX_WAIT_S", 0.02)
    inside: Any = get_connection("default")
    async with inside.turn:
        with pytest.raises(DatabaseUnavailable) as refused:
            await lite.transaction(lambda: beat("w", START))
    assert refused.value.fault.kind is FaultKind.LOCKED
    await lite.transaction(lambda: beat("w", START))


async def test_the_reader_does_not_keep_the_process_waiting_for_long(lite: Database) -> None:
    assert lite._reader is not None
    ((wait,),) = lite._reader.execute("PRAGMA busy_timeout")
    assert wait <= 250
