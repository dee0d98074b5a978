"""What partners see of the event feed, above all when a customer is handed over (R99)."""

import asyncio
from typing import Any

import pytest

from models import Contact, Customer
from models.changes.contact_editing import edit_contact
from models.changes.customer_editing import edit_customer
from models.tables.audit import ActorContext
from tests.graphql_client import Api, Json
from tests.partner_world import TwoPartners, bound_token, two_partners

FEED = """query($after: String, $types: [EventType!], $customerIds: [ID!]) {
  events(after: $after, first: 500, types: $types, customerIds: $customerIds) {
    newestCursor
    nodes { type subjectId customerId payload customer { id externalReference } subject { id } } } }
"""


async def feed(api: Api, token: str, **variables: Any) -> Json:
    found: Json = (await api.data(FEED, token=token, **variables))["events"]
    return found


async def types_of(api: Api, token: str, **variables: Any) -> list[str]:
    return [one["type"] for one in (await feed(api, token, **variables))["nodes"]]


@pytest.fixture
async def world(api: Api) -> TwoPartners:
    return await two_partners(api.platform.database, api.clock)


async def test_a_partner_sees_the_events_of_its_own_customers(api: Api, world: TwoPartners) -> None:
    own = {world.reseller.id, *(one.id for one in world.ours.customers)}
    nodes = (await feed(api, world.ours.token))["nodes"]
    about = {one["customerId"] for one in nodes if one["customerId"]}
    assert about
    assert about <= own
    foreign = [one.id for one in world.theirs.customers]
    assert await types_of(api, world.ours.token, customerIds=foreign) == []


async def test_classes_are_everybodys_and_tokens_are_their_resellers(
    api: Api, world: TwoPartners
) -> None:
    newest = (await feed(api, world.ours.token))["newestCursor"]
    saved = await api.save_class(name="New class")
    mine, _ = await bound_token(world.reseller.id, api.clock())
    await api.done("revokeAccessToken", "", id=mine.id)
    assert await types_of(api, world.ours.token, after=newest) == [
        "CUSTOMER_CLASS_CREATED",
        "TOKEN_REVOKED",
    ]
    assert await types_of(api, world.theirs.token, after=newest) == ["CUSTOMER_CLASS_CREATED"]
    assert saved


async def test_a_handed_over_customer_ends_for_one_and_begins_for_the_other(
    api: Api, world: TwoPartners
) -> None:
    """R99: the new reseller learns neither of earlier events nor whose the customer was."""
    customer = await Customer.get(id=world.ours.ids["cus"])
    only: dict[str, Any] = {"customerIds": [customer.id]}
    other = next(one for one in world.theirs.customers if one.parent_id).parent_id
    assert len(await types_of(api, world.ours.token, **only)) > 3
    start = (await feed(api, world.ours.token))["newestCursor"]
    await api.done("saveCustomer", "", id=customer.id, parentId=other, name="Moved")
    await api.done("saveContact", "", id=world.ours.ids["con"], name="Moved too")
    for after in ({}, {"after": start}):
        nodes = (await feed(api, world.ours.token, **only, **after))["nodes"]
        assert nodes == [
            {
                "type": "CUSTOMER_HANDED_OVER",
                "subjectId": customer.id,
                "customerId": customer.id,
                "payload": {},
                "customer": None,
                "subject": None,
            }
        ]
        nodes = (await feed(api, world.theirs.token, **only, **after))["nodes"]
        assert [one["type"] for one in nodes] == [
            "CUSTOMER_HANDED_OVER",
            "CUSTOMER_UPDATED",
            "CONTACT_UPDATED",
        ]
        assert world.reseller.id not in str(nodes)
        assert nodes[1]["payload"] == {"changedFields": ["name"]}
    assert (await types_of(api, api.token, **only, after=start))[0] == "CUSTOMER_HANDED_OVER"
    await api.done("saveCustomer", "", id=customer.id, parentId=world.reseller.id)
    assert await types_of(api, world.ours.token, **only, after=start) == [
        *("CUSTOMER_HANDED_OVER", "CUSTOMER_HANDED_OVER")
    ]
    assert await types_of(api, world.theirs.token, **only, after=start) == ["CUSTOMER_HANDED_OVER"]


async def test_a_contact_changed_during_a_hand_over_is_told_to_one_of_both(
    api: Api, world: TwoPartners, act: ActorContext
) -> None:
    """The hand-over waits for the change of the contact, or the change sees the new reseller."""
    database = world.database
    if not database.is_postgres:
        pytest.skip("on SQLite one writes at a time")
    customer = await Customer.get(id=world.ours.ids["cus"])
    contact = await Contact.get(id=world.ours.ids["con"])
    other = next(one for one in world.theirs.customers if one.parent_id).parent_id
    start = (await feed(api, api.token))["newestCursor"]
    has_read, may_end = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        await edit_contact(act, contact.id, None, {"name": "Slow"}, None)
        has_read.set()
        await may_end.wait()

    async def hand_over() -> None:
        await edit_customer(act, customer.id, {"parent_id": other}, None)

    editing = asyncio.create_task(database.transaction(slow))
    await has_read.wait()
    moving = asyncio.create_task(database.transaction(hand_over))
    await asyncio.sleep(0.1)
    assert not moving.done()
    may_end.set()
    await asyncio.gather(editing, moving)
    assert await types_of(api, api.token, after=start) == [
        "CONTACT_UPDATED",
        "CUSTOMER_HANDED_OVER",
    ]
    assert await types_of(api, world.theirs.token, after=start) == ["CUSTOMER_HANDED_OVER"]
