"""The audit trail is append-only, except that personal data can be erased."""

from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest
from tortoise.connection import get_connection
from tortoise.exceptions import BaseORMException

from models import AuditEntry, Contact, User
from models.changes.audit_erasure import erase_names
from models.changes.contact_editing import create_contact, delete_contact, edit_contact
from models.changes.granting import grant_permissions
from models.changes.user_editing import create_user, disable_user, edit_user
from models.rules.errors import RefusalCode
from models.storage.database import Database
from models.tables.access import OPERATOR, Principal, Scope
from models.tables.audit import ActorContext
from tests.factories import add_class, add_customer, add_template, edit, erase, everything, refused

BEHALF = Principal(
    "tok_front",
    "Front end",
    frozenset(Scope),
    reseller_id="cus_partner",
    user_id="usr_ann",
    user_name="Ann Clerk",
)
REFUSED = (BaseORMException, asyncpg.PostgresError)


async def test_an_entry_says_who_for_whom_and_about_which_customer(
    database: Database, act: ActorContext
) -> None:
    """R96."""
    mine = replace(act, principal=BEHALF, request_id="request-7")
    customer = await add_customer(database, mine)
    contact = await database.transaction(lambda: create_contact(mine, customer.id, {"name": "Al"}))
    own = await add_class(database, act)
    template = await add_template(database, act)
    told = {
        row.subject_id: (row.subject_kind, row.customer_id, row.user_id, row.reseller_id)
        for row in await AuditEntry.all()
    }
    assert told == {
        customer.id: ("cus", customer.id, "usr_ann", "cus_partner"),
        contact.id: ("con", customer.id, "usr_ann", "cus_partner"),
        own.id: ("cls", None, None, None),
        template.id: ("tpl", None, None, None),
    }
    entry = await AuditEntry.get(subject_id=contact.id)
    assert (entry.actor_id, entry.actor_name) == ("tok_front", "Front end")
    assert (entry.user_name, entry.request_id, entry.at) == ("Ann Clerk", "request-7", act.now)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM audit_entry",
        "UPDATE audit_entry SET operation = 'nothing'",
        "UPDATE audit_entry SET actor_name = 'Mallory'",
        "UPDATE audit_entry SET actor_name = '(erased)'",  # without the time of the erasure
        "UPDATE audit_entry SET actor_id = 'tok_other', erased_at = at",
        "UPDATE audit_entry SET user_id = NULL, erased_at = at",
        "UPDATE audit_entry SET user_name = NULL, erased_at = at",
        "UPDATE audit_entry SET user_name = 'Mallory', erased_at = at",
        "UPDATE audit_entry SET request_id = 'request-0', erased_at = at",
        "UPDATE audit_entry SET reason = 'Another', erased_at = at",
        "UPDATE audit_entry SET is_override = NOT is_override, erased_at = at",
        "UPDATE audit_entry SET customer_id = NULL, erased_at = at",
        "UPDATE audit_entry SET subject_id = 'cus_other', erased_at = at",
        "UPDATE audit_entry SET at = '2020-01-01 00:00:00+00:00', erased_at = at",
        # That customer is not erased:
        """UPDATE audit_entry SET "before" = '{}', "after" = '{}', reason = NULL, erased_at = at""",
        """UPDATE audit_entry SET "after" = '{}', erased_at = at""",
    ],
)
async def test_the_database_refuses_to_change_what_was_done(
    database: Database, act: ActorContext, statement: str
) -> None:
    """R96."""
    mine = replace(act, principal=BEHALF)
    customer = await add_customer(database, mine)
    await edit(database, mine, customer, {"name": "Other"})
    before = await everything()
    with pytest.raises(REFUSED):
        await get_connection("default").execute_query(statement)
    assert await everything() == before


async def test_the_table_can_be_neither_emptied_nor_written_over(
    database: Database, act: ActorContext
) -> None:
    await add_customer(database, act)
    before = await everything()
    columns = "id, subject_id, operation, before, after, is_override, actor_id, actor_name,"
    copy = """SELECT id, subject_id, 'x', before, after, is_override, actor_id, actor_name,
      request_id, at FROM audit_entry"""
    other = f"INSERT OR REPLACE INTO audit_entry ({columns} request_id, at) {copy}"
    statement = "TRUNCATE audit_entry" if database.is_postgres else other
    with pytest.raises(REFUSED):
        await get_connection("default").execute_query(statement)
    assert await everything() == before


async def test_erasing_a_customer_takes_the_values_out_of_all_that_is_about_it(
    database: Database, act: ActorContext
) -> None:
    """A18: also entries about its contacts, deleted ones included; not those of other customers."""
    customer, other = await add_customer(database, act), await add_customer(database, act)
    al = await database.transaction(lambda: create_contact(act, customer.id, {"name": "Al"}))
    bo = await database.transaction(lambda: create_contact(act, customer.id, {"name": "Bo"}))
    await database.transaction(lambda: edit_contact(act, al.id, None, {"name": "Alf"}, None))
    await database.transaction(lambda: delete_contact(act, bo.id, None))
    kept = await AuditEntry.filter(customer_id=other.id).values()
    done = await AuditEntry.filter(customer_id=customer.id).order_by("id").values()
    later = replace(act, now=act.now + timedelta(days=1))
    await erase(database, later, customer)
    blank: dict[str, object] = {"before": {}, "after": {}, "reason": None, "erased_at": later.now}
    found = await AuditEntry.filter(customer_id=customer.id).order_by("id").values()
    ends = [row for row in found if row["at"] == later.now]
    assert found[: len(done)] == [{**row, **blank} for row in done]
    assert [(row["subject_id"], row["operation"], row["reason"]) for row in ends] == [
        (al.id, "contact.erased", None),
        (bo.id, "contact.erased", None),
        (customer.id, "customer.deleted", None),
    ]
    assert await AuditEntry.filter(customer_id=other.id).values() == kept
    assert {row.name for row in await Contact.all()} == {"(erased)"}


