"""What each contact would be emailed: now, at any instant, and under an assumption."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from models import Contact, CustomerClass
from models.rules.consent import ConsentBasis, EntryKind
from models.rules.document import Document
from models.tables.access import Scope
from models.tables.audit import ActorContext
from tests.clock import Clock
from tests.databases import Databases
from tests.delivery_world import World
from tests.graphql_client import Api, running_api, stored

FULL = ("ITEMISED", "PLAIN", "SENT")
REDUCED = ("SHORT", "PASSWORD_PROTECTED", "WITHHELD")
NOTHING = ("NOT_ADDRESSED",) * 3

CONTACTS = "contacts { contactId documents { document outcome reason entryId } }"
PREVIEW = """query($id: ID, $at: DateTime, $assuming: DeliveryAssumption) { customer(id: $id) {
  deliveryPreview(at: $at, assuming: $assuming) { %s } } }"""


@pytest.fixture
def world(api: Api, act: ActorContext) -> World:
    """Create the world whose customers the tests preview."""
    return World(api.platform.database, api.clock, act)


async def preview(
    api: Api,
    customer_id: str,
    select: str = CONTACTS,
    *,
    at: datetime | None = None,
    assuming: dict[str, Any] | None = None,
) -> Any:
    instant = None if at is None else at.isoformat()
    found = await api.data(PREVIEW % select, id=customer_id, at=instant, assuming=assuming)
    return found["customer"]["deliveryPreview"]


def outcomes(previewed: Any) -> list[tuple[str, ...]]:
    """Return the three outcomes of each contact."""
    return [
        tuple(one["outcome"] for one in contact["documents"]) for contact in previewed["contacts"]
    ]


def behind(previewed: Any) -> list[tuple[str, str | None]]:
    """Return the reason, and the id of the deciding entry, for each contact's bill."""
    bills = [contact["documents"][0] for contact in previewed["contacts"]]
    return [(bill["reason"], bill["entryId"]) for bill in bills]


async def test_consent_and_preference_decide_alike_for_every_shipped_class(
    api: Api, world: World
) -> None:
    """R68, R69, R70, R75, R76: the 2x2, for persons, companies and resellers."""
    classes = await CustomerClass.filter(code__not_isnull=True)
    assert len(classes) == 10
    for row in classes:
        customer = await world.customer(row.code or "")
        alone = await world.contact(customer, f"{row.code}-1@example.com")
        asked = await world.contact(customer, f"{row.code}-2@example.com")
        await world.verify(asked)
        entry = await world.prefer(asked)
        found = await preview(api, customer.id, f"classCode {CONTACTS}")
        assert found["classCode"] == row.code
        assert [one["contactId"] for one in found["contacts"]] == [alone.id, asked.id]
        assert outcomes(found) == [REDUCED, FULL]
        assert behind(found) == [("NO_CONSENT", None), ("CONTACT_PREFERENCE", entry)]
        consent = await world.consent(customer)
        found = await preview(api, customer.id)
        assert outcomes(found) == [FULL, FULL]
        assert behind(found) == [("ACCOUNT_CONSENT", consent)] * 2


async def test_a_preview_says_all_there_is_to_say_of_a_document(api: Api, world: World) -> None:
    """R72, R73, R78."""
    customer = await world.customer()
    await world.contact(customer)
    select = """contacts { hasEmail receivesBills isActive isEmailVerified name email
      advisories { code } documents { document sentence isPasswordNeeded
      sections { section contains } remedies { step mutation outcome appliesTo instruction } } }"""
    (contact,) = (await preview(api, customer.id, select))["contacts"]
    bill, cdr_zip, usage = contact.pop("documents")
    assert contact == {
        "hasEmail": True,
        "receivesBills": True,
        "isActive": True,
        "isEmailVerified": False,
        "name": "Pat",
        "email": "pat@example.com",
        "advisories": [],
    }
    assert bill["sentence"] == (
        "The bill is emailed without the list of calls: the customer's consent is not in force, and"
        " no confirmed attachment preference of this contact covers the document."
    )
    assert [part["section"] for part in bill["sections"]] == [
        "SUMMARY_TOTALS",
        "LINE_RENTALS",
        "RECURRING_CHARGES",
        "FEATURES",
    ]
    assert bill["sections"][1]["contains"] == "The rental of each of the customer's lines."
    assert [(one["step"], one["mutation"], one["outcome"]) for one in bill["remedies"]] == [
        ("RECORD_CONSENT", "recordConsent", "ITEMISED"),
        ("CONFIRM_PREFERENCE", "requestAttachmentPreference", "ITEMISED"),
    ]
    assert [one["appliesTo"] for one in bill["remedies"]] == ["ACCOUNT", "CONTACT"]
    assert [one["isPasswordNeeded"] for one in (bill, cdr_zip, usage)] == [False, True, False]
    assert cdr_zip["sections"] == usage["sections"] == []


