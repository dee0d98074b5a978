"""`saveContacts` and `recordConsents`."""

from models import ConsentEntry, Contact, ContactState, Event
from models.rules.event_type import EventType
from tests.bulk_rows import bulk, contact, customer, told
from tests.graphql_client import Api, Json, stored
from tests.mutations import GRANT
from tests.resolvers.test_own_reference import reseller


async def customers(api: Api, count: int, token: str | None = None) -> list[str]:
    """Save customers; return their ids."""
    rows = [customer(number) for number in range(count)]
    payload = await bulk(api, "saveCustomers", rows, token=token)
    return [one["customer"]["id"] for one in payload["results"]]


async def test_contacts_of_several_customers_are_saved(api: Api) -> None:
    """A customer is named by id, or by external reference."""
    ids = await customers(api, 2)
    rows = [
        contact(0, customerId=ids[0]),
        contact(1, customerExternalReference="cus-1"),
        contact(2, customerExternalReference=" cus-1 ", customerId=ids[1]),
    ]
    payload = await bulk(api, "saveContacts", rows)
    assert (payload["savedCount"], told(payload)) == (3, [])
    held = {one.name: one.customer_id for one in await Contact.all()}
    assert held == {"Ann 0.0": ids[0], "Ann 1.0": ids[1], "Ann 2.0": ids[1]}
    assert await ContactState.all().count() == 3
    again = [
        {"id": payload["results"][0]["contact"]["id"], "name": "By id", "expectedVersion": 1},
        contact(1, name="By reference", onConflict="UPDATE"),
        contact(3, onConflict="UPDATE", customerExternalReference="cus-0"),
    ]
    payload = await bulk(api, "saveContacts", again)
    assert told(payload) == []
    assert [(one["contact"]["name"], one["contact"]["version"]) for one in payload["results"]] == [
        ("By id", 2), ("By reference", 2), ("Ann 3.0", 1),
    ]  # fmt: skip


async def test_faults_of_contacts_are_told_by_row(api: Api) -> None:
    ids = await customers(api, 2)
    known = await api.done("saveContact", "contact { id }", **contact(9, customerId=ids[0]))
    known_id = known["contact"]["id"]
    rows: list[Json] = [
        contact(0, customerId=ids[0]),
        contact(1),
        contact(2, customerExternalReference="nobody's"),
        contact(3, customerId=ids[0], customerExternalReference="cus-1"),
        contact(4, customerId="cus_nobody", email="x"),
        contact(9, customerId=ids[1]),
        contact(0, customerId=ids[1]),
        {"id": known_id, "customerId": ids[1], "name": "Moved"},
        {"id": known_id, "name": "Twice"},
        {"onConflict": "UPDATE", "name": "No reference", "customerId": ids[0]},
    ]
    errors = [
        ("REQUIRED", ["rows", "1", "customerId"]),
        ("NOT_FOUND", ["rows", "2", "customerExternalReference"]),
        ("CONTRADICTORY_VALUES", ["rows", "3", "customerExternalReference"]),
        ("NOT_FOUND", ["rows", "4", "customerId"]),
        ("INVALID_EMAIL", ["rows", "4", "email"]),
        ("ALREADY_EXISTS", ["rows", "5", "externalReference"]),
        ("DUPLICATE_ITEM", ["rows", "6", "externalReference"]),
        ("CANNOT_CHANGE", ["rows", "7", "customerId"]),
        ("DUPLICATE_ITEM", ["rows", "8", "id"]),
        ("REQUIRED", ["rows", "9", "externalReference"]),
    ]
    before = await stored()
    payload = await bulk(api, "saveContacts", rows)
    assert (payload["savedCount"], payload["refusedCount"], told(payload)) == (0, 9, errors)
    assert await stored() == before
    payload = await bulk(api, "saveContacts", rows, rowPolicy="REFUSE_FAILED_ROWS")
    assert (payload["savedCount"], payload["refusedCount"], told(payload)) == (1, 9, errors)
    assert sorted(one.name for one in await Contact.all()) == ["Ann 0.0", "Ann 9.0"]


async def test_the_later_of_two_rows_for_a_contact_is_refused(api: Api) -> None:
    (owner, other) = await customers(api, 2)
    made = await api.done("saveContact", "contact { id }", **contact(9, customerId=owner))
    by_reference = contact(9, customerId=owner, onConflict="UPDATE")
    by_id = {"id": made["contact"]["id"], "name": "By id"}
    for rows, field in (
        ([by_reference, by_id], "id"),
        ([by_id, by_reference], "externalReference"),
    ):
        payload = await bulk(api, "saveContacts", rows)
        assert told(payload) == [("DUPLICATE_ITEM", ["rows", "1", field])]
        assert payload["savedCount"] == 0
    moved = {"id": by_id["id"], "customerExternalReference": "cus-1"}
    payload = await bulk(api, "saveContacts", [moved, contact(0, customerId=other)])
    assert told(payload) == [("CANNOT_CHANGE", ["rows", "0", "customerExternalReference"])]


