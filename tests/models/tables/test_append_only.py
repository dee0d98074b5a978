"""Histories are append-only: the database refuses all other statements on them."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tortoise.connection import get_connection

from models import Contact, ContactState
from models.changes.audit_erasure import erase_names
from models.changes.contact_editing import create_contact, edit_contact
from models.rules.consent import EntryKind
from models.rules.document import Document
from models.rules.preference import PreferenceKind
from models.storage.database import Database
from models.tables.access import Principal, Scope
from models.tables.audit import ActorContext
from models.tables.preference_entry import add_entry
from tests.factories import (
    add_class,
    add_customer,
    correct_consent,
    edit,
    erase,
    everything,
    move,
    record_consent,
)
from tests.models.tables.refused_statements import refuses

HISTORIES = (
    "audit_entry",
    "class_change",
    "consent_entry",
    "consent_testimony",
    "contact_state",
    "preference_entry",
)
TURNS = {"sequence": "sequence + 90", "corrects_id": "NULL", "idempotency_key": "NULL"}
"""By column, the SQL expression with which a forged row avoids unique constraints."""


@pytest.fixture
async def histories(database: Database, act: ActorContext) -> None:
    """Fill every history with two rows of an erased customer, and two of another customer."""
    for place in range(2):
        customer = await add_customer(database, act, "SOLE_TRADER")
        await move(database, act, customer, "COMPANY_UK_LIMITED")
        entry = (await record_consent(database, act, customer, key=f"key-{place}")).entry
        await correct_consent(database, act, entry, EntryKind.ANNULMENT)
        contact = await _contact(database, act, customer.id)
        await _prefer(database, act, contact, PreferenceKind.REQUESTED)
        await _prefer(database, act, contact, PreferenceKind.CONFIRMED)
    await erase(database, act, customer)


async def _contact(database: Database, act: ActorContext, customer_id: str) -> Contact:
    made = await database.transaction(lambda: create_contact(act, customer_id, {"name": "Al"}))
    await database.transaction(lambda: edit_contact(act, made.id, None, {"name": "Alf"}, None))
    return made


async def _prefer(
    database: Database, act: ActorContext, contact: Contact, kind: PreferenceKind
) -> None:
    address = "a@a.example"
    await database.transaction(lambda: add_entry(act, contact, kind, [Document.BILL], address))


async def forgery(table: str, number: str, **values: str) -> str:
    """Return an INSERT that copies the first row with another number and other values."""
    _, rows = await get_connection("default").execute_query(f"PRAGMA table_info({table})")
    own = {row["name"]: f'"{row["name"]}"' for row in rows}
    if table == "contact_state":  # its id is the number
        del own["id"]
    own |= {name: spelt for name, spelt in values.items() if name in own}
    names = ", ".join(f'"{name}"' for name in own)
    return f"""INSERT OR REPLACE INTO {table} (rowid, {names})
      SELECT {number}, {", ".join(own.values())} FROM {table} ORDER BY rowid LIMIT 1"""


@pytest.mark.usefixtures("histories")
@pytest.mark.parametrize("table", HISTORIES)
async def test_no_row_is_replaced_by_its_number(database: Database, table: str) -> None:
    """R27, R55, R63, R96: SQLite's REPLACE deletes rows without running deletion triggers."""
    if database.is_postgres:
        pytest.skip("only SQLite has REPLACE")
    await refuses(await forgery(table, "rowid", id="'forged'", **TURNS))
    for number in (-1, 0):
        await refuses(await forgery(table, str(number), id="'forged'", **TURNS))
    await refuses(f"UPDATE OR REPLACE {table} SET rowid = 2 WHERE rowid = 1")
    await refuses(
        f"UPDATE OR REPLACE {table} SET rowid = (SELECT max(rowid) FROM {table}) WHERE rowid = 1"
    )


@pytest.mark.usefixtures("histories")
@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("audit_entry", {}),
        ("class_change", {}),
        ("consent_entry", {}),
        ("consent_testimony", {}),
        ("preference_entry", {}),
        ("preference_entry", {"id": "'forged'"}),
        ("consent_entry", {"id": "'forged'", "corrects_id": "NULL", "idempotency_key": "NULL"}),
        ("consent_entry", {"id": "'forged'", "sequence": "9"}),
    ],
)
async def test_no_row_is_replaced_by_what_is_unique(
    database: Database, table: str, key: dict[str, str]
) -> None:
    if database.is_postgres:
        pytest.skip("only SQLite has REPLACE")
    await refuses(await forgery(table, "NULL", **key))