@pytest.mark.parametrize(
    ("values", "is_listed", "is_sent"),
    [
        ({}, False, False),
        ({"receives_correspondence": True}, True, True),
        ({"receives_correspondence": True, "receives_bills": False}, True, True),
        ({"receives_correspondence": True, "is_active": False}, True, False),
        ({"receives_correspondence": True, "email": None}, True, False),
    ],
)
async def test_a_preview_says_who_receives_correspondence(
    api: Api, world: World, values: dict[str, Any], is_listed: bool, is_sent: bool
) -> None:
    """R59: as of the instant, independent of consent and the bill list."""
    customer = await world.customer()
    contact = await world.contact(customer, **values)
    at = world.clock()
    select = "contacts { receivesCorrespondence isSentCorrespondence }"
    wanted = {"receivesCorrespondence": is_listed, "isSentCorrespondence": is_sent}
    assert (await preview(api, customer.id, select))["contacts"] == [wanted]
    await world.edit(contact, receives_correspondence=not is_listed)
    await world.consent(customer)
    changed = (await preview(api, customer.id, select))["contacts"]
    assert [one["receivesCorrespondence"] for one in changed] == [not is_listed]
    assert (await preview(api, customer.id, select, at=at))["contacts"] == [wanted]


async def test_my_account_is_always_full(api: Api, world: World) -> None:
    """R74, A16: for any class, consent, request or contact."""
    customer = await world.customer("RESIDENTIAL")
    await world.consent(customer, kind=EntryKind.NON_ITEMISED_REQUEST)
    await world.contact(customer, None, is_active=False)
    select = f"myAccount {{ document outcome isAvailable sections {{ section }} }} {CONTACTS}"
    found = await preview(api, customer.id, select)
    assert outcomes(found) == [NOTHING]
    assert tuple(one["outcome"] for one in found["myAccount"]) == FULL
    assert {one["isAvailable"] for one in found["myAccount"]} == {True}
    assert found["myAccount"][0]["sections"][-1] == {"section": "ITEMISED_CALLS"}


async def test_who_is_not_addressed_is_shown_with_the_reason(api: Api, world: World) -> None:
    """R77, A14: regardless of consent and preference."""
    customer = await world.customer()
    await world.consent(customer)
    listed = await world.contact(customer, "a@example.com")
    await world.verify(listed)
    await world.prefer(listed)
    await world.edit(listed, receives_bills=False)
    inactive = await world.contact(customer, "b@example.com", is_active=False)
    bare = await world.contact(customer, None)
    found = await preview(api, customer.id)
    assert [one["contactId"] for one in found["contacts"]] == [listed.id, inactive.id, bare.id]
    assert outcomes(found) == [NOTHING] * 3
    reasons = [reason for reason, _ in behind(found)]
    assert reasons == ["DOES_NOT_RECEIVE_BILLS", "CONTACT_INACTIVE", "EMAIL_MISSING"]


async def test_a_request_for_bills_without_itemisation_beats_all(api: Api, world: World) -> None:
    """A16: until it is withdrawn."""
    customer = await world.customer()
    contact = await world.contact(customer)
    await world.verify(contact)
    await world.prefer(contact)
    await world.consent(customer)
    request = await world.consent(customer, kind=EntryKind.NON_ITEMISED_REQUEST)
    found = await preview(api, customer.id)
    assert outcomes(found) == [REDUCED]
    assert behind(found) == [("NON_ITEMISED_REQUESTED", request)]
    await world.consent(customer, kind=EntryKind.NON_ITEMISED_WITHDRAWAL)
    assert outcomes(await preview(api, customer.id)) == [FULL]