async def test_a_partner_saves_contacts_of_its_own_customers_only(api: Api) -> None:
    (_, token), (_, other) = await reseller(api, "A"), await reseller(api, "B")
    (mine,), (theirs,) = await customers(api, 1, token), await customers(api, 1, other)
    held = await api.done("saveContact", "contact { id }", **contact(7, customerId=theirs))
    rows: list[Json] = [
        contact(0, customerExternalReference="cus-0"),
        contact(1, customerId=theirs),
        {"id": held["contact"]["id"], "name": "Mine"},
        contact(7, customerId=mine),
    ]
    payload = await bulk(api, "saveContacts", rows, token=token, rowPolicy="REFUSE_FAILED_ROWS")
    assert told(payload) == [
        ("NOT_FOUND", ["rows", "1", "customerId"]),
        ("NOT_FOUND", ["rows", "2", "id"]),
    ]
    own = await Contact.filter(customer_id=mine).order_by("name")
    assert [one.name for one in own] == ["Ann 0.0", "Ann 7.0"]
    assert (await Contact.get(id=held["contact"]["id"])).name == "Ann 7.0"


async def test_deliveries_of_new_contacts_are_told_by_events(api: Api) -> None:
    """The same events come from a single save."""
    rows = [customer(number, contacts=1, consent=GRANT) for number in range(2)]
    await bulk(api, "saveCustomers", rows)
    (one_id, _) = [str(one) for one in await Contact.all().values_list("customer_id", flat=True)]
    await api.done("saveContact", "", **contact(5, customerId=one_id))
    changed = await Event.filter(type=EventType.DELIVERY_PROFILE_CHANGED.value).order_by("id")
    told_of = [one.payload["deliveries"] for one in changed]
    assert len(told_of) == 3
    assert told_of[0] == told_of[1] == told_of[2]
    assert {one.subject_id for one in changed} == {one.id for one in await Contact.all()}


async def test_consents_of_many_customers_are_recorded(api: Api) -> None:
    ids = await customers(api, 3)
    rows = [{"customerId": one, **GRANT} for one in ids]
    payload = await bulk(api, "recordConsents", rows)
    assert (payload["savedCount"], told(payload)) == (3, [])
    assert [one["customer"] for one in payload["results"]] == [
        {"id": one, "version": 2} for one in ids
    ]
    assert [one["entry"]["sequence"] for one in payload["results"]] == [1, 1, 1]
    verify = "query($id: ID!) { verifyConsentLedger(customerId: $id) { isIntact } }"
    for one in ids:
        assert (await api.data(verify, id=one))["verifyConsentLedger"] == {"isIntact": True}


async def test_faults_of_consents_are_told_by_row(api: Api) -> None:
    ids = await customers(api, 3)
    rows: list[Json] = [
        {"customerId": ids[0], **GRANT},
        {"customerId": ids[1], **GRANT, "givenBy": "", "expectedVersion": 7},
        {"customerId": ids[0], **GRANT},
        {"customerId": "cus_nobody", **GRANT},
        {"customerId": ids[2], **GRANT, "basis": "TERMS_ACCEPTED", "isEmailingCovered": False},
    ]
    errors = [
        ("BLANK", ["rows", "1", "givenBy"]),
        ("VERSION_CONFLICT", ["rows", "1", "expectedVersion"]),
        ("DUPLICATE_ITEM", ["rows", "2", "customerId"]),
        ("NOT_FOUND", ["rows", "3", "customerId"]),
        ("AFFIRMATION_REQUIRED", ["rows", "4", "isEmailingCovered"]),
    ]
    before = await stored()
    payload = await bulk(api, "recordConsents", rows)
    assert (payload["savedCount"], told(payload)) == (0, errors)
    assert await stored() == before
    payload = await bulk(api, "recordConsents", rows, rowPolicy="REFUSE_FAILED_ROWS")
    assert (payload["savedCount"], told(payload)) == (1, errors)
    assert [one.customer_id for one in await ConsentEntry.all()] == ids[:1]


async def test_a_key_of_a_consent_repeats_its_row(api: Api) -> None:
    ids = await customers(api, 2)
    rows = [{"customerId": ids[0], **GRANT, "idempotencyKey": "a"}]
    first = await bulk(api, "recordConsents", rows)
    rows.append({"customerId": ids[1], **GRANT, "idempotencyKey": "b"})
    again = await bulk(api, "recordConsents", rows)
    assert told(again) == []
    assert [one["isReplayed"] for one in again["results"]] == [True, False]
    assert again["results"][0]["entry"] == first["results"][0]["entry"]
    assert await ConsentEntry.all().count() == 2
