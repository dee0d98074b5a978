"""Filters and orders by which a partner's system keeps a copy of customers and contacts (R98)."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from models import AuditEntry, Contact, Customer
from models.lists.advisory_list import with_any_code
from models.rules.advisories import AdvisoryCode
from models.rules.enrichment_status import EnrichmentStatus
from models.rules.profile import ValueSource
from models.tables.access import Scope
from models.tables.enrichment import Suggestion, SuggestionStatus
from tests.access_world import add_user, sign_in
from tests.clock import START, Clock
from tests.databases import Databases
from tests.graphql_client import Api, Json, running_api
from tests.marked_world import MASKING

HOUR = timedelta(hours=1)
PAGE = """query($filter: CustomerFilter, $sort: CustomerSort, $first: Int, $after: String,
    $last: Int, $before: String) {
  customers(filter: $filter, sort: $sort, first: $first, after: $after, last: $last,
      before: $before) {
    totalCount nodes { name changedAt lastModifiedAt createdAt }
    pageInfo { startCursor endCursor hasNextPage hasPreviousPage } } }"""
CONTACTS = """query($filter: ContactFilter, $sort: ContactSort, $first: Int, $after: String,
    $last: Int, $before: String) {
  contacts(filter: $filter, sort: $sort, first: $first, after: $after, last: $last,
      before: $before) {
    totalCount nodes { name changedAt }
    pageInfo { startCursor endCursor hasNextPage hasPreviousPage } } }"""


@pytest.fixture
async def api_masking(databases: Databases, clock: Clock) -> AsyncIterator[Api]:
    """Yield an application in which personal data needs a permission."""
    async with running_api(databases, clock, **MASKING) as started:
        yield started


async def names(api: Api, filter_: Json, token: str | None = None) -> list[str]:
    """Return the names of the customers that match a filter, in the order of account numbers."""
    found = (await api.data(PAGE, token=token, filter=filter_))["customers"]
    assert found["totalCount"] == len(found["nodes"])
    return [node["name"] for node in found["nodes"]]


async def contact_names(api: Api, filter_: Json, token: str | None = None) -> list[str]:
    """Return the names of the contacts that match a filter, oldest first."""
    found = (await api.data(CONTACTS, token=token, filter=filter_))["contacts"]
    assert found["totalCount"] == len(found["nodes"])
    return [node["name"] for node in found["nodes"]]


async def changed_at(api: Api, customer_id: str) -> str:
    return str((await api.customer(customer_id, "changedAt"))["changedAt"])


def instant(hours: float) -> str:
    return (START + timedelta(hours=hours)).isoformat()


async def three(api: Api) -> dict[str, str]:
    """Add customers A, B and C, an hour apart; return their ids by name."""
    ids = {}
    for name in "ABC":
        ids[name] = (await api.save_customer(name=name))["id"]
        api.clock.advance(HOUR)
    return ids


async def test_customers_are_filtered_by_ids_and_times(api: Api) -> None:
    ids = await three(api)
    await api.save_customer(id=ids["A"], name="A2")  # three hours after the start
    assert await names(api, {"ids": [ids["B"], ids["C"], "cus_0"]}) == ["B", "C"]
    assert await names(api, {"ids": []}) == []
    assert await names(api, {"createdFromAt": instant(1)}) == ["B", "C"]
    assert await names(api, {"createdUntilAt": instant(1)}) == ["A2"]
    assert await names(api, {"createdFromAt": instant(1), "createdUntilAt": instant(2)}) == ["B"]
    assert await names(api, {"lastModifiedFromAt": instant(2)}) == ["A2", "C"]
    assert await names(api, {"lastModifiedUntilAt": instant(3)}) == ["B", "C"]
    assert await names(api, {"changedFromAt": instant(3)}) == ["A2"]
    assert await names(api, {"changedFromAt": instant(3), "ids": [ids["B"]]}) == []
    error = await api.error(PAGE, filter={"ids": ["cus_1"] * 501})
    assert error["message"] == "`ids` may have at most 500 values."


@pytest.mark.parametrize("column", ["LAST_MODIFIED_AT", "CHANGED_AT"])
async def test_pages_by_time_lose_nobody_in_either_direction(api: Api, column: str) -> None:
    """Also if several have the same time."""
    ids = await three(api)
    for name in "ABC":
        await api.save_customer(id=ids[name], name=f"{name}2")
    await api.save_customer(name="D")
    for ending in ("ASC", "DESC"):
        all_, ahead, back = [], [], []
        after = before = None
        sort = f"{column}_{ending}"
        all_ = (await api.data(PAGE, sort=sort))["customers"]["nodes"]
        for _ in range(4):
            page = (await api.data(PAGE, sort=sort, first=1, after=after))["customers"]
            ahead += page["nodes"]
            after = page["pageInfo"]["endCursor"]
            page = (await api.data(PAGE, sort=sort, last=1, before=before))["customers"]
            back += page["nodes"]
            before = page["pageInfo"]["startCursor"]
        assert ahead == all_ == back[::-1]
        assert [one["name"] for one in all_] == (
            ["A2", "B2", "C2", "D"] if ending == "ASC" else ["D", "C2", "B2", "A2"]
        )


async def test_what_belongs_to_a_customer_moves_its_time(api: Api) -> None:
    """A contact and its answers, consent, and the register's data count; other customers do not."""
    ids = await three(api)
    own, others = ids["A"], {await changed_at(api, ids["B"]), await changed_at(api, ids["C"])}
    seen = [await changed_at(api, own)]
    assert seen == [instant(0)]

    async def has_moved(*, to: bool = True) -> None:
        seen.append(await changed_at(api, own))
        moved = api.clock().isoformat()
        assert seen[-1] == (moved if to else seen[-2])
        api.clock.advance(HOUR)

    await api.save_customer(id=own, companyNumber="101")
    await has_moved()
    made = await api.done(
        "saveContact", "contact { id changedAt }", customerId=own, name="Al", email="a@b.example"
    )
    await has_moved()
    contact = made["contact"]["id"]
    await api.done("saveContact", "contact { id }", id=contact, receivesBills=True)
    await has_moved()
    consent = {
        "basis": "WRITTEN_OPT_IN",
        "method": "PAPER",
        "givenBy": "Al",
        "documentName": "T",
        "evidenceReference": "f",
    }
    await api.done(
        "recordConsent",
        "entry { id }",
        customerId=own,
        effectiveAt=instant(0),
        documentVersion="1",
        isEmailingCovered=True,
        idempotencyKey="one",
        **consent,
    )
    await has_moved()
    await api.done("requestEmailVerification", "contact { id }", contactId=contact)
    await has_moved()
    await api.done("deleteContact", "deletedId", id=contact)
    await has_moved()
    await api.save_customer(id=own, companyNumber="101")  # changes nothing
    await has_moved(to=False)
    assert {await changed_at(api, ids["B"]), await changed_at(api, ids["C"])} == others
    assert seen == sorted(seen)
    row = await Customer.get(id=own)
    assert row.last_modified_at < row.changed_at  # type: ignore[operator]  # triggers set it


