"""The event feed: order, filters, cursors, tenancy and permissions, by query and subscription."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from models import Event
from models.storage.identifiers import new_customer_id
from models.tables.access import Scope
from models.tables.event_feed import begin_generation
from tests.graphql_client import Api, Json, Socket, connected, serving, wait_for_subscriptions
from tests.resolvers.consent_inputs import GRANTED

FEED = """
  query($first: Int, $after: String, $types: [EventType!], $customerIds: [ID!]) {
    events(first: $first, after: $after, types: $types, customerIds: $customerIds) {
      newestCursor
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
      edges { cursor node { type customerId customerVersion changedFields } }
      nodes { id type subjectId customerId customerVersion changedFields payload schemaVersion at
        subject { id } customer { id name } } } }
"""
FOLLOW = """
  subscription($after: String, $types: [EventType!], $customerIds: [ID!]) {
    events(after: $after, types: $types, customerIds: $customerIds) {
      cursor node { type customerId customer { name } } } }
"""


async def feed(api: Api, token: str | None = None, **variables: Any) -> Json:
    found: Json = (await api.data(FEED, token=token, **variables))["events"]
    return found


async def types_of(api: Api, token: str | None = None, **variables: Any) -> list[str]:
    return [one["type"] for one in (await feed(api, token, **variables))["nodes"]]


async def bare_types(api: Api, token: str, **variables: Any) -> list[str]:
    """Return the types of events for a caller who may not see customers."""
    asked = """query($types: [EventType!], $customerIds: [ID!]) {
      events(types: $types, customerIds: $customerIds) { nodes { type } } }"""
    found = (await api.data(asked, token=token, **variables))["events"]["nodes"]
    return [one["type"] for one in found]


async def refusal(api: Api, **variables: Any) -> Json:
    answer = await api.answer(FEED, **variables)
    assert answer["data"] == {"events": None}
    (error,) = answer["errors"]
    found: Json = error
    return found


async def test_events_come_in_the_order_of_their_commits(api: Api) -> None:
    """R100: with ids, versions and names of fields, in the words of this API."""
    customer = await api.save_customer(name="Ann")
    await api.done("saveCustomer", "", id=customer["id"], name="Anna", externalReference="X")
    page = await feed(api)
    created, updated = page["nodes"]
    assert (created["type"], created["customerVersion"]) == ("CUSTOMER_CREATED", 1)
    assert updated == {
        "id": updated["id"],
        "type": "CUSTOMER_UPDATED",
        "subjectId": customer["id"],
        "customerId": customer["id"],
        "customerVersion": 2,
        "changedFields": ["externalReference", "name"],
        "payload": {"changedFields": ["externalReference", "name"]},
        "schemaVersion": 1,
        "at": updated["at"],
        "subject": {"id": customer["id"]},
        "customer": {"id": customer["id"], "name": "Anna"},
    }
    assert updated["id"].startswith("evt_")
    assert page["pageInfo"] == {
        "hasNextPage": False,
        "hasPreviousPage": False,
        "startCursor": page["edges"][0]["cursor"],
        "endCursor": page["newestCursor"],
    }


async def test_a_reader_begins_now_and_goes_on_from_the_cursor_of_each_page(api: Api) -> None:
    await api.save_customer(name="Earlier")
    newest = (await feed(api, first=0))["newestCursor"]
    assert (await feed(api, after=newest))["nodes"] == []
    ids = [(await api.save_customer(name=name))["id"] for name in "ABC"]
    page = await feed(api, after=newest, first=2)
    assert [one["customerId"] for one in page["nodes"]] == ids[:2]
    assert page["pageInfo"]["hasNextPage"] is True
    assert page["pageInfo"]["endCursor"] == page["edges"][1]["cursor"]
    page = await feed(api, after=page["pageInfo"]["endCursor"], first=2)
    assert [one["customerId"] for one in page["nodes"]] == ids[2:]
    assert page["pageInfo"]["hasNextPage"] is False
    assert page["pageInfo"]["hasPreviousPage"] is True


async def test_a_filtered_page_goes_on_after_what_it_has_searched(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if it is empty; a filter by customers searches everything at once."""
    wanted = (await api.save_customer(name="Wanted"))["id"]
    other = (await api.save_customer(name="Other"))["id"]
    await api.done("deleteCustomer", "", id=wanted)
    assert await types_of(api, types=["CUSTOMER_ERASED"]) == ["CUSTOMER_ERASED"]
    assert await types_of(api, customerIds=[other]) == ["CUSTOMER_CREATED"]
    assert (
        await types_of(api, customerIds=[other, new_customer_id()], types=["CUSTOMER_ERASED"]) == []
    )
    assert await types_of(api, types=[]) == await types_of(api, customerIds=[]) == []
    page = await feed(api, types=["TOKEN_REVOKED"])
    assert page["pageInfo"]["endCursor"] == page["newestCursor"]
    monkeypatch.setattr("models.lists.event_list.MAX_SCANNED", 1)
    found, pages, after = [], 0, None
    while True:
        page = await feed(api, after=after, types=["CUSTOMER_ERASED"])
        found += page["nodes"]
        pages += 1
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert ([one["customerId"] for one in found], pages) == ([wanted], 3)
    assert await types_of(api, customerIds=[wanted]) == ["CUSTOMER_CREATED", "CUSTOMER_ERASED"]


