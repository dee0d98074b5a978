"""Subscriptions to many customers, and to what their contacts confirm."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from models.storage.identifiers import new_customer_id
from models.tables.access import Scope
from tests.event_rows import publish_enriched
from tests.graphql_client import Api, Json, Socket, connected, serving, wait_for_subscriptions
from tests.mails import mails_in

FOLLOW = """
  subscription($ids: [ID!], $since: DateTime) {
    customerEnriched(customerIds: $ids, since: $since) { id name }
  }
"""
CONFIRMED = """
  subscription($ids: [ID!]!, $since: DateTime) {
    contactConfirmed(customerIds: $ids, since: $since) {
      id isEmailVerified attachmentPreference { isConfirmed } } }
"""


@pytest.fixture
async def socket(api: Api) -> AsyncIterator[Socket]:
    """Yield a signed-in connection to the application."""
    async with serving(api.app) as address, connected(address) as opened:
        yield await opened.sign_in(api.token)


async def enriched(api: Api, customer_id: str) -> None:
    await api.platform.database.transaction(lambda: publish_enriched(customer_id, api.clock()))


async def delivered(socket: Socket, operation: str, field: str) -> Json:
    found: Json = (await socket.next(operation))["data"][field]
    return found


async def test_one_operation_follows_many_customers(api: Api, socket: Socket) -> None:
    """R100."""
    ids = [(await api.save_customer(name=name))["id"] for name in ("A", "B", "C")]
    operation = await socket.subscribe(FOLLOW, ids=ids[:2])
    await wait_for_subscriptions(api)
    for customer_id in (ids[2], ids[1], ids[0], ids[1]):
        await enriched(api, customer_id)
        if customer_id != ids[2]:
            assert (await delivered(socket, operation, "customerEnriched"))["id"] == customer_id


async def test_since_delivers_each_customer_that_was_enriched_meanwhile_once(
    api: Api, socket: Socket
) -> None:
    """R100: in the order of their latest events."""
    ids = [(await api.save_customer(name=name))["id"] for name in ("A", "B", "C")]
    await enriched(api, ids[2])
    since = api.clock.advance(timedelta(minutes=1))
    for customer_id in (ids[0], ids[1], ids[0]):
        await enriched(api, customer_id)
    operation = await socket.subscribe(FOLLOW, ids=ids, since=since.isoformat())
    told = [(await delivered(socket, operation, "customerEnriched"))["name"] for _ in range(2)]
    assert told == ["B", "A"]
    await wait_for_subscriptions(api)
    await enriched(api, ids[2])
    assert (await delivered(socket, operation, "customerEnriched"))["name"] == "C"


async def test_unknown_customers_are_left_out_and_deleted_ones_no_longer_followed(
    api: Api, socket: Socket
) -> None:
    """R95, R35."""
    first, second = [(await api.save_customer(name=name))["id"] for name in ("A", "B")]
    given = [new_customer_id(), first, "nonsense", second]
    operation = await socket.subscribe(FOLLOW, ids=given)
    await wait_for_subscriptions(api)
    await api.done("deleteCustomer", "", id=first)
    await enriched(api, first)
    await enriched(api, second)
    assert (await delivered(socket, operation, "customerEnriched"))["id"] == second
    await api.done("deleteCustomer", "", id=second)
    await enriched(api, second)
    assert await socket.receive() == {"type": "complete", "id": operation}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("", "Set either `customerId` or `customerIds`."),
        (
            '(customerId: "cus_x", customerIds: ["cus_x"])',
            "Set either `customerId` or `customerIds`.",
        ),
        ("(customerIds: [])", "There is no customer with these `customerIds`."),
        ('(customerIds: ["cus_x"])', "There is no customer with these `customerIds`."),
        ('(customerId: "cus_x")', "There is no customer with this `customerId`."),
        (f"(customerIds: {['x'] * 101})".replace("'", '"'), "`customerIds` may have at most 100"),
    ],
)
async def test_nobody_to_follow_is_an_error(socket: Socket, arguments: str, message: str) -> None:
    result = await socket.ask(f"subscription {{ customerEnriched{arguments} {{ id }} }}")
    (error,) = result["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["message"].startswith(message)


async def new_contact(api: Api, customer_id: str, email: str) -> str:
    saved = await api.done(
        "saveContact",
        "contact { id }",
        customerId=customer_id,
        name="Ann",
        email=email,
        receivesBills=True,
    )
    return str(saved["contact"]["id"])


async def confirm(api: Api, mutation: str, contact_id: str, **values: str) -> None:
    """Have a mail sent to the contact, and press the button behind its link."""
    await api.done(mutation, "", contactId=contact_id, **values)
    await api.work()
    page = mails_in(api.platform.settings.mailbox)[-1].path()
    assert (await api.http.post(page)).status_code == 200


async def test_contacts_that_confirm_are_delivered_to_staff_that_wait(
    api: Api, socket: Socket
) -> None:
    """R60, R61, R100: an email address, and then a preference; also of a contact added later."""
    followed, other = [(await api.save_customer(name=name))["id"] for name in ("A", "B")]
    operation = await socket.subscribe(CONFIRMED, ids=[followed])
    await wait_for_subscriptions(api)
    elsewhere = await new_contact(api, other, "other@acme.example")
    await confirm(api, "requestEmailVerification", elsewhere)
    contact_id = await new_contact(api, followed, "ann@acme.example")
    since = api.clock().isoformat()
    await confirm(api, "requestEmailVerification", contact_id)
    told: Json = {
        "id": contact_id,
        "isEmailVerified": True,
        "attachmentPreference": {"isConfirmed": False},
    }
    assert await delivered(socket, operation, "contactConfirmed") == told
    api.clock.advance(timedelta(hours=1))
    await confirm(api, "requestAttachmentPreference", contact_id)
    told["attachmentPreference"]["isConfirmed"] = True
    assert await delivered(socket, operation, "contactConfirmed") == told
    late = await socket.subscribe(CONFIRMED, ids=[other, followed], since=since)
    both = [await delivered(socket, late, "contactConfirmed") for _ in range(2)]
    assert [contact["id"] for contact in both] == [elsewhere, contact_id]


async def test_a_deleted_contact_is_not_delivered(api: Api, socket: Socket) -> None:
    customer = await api.save_customer()
    since = api.clock().isoformat()
    gone, kept = [await new_contact(api, customer["id"], f"{n}@a.example") for n in "ab"]
    for contact_id in (gone, kept):
        await confirm(api, "requestEmailVerification", contact_id)
    await api.done("deleteContact", "", id=gone)
    operation = await socket.subscribe(CONFIRMED, ids=[customer["id"]], since=since)
    assert (await delivered(socket, operation, "contactConfirmed"))["id"] == kept


async def test_contacts_are_followed_with_the_permission_to_read_them(api: Api) -> None:
    """R93."""
    customer = await api.save_customer()
    for scope, code in ((Scope.CUSTOMERS_READ, "FORBIDDEN"), (Scope.CONTACTS_READ, None)):
        token = await api.token_for(scope)
        async with serving(api.app) as address, connected(address) as socket:
            await socket.sign_in(token)
            await socket.subscribe(CONFIRMED, ids=[customer["id"]])
            if code is None:
                await wait_for_subscriptions(api)
                continue
            message = await socket.receive()
            assert code in str(message["payload"])