async def test_entries_that_nobody_may_see_do_not_move_it(api: Api) -> None:
    ids = await three(api)
    for kind, moves in (("confirmation.mail_held", False), ("customer.enriched", True)):
        await AuditEntry.create(
            subject_id=ids["A"],
            subject_kind="cus",
            customer_id=ids["A"],
            operation=kind,
            actor_id="system",
            actor_name="system",
            request_id="r",
            at=api.clock(),
        )
        at = await changed_at(api, ids["A"])
        assert at == (instant(3) if moves else instant(0))


async def test_an_older_entry_does_not_turn_the_time_back(api: Api) -> None:
    """Clocks of several hosts differ."""
    ids = await three(api)
    await AuditEntry.create(
        subject_id=ids["C"],
        subject_kind="cus",
        customer_id=ids["C"],
        operation="customer.enriched",
        actor_id="system",
        actor_name="system",
        request_id="r",
        at=START,
    )
    assert await changed_at(api, ids["C"]) == instant(2)


async def test_customers_are_filtered_by_parents_and_suggestions(api: Api) -> None:
    ids = await three(api)
    reseller = (await api.save_customer(name="R", classCode="RESELLER_OTHER"))["id"]
    await api.save_customer(id=ids["B"], parentId=reseller)
    for name, status in (
        ("A", SuggestionStatus.OPEN),
        ("A", SuggestionStatus.OPEN),
        ("B", SuggestionStatus.REJECTED),
    ):
        await Suggestion.create(
            customer_id=ids[name],
            field="employees",
            entry={"value": 1, "source": ValueSource.USER},
            status=status,
            created_at=START,
        )
    assert await names(api, {"hasParent": True}) == ["B"]
    assert await names(api, {"hasParent": False}) == ["A", "C", "R"]
    assert await names(api, {"hasOpenSuggestions": True}) == ["A"]
    assert await names(api, {"hasOpenSuggestions": False}) == ["B", "C", "R"]
    user = await add_user(api, "Rita", Scope.CUSTOMERS_READ, resellerId=reseller)
    token = await sign_in(api, user, Scope.CUSTOMERS_READ)
    assert await names(api, {"hasParent": True}, token) == ["B"]
    assert await names(api, {"hasParent": False}, token) == ["R"]
    assert await names(api, {"hasOpenSuggestions": True}, token) == []
    assert await names(api, {"hasOpenSuggestions": False}, token) == ["B", "R"]