async def test_the_newest_events_are_read_backwards(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = """query($last: Int, $before: String, $types: [EventType!]) {
      events(last: $last, before: $before, types: $types) {
        nodes { customerId } pageInfo { hasNextPage hasPreviousPage startCursor } } }"""
    ids = [(await api.save_customer(name=name))["id"] for name in "ABC"]
    page = (await api.data(asked, last=2))["events"]
    assert [one["customerId"] for one in page["nodes"]] == ids[1:]
    assert (page["pageInfo"]["hasPreviousPage"], page["pageInfo"]["hasNextPage"]) == (True, False)
    start = page["pageInfo"]["startCursor"]
    page = (await api.data(asked, last=2, before=start))["events"]
    assert [one["customerId"] for one in page["nodes"]] == ids[:1]
    assert (page["pageInfo"]["hasPreviousPage"], page["pageInfo"]["hasNextPage"]) == (False, True)
    monkeypatch.setattr("models.lists.event_list.MAX_SCANNED", 1)
    page = (await api.data(asked, last=2, types=["CUSTOMER_ERASED"]))["events"]
    assert (page["nodes"], page["pageInfo"]["hasPreviousPage"]) == ([], True)
    page = (await api.data(asked, last=2, before=page["pageInfo"]["startCursor"]))["events"]
    assert [one["customerId"] for one in page["nodes"]] == ids[1:2]


async def test_a_cursor_that_is_too_old_says_what_to_do(api: Api) -> None:
    start = (await feed(api, first=0))["newestCursor"]
    for name in "AB":
        await api.save_customer(name=name)
    page = await feed(api)
    await Event.filter(number__lte=1).delete()
    error = await refusal(api, after=start)
    assert error["extensions"] == {
        "code": "CURSOR_EXPIRED",
        "oldestCursor": page["edges"][0]["cursor"],
        "newestCursor": page["newestCursor"],
    }
    assert "List your objects anew" in error["message"]
    assert await types_of(api, after=error["extensions"]["oldestCursor"]) == ["CUSTOMER_CREATED"]
    assert await types_of(api) == ["CUSTOMER_CREATED"]


async def test_a_cursor_from_before_a_restore_is_refused(api: Api) -> None:
    await api.save_customer(name="A")
    seen = (await feed(api))["newestCursor"]
    await Event.all().delete()
    await api.platform.database.transaction(begin_generation)
    await api.save_customer(name="B")
    lost = await feed(api)
    assert await types_of(api, after=seen) == ["CUSTOMER_CREATED"]
    await api.platform.database.transaction(begin_generation)
    assert (await feed(api, after=lost["newestCursor"]))["nodes"] == []


@pytest.mark.parametrize("cursor", ["", "x", "é", "bm9uZQ", "WyJjdXN0b21lcnMiXQ"])
async def test_another_text_is_no_cursor(api: Api, cursor: str) -> None:
    assert (await refusal(api, after=cursor))["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"customerIds": ["cus_1"] * 101}, "`customerIds` may have at most 100 values."),
        ({"types": ["CUSTOMER_CREATED"] * 101}, "`types` may have at most 100 values."),
        ({"first": 501}, "`first` must be between 0 and 500."),
        ({"first": -1}, "`first` must be between 0 and 500."),
    ],
)
async def test_too_much_is_refused(api: Api, variables: Json, message: str) -> None:
    assert (await refusal(api, **variables))["message"] == message


