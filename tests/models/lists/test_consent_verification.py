"""Verifying a consent ledger finds changes made directly in the database, and their kind."""

from datetime import timedelta

import pytest
from tortoise.connection import get_connection

from models import ConsentEntry, Customer
from models.lists.consent_evidence import verify
from models.rules.consent import EntryKind
from models.storage.database import Database
from models.tables.audit import ActorContext
from tests.factories import add_customer, erase, record_consent


@pytest.fixture
async def customer(database: Database, act: ActorContext) -> Customer:
    """Return a customer with three consent entries."""
    made = await add_customer(database, act)
    await record_consent(database, act, made)
    await record_consent(database, act, made, EntryKind.WITHDRAWAL, reason="Moved")
    await record_consent(database, act, made)
    return made


async def behind_the_back(database: Database, *statements: str) -> None:
    """Run a statement with triggers disabled, as an owner of the database could."""
    connection = get_connection("default")
    tables = ("consent_entry", "consent_testimony")
    if database.is_postgres:
        for table in tables:
            await connection.execute_query(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    else:
        _, rows = await connection.execute_query(
            "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name LIKE 'consent_%'"
        )
        for row in rows:
            await connection.execute_query(f"DROP TRIGGER {row['name']}")
    for statement in statements:
        await connection.execute_query(statement)
    if database.is_postgres:
        for table in tables:
            await connection.execute_query(f"ALTER TABLE {table} ENABLE TRIGGER USER")


async def found(
    database: Database, customer: Customer, known: str | None = None
) -> list[tuple[str, int | None]]:
    verified = await database.transaction(lambda: verify(customer.id, known))
    assert verified is not None
    return [(one.code.value, one.sequence) for one in verified.breaks]


@pytest.mark.parametrize(
    ("statement", "wanted"),
    [
        ("UPDATE customer SET name = 'Other'", []),
        (
            "UPDATE consent_entry SET document_version = '2' WHERE sequence = 3",
            [("ENTRY_CHANGED", 3), ("PROJECTION_DIFFERS", None)],
        ),
        (
            "UPDATE consent_entry SET recorded_by = 'Mallory' WHERE sequence = 2",
            [("ENTRY_CHANGED", 2)],
        ),
        (
            "UPDATE consent_entry SET method = 'PAPER' WHERE sequence = 1",
            [("ENTRY_CHANGED", 1)],
        ),
        (
            "UPDATE consent_entry SET hash = 'x' WHERE sequence = 2",
            [("ENTRY_CHANGED", 2), ("CHAIN_BROKEN", 3)],
        ),
        (
            "DELETE FROM consent_entry WHERE sequence = 2",
            [("ENTRY_MISSING", 2)],
        ),
        (
            "DELETE FROM consent_entry WHERE sequence = 3",
            [("ENTRY_MISSING", 3), ("PROJECTION_DIFFERS", None)],
        ),
        (
            "UPDATE consent_ledger SET entry_count = 2",
            [("END_DIFFERS", None)],
        ),
        (
            "DELETE FROM consent_ledger",
            [("END_DIFFERS", None)],
        ),
        (
            "UPDATE consent_testimony SET reason = 'None' WHERE reason = 'Moved'",
            [("TESTIMONY_CHANGED", 2)],
        ),
        (
            "UPDATE consent_testimony SET salt = NULL WHERE reason = 'Moved'",
            [("TESTIMONY_MISSING", 2)],
        ),
        (
            "UPDATE consent_period SET basis = 'WRITTEN_OPT_IN'",
            [("PROJECTION_DIFFERS", None)],
        ),
        ("DELETE FROM consent_period", [("PROJECTION_DIFFERS", None)]),
    ],
)
async def test_what_was_done_behind_the_back_is_found(
    database: Database, customer: Customer, statement: str, wanted: list[tuple[str, int | None]]
) -> None:
    """R55: the chain is valid; after the statement it is broken at the changed entry."""
    assert await found(database, customer) == []
    await behind_the_back(database, statement)
    assert await found(database, customer) == wanted


async def test_a_later_entry_does_not_heal_a_chain(
    database: Database, act: ActorContext, customer: Customer
) -> None:
    await behind_the_back(database, "DELETE FROM consent_entry WHERE sequence = 3")
    await record_consent(database, act, customer)
    assert await found(database, customer) == [("ENTRY_MISSING", 3)]


async def test_a_rewritten_ledger_lacks_the_hash_that_was_known(
    database: Database, act: ActorContext, customer: Customer
) -> None:
    last = await ConsentEntry.get(sequence=3)
    assert await found(database, customer, last.hash) == []
    await behind_the_back(
        database,
        "DELETE FROM consent_entry",
        "DELETE FROM consent_testimony",
        "DELETE FROM consent_ledger",
        "DELETE FROM consent_period",
    )
    for _ in range(3):
        await record_consent(database, act, customer)
    assert await found(database, customer) == []
    assert await found(database, customer, last.hash) == [("KNOWN_HASH_MISSING", None)]


async def test_a_replaced_row_is_refused_or_found(database: Database, customer: Customer) -> None:
    """SQLite's REPLACE deletes rows without running deletion triggers."""
    if database.is_postgres:
        pytest.skip("only SQLite has REPLACE")
    with pytest.raises(Exception, match="append-only"):
        await get_connection("default").execute_query(
            "REPLACE INTO consent_entry SELECT * FROM consent_entry WHERE sequence = 2"
        )
    assert await found(database, customer) == []


async def test_an_erased_ledger_is_whole_and_still_guarded(
    database: Database, act: ActorContext, customer: Customer
) -> None:
    """A18."""
    await erase(database, act, customer)
    assert await found(database, customer) == []
    await behind_the_back(
        database, "UPDATE consent_entry SET evidence_sha256 = 'x' WHERE sequence = 1"
    )
    assert await found(database, customer) == [("ENTRY_CHANGED", 1)]


async def test_a_ledger_without_entries_is_whole(database: Database, act: ActorContext) -> None:
    customer = await add_customer(database, act)
    assert await found(database, customer) == []
    assert await database.transaction(lambda: verify("cus_nobody")) is None


async def test_instants_hash_alike_however_they_were_written(
    database: Database, act: ActorContext
) -> None:
    customer = await add_customer(database, act)
    odd = act.now + timedelta(microseconds=1)
    for instant in (odd, act.now, act.now + timedelta(milliseconds=100)):
        await record_consent(database, act, customer, effective_at=instant)
    assert await found(database, customer) == []