async def advised(api: Api) -> list[tuple[str, set[str]]]:
    """Return the names of customers with the codes of their advisories."""
    found = await api.data("{ customers { nodes { name advisories { code } } } }")
    return [
        (node["name"], {one["code"] for one in node["advisories"]})
        for node in found["customers"]["nodes"]
    ]


async def test_customers_are_found_by_the_advisories_that_they_show(api: Api) -> None:
    """Each advisory that the filter knows finds exactly those who have it."""
    details: dict[str, Json] = {
        "Good": {"company_status": "active"},
        "Gone": {"company_status": "dissolved"},
        "Lost": {"company_status": "liquidation"},
        "Going": {
            "company_status": "active",
            "company_status_detail": "active-proposal-to-strike-off",
        },
        "Gone charity": {"company_status": "dissolved"},
        "Empty": {},
    }
    for number, (name, detail) in enumerate(details.items()):
        code = "CHARITY" if name == "Gone charity" else "COMPANY_UK_LIMITED"
        made = await api.save_customer(
            name=name, classCode=code, companyNumber=f"{101 + number // 2}"
        )
        await Customer.filter(id=made["id"]).update(
            profile={"details": {**detail, "company_name": name}},
            enrichment_status=EnrichmentStatus.SUCCEEDED,
        )
    shown = await advised(api)
    codes = {
        "COMPANY_DISSOLVED",
        "COMPANY_NOT_ACTIVE",
        "STRIKE_OFF_PROPOSED",
        "DUPLICATE_COMPANY_NUMBER",
    }
    assert set.union(*(found for _, found in shown)) >= codes
    for code in codes:
        expected = [name for name, found in shown if code in found]
        assert await names(api, {"advisoryCodes": [code]}) == expected, code
    assert await names(api, {"advisoryCodes": ["COMPANY_DISSOLVED"]}) == ["Gone"]
    both = await names(api, {"advisoryCodes": ["COMPANY_DISSOLVED", "STRIKE_OFF_PROPOSED"]})
    assert both == ["Going", "Gone"]
    assert await names(api, {"advisoryCodes": []}) == []
    assert await names(api, {"advisoryCodes": ["CONSENT_OUTDATED"]}) == []