@pytest.mark.usefixtures("histories")
async def test_an_entry_is_moved_by_no_erasure(database: Database) -> None:
    """Each change would be allowed without the change of the number."""
    if database.is_postgres:
        pytest.skip("only SQLite has numbers of rows")
    blank = "before = '{}', after = '{}', reason = NULL, erased_at = at"
    other = "rowid = (SELECT max(rowid) FROM {})"
    erased = "customer_id = (SELECT id FROM customer WHERE erased_at IS NOT NULL)"
    await refuses(
        f"UPDATE OR REPLACE audit_entry SET {other.format('audit_entry')}, {blank} WHERE {erased}"
    )
    await refuses(
        f"UPDATE OR REPLACE consent_testimony SET rowid = 1 WHERE {erased} AND rowid <> 1"
    )


@pytest.mark.usefixtures("histories")
@pytest.mark.parametrize("table", HISTORIES)
async def test_no_row_is_deleted(table: str) -> None:
    """R27, R55, R63, R96."""
    await refuses(f"DELETE FROM {table}")


@pytest.mark.usefixtures("histories")
@pytest.mark.parametrize("table", [*HISTORIES, "contact", "customer"])
async def test_no_history_is_emptied(database: Database, table: str) -> None:
    """R27, R55, R63, R96: nor together with the tables that it refers to."""
    if not database.is_postgres:
        pytest.skip("only PostgreSQL has TRUNCATE")
    await refuses(f"TRUNCATE {table} CASCADE")


@pytest.mark.usefixtures("histories")
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE class_change SET reason = 'Another'",
        "UPDATE class_change SET changed_by = '(erased)'",
        "UPDATE class_change SET reason = '(erased)'",  # one is not erased
        "UPDATE class_change SET reason = 'Another' WHERE reason = '(erased)'",
        "UPDATE class_change SET changed_by = 'M' WHERE reason = '(erased)'",
        "UPDATE audit_entry SET before = '{}', erased_at = at WHERE subject_kind = 'con'",
        "UPDATE contact_state SET name = 'Mallory'",
        "UPDATE contact_state SET name = '(erased)', email = NULL",  # one is not erased
        "UPDATE contact_state SET is_active = NOT is_active WHERE name = '(erased)'",
        "UPDATE contact_state SET email = 'm@m.example' WHERE name = '(erased)'",
        "UPDATE contact_state SET at = '2020-01-01 00:00:00+00:00' WHERE name = '(erased)'",
    ],
)
async def test_what_a_class_or_a_contact_was_is_not_rewritten(statement: str) -> None:
    """R27, R59."""
    await refuses(statement)


async def test_a_name_is_erased_only_along_with_an_entry_that_tells_of_it(
    database: Database, act: ActorContext
) -> None:
    """R96."""
    front = Principal(
        "tok_front", "Front", frozenset(Scope), user_id="usr_ann", user_name="Ann Clerk"
    )
    mine = replace(act, principal=front)
    customer = await add_customer(database, mine)
    await edit(database, mine, customer, {"name": "Other"})
    names = "actor_name = '(erased)', user_name = '(erased)'"
    theirs = "WHERE actor_id = 'tok_front'"
    await refuses(f"UPDATE audit_entry SET actor_name = '(erased)', erased_at = at {theirs}")
    await refuses(f"UPDATE audit_entry SET user_name = '(erased)', erased_at = at {theirs}")
    await refuses(f"UPDATE audit_entry SET erased_at = at {theirs}")  # which has no erased values
    await add_class(database, act)
    later = replace(act, now=act.now + timedelta(days=1))
    assert await database.transaction(lambda: erase_names(later, "usr_ann", "Left")) == 2
    again = replace(mine, now=later.now + timedelta(days=1))
    await edit(database, again, customer, {"name": "Another"})
    await refuses(f"UPDATE audit_entry SET {names}, erased_at = at {theirs} AND erased_at IS NULL")
    await refuses("UPDATE audit_entry SET actor_name = '(erased)', erased_at = at")


async def test_who_erases_its_own_name_stays_named_in_the_entry_of_that(
    database: Database, act: ActorContext
) -> None:
    await add_customer(database, act)
    counted = await database.transaction(lambda: erase_names(act, act.principal.id, "Left"))
    rows = (await everything())["AuditEntry"]
    told = {row["operation"]: (row["actor_name"], row["erased_at"]) for row in rows}
    assert counted == 1
    assert told == {
        "customer.created": ("(erased)", act.now),
        "actor.names_erased": ("Tess Tester", None),
    }


@pytest.mark.usefixtures("histories")
async def test_erasing_blanks_the_states_of_contacts_of_that_customer_alone() -> None:
    """A18."""
    states = await ContactState.all().order_by("id")
    assert [state.name for state in states] == ["Al", "Alf", *["(erased)"] * 3]
