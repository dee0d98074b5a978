"""Consent and contacts: unverified addresses, and withdrawing preferences with consent."""

from typing import Any

import pytest

from models import Contact, PreferenceEntry
from models.rules.document import Document
from models.rules.preference import PreferenceKind
from models.tables.access import Principal, Scope
from models.tables.audit import ActorContext
from models.tables.preference_entry import add_entry
from tests.graphql_client import Api, stored
from tests.resolvers.consent_inputs import GRANTED

UNVERIFIED = """{ customers(filter: { advisories: [CONSENT_REACHES_UNVERIFIED] }) {
  totalCount nodes { name advisories { code } } } }"""


async def contact(api: Api, customer_id: str, **values: Any) -> Contact:
    """Add a contact on the bill list."""
    given = {"name": "Ann", "email": "ann@acme.example", "receivesBills": True, **values}
    payload = await api.done("saveContact", "contact { id }", customerId=customer_id, **given)
    return await Contact.get(id=payload["contact"]["id"])


async def confirm(api: Api, of: Contact) -> None:
    """Confirm a preference, as the link in a mail would."""
    act = ActorContext(Principal("tok_1", "Tess", frozenset(Scope)), api.clock(), "request-1")
    await api.platform.database.transaction(
        lambda: add_entry(act, of, PreferenceKind.CONFIRMED, list(Document), of.email)
    )


@pytest.mark.parametrize(
    ("values", "verified", "is_advised"),
    [
        ({}, False, True),
        ({}, True, False),
        ({"receivesBills": False}, False, False),
        ({"isActive": False}, False, False),
        ({"email": None}, False, False),
    ],
)
async def test_full_documents_for_an_unverified_address_are_an_advisory(
    api: Api, values: dict[str, Any], verified: bool, is_advised: bool
) -> None:
    """A13."""
    customer = await api.save_customer(name="Acme", consent=GRANTED)
    made = await contact(api, customer["id"], **values)
    if verified:
        await Contact.filter(id=made.id).update(email_verified_at=api.clock())
    found = (await api.data(UNVERIFIED))["customers"]
    advisories = [{"code": "CONSENT_REACHES_UNVERIFIED"}]
    wanted = [{"name": "Acme", "advisories": advisories}] if is_advised else []
    assert found == {"totalCount": len(wanted), "nodes": wanted}
    shown = await api.customer(customer["id"], "advisories { code }")
    assert shown["advisories"] == (advisories if is_advised else [])


async def test_a_deleted_contact_and_withdrawn_consent_end_the_advisory(api: Api) -> None:
    """A13."""
    customers = [await api.save_customer(name=name, consent=GRANTED) for name in ("A", "B")]
    contacts = [await contact(api, one["id"]) for one in customers]
    assert (await api.data(UNVERIFIED))["customers"]["totalCount"] == 2
    await api.done("deleteContact", "", id=contacts[0].id)
    await api.done("withdrawConsent", "", customerId=customers[1]["id"])
    assert (await api.data(UNVERIFIED))["customers"]["totalCount"] == 0


async def test_withdrawn_consent_leaves_preferences_alone_unless_they_are_revoked_too(
    api: Api,
) -> None:
    """R66, R57."""
    customer = await api.save_customer(consent=GRANTED)
    for name in ("one", "two"):
        await confirm(api, await contact(api, customer["id"], email=f"{name}@acme.example"))
    await contact(api, customer["id"], email="three@acme.example")
    values = {"customerId": customer["id"], "reason": "Muster asked"}
    await api.done("withdrawConsent", "", **values)
    assert await PreferenceEntry.filter(kind=PreferenceKind.WITHDRAWN).count() == 0
    revoking = {**values, "revokePreferences": True, "idempotencyKey": "k"}
    before = await stored()
    await api.done("withdrawConsent", "", **revoking, dryRun=True)
    assert await stored() == before
    await api.done("withdrawConsent", "", **revoking)
    assert await PreferenceEntry.filter(kind=PreferenceKind.WITHDRAWN).count() == 2
    before = await stored()
    assert (await api.done("withdrawConsent", "isReplayed", **revoking))["isReplayed"]
    assert await stored() == before
    await api.refused(
        "withdrawConsent", "IDEMPOTENCY_KEY_REUSED", **{**revoking, "revokePreferences": False}
    )


async def test_what_a_customer_said_on_withdrawing_is_gone_when_it_is_erased(api: Api) -> None:
    """A18: from the entries of its contacts too."""
    customer = await api.save_customer(consent=GRANTED)
    await confirm(api, await contact(api, customer["id"]))
    await api.done(
        "withdrawConsent",
        "",
        customerId=customer["id"],
        reason="Mr Muster asked",
        revokePreferences=True,
    )
    assert "Muster" in repr(await stored())
    await api.done("deleteCustomer", "", id=customer["id"])
    assert "Muster" not in repr(await stored())


async def test_revoking_preferences_needs_the_scope_of_contacts(api: Api) -> None:
    """R93."""
    customer = await api.save_customer(consent=GRANTED)
    token = await api.token_for(Scope.CONSENT_WRITE)
    document = """mutation($input: WithdrawConsentInput!) {
      withdrawConsent(input: $input) { userErrors { code } } }"""
    before = await stored()
    values = {"customerId": customer["id"], "revokePreferences": True}
    error = await api.error(document, token=token, input=values)
    assert error["extensions"]["requiredScopes"] == ["CONTACTS_WRITE"]
    assert await stored() == before
    del values["revokePreferences"]
    assert await api.data(document, token=token, input=values)