async def test_customers_whose_refresh_is_overdue_are_found(api: Api) -> None:
    """Neither one that is due for less than a day, nor one that is being looked up."""
    reseller = (await api.save_customer(name="R", classCode="RESELLER_OTHER"))["id"]
    for name, late, status in (
        ("Late", 25, EnrichmentStatus.PARTIAL),
        ("Failed", 25, EnrichmentStatus.FAILED),
        ("Due", 23, EnrichmentStatus.SUCCEEDED),
        ("Running", 25, EnrichmentStatus.RUNNING),
        ("Never", None, EnrichmentStatus.SUCCEEDED),
    ):
        parent = {"parentId": reseller} if name == "Late" else {}
        made = await api.save_customer(name=name, classCode="CHARITY", **parent)
        await Customer.filter(id=made["id"]).update(
            refresh_due_at=None if late is None else START - late * HOUR, enrichment_status=status
        )
    assert await names(api, {"isRefreshOverdue": True}) == ["Failed", "Late"]
    assert await names(api, {"isRefreshOverdue": False}) == ["Due", "Never", "R", "Running"]
    failed = {"isRefreshOverdue": True, "enrichmentStatuses": ["FAILED"]}
    assert await names(api, failed) == ["Failed"]
    user = await add_user(api, "Rita", Scope.CUSTOMERS_READ, resellerId=reseller)
    token = await sign_in(api, user, Scope.CUSTOMERS_READ)
    assert await names(api, {"isRefreshOverdue": True}, token) == ["Late"]
    assert await names(api, {"isRefreshOverdue": False}, token) == ["R"]


async def test_a_number_of_anothers_customer_is_no_duplicate_to_a_partner(api: Api) -> None:
    tokens = []
    for name in "RS":
        reseller = (await api.save_customer(name=name, classCode="RESELLER_OTHER"))["id"]
        await api.save_customer(name=f"Of {name}", parentId=reseller, companyNumber="101")
        user = await add_user(api, f"U{name}", Scope.CUSTOMERS_READ, resellerId=reseller)
        tokens.append(await sign_in(api, user, Scope.CUSTOMERS_READ))
    wanted = {"advisoryCodes": ["DUPLICATE_COMPANY_NUMBER"]}
    assert await names(api, wanted) == ["Of R", "Of S"]
    for token in tokens:
        assert await names(api, wanted, token) == []


def test_advisories_of_names_cannot_be_found_by_sql() -> None:
    for code in (
        AdvisoryCode.NAME_MISMATCH,
        AdvisoryCode.NAME_DOES_NOT_FIT_CLASS,
        AdvisoryCode.CLASS_MISMATCH,
    ):
        with pytest.raises(ValueError, match=code.value):
            with_any_code([code], START, HOUR)


async def some_contacts(api: Api) -> dict[str, str]:
    """Add contacts Al and Bo of customer A, and Cy of customer B, an hour apart; return all ids."""
    ids = await three(api)
    for name, customer in (("Al", "A"), ("Bo", "A"), ("Cy", "B")):
        made = await api.done(
            "saveContact",
            "contact { id }",
            customerId=ids[customer],
            name=name,
            email=f"{name.lower()}@Example.COM",
        )
        ids[name] = made["contact"]["id"]
        api.clock.advance(HOUR)
    await Contact.filter(id=ids["Bo"]).update(email_verified_at=START)
    await api.done("saveContact", "contact { id }", id=ids["Al"], isActive=False)
    return ids


