"""Delivery exposures: who would have been emailed call detail in a period, and why."""

import csv
import io
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from models.rules.consent import ConsentBasis, EntryKind
from models.rules.document import Document
from models.tables.access import Scope
from models.tables.audit import ActorContext
from tests.clock import START
from tests.delivery_world import World
from tests.graphql_client import Api, counted_statements, stored

DAY = timedelta(days=1)
ALL = ["BILL", "CDR_ZIP", "USAGE_FILES"]

EXPOSURE = """query(
  $fromAt: DateTime!, $untilAt: DateTime!, $first: Int, $after: String, $last: Int, $before: String,
  $filter: DeliveryExposureFilter
) {
  deliveryExposure(fromAt: $fromAt, untilAt: $untilAt, first: $first, after: $after, last: $last,
                   before: $before, filter: $filter) { %s } }"""
NODE = "customerId contactId documents reason basis entryId fromAt untilAt"
BACKWARDS = f"nodes {{ {NODE} }} pageInfo {{ hasPreviousPage startCursor }}"


@pytest.fixture
def world(api: Api, act: ActorContext) -> World:
    """Create the customers and contacts for the tests."""
    return World(api.platform.database, api.clock, act)


async def exposure(api: Api, select: str, since: datetime, until: datetime, **page: Any) -> Any:
    document = EXPOSURE % select
    found = await api.data(document, fromAt=since.isoformat(), untilAt=until.isoformat(), **page)
    return found["deliveryExposure"]


async def rows_of(api: Api, since: datetime, until: datetime) -> list[dict[str, Any]]:
    found = await exposure(api, f"nodes {{ {NODE} }}", since, until, first=500)
    nodes: list[dict[str, Any]] = found["nodes"]
    return nodes


async def export(api: Api, *, token: str | None = None, **query: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token or api.token}"}
    return await api.http.get("/exports/delivery-exposure.csv", params=query, headers=headers)


async def test_an_exposure_says_who_what_by_which_authority_and_when(
    api: Api, world: World
) -> None:
    """R78: an exposure ends with the period and at each change of authority or address."""
    customer = await world.customer()
    one, two = await world.contact(customer), await world.contact(customer, "two@example.com")
    await world.contact(customer, "off@example.com", receives_bills=False)
    await world.verify(two)
    preference = await world.prefer(two, Document.BILL)
    preferred = world.clock()
    await world.customer()
    begun, ended = START + 10 * DAY, START + 20 * DAY
    terms = await world.consent(
        customer,
        begun,
        basis=ConsentBasis.TERMS_ACCEPTED,
        document_name="T&C",
        covers_emailing=True,
    )
    renewed = await world.consent(customer, begun + DAY)
    await world.consent(customer, ended, EntryKind.WITHDRAWAL)
    before = await stored()
    found = await rows_of(api, START, START + 15 * DAY)
    middle, end = START + 10 * DAY, START + 15 * DAY

    def row(contact: Any, documents: list[str], *rest: Any) -> dict[str, Any]:
        *said, from_at, until_at = rest
        values = [customer.id, contact.id, documents, *said]
        return dict(
            zip(NODE.split(), [*values, from_at.isoformat(), until_at.isoformat()], strict=True)
        )

    consent, own = "ACCOUNT_CONSENT", "CONTACT_PREFERENCE"
    assert found == [
        row(one, ALL, consent, "TERMS_ACCEPTED", terms, middle, middle + DAY),
        row(one, ALL, consent, "WRITTEN_OPT_IN", renewed, middle + DAY, end),
        row(two, ["BILL"], own, None, preference, preferred, middle),
        row(two, ALL, consent, "TERMS_ACCEPTED", terms, middle, middle + DAY),
        row(two, ALL, consent, "WRITTEN_OPT_IN", renewed, middle + DAY, end),
    ]
    after = await rows_of(api, ended, ended + DAY)
    assert after == [row(two, ["BILL"], own, None, preference, ended, ended + DAY)]
    assert await rows_of(api, START - DAY, START) == []
    assert await stored() == before


async def test_a_change_of_address_list_or_activity_begins_or_ends_an_exposure(
    api: Api, world: World
) -> None:
    customer = await world.customer()
    contact = await world.contact(customer)
    await world.consent(customer)
    consented = world.clock()
    await world.edit(contact, name="Patricia")
    await world.edit(contact, email="new@example.com")
    moved = world.clock()
    await world.edit(contact, receives_bills=False)
    off = world.clock()
    await world.edit(contact, receives_bills=True)
    on = world.clock()
    await world.consent(customer, kind=EntryKind.NON_ITEMISED_REQUEST)
    requested = world.clock()
    await world.consent(customer, kind=EntryKind.NON_ITEMISED_WITHDRAWAL)
    ended = world.clock()
    await world.delete(contact)
    deleted = world.clock()
    select = "nodes { fromAt untilAt contactName email }"
    found = await exposure(api, select, START, START + DAY)
    assert [tuple(node.values()) for node in found["nodes"]] == [
        (consented.isoformat(), moved.isoformat(), "Pat", "pat@example.com"),
        (moved.isoformat(), off.isoformat(), "Patricia", "new@example.com"),
        (on.isoformat(), requested.isoformat(), "Patricia", "new@example.com"),
        (ended.isoformat(), deleted.isoformat(), "Patricia", "new@example.com"),
    ]


