"""Every mutation leaves an audit entry, or does nothing at all (R96)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tortoise.connection import get_connection

from models import AccessToken, AuditEntry
from models.tables.access import SYSTEM, Scope
from models.tables.audit import ActorContext
from tests.completeness import assert_complete
from tests.factories import (
    add_class,
    add_customer,
    add_template,
)
from tests.graphql_client import Api, LiveApi, document_of, stored, the_schema
from tests.mutations import ENTRY, MUTATIONS, TABLE, to_contact

POSTGRES = """
CREATE FUNCTION refuse_entry() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN RAISE EXCEPTION 'no entry today'; END $$;
CREATE TRIGGER refuse_entry BEFORE INSERT ON audit_entry
  FOR EACH ROW EXECUTE FUNCTION refuse_entry();
"""
SQLITE = """
CREATE TRIGGER refuse_entry BEFORE INSERT ON audit_entry BEGIN
  SELECT RAISE(ABORT, 'no entry today');
END;
"""


@asynccontextmanager
async def no_entries(api: Api) -> AsyncIterator[None]:
    """Make the database refuse audit entries during the block."""
    connection = get_connection("default")
    is_postgres = api.platform.database.is_postgres
    await connection.execute_script(POSTGRES if is_postgres else SQLITE)
    try:
        yield
    finally:
        drop = "DROP FUNCTION refuse_entry CASCADE" if is_postgres else "DROP TRIGGER refuse_entry"
        await connection.execute_query(drop)


def test_every_mutation_of_the_schema_is_tried() -> None:
    mutations = the_schema()._schema.mutation_type
    assert mutations is not None
    assert_complete(TABLE, MUTATIONS, mutations.fields, ENTRY)


@pytest.mark.parametrize("mutation", MUTATIONS)
async def test_a_mutation_leaves_entries_or_does_nothing(
    api: Api, act: ActorContext, mutation: str
) -> None:
    """R96: with actor, time and request; if the entry fails, the change fails too."""
    prepare, operations = MUTATIONS[mutation]
    values = await prepare(api, act)
    before = await stored()
    async with no_entries(api):
        body = await api.answer(document_of(mutation, ""), input=values)
        # SQLite reports a constraint violation, which is mapped to the error for a taken name.
        assert "errors" in body or body["data"][mutation]["userErrors"]
    assert await stored() == before
    await api.done(mutation, "", **values, dryRun=True)
    assert await stored() == before
    response = await api.post(document_of(mutation, ""), {"input": values})
    assert response.json()["data"][mutation]["userErrors"] == []
    known = {row["id"] for row in before["AuditEntry"]}
    added = await AuditEntry.exclude(id__in=known)
    assert {entry.operation for entry in added} == operations
    token = await AccessToken.get(name="Tess Tester")
    assert {(one.actor_id, one.actor_name, one.request_id, one.at) for one in added} == {
        (token.id, "Tess Tester", response.headers["x-request-id"], api.clock())
    }


async def test_saving_a_checked_customer_as_it_is_leaves_its_lookup_in_the_trail(
    live: LiveApi,
) -> None:
    customer = await live.save_customer(
        classCode="COMPANY_UK_LIMITED", companyNumber="00000401", name="Unknown"
    )
    await live.settled(customer["id"])
    await live.save_customer(id=customer["id"], name="Unknown")
    await live.settled(customer["id"])
    entries = await AuditEntry.filter(customer_id=customer["id"]).order_by("at", "id")
    assert [(entry.operation, entry.actor_id == SYSTEM.id) for entry in entries] == [
        ("customer.created", False),
        ("customer.lookup_ended", True),
        ("customer.lookup_requested", False),
        ("customer.lookup_ended", True),
    ]
    assert entries[1].after == {
        "enrichment_status": "NOT_FOUND",
        "reason": "UNKNOWN_COMPANY_NUMBER",
    }


async def test_a_lookup_that_a_save_ends_is_in_the_trail(api: Api, act: ActorContext) -> None:
    """R91: the class is no longer checked, and the customer is saved without a change."""
    own = await add_class(api.platform.database, act, check_companies_house=True)
    customer = await api.save_customer(classId=own.id, companyNumber="00000101")
    await api.save_class(id=own.id, checkCompaniesHouse=False)
    await api.save_customer(id=customer["id"], name="Acme")
    newest = await AuditEntry.filter(subject_id=customer["id"]).order_by("-id").first()
    assert newest is not None
    assert newest.operation == "customer.lookup_cancelled"


async def test_a_class_that_is_looked_up_is_in_the_trail_with_its_customers(
    api: Api, act: ActorContext
) -> None:
    """R23."""
    own = await add_class(api.platform.database, act)
    customer = await add_customer(
        api.platform.database, act, class_id=own.id, company_number="00000101"
    )
    await api.save_class(id=own.id, checkCompaniesHouse=True)
    await api.done("requestEnrichment", "queuedLookupCount", target={"classId": own.id})
    of_class = await AuditEntry.filter(subject_id=own.id).order_by("-id").first()
    of_customer = await AuditEntry.filter(subject_id=customer.id).order_by("-id").first()
    assert of_class is not None
    assert of_customer is not None
    assert (of_class.operation, of_class.after) == ("class.lookup_requested", {"lookups": 1})
    assert of_customer.operation == "customer.lookup_requested"


async def test_what_becomes_of_a_mail_is_in_the_trail_as_the_platforms(
    api: Api, act: ActorContext
) -> None:
    contact = await to_contact(api, act)
    await api.done("requestEmailVerification", "", **contact)
    await api.work()
    entry = await AuditEntry.get(operation="confirmation.mail")
    assert (entry.subject_id, entry.actor_id) == (contact["contactId"], SYSTEM.id)
    assert entry.after == {"mail_state": "SENT"}
    assert entry.request_id.startswith("cfm_")


async def test_a_template_that_loses_its_parent_says_so(api: Api, act: ActorContext) -> None:
    database = api.platform.database
    parent = await add_customer(database, act, "RESELLER_OTHER")
    template = await add_template(database, act, parent_id=parent.id)
    await api.done("deleteCustomer", "", id=parent.id)
    entry = await AuditEntry.filter(subject_id=template.id).order_by("-id").first()
    assert entry is not None
    assert (entry.operation, entry.before, entry.after) == (
        "default.repointed",
        {"parent_id": parent.id},
        {"parent_id": None},
    )


async def test_who_may_not_read_the_trail_is_refused(api: Api) -> None:
    token = await api.token_for(*(scope for scope in Scope if scope is not Scope.AUDIT_READ))
    error = await api.error("{ auditTrail { nodes { id } } }", token=token)
    assert error["extensions"]["requiredScopes"] == ["AUDIT_READ"]
