"""Prepares a valid input for each mutation, for tests that run all mutations."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from models import Contact, CustomerImport, Job, JobPause, Suggestion
from models.jobs.job import JobState
from models.jobs.kinds import IMPORT, WEBHOOK_NOTICE
from models.rules.consent import ConsentBasis
from models.rules.enrichment_status import EnrichmentReason, EnrichmentStatus
from models.tables.access import Principal, Scope
from models.tables.audit import ActorContext
from models.tables.enrichment import SuggestionStatus
from tests.access_world import add_group, add_user, issue
from tests.factories import (
    add_class,
    add_customer,
    add_import,
    add_template,
    end_lookups,
    record_consent,
    retire,
    shipped,
)
from tests.graphql_client import Api, Json
from tests.webhook_world import add_endpoint, deliver

Prepare = Callable[[Api, ActorContext], Awaitable[Json]]
GRANT: Json = {
    "basis": ConsentBasis.WRITTEN_OPT_IN.value,
    "givenBy": "Ann",
    "method": "PAPER",
    "documentName": "Terms",
    "documentVersion": "1",
    "isEmailingCovered": True,
    "evidenceReference": "file",
}


async def of_own_class(api: Api, act: ActorContext) -> Json:
    return {"id": (await add_class(api.platform.database, act)).id, "reason": "Old"}


async def of_deletable_class(api: Api, act: ActorContext) -> Json:
    return {"id": (await add_class(api.platform.database, act)).id}


async def of_retired_class(api: Api, act: ActorContext) -> Json:
    own = await add_class(api.platform.database, act)
    await retire(api.platform.database, act, own)
    return {"id": own.id, "reason": "Back again"}


async def of_template(api: Api, act: ActorContext) -> Json:
    return {"id": (await add_template(api.platform.database, act)).id}


async def of_defaults(api: Api, act: ActorContext) -> Json:  # noqa: ARG001  # common signature
    return {"classId": (await shipped("CHARITY")).id}


async def of_move(api: Api, act: ActorContext) -> Json:
    customer = await add_customer(api.platform.database, act)
    other = await shipped("SOLE_TRADER")
    return {"customerId": customer.id, "classId": other.id, "reason": "Grew"}


async def of_customer(api: Api, act: ActorContext) -> Json:
    return {"id": (await add_customer(api.platform.database, act)).id}


async def to_customer(api: Api, act: ActorContext) -> Json:
    return {"customerId": (await add_customer(api.platform.database, act)).id}


async def of_contact(api: Api, act: ActorContext) -> Json:
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


async def to_contact(api: Api, act: ActorContext) -> Json:
    return {"contactId": (await of_contact(api, act))["id"]}


async def to_verified_contact(api: Api, act: ActorContext) -> Json:
    contact = await to_contact(api, act)
    await Contact.filter(id=contact["contactId"]).update(email_verified_at=act.now)
    return contact


async def to_asked_contact(api: Api, act: ActorContext) -> Json:
    contact = await to_verified_contact(api, act)
    await api.done("requestAttachmentPreference", "", **contact)
    return contact


async def of_looked_up(api: Api, act: ActorContext) -> Json:
    customer = await add_customer(
        api.platform.database, act, "COMPANY_UK_LIMITED", company_number="00000101"
    )
    return {"target": {"customerId": customer.id}}


async def of_failed_lookup(api: Api, act: ActorContext) -> Json:
    await of_looked_up(api, act)
    await end_lookups(EnrichmentStatus.FAILED, act.now, EnrichmentReason.GAVE_UP)
    return {"filter": {"reasons": ["GAVE_UP"]}}


async def of_suggestion(api: Api, act: ActorContext) -> Json:
    customer = await add_customer(api.platform.database, act)
    suggestion = await Suggestion.create(
        customer_id=customer.id,
        field="employees",
        entry={"value": 5, "source": "SANDBOX"},
        status=SuggestionStatus.OPEN,
        created_at=act.now,
    )
    return {"id": suggestion.id}


async def of_suggestions(api: Api, act: ActorContext) -> Json:
    return {"ids": [(await of_suggestion(api, act))["id"] for _ in range(2)]}


async def of_consenting(api: Api, act: ActorContext) -> Json:
    customer = await add_customer(api.platform.database, act)
    await record_consent(api.platform.database, act, customer)
    return {"customerId": customer.id}


async def of_entry(api: Api, act: ActorContext) -> Json:
    customer = await add_customer(api.platform.database, act)
    recorded = await record_consent(api.platform.database, act, customer)
    return {"entryId": recorded.entry.id, "reason": "Mistyped", "values": {"givenBy": "Bo"}}


async def of_actor(api: Api, act: ActorContext) -> Json:
    mine = replace(act, principal=Principal("tok_gone", "Gone Clerk", frozenset()))
    await add_class(api.platform.database, mine, "Last deed")
    return {"actorId": "tok_gone", "reason": "Left"}


async def of_failed_job(api: Api, act: ActorContext) -> Json:  # noqa: ARG001  # common signature
    job = await Job.create(
        kind=WEBHOOK_NOTICE, state=JobState.FAILED, created_at=act.now, finished_at=act.now
    )
    return {"ids": [job.id]}


async def of_paused_kind(api: Api, act: ActorContext) -> Json:  # noqa: ARG001  # common signature
    await JobPause.get_or_create(kind=IMPORT, defaults={"paused_at": act.now})
    return {"kind": "IMPORT"}


def plain(**values: object) -> Prepare:
    async def prepare(api: Api, act: ActorContext) -> Json:  # noqa: ARG001  # as the others
        return dict(values)

    return prepare


async def of_grant(api: Api, act: ActorContext) -> Json:
    return {**await to_customer(api, act), **GRANT}


async def of_new_contact(api: Api, act: ActorContext) -> Json:
    return {**await to_customer(api, act), "name": "Bo"}


def rows_of(prepare: Prepare) -> Prepare:
    """Return the function that prepares two rows for a mutation of many rows."""

    async def prepared(api: Api, act: ActorContext) -> Json:
        return {"rows": [await prepare(api, act), await prepare(api, act)]}

    return prepared


async def of_user(api: Api, act: ActorContext) -> Json:  # noqa: ARG001  # as the others
    return {"id": await add_user(api, "Uma", Scope.CUSTOMERS_READ), "reason": "On leave"}


async def of_disabled_user(api: Api, act: ActorContext) -> Json:
    user = await of_user(api, act)
    await api.done("disableUser", "", **user)
    return user


async def of_group(api: Api, act: ActorContext) -> Json:  # noqa: ARG001  # as the others
    return {"id": await add_group(api, "Clerks", Scope.CUSTOMERS_READ)}


async def of_group_with_member(api: Api, act: ActorContext) -> Json:
    user = await of_user(api, act)
    return {"id": await add_group(api, "Clerks", members=[user["id"]])}


async def of_members(api: Api, act: ActorContext) -> Json:
    user, group = await of_user(api, act), await of_group(api, act)
    return {"groupId": group["id"], "addUserIds": [user["id"]]}


async def to_user(api: Api, act: ActorContext) -> Json:
    user = await of_user(api, act)
    return {"granteeId": user["id"], "permissions": ["CUSTOMERS_WRITE"], "reason": "Promoted"}


async def from_group(api: Api, act: ActorContext) -> Json:
    group = await of_group(api, act)
    return {"granteeId": group["id"], "permissions": ["CUSTOMERS_READ"], "reason": "Too much"}


async def of_new_token(api: Api, act: ActorContext) -> Json:
    user = await of_user(api, act)
    return {"userId": user["id"], "name": "laptop", "scopes": ["CUSTOMERS_READ"]}


async def of_token(api: Api, act: ActorContext) -> Json:
    user = await of_user(api, act)
    issued = await issue(api, user["id"], Scope.CUSTOMERS_READ)
    return {"id": issued["accessToken"]["id"]}


async def of_endpoint(api: Api, act: ActorContext) -> Json:  # noqa: ARG001  # as the others
    return {"id": (await add_endpoint(api))["id"]}


async def of_delivered(api: Api, act: ActorContext) -> Json:
    endpoint = await add_endpoint(api)
    return {
        "deliveryIds": [
            await deliver(endpoint["id"], await add_customer(api.platform.database, act), act.now)
        ]
    }


async def of_import(api: Api, act: ActorContext) -> Json:
    running = await CustomerImport.filter(finished_at__isnull=True).first()
    return {"id": running.id if running else await add_import(api.platform.database, act)}


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
    "saveCustomers": (
        rows_of(plain(name="Acme", classCode="CHARITY", contacts=[{"name": "Ann"}])),
        {"customer.created", "contact.created"},
    ),
    "saveContacts": (rows_of(of_new_contact), {"contact.created"}),
    "deleteContact": (of_contact, {"contact.deleted"}),
    "eraseContact": (of_contact, {"contact.erased"}),
    "requestEmailVerification": (to_contact, {"confirmation.requested"}),
    "requestAttachmentPreference": (
        to_verified_contact,
        {"confirmation.requested", "preference.requested"},
    ),
    "withdrawAttachmentPreference": (to_asked_contact, {"preference.withdrawn"}),
    "requestEnrichment": (of_looked_up, {"customer.lookup_requested"}),
    "restartEnrichments": (of_failed_lookup, {"customer.lookup_requested"}),
    "acceptSuggestion": (of_suggestion, {"suggestion.accepted"}),
    "rejectSuggestion": (of_suggestion, {"suggestion.rejected"}),
    "acceptSuggestions": (of_suggestions, {"suggestion.accepted"}),
    "rejectSuggestions": (of_suggestions, {"suggestion.rejected"}),
    "recordConsent": (of_grant, {"consent.recorded"}),
    "recordConsents": (rows_of(of_grant), {"consent.recorded"}),
    "withdrawConsent": (of_consenting, {"consent.withdrawn"}),
    "correctConsent": (of_entry, {"consent.corrected"}),
    "requestNonItemisedBills": (to_customer, {"non_itemised_bills.requested"}),
    "withdrawNonItemisedBillsRequest": (to_customer, {"non_itemised_bills.withdrawn"}),
    "cancelImport": (of_import, {"import.cancelled"}),
    "retryJobs": (of_failed_job, {"job.retried"}),
    "discardJobs": (of_failed_job, {"job.discarded"}),
    "pauseJobs": (plain(kind="IMPORT"), {"jobs.paused"}),
    "resumeJobs": (of_paused_kind, {"jobs.resumed"}),
    "eraseActorNames": (of_actor, {"actor.names_erased"}),
    "saveUser": (plain(name="Uma"), {"user.created"}),
    "disableUser": (of_user, {"user.disabled"}),
    "enableUser": (of_disabled_user, {"user.enabled"}),
    "saveUserGroup": (plain(name="Clerks"), {"group.created"}),
    "deleteUserGroup": (
        of_group_with_member,
        {"user.left_group", "group.member_removed", "group.deleted"},
    ),
    "changeGroupMembers": (of_members, {"user.joined_group", "group.member_added"}),
    "grantPermissions": (to_user, {"permissions.granted"}),
    "revokePermissions": (from_group, {"permissions.revoked"}),
    "issueAccessToken": (of_new_token, {"token.issued"}),
    "rotateAccessToken": (of_token, {"token.rotated", "token.issued"}),
    "revokeAccessToken": (of_token, {"token.revoked"}),
    "createExport": (plain(kind="CUSTOMERS", format="CSV"), {"export.link_created"}),
    "saveWebhookEndpoint": (
        plain(url="https://hooks.example/in"),
        {"webhook_endpoint.created"},
    ),
    "rotateWebhookSecret": (of_endpoint, {"webhook_endpoint.secret_rotated"}),
    "deleteWebhookEndpoint": (of_endpoint, {"webhook_endpoint.deleted"}),
    "pingWebhookEndpoint": (of_endpoint, {"webhook_endpoint.pinged"}),
    "redeliverWebhooks": (of_delivered, {"webhook_endpoint.redelivered"}),
}
"""By mutation: the function that prepares its input, and the operations that it records in the
audit trail.
"""

EDITS: dict[str, Prepare] = {
    "saveCustomerClass": of_deletable_class,
    "saveCustomerTemplate": of_template,
    "saveCustomer": of_customer,
    "saveContact": of_contact,
    "saveUser": of_user,
    "saveUserGroup": of_group,
    "saveWebhookEndpoint": of_endpoint,
}
"""By mutation that can also create: the function that prepares an existing object to edit."""

TABLE = "MUTATIONS in tests/mutations.py"
ENTRY = "a function that prepares what the mutation needs, and the operations in the audit trail"


async def input_of(mutation: str, api: Api, act: ActorContext) -> Json:
    """Store the objects that a mutation needs; return a valid input for it."""
    assert mutation in MUTATIONS, f"{TABLE} has no {mutation}: add {ENTRY}."
    return await MUTATIONS[mutation][0](api, act)