async def test_pages_and_counts_cover_the_whole_list(api: Api, world: World) -> None:
    """Pages of any size have the same rows in total; counts are by authority and basis."""
    for number in range(5):
        customer = await world.customer(name=f"C{number}")
        await world.contact(customer)
        own = await world.contact(customer, f"own{number}@example.com")
        if number % 2:
            await world.consent(customer)
        else:
            await world.verify(own)
            await world.prefer(own)
    until = world.clock() + DAY
    whole = await rows_of(api, START, until)
    assert len(whole) == 2 * 2 + 3
    select = f"nodes {{ {NODE} customer {{ id }} }} pageInfo {{ hasNextPage endCursor }}"
    for size in (1, 2, 3, 7, 8):
        read, cursor = [], None
        while True:
            page = await exposure(api, select, START, until, first=size, after=cursor)
            for node in page["nodes"]:
                assert node.pop("customer")["id"] == node["customerId"]
            read += page["nodes"]
            cursor = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                break
            assert len(page["nodes"]) == size
        assert read == whole
        read, cursor = [], None
        while True:
            page = await exposure(api, BACKWARDS, START, until, last=size, before=cursor)
            read = page["nodes"] + read
            cursor = page["pageInfo"]["startCursor"]
            if not page["pageInfo"]["hasPreviousPage"]:
                break
        assert read == whole
    counts = """counts { exposureCount contactCount customerCount isExact
      byAuthority { reason basis exposureCount contactCount customerCount } }"""
    found = await exposure(api, counts, START, until, first=0)
    assert found["counts"] == {
        "exposureCount": 7,
        "contactCount": 7,
        "customerCount": 5,
        "isExact": True,
        "byAuthority": [
            {
                "reason": "ACCOUNT_CONSENT",
                "basis": "WRITTEN_OPT_IN",
                "exposureCount": 4,
                "contactCount": 4,
                "customerCount": 2,
            },
            {
                "reason": "CONTACT_PREFERENCE",
                "basis": None,
                "exposureCount": 3,
                "contactCount": 3,
                "customerCount": 3,
            },
        ],
    }


async def test_exposures_are_filtered_and_counted(api: Api, world: World) -> None:
    one, two = await world.customer(name="One"), await world.customer(name="Two")
    first, second = await world.contact(one), await world.contact(one, "two@example.com")
    third = await world.contact(two, "three@example.com")
    await world.consent(one)
    await world.verify(third)
    await world.prefer(third)
    until = world.clock() + DAY
    select = "nodes { contactId } counts { exposureCount }"
    filters: list[tuple[dict[str, Any], list[str]]] = [
        ({}, [first.id, second.id, third.id]),
        ({"customerId": one.id}, [first.id, second.id]),
        ({"customerId": "cus_none"}, []),
        ({"contactId": second.id}, [second.id]),
        ({"customerId": two.id, "contactId": second.id}, []),
        ({"reasons": ["CONTACT_PREFERENCE"]}, [third.id]),
        ({"reasons": []}, []),
        ({"bases": ["WRITTEN_OPT_IN"]}, [first.id, second.id]),
        ({"bases": ["WRITTEN_OPT_IN"], "reasons": ["CONTACT_PREFERENCE"]}, []),
    ]
    for wanted, contacts in filters:
        found = await exposure(api, select, START, until, filter=wanted)
        assert [node["contactId"] for node in found["nodes"]] == contacts, wanted
        assert found["counts"] == {"exposureCount": len(contacts)}, wanted


async def test_a_page_costs_the_same_however_long_it_is(api: Api, world: World) -> None:
    for number in range(20):
        customer = await world.customer(name=f"C{number}")
        await world.contact(customer)
        await world.consent(customer)
    select = "nodes { reason customer { name customerClass { name } } }"
    for _ in range(2):  # the first request stores the token's last use
        await api.data("{ viewer { id } }")
    seen = []
    for size in (1, 10, 19):
        with counted_statements() as statements:
            page = await exposure(api, select, START, START + DAY, first=size)
        assert len(page["nodes"]) == size
        seen.append(len(statements))
    # The candidates, three histories, and the customers of the page.
    assert seen == [5, 5, 5]