async def test_a_preference_is_for_its_documents_its_contact_and_its_address(
    api: Api, world: World
) -> None:
    """R60, R62, R63, R64, A1."""
    customer = await world.customer()
    contact, other = await world.contact(customer), await world.contact(customer, "o@example.com")
    await world.verify(contact)
    await world.ask(contact, Document.BILL)
    assert outcomes(await preview(api, customer.id)) == [REDUCED, REDUCED]
    await world.prefer(contact, Document.BILL, Document.CDR_ZIP)
    found = await preview(api, customer.id)
    assert outcomes(found) == [(*FULL[:2], REDUCED[2]), REDUCED]
    await world.edit(contact, email="new@example.com")
    assert outcomes(await preview(api, customer.id)) == [REDUCED, REDUCED]
    await world.verify(contact)
    assert outcomes(await preview(api, customer.id)) == [REDUCED, REDUCED]
    await world.prefer(contact)
    assert outcomes(await preview(api, customer.id)) == [FULL, REDUCED]
    await world.unprefer(contact)
    await world.delete(other)
    assert outcomes(await preview(api, customer.id)) == [REDUCED]


async def test_any_instant_is_answered_as_things_were_or_will_be(api: Api, world: World) -> None:
    """R56, R80: from the histories of consent, preference, contact and class."""
    customer = await world.customer("CHARITY")
    born = world.clock()
    contact = await world.contact(customer)
    made = world.clock()
    await world.verify(contact)
    await world.prefer(contact)
    preferred = world.clock()
    await world.edit(contact, receives_bills=False)
    unlisted = world.clock()
    await world.move(customer, "PUBLIC_SECTOR")
    moved = world.clock()
    await world.edit(contact, receives_bills=True, name="Patricia")
    await world.unprefer(contact)
    ended = world.clock()
    ahead = world.clock() + timedelta(days=30)
    await world.consent(customer, ahead)
    terms: dict[str, Any] = {
        "basis": ConsentBasis.TERMS_ACCEPTED,
        "document_name": "T&C",
        "covers_emailing": True,
    }
    await world.consent(customer, made + timedelta(seconds=1), **terms)
    await world.consent(customer, made + timedelta(seconds=2), EntryKind.WITHDRAWAL)
    select = f"at classCode consentBasis contacts {{ name }} {CONTACTS}"
    second = timedelta(seconds=1)
    expected: Sequence[tuple[datetime, list[Any], str | None]] = (
        (born - second, [], None),
        (born, [], "CHARITY"),
        (made, [REDUCED], "CHARITY"),
        (made + second, [FULL], "CHARITY"),
        (made + 2 * second, [REDUCED], "CHARITY"),
        (preferred - second, [REDUCED], "CHARITY"),
        (preferred, [FULL], "CHARITY"),
        (unlisted, [NOTHING], "CHARITY"),
        (moved, [NOTHING], "PUBLIC_SECTOR"),
        (ended, [REDUCED], "PUBLIC_SECTOR"),
        (ahead - second, [REDUCED], "PUBLIC_SECTOR"),
        (ahead, [FULL], "PUBLIC_SECTOR"),
        (ahead + timedelta(days=9999), [FULL], "PUBLIC_SECTOR"),
    )
    for instant, wanted, class_code in expected:
        found = await preview(api, customer.id, select, at=instant)
        assert (outcomes(found), found["classCode"]) == (wanted, class_code), instant
        assert datetime.fromisoformat(found["at"]) == instant
    assert (await preview(api, customer.id, select, at=preferred))["contacts"][0]["name"] == "Pat"
    assert (await preview(api, customer.id, select, at=made + second))["consentBasis"] == (
        "TERMS_ACCEPTED"
    )
    now = await preview(api, customer.id, select)
    assert datetime.fromisoformat(now["at"]) == api.clock()