async def test_each_type_needs_its_permission(api: Api) -> None:
    """R93: what a caller may not see is left out, also if it is asked for."""
    customer = await api.save_customer(name="A", consent=GRANTED)
    await api.done("saveContact", "", customerId=customer["id"], name="Ann")
    assert await types_of(api, types=["CONSENT_RECORDED"]) == ["CONSENT_RECORDED"]
    for scope, types in (
        (Scope.CUSTOMERS_READ, ["CUSTOMER_CREATED"]),
        (Scope.CONTACTS_READ, ["CONTACT_CREATED"]),
        (Scope.CONSENT_READ, ["CONSENT_RECORDED"]),
        (Scope.CUSTOMER_CLASSES_READ, []),
    ):
        token = await api.token_for(scope)
        assert await bare_types(api, token, customerIds=[customer["id"]]) == types
    token = await api.token_for(Scope.CONSENT_READ)
    assert await bare_types(api, token, types=["CUSTOMER_CREATED"]) == []
    answer = await api.answer(FEED, token=token)
    (event,) = answer["data"]["events"]["nodes"]
    assert (event["customer"], event["subject"]) == (None, None)
    assert [one["extensions"]["code"] for one in answer["errors"]] == ["FORBIDDEN"]


async def test_the_catalogue_is_queryable(api: Api) -> None:
    asked = "{ eventTypes { type name description needs payload { name description } } }"
    types = (await api.data(asked))["eventTypes"]
    (one,) = [entry for entry in types if entry["name"] == "customer.class_changed"]
    assert one["type"] == "CUSTOMER_CLASS_CHANGED"
    assert one["needs"] == "CUSTOMERS_READ"
    assert [member["name"] for member in one["payload"]] == [
        "changedFields",
        "fromClassId",
        "toClassId",
    ]


@pytest.fixture
async def socket(api: Api) -> AsyncIterator[Socket]:
    """Yield a signed-in connection to the application."""
    async with serving(api.app) as address, connected(address) as opened:
        yield await opened.sign_in(api.token)


async def test_a_subscription_follows_the_feed_and_resumes_after_a_cursor(
    api: Api, socket: Socket
) -> None:
    """R100."""
    await api.save_customer(name="Earlier")
    operation = await socket.subscribe(FOLLOW)
    await wait_for_subscriptions(api)
    await api.save_customer(name="A")
    first = (await socket.next(operation))["data"]["events"]
    assert (first["node"]["type"], first["node"]["customer"]) == ("CUSTOMER_CREATED", {"name": "A"})
    for name in "BC":
        await api.save_customer(name=name)
    told = [(await socket.next(operation))["data"]["events"] for _ in range(2)]
    again = await socket.subscribe(FOLLOW, after=first["cursor"])
    assert [(await socket.next(again))["data"]["events"] for _ in range(2)] == told


async def test_a_subscription_after_an_old_cursor_ends_with_an_error(
    api: Api, socket: Socket
) -> None:
    start = (await feed(api, first=0))["newestCursor"]
    await api.save_customer(name="A")
    assert len((await feed(api))["nodes"]) == 1
    await Event.all().delete()
    result = await socket.ask(FOLLOW, after=start)
    (error,) = result["errors"]
    assert error["extensions"]["code"] == "CURSOR_EXPIRED"


async def test_events_are_deleted_after_their_period(api: Api) -> None:
    assert api.platform.settings.retention["events"] == timedelta(days=30)