async def test_the_export_streams_what_the_query_pages_through(api: Api, world: World) -> None:
    customer = await world.customer()
    evil = await world.contact(customer, "evil@example.com", name='=HYPERLINK("x")')
    await world.consent(customer)
    consented = world.clock()
    period = {"fromAt": START.isoformat(), "untilAt": (START + DAY).isoformat()}
    before = await stored()
    answer = await export(api, **period)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    assert answer.headers["cache-control"] == "no-store"
    name = f"delivery-exposure-{START.date()}-{(START + DAY).date()}.csv"
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
    marked = await export(api, **period, bom="true")
    assert marked.content == b"\xef\xbb\xbf" + answer.content
    assert (await export(api, **period, bom="1")).status_code == 400
    (row,) = csv.DictReader(io.StringIO(answer.text))
    (node,) = await rows_of(api, START, START + DAY)
    assert row == {
        "customerId": customer.id,
        "contactId": evil.id,
        "documents": "BILL CDR_ZIP USAGE_FILES",
        "reason": "ACCOUNT_CONSENT",
        "basis": "WRITTEN_OPT_IN",
        "entryId": node["entryId"],
        "fromAt": consented.isoformat(),
        "untilAt": (START + DAY).isoformat(),
        "contactName": '\'=HYPERLINK("x")',
        "email": "evil@example.com",
    }
    token = await api.token_for(Scope.CUSTOMERS_READ)
    answer = await export(api, token=token, **period)
    assert "evil@example.com" not in answer.text
    assert answer.text.splitlines()[0].endswith("fromAt,untilAt")
    assert await stored() == before


async def test_the_export_is_for_those_who_may_read_customers(api: Api) -> None:
    period = {"fromAt": START.isoformat(), "untilAt": (START + DAY).isoformat()}
    assert (await export(api, token="ccl_wrong", **period)).status_code == 401
    token = await api.token_for(Scope.CONTACTS_READ)
    answer = await export(api, token=token, **period)
    (error,) = answer.json()["errors"]
    assert answer.status_code == 403
    assert error == {
        "message": "This needs the permission customers:read.",
        "extensions": {"code": "FORBIDDEN", "requiredScopes": ["CUSTOMERS_READ"]},
    }


@pytest.mark.parametrize(
    ("period", "message"),
    [
        ({}, "The parameter `fromAt` is required."),
        (
            {"fromAt": "2026-10-01T00:00:00Z", "untilAt": "yesterday"},
            "The parameter `untilAt` must be a date-time such as 2026-10-01T00:00:00Z.",
        ),
        (
            {"fromAt": "2026-10-01T00:00:00", "untilAt": "2026-10-02T00:00:00"},
            "`fromAt` must have an offset from UTC, such as Z or +01:00.",
        ),
        (
            {"fromAt": "2026-10-02T00:00:00Z", "untilAt": "2026-10-01T00:00:00Z"},
            "`fromAt` must be before `untilAt`.",
        ),
    ],
)
async def test_a_period_that_makes_no_sense_is_refused(
    api: Api, period: dict[str, str], message: str
) -> None:
    answer = await export(api, **period)
    (error,) = answer.json()["errors"]
    assert answer.status_code == 400
    assert (error["message"], error["extensions"]["code"]) == (message, "BAD_USER_INPUT")
    assert answer.headers["content-type"] == "application/json; charset=utf-8"


async def test_cursors_are_those_of_the_period(api: Api, world: World) -> None:
    customer = await world.customer()
    await world.contact(customer)
    await world.consent(customer)
    page = await exposure(api, "pageInfo { endCursor }", START, START + DAY)
    cursor = page["pageInfo"]["endCursor"]
    period = {"fromAt": START.isoformat(), "untilAt": (START + 2 * DAY).isoformat()}
    error = await api.error(EXPOSURE % "nodes { reason }", after=cursor, **period)
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    backwards = {"fromAt": period["untilAt"], "untilAt": period["fromAt"]}
    error = await api.error(EXPOSURE % "nodes { reason }", **backwards)
    assert error["message"] == "`fromAt` must be before `untilAt`."


async def test_what_was_on_record_outlives_the_customer_without_a_name(
    api: Api, world: World
) -> None:
    """A18."""
    customer = await world.customer()
    await world.contact(customer)
    await world.consent(customer)
    consented = world.clock()
    await world.erase(customer)
    select = "nodes { customerId fromAt untilAt email contactName customer { name } }"
    (node,) = (await exposure(api, select, START, START + DAY))["nodes"]
    assert node == {
        "customerId": customer.id,
        "fromAt": consented.isoformat(),
        "untilAt": world.clock().isoformat(),
        "email": None,
        "contactName": "(erased)",
        "customer": None,
    }
