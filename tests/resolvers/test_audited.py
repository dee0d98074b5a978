"""Every mutation leaves an audit entry, or does nothing at all (R96)."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from tortoise.connection import get_connection

from models import AccessToken, AuditEntry, Contact, Suggestion
from models.access import SYSTEM, Principal, Scope
from models.audit import Act
from models.consent import ConsentBasis
from models.enrichment import SuggestionStatus
from tests.factories import (
    add_class,
    add_customer,
    add_template,
    record_consent,
    retire,
    shipped,
)
from tests.graphql_client import Api, Json, LiveApi, document_of, stored, the_schema

Prepare = Callable[[Api, Act], Awaitable[Json]]
GRANT = {
    "basis": ConsentBasis.WRITTEN_OPT_IN.value,
    "givenBy": "Ann",
    "method": "PAPER",
    "documentName": "Terms",
    "documentVersion": "1",
    "isEmailingCovered": True,
    "evidenceReference": "file",
}

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
    """Let the database refuse audit entries meanwhile."""
    connection = get_connection("default")
    is_postgres = api.platform.database.is_postgres
    await connection.execute_script(POSTGRES if is_postgres else SQLITE)
    try:
        yield
    finally:
        drop = "DROP FUNCTION refuse_entry CASCADE" if is_postgres else "DROP TRIGGER refuse_entry"
        await connection.execute_query(drop)


async def of_own_class(api: Api, act: Act) -> Json:
    return {"id": (await add_class(api.platform.database, act)).id, "reason": "Old"}


async def of_deletable_class(api: Api, act: Act) -> Json:
    return {"id": (await add_class(api.platform.database, act)).id}


async def of_retired_class(api: Api, act: Act) -> Json:
    own = await add_class(api.platform.database, act)
    await retire(api.platform.database, act, own)
    return {"id": own.id, "reason": "Back again"}


async def of_template(api: Api, act: Act) -> Json:
    return {"id": (await add_template(api.platform.database, act)).id}


async def of_defaults(api: Api, act: Act) -> Json:  # noqa: ARG001  # as the others
    return {"customerClassId": (await shipped("CHARITY")).id}


async def of_move(api: Api, act: Act) -> Json:
    customer = await add_customer(api.platform.database, act)
    other = await shipped("SOLE_TRADER")
    return {"customerId": customer.id, "classId": other.id, "reason": "Grew"}


async def of_customer(api: Api, act: Act) -> Json:
    return {"id": (await add_customer(api.platform.database, act)).id}


async def to_customer(api: Api, act: Act) -> Json:
    return {"customerId": (await add_customer(api.platform.database, act)).id}


async def of_contact(api: Api, act: Act) -> Json:
    customer = await add_customer(api.platform.database, act)
    saved = await api.done(
        "saveContact",
        "contact { id }",
        customerId=customer.id,
        name="Al",
        email="al@a.example",
        receivesBills=True,
    )
    return {"id": saved["contact"]["id"]}


async def to_contact(api: Api, act: Act) -> Json:
    return {"contactId": (await of_contact(api, act))["id"]}


async def to_verified_contact(api: Api, act: Act) -> Json:
    contact = await to_contact(api, act)
    await Contact.filter(id=contact["contactId"]).update(email_verified_at=act.now)
    return contact


async def to_asked_contact(api: Api, act: Act) -> Json:
    contact = await to_verified_contact(api, act)
    await api.done("requestAttachmentPreference", "", **contact)
    return contact


async def of_looked_up(api: Api, act: Act) -> Json:
    customer = await add_customer(
        api.platform.database, act, "COMPANY_UK_LIMITED", company_number="00000101"
    )
    return {"customerId": customer.id}


async def of_suggestion(api: Api, act: Act) -> Json:
    customer = await add_customer(api.platform.database, act)
    suggestion = await Suggestion.create(
        customer_id=customer.id,
        field="employees",
        entry={"value": 5, "source": "SANDBOX"},
        status=SuggestionStatus.OPEN,
        created_at=act.now,
    )
    return {"id": suggestion.id}


async def of_consenting(api: Api, act: Act) -> Json:
    customer = await add_customer(api.platform.database, act)
    await record_consent(api.platform.database, act, customer)
    return {"customerId": customer.id}


async def of_entry(api: Api, act: Act) -> Json:
    customer = await add_customer(api.platform.database, act)
    recorded = await record_consent(api.platform.database, act, customer)
    return {"entryId": recorded.entry.id, "reason": "Mistyped", "givenBy": "Bo"}


async def of_actor(api: Api, act: Act) -> Json:
    mine = replace(act, principal=Principal("tok_gone", "Gone Clerk", frozenset()))
    await add_class(api.platform.database, mine, "Last deed")
    return {"actorId": "tok_gone", "reason": "Left"}


def plain(**values: object) -> Prepare:
    async def prepare(api: Api, act: Act) -> Json:  # noqa: ARG001  # as the others
        return dict(values)

    return prepare


async def of_grant(api: Api, act: Act) -> Json:
    return {**await to_customer(api, act), **GRANT}


async def of_new_contact(api: Api, act: Act) -> Json:
    return {**await to_customer(api, act), "name": "Bo"}


MUTATIONS: dict[str, tuple[Prepare, set[str]]] = {
    "saveCustomerClass": (plain(name="Mine"), {"class.created"}),
    "retireCustomerClass": (of_own_class, {"class.retired"}),
    "reactivateCustomerClass": (of_retired_class, {"class.reactivated"}),
    "deleteCustomerClass": (of_deletable_class, {"class.deleted"}),
    "saveCustomerTemplate": (plain(name="Mine"), {"template.saved"}),
    "deleteCustomerTemplate": (of_template, {"template.deleted"}),
    "savePlatformDefaults": (of_defaults, {"platform_defaults.saved"}),
    "saveCustomer": (plain(name="Acme", classCode="CHARITY"), {"customer.created"}),
    "changeCustomerClass": (of_move, {"customer.class_changed"}),
    "deleteCustomer": (of_customer, {"customer.deleted"}),
    "saveContact": (of_new_contact, {"contact.created"}),
    "deleteContact": (of_contact, {"contact.deleted"}),
    "requestEmailVerification": (to_contact, {"confirmation.requested"}),
    "requestAttachmentPreference": (
        to_verified_contact,
        {"confirmation.requested", "preference.requested"},
    ),
    "withdrawAttachmentPreference": (to_asked_contact, {"preference.withdrawn"}),
    "requestEnrichment": (of_looked_up, {"customer.lookup_requested"}),
    "acceptSuggestion": (of_suggestion, {"suggestion.accepted"}),
    "rejectSuggestion": (of_suggestion, {"suggestion.rejected"}),
    "recordConsent": (of_grant, {"consent.recorded"}),
    "withdrawConsent": (of_consenting, {"consent.withdrawn"}),
    "correctConsent": (of_entry, {"consent.corrected"}),
    "requestNonItemisedBills": (to_customer, {"non_itemised_bills.requested"}),
    "withdrawNonItemisedBillsRequest": (to_customer, {"non_itemised_bills.withdrawn"}),
    "eraseActorNames": (of_actor, {"actor.names_erased"}),
}
"""What each mutation needs before it, and the operations that it leaves in the trail."""


def test_every_mutation_of_the_schema_is_tried() -> None:
    mutations = the_schema()._schema.mutation_type
    assert mutations is not None
    assert MUTATIONS.keys() == mutations.fields.keys()


@pytest.mark.parametrize("mutation", MUTATIONS)
async def test_a_mutation_leaves_entries_or_does_nothing(api: Api, act: Act, mutation: str) -> None:
    """R96: who, when and in which request; without an entry there is no change either."""
    prepare, operations = MUTATIONS[mutation]
    values = await prepare(api, act)
    before = await stored()
    async with no_entries(api):
        body = await api.answer(document_of(mutation, ""), input=values)
        # SQLite says as of a name taken that a constraint is in the way.
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


async def test_a_class_that_is_looked_up_is_in_the_trail_with_its_customers(
    api: Api, act: Act
) -> None:
    """R23."""
    own = await add_class(api.platform.database, act)
    customer = await add_customer(
        api.platform.database, act, class_id=own.id, company_number="00000101"
    )
    await api.save_class(id=own.id, checkCompaniesHouse=True)
    await api.done("requestEnrichment", "queuedLookupCount", classId=own.id)
    of_class = await AuditEntry.filter(subject_id=own.id).order_by("-id").first()
    of_customer = await AuditEntry.filter(subject_id=customer.id).order_by("-id").first()
    assert of_class is not None
    assert of_customer is not None
    assert (of_class.operation, of_class.after) == ("class.lookup_requested", {"lookups": 1})
    assert of_customer.operation == "customer.lookup_requested"


async def test_what_becomes_of_a_mail_is_in_the_trail_as_the_platforms(api: Api, act: Act) -> None:
    contact = await to_contact(api, act)
    await api.done("requestEmailVerification", "", **contact)
    await api.work()
    entry = await AuditEntry.get(operation="confirmation.mail")
    assert (entry.subject_id, entry.actor_id) == (contact["contactId"], SYSTEM.id)
    assert entry.after == {"mail_state": "SENT"}
    assert entry.request_id.startswith("cfm_")


async def test_a_template_that_loses_its_parent_says_so(api: Api, act: Act) -> None:
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
    assert error["extensions"]["requiredScopes"] == ["audit:read"]