async def test_withdrawing_consent_leaves_preferences_unless_they_are_revoked_too(
    api: Api, world: World
) -> None:
    """R66."""
    customer = await world.customer()
    contact = await world.contact(customer)
    await world.verify(contact)
    await world.prefer(contact)
    await world.consent(customer)
    asked: dict[str, Any] = {"customerId": customer.id, "reason": "Asked"}
    await api.done("withdrawConsent", "", **asked)
    assert outcomes(await preview(api, customer.id)) == [FULL]
    before = await stored()
    await api.done("withdrawConsent", "", revokePreferences=True, dryRun=True, **asked)
    assert await stored() == before
    await api.done("withdrawConsent", "", revokePreferences=True, **asked)
    found = await preview(api, customer.id)
    assert outcomes(found) == [REDUCED]
    assert behind(found)[0][0] == "NO_CONSENT"


async def test_consent_that_reaches_an_unverified_address_is_an_advisory_to_filter_by(
    api: Api, world: World
) -> None:
    """A13."""
    reached, verified, bare = [await world.customer(name=name) for name in "ABC"]
    for customer in (reached, verified):
        await world.consent(customer)
    for customer in (reached, verified, bare):
        await world.contact(customer, f"{customer.id}@example.com")
    await world.contact(verified, "off@example.com", receives_bills=False)
    contact = await world.contact(verified, None)
    await world.delete(contact)
    (own,) = await Contact.filter(customer_id=verified.id, receives_bills=True, deleted_at=None)
    await world.verify(own)
    found = await api.data(
        """{ customers(filter: { advisories: [CONSENT_REACHES_UNVERIFIED] }) {
          nodes { id advisories { code } } }
        consentAdvisoryCounts { code customerCount } }"""
    )
    assert found["customers"]["nodes"] == [
        {"id": reached.id, "advisories": [{"code": "CONSENT_REACHES_UNVERIFIED"}]}
    ]
    counts = {one["code"]: one["customerCount"] for one in found["consentAdvisoryCounts"]}
    assert counts["CONSENT_REACHES_UNVERIFIED"] == 1
    assert (await api.customer(verified.id, "advisories { code }"))["advisories"] == []


ASSUMED = f"""{CONTACTS} classCode difference {{
  contactId contactName document
  before {{ outcome reason sentence }} after {{ outcome reason sentence }} }}"""


async def test_an_assumption_shows_the_preview_and_what_it_changes(api: Api, world: World) -> None:
    """R79: for consent, request, preference, bill list and class; nothing is written."""
    customer = await world.customer()
    one, two = await world.contact(customer), await world.contact(customer, "two@example.com")
    charity = await CustomerClass.get(code="RESELLER_OTHER")
    before = await stored()

    async def assumed(**values: Any) -> Any:
        return await preview(api, customer.id, ASSUMED, assuming=values)

    found = await assumed(isConsentGiven=True)
    assert outcomes(found) == [FULL, FULL]
    assert behind(found) == [("ACCOUNT_CONSENT", None)] * 2
    assert [change["contactId"] for change in found["difference"]] == [one.id] * 3 + [two.id] * 3
    sentences = [found["difference"][1][when]["sentence"] for when in ("before", "after")]
    sent = "contacts { documents { sentence } }"
    shown = await preview(api, customer.id, sent, assuming={"isConsentGiven": True})
    assert sentences[1] == shown["contacts"][0]["documents"][1]["sentence"]
    assert sentences[0] != sentences[1]
    assert found["difference"][1] == {
        "contactId": one.id,
        "contactName": one.name,
        "document": "CDR_ZIP",
        "before": {
            "outcome": "PASSWORD_PROTECTED",
            "reason": "NO_CONSENT",
            "sentence": sentences[0],
        },
        "after": {"outcome": "PLAIN", "reason": "ACCOUNT_CONSENT", "sentence": sentences[1]},
    }
    found = await assumed(contacts=[{"contactId": two.id, "isPreferenceConfirmed": True}])
    assert outcomes(found) == [REDUCED, FULL]
    found = await assumed(
        contacts=[
            {"contactId": two.id, "isPreferenceConfirmed": True, "preferenceDocuments": ["BILL"]},
            {"contactId": one.id, "receivesBills": False},
        ]
    )
    assert outcomes(found) == [NOTHING, (FULL[0], *REDUCED[1:])]
    found = await assumed(isConsentGiven=True, isNonItemisedRequested=True)
    assert outcomes(found) == [REDUCED, REDUCED]
    assert {change["after"]["reason"] for change in found["difference"]} == {
        "NON_ITEMISED_REQUESTED"
    }
    found = await assumed(classId=charity.id)
    assert (found["classCode"], found["difference"]) == ("RESELLER_OTHER", [])
    found = await assumed(isConsentGiven=False, isNonItemisedRequested=False)
    assert found["difference"] == []
    assert await stored() == before