async def test_the_names_of_a_user_are_erased_and_the_ids_stay(
    database: Database, act: ActorContext
) -> None:
    """R96: in all entries of the user, with any credential."""
    mine = replace(act, principal=BEHALF)
    phone = replace(BEHALF, id="tok_phone", name="Ann's phone")
    await add_customer(database, mine)
    await add_customer(database, replace(act, principal=phone))
    kept = await add_class(database, act)
    before = {row["id"]: row for row in await AuditEntry.all().values()}
    later = replace(act, now=act.now + timedelta(days=1))
    counted = await database.transaction(lambda: erase_names(later, "usr_ann", "Left"))
    assert counted == 2
    erased = {"actor_name": "(erased)", "user_name": "(erased)", "erased_at": later.now}
    after = {row["id"]: row for row in await AuditEntry.all().values()}
    for row_id, row in before.items():
        assert after[row_id] == (row if row["subject_id"] == kept.id else {**row, **erased})
    (added,) = [row for row_id, row in after.items() if row_id not in before]
    assert (added["operation"], added["subject_id"], added["reason"], added["after"]) == (
        "actor.names_erased",
        "usr_ann",
        "Left",
        {"entries": 2},
    )
    again = await database.transaction(lambda: erase_names(later, "usr_ann", "Left"))
    assert again == 0


async def test_a_disabled_user_is_erased_with_what_entries_say_of_it(
    database: Database, act: ActorContext
) -> None:
    """R96: permissions, who granted them and when are kept, and the id at the identity provider."""
    values = {"name": "Uma", "email": "u@a.example", "issuer": "https://id.example", "subject": "7"}
    user = await database.transaction(lambda: create_user(act, values, None))
    other = await database.transaction(lambda: create_user(act, {"name": "Bo"}, None))
    await database.transaction(lambda: edit_user(act, user.id, {"name": "Umi"}, None, None))
    codes = [Scope.CUSTOMERS_READ]
    await database.transaction(lambda: grant_permissions(act, user.id, codes, "Joins us", None))
    async with refused(RefusalCode.USER_ACTIVE, "actorId"):
        await database.transaction(lambda: erase_names(act, user.id, "Asked"))
    operator = replace(act, principal=OPERATOR)
    await database.transaction(lambda: disable_user(operator, user.id, "Is ill", None))
    # The actor may have been erased before.
    await database.transaction(lambda: erase_names(act, act.principal.id, "Left"))
    kept = await AuditEntry.filter(subject_id=other.id).values()
    later = replace(act, now=act.now + timedelta(days=1))
    assert await database.transaction(lambda: erase_names(later, user.id, "Asked")) == 0
    stored = await User.get(id=user.id)
    assert (stored.name, stored.name_key, stored.email) == ("(erased)", "(erased)", None)
    assert (stored.issuer, stored.subject) == ("https://id.example", "7")
    assert (stored.version, stored.last_modified_at) == (5, later.now)
    assert stored.disabled_at == act.now
    told = {
        row.operation: (row.before, row.after, row.reason, row.erased_at)
        for row in await AuditEntry.filter(subject_id=user.id)
    }
    disabled = {"disabled_at": act.now.isoformat()}
    assert told == {
        "user.created": ({}, {}, None, later.now),
        "user.edited": ({}, {}, None, later.now),
        "permissions.granted": ({"permissions": []}, {"permissions": codes}, None, later.now),
        "user.disabled": ({"disabled_at": None}, disabled, None, later.now),
        "actor.names_erased": ({}, {"entries": 0}, "Asked", None),
    }
    assert await AuditEntry.filter(subject_id=other.id).values() == kept
    with pytest.raises(REFUSED):
        await get_connection("default").execute_query(
            """UPDATE audit_entry SET "after" = '{"permissions": []}', erased_at = at"""
        )


async def test_names_are_erased_of_somebody_and_for_a_reason(
    database: Database, act: ActorContext
) -> None:
    await add_customer(database, act)
    async with refused(RefusalCode.NOT_FOUND, "actorId"):
        await database.transaction(lambda: erase_names(act, "usr_nobody", "Left"))
    partner = replace(act, principal=BEHALF)
    async with refused(RefusalCode.NOT_FOUND, "actorId"):
        await database.transaction(lambda: erase_names(partner, act.principal.id, "Left"))
    async with refused(RefusalCode.BLANK, "reason"):
        await database.transaction(lambda: erase_names(act, act.principal.id, " "))
