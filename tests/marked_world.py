"""Creates rows whose personal data is marked, and a token that may not see personal data."""

import base64
import re
from typing import Any

from models import (
    AuditEntry,
    ClassChange,
    ConsentEntry,
    Customer,
    EnrichmentRun,
    Job,
    PreferenceEntry,
    ProfileChange,
    Suggestion,
)
from models.jobs.job import JobState
from models.jobs.kinds import ENRICH
from models.rules.enrichment_status import EnrichmentStatus, EnrichmentTrigger
from models.tables.access import SYSTEM, Scope
from models.tables.audit import ActorContext
from models.tables.enrichment import SuggestionStatus
from tests.access_world import issue
from tests.graphql_client import Api
from tests.import_world import add_ended_import
from tests.webhook_world import deliver, stored_endpoint

MASKING: dict[str, Any] = {
    "personal_data_needs_scope": True,
    "max_aliases": 10_000,
    "max_fields": 10**6,
    "max_depth": 200,
    "max_selection_fields": 1_000,
    "max_tokens": 100_000,
    "max_cost": 10**9,
    "cost_budget": 0,
}
"""Settings that mask personal data and allow documents of any size."""

MARKERS = {
    "customer",
    "address",
    "contact",
    "email",
    "giver",
    "role",
    "statement",
    "evidence",
    "asker",
    "why",
    "correction",
    "suggested",
    "movedfrom",
    "movedto",
    "moved",
    "renamed",
    "staff",
    "mailbox",
    "dismissal",
    "leak",
    "answer",
}
"""The kinds of marked values; `zq-customer` marks the customer's name, and so on."""

CURSOR = re.compile(r"[A-Za-z0-9_-]{20,}")


def zq(name: str) -> str:
    assert name in MARKERS
    return f"zq-{name}"


def markers_in(text: str) -> set[str]:
    """Return the markers that a text contains, also inside its encoded cursors."""
    encoded = [one for one in CURSOR.findall(text) if len(one) % 4 != 1]
    cursors = [base64.urlsafe_b64decode(f"{one}==") for one in encoded]
    whole = text + b" ".join(cursors).decode(errors="replace")
    return {marker for marker in MARKERS if f"zq-{marker}" in whole.casefold()}


async def add_marked_world(api: Api) -> dict[str, str]:
    """Create a sole trader with every kind of personal data; return the ids."""
    parent = await api.save_customer(name=zq("customer"), classCode="RESELLER_SOLE_TRADER")
    customer = await api.save_customer(
        name=zq("renamed"),
        classCode="RESIDENTIAL",
        parentId=parent["id"],
        accountNumber="AC-1",
        profile={"registeredAddress": {"addressLine1": zq("address")}},
    )
    await api.save_customer(id=customer["id"], name=zq("customer"))
    sole_trader = await api.class_of("SOLE_TRADER")
    await api.done(
        "changeCustomerClass",
        "",
        customerId=customer["id"],
        classId=sole_trader["id"],
        reason=zq("moved"),
    )
    contact = await api.done(
        "saveContact",
        "contact { id }",
        customerId=customer["id"],
        name=zq("contact"),
        email="zq-email@a.example",
        receivesBills=True,
    )
    grant = await api.done(
        "recordConsent",
        "entry { id }",
        customerId=customer["id"],
        basis="WRITTEN_OPT_IN",
        method="PAPER",
        givenBy=zq("giver"),
        givenByRole=zq("role"),
        statement=zq("statement"),
        evidenceReference=zq("evidence"),
        documentName="Terms",
        documentVersion="1",
        isEmailingCovered=True,
        effectiveAt="2026-09-01T00:00:00Z",
    )
    await api.done("correctConsent", "", entryId=grant["entry"]["id"], reason=zq("correction"))
    await api.done(
        "requestNonItemisedBills",
        "",
        customerId=customer["id"],
        askedBy=zq("asker"),
        effectiveAt="2026-11-15T00:00:00Z",
        reason=zq("why"),
    )
    suggestion = await Suggestion.create(
        customer_id=customer["id"],
        field="registered_address",
        entry={"value": {"address_line_1": zq("suggested")}, "source": "SANDBOX"},
        status=SuggestionStatus.OPEN,
        created_at=api.clock(),
    )
    run = await EnrichmentRun.create(
        customer_id=customer["id"],
        trigger=EnrichmentTrigger.REQUEST,
        status=EnrichmentStatus.CANCELLED,
        requested_at=api.clock(),
    )
    await ProfileChange.create(
        customer_id=customer["id"],
        field="registered_address",
        before=zq("movedfrom"),
        after=zq("movedto"),
        source="SANDBOX",
        run_id=run.id,
        changed_at=api.clock(),
    )
    template = await api.done(
        "saveCustomerTemplate", "customerTemplate { id }", name="Shops", parentId=parent["id"]
    )
    return {
        "customer": customer["id"],
        "contact": contact["contact"]["id"],
        "suggestion": suggestion.id,
        "run": run.id,
        "template": template["customerTemplate"]["id"],
        **await histories(customer["id"]),
        **await staff(api),
        "endpoint": await endpoint_with_answer(api, customer["id"]),
        "job": await add_ended_job(api, customer["id"]),
        "import": await add_ended_import(
            ActorContext(SYSTEM, api.clock(), "request-1"), parent["id"], lambda name: name
        ),
    }


async def endpoint_with_answer(api: Api, customer_id: str) -> str:
    """Store a webhook endpoint that answered with personal data; return its id."""
    endpoint = await stored_endpoint(api.clock(), None)
    customer = await Customer.get(id=customer_id)
    await deliver(endpoint.id, customer, api.clock(), answer=zq("answer"))
    return endpoint.id


async def add_ended_job(api: Api, customer_id: str) -> str:
    """Store a job about a customer that has ended; return its id."""
    payload, now = {"customer_id": customer_id}, api.clock()
    job = await Job.create(
        kind=ENRICH, payload=payload, state=JobState.DONE, created_at=now, finished_at=now
    )
    return job.id


async def histories(customer_id: str) -> dict[str, str]:
    """Return the id of the newest entry of each of a customer's histories, by model."""
    newest: dict[str, str] = {}
    for model in (AuditEntry, ClassChange, ConsentEntry, PreferenceEntry):
        entry = await model.filter(customer_id=customer_id).order_by("-id").first()
        newest |= {} if entry is None else {model.__name__: str(entry.pk)}
    return newest


async def staff(api: Api) -> dict[str, str]:
    """Create a renamed, disabled user with a revoked token, and a group; return the ids.

    The names of users are not marked, because they are not masked.
    """
    before = {"name": zq("staff"), "email": "zq-mailbox@a.example"}
    user = (await api.done("saveUser", "user { id }", **before))["user"]["id"]
    await api.done("saveUser", "", id=user, name="Uma", email="uma@a.example")
    await api.done("grantPermissions", "", granteeId=user, permissions=["CUSTOMERS_READ"])
    token = (await issue(api, user, Scope.CUSTOMERS_READ))["accessToken"]["id"]
    await api.done("revokeAccessToken", "", id=token, reason=zq("leak"))
    await api.done("disableUser", "", id=user, reason=zq("dismissal"))
    group = await api.done("saveUserGroup", "userGroup { id }", name="Auditors")
    return {"user": user, "token": token, "group": group["userGroup"]["id"]}


async def masked_token(api: Api) -> str:
    """Issue a token with all permissions except reading personal data."""
    return await api.token_for(*(one for one in Scope if one is not Scope.PERSONAL_DATA_READ))
