"""The migration of times of change: rows of before get theirs, and old programs keep them right."""

from collections.abc import AsyncIterator

import pytest
from tortoise.connection import get_connection

from models import Contact, Customer
from models.storage.database import Database
from models.storage.migrate import migrate
from tests.applied_migrations import migrate_until
from tests.databases import Databases


def at(hour: int) -> str:
    return f"'2026-01-01 {hour:02}:00:00+00:00'"


@pytest.fixture
async def empty(databases: Databases) -> AsyncIterator[Database]:
    url = await databases.create_empty()
    database = Database(url)
    await database.open()
    yield database
    await database.close()
    await databases.drop(url)


async def add_customer(row_id: str) -> None:
    """Insert a customer, and a contact with the same ending, as the previous release would."""
    connection = get_connection("default")
    await connection.execute_query(
        "INSERT INTO customer (id, account_number, account_number_key, name, name_key, search_key,"
        " customer_class_id, profile, enrichment_status, created_at, last_modified_at, version)"
        f" SELECT 'cus_{row_id}', '{row_id}', '{row_id}', 'A', 'a', 'a', id, '{{}}',"
        f" 'NOT_APPLICABLE', {at(1)}, {at(2)}, 1 FROM customer_class WHERE code = 'CHARITY'"
    )
    await connection.execute_query(
        "INSERT INTO contact (id, customer_id, name, address_salt, receives_bills,"
        " receives_correspondence, is_active, is_mail_given_up, version, created_at,"
        f" last_modified_at) VALUES ('con_{row_id}', 'cus_{row_id}', 'Al', 'x', false, false, true,"
        f" false, 1, {at(1)}, {at(2)})"
    )


async def add_entry(number: int, subject: str, operation: str, hour: int) -> None:
    """Insert an audit entry about customer 1, or its contact."""
    await get_connection("default").execute_query(
        "INSERT INTO audit_entry (id, subject_id, subject_kind, customer_id, operation, before,"
        " after, is_override, actor_id, actor_name, request_id, at) VALUES"
        f" ('aud_{number}', '{subject}', '{subject[:3]}', 'cus_1', '{operation}', '{{}}', '{{}}',"
        f" false, 'tok_1', 'Tess', 'request-1', {at(hour)})"
    )


async def times() -> dict[str, int]:
    """Return the hours of the last changes of all customers and contacts."""
    rows = [
        *((one.id, one.changed_at) for one in await Customer.all()),
        *((one.id, one.changed_at) for one in await Contact.all()),
    ]
    return {row_id: changed_at.hour for row_id, changed_at in rows if changed_at is not None}


async def test_rows_of_before_get_the_times_of_their_last_change(empty: Database) -> None:
    await migrate_until(empty, "0023_customer_report_additive")
    await add_customer("1")
    await add_customer("2")
    await add_entry(1, "cus_1", "customer.enriched", 4)
    await add_entry(2, "con_1", "contact.email_verified", 5)
    await add_entry(3, "con_1", "confirmation.mail_held", 9)
    await add_entry(4, "cus_1", "customer.created", 1)
    assert "0026_sync_additive" in await migrate(empty)
    assert await times() == {"cus_1": 5, "con_1": 5, "cus_2": 2, "con_2": 2}


async def test_an_older_program_keeps_them_right(empty: Database) -> None:
    """It does not know the column, and inserts and updates rows without it."""
    await migrate(empty)
    await add_customer("1")
    assert await times() == {"cus_1": 2, "con_1": 2}
    connection = get_connection("default")
    await connection.execute_query(f"UPDATE customer SET last_modified_at = {at(3)}")
    assert await times() == {"cus_1": 3, "con_1": 2}
    await connection.execute_query(f"UPDATE customer SET last_modified_at = {at(2)}")
    assert await times() == {"cus_1": 3, "con_1": 2}
    await add_entry(1, "con_1", "preference.confirmed", 6)
    assert await times() == {"cus_1": 6, "con_1": 6}
    await add_entry(2, "cus_1", "customer.lookup_ended", 7)
    await add_entry(3, "con_1", "confirmation.mail_held", 8)
    assert await times() == {"cus_1": 7, "con_1": 6}