async def test_what_is_there_can_be_assumed_away(api: Api, world: World) -> None:
    customer = await world.customer()
    contact = await world.contact(customer)
    await world.verify(contact)
    await world.prefer(contact)
    await world.consent(customer)
    found = await preview(api, customer.id, ASSUMED, assuming={"isConsentGiven": False})
    assert outcomes(found) == [FULL]
    assert [one["after"]["reason"] for one in found["difference"]] == ["CONTACT_PREFERENCE"] * 3
    away = {"contactId": contact.id, "isPreferenceConfirmed": False}
    found = await preview(
        api, customer.id, ASSUMED, assuming={"isConsentGiven": False, "contacts": [away]}
    )
    assert outcomes(found) == [REDUCED]


@pytest.mark.parametrize(
    ("assuming", "message"),
    [
        ({"contacts": [{"contactId": "con_nobody"}]}, "a contact that the customer does not have"),
        ({"classId": "cls_none"}, "No customer class has the id in `classId`."),
        ({"contacts": [{"contactId": "x"}, {"contactId": "x"}]}, "more than once"),
        ({"contacts": [{"contactId": str(n)} for n in range(101)]}, "at most 100 contacts"),
        (
            {"contacts": [{"contactId": "x", "preferenceDocuments": ["BILL"]}]},
            "allowed only if `isPreferenceConfirmed` is true",
        ),
        (
            {
                "contacts": [
                    {"contactId": "x", "isPreferenceConfirmed": True, "preferenceDocuments": []}
                ]
            },
            "at least one",
        ),
    ],
)
async def test_an_assumption_that_can_not_be_is_refused(
    api: Api, world: World, assuming: dict[str, Any], message: str
) -> None:
    customer = await world.customer()
    error = await api.error(PREVIEW % "at", id=customer.id, assuming=assuming)
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert message in error["message"]


@pytest.mark.parametrize("at", ["2026-10-01T09:30:00", "0001-01-01T00:00:00+05:00"])
async def test_an_instant_has_an_offset_and_lies_in_the_calendar(
    api: Api, world: World, at: str
) -> None:
    customer = await world.customer()
    error = await api.error(PREVIEW % "at", id=customer.id, at=at)
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


async def test_names_and_addresses_need_a_scope_of_their_own(api: Api, world: World) -> None:
    customer = await world.customer()
    await world.contact(customer)
    token = await api.token_for(Scope.CUSTOMERS_READ)
    found = await api.data(PREVIEW % CONTACTS, token=token, id=customer.id)
    assert outcomes(found["customer"]["deliveryPreview"]) == [REDUCED]
    error = await api.error(PREVIEW % "contacts { email }", token=token, id=customer.id)
    assert error["extensions"]["code"] == "FORBIDDEN"


async def test_consent_reaches_unverified_addresses_with_an_advisory_unless_switched_off(
    databases: Databases, clock: Clock, act: ActorContext
) -> None:
    """A13."""
    select = "contacts { advisories { code message } documents { outcome reason entryId } }"
    advisory = {
        "code": "EMAIL_NOT_VERIFIED",
        "message": "Because of the customer's consent, call detail would be emailed to an address"
        " that is not verified; ask the contact to verify their address.",
    }
    for is_required, expected in (
        (False, (FULL, "ACCOUNT_CONSENT", [advisory])),
        (True, (REDUCED, "EMAIL_NOT_VERIFIED", [])),
    ):
        async with running_api(databases, clock, consent_needs_verified_email=is_required) as api:
            world = World(api.platform.database, clock, act)
            customer = await world.customer()
            contact = await world.contact(customer)
            await world.consent(customer)
            found = await preview(api, customer.id, select)
            ((reason, _),) = behind(found)
            assert (outcomes(found)[0], reason, found["contacts"][0]["advisories"]) == expected
            await world.verify(contact)
            found = await preview(api, customer.id, select)
            assert (outcomes(found), found["contacts"][0]["advisories"]) == ([FULL], [])