async def test_contacts_are_filtered(api: Api) -> None:
    ids = await some_contacts(api)
    cases: list[tuple[Json, list[str]]] = [
        ({}, ["Al", "Bo", "Cy"]),
        ({"ids": [ids["Cy"], ids["Al"]]}, ["Al", "Cy"]),
        ({"customerIds": [ids["A"], ids["C"]]}, ["Al", "Bo"]),
        ({"customerIds": []}, []),
        ({"email": "bo@example.com"}, ["Bo"]),
        ({"email": " bo@EXAMPLE.com "}, ["Bo"]),
        ({"email": "no@example.com"}, []),
        ({"isEmailVerified": True}, ["Bo"]),
        ({"isEmailVerified": False}, ["Al", "Cy"]),
        ({"isActive": False}, ["Al"]),
        ({"isActive": True, "customerId": ids["A"]}, ["Bo"]),
        ({"createdFromAt": instant(4)}, ["Bo", "Cy"]),
        ({"createdUntilAt": instant(4)}, ["Al"]),
        ({"changedFromAt": instant(6)}, ["Al"]),
        ({"changedUntilAt": instant(5)}, ["Bo"]),
    ]
    for wanted, expected in cases:
        assert await contact_names(api, wanted) == expected, wanted
    error = await api.error(CONTACTS, filter={"email": "no address"})
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    error = await api.error(CONTACTS, filter={"customerIds": ["cus_1"] * 501})
    assert error["message"] == "`customerIds` may have at most 500 values."


async def test_contacts_are_listed_by_the_time_of_their_last_change(api: Api) -> None:
    await some_contacts(api)
    for sort, expected in (
        ("CHANGED_AT_ASC", ["Bo", "Cy", "Al"]),
        ("CHANGED_AT_DESC", ["Al", "Cy", "Bo"]),
    ):
        ahead: list[str] = []
        back: list[str] = []
        after = before = None
        for _ in range(3):
            page = (await api.data(CONTACTS, sort=sort, first=1, after=after))["contacts"]
            ahead += [one["name"] for one in page["nodes"]]
            after = page["pageInfo"]["endCursor"]
            page = (await api.data(CONTACTS, sort=sort, last=1, before=before))["contacts"]
            back += [one["name"] for one in page["nodes"]]
            before = page["pageInfo"]["startCursor"]
        assert ahead == expected == back[::-1]
    forged = after[:-6] + "AAAAAA" if after else None
    error = await api.error(CONTACTS, sort="CHANGED_AT_DESC", after=forged)
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


async def test_a_partner_finds_only_its_own_contacts(api: Api) -> None:
    ids = await some_contacts(api)
    reseller = (await api.save_customer(name="R", classCode="RESELLER_OTHER"))["id"]
    await api.save_customer(id=ids["B"], parentId=reseller)
    user = await add_user(api, "Rita", Scope.CONTACTS_READ, resellerId=reseller)
    token = await sign_in(api, user, Scope.CONTACTS_READ)
    assert await contact_names(api, {}, token) == ["Cy"]
    assert await contact_names(api, {"email": "al@example.com"}, token) == []
    assert await contact_names(api, {"email": "cy@example.com"}, token) == ["Cy"]
    assert await contact_names(api, {"ids": [ids["Al"], ids["Cy"]]}, token) == ["Cy"]
    assert await contact_names(api, {"customerIds": [ids["A"], ids["B"]]}, token) == ["Cy"]


@pytest.mark.parametrize("email", ["al@example.com", "no@example.com", "no address"])
async def test_who_sees_no_addresses_may_not_try_them(api_masking: Api, email: str) -> None:
    """An address that exists, one that does not, and none at all are refused alike."""
    await some_contacts(api_masking)
    token = await api_masking.token_for(Scope.CONTACTS_READ)
    error: Any = await api_masking.error(CONTACTS, token=token, filter={"email": email})
    assert error["extensions"]["code"] == "FORBIDDEN"
    assert error["extensions"]["requiredScopes"] == ["PERSONAL_DATA_READ"]
    assert await contact_names(api_masking, {"isEmailVerified": True}, token) == ["***"]
