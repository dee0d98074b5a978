"""Sending webhooks over real sockets: order, retries, limits, and what is stored."""

import asyncio
from datetime import UTC, datetime, timedelta

from standardwebhooks.webhooks import Webhook

from models import (
    Customer,
    Event,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookLane,
)
from models.changes.customer_editing import edit_customer
from models.jobs.webhook_claim import claim_lanes, release_lane
from models.jobs.webhook_fan_out import fan_out
from models.jobs.webhook_queue import enqueue_ping, redeliver
from models.rules.webhook_retry import WAITS
from models.storage.database import Database
from models.tables.audit import ActorContext
from models.tables.webhook import PINGS, lane_id
from tests.clock import Clock
from tests.factories import add_customer
from tests.webhook_receiver import OPTIONS, add_endpoint, receiving, sending

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


async def rename(database: Database, act: ActorContext, customer: Customer, name: str) -> None:
    await database.transaction(lambda: edit_customer(act, customer.id, {"name": name}, None))


async def deliveries() -> list[tuple[str, str, int]]:
    rows = await WebhookDelivery.all().order_by("id")
    return [(row.event_type, row.state, row.attempts) for row in rows]


async def errors() -> list[tuple[int, int | None, str | None]]:
    rows = await WebhookAttempt.all().order_by("id")
    return [(row.sequence, row.status_code, row.error) for row in rows]


async def test_an_event_arrives_signed_with_ids_only(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    clock.now = datetime.now(UTC)  # receivers compare the timestamp with their clocks
    async with receiving() as receiver, sending(database, clock) as sender:
        endpoint = await add_endpoint(database, receiver.url, clock)
        customer = await add_customer(database, act, name="Secret Society")
        assert await fan_out(database, clock()) == 1
        await sender.send_due()
        (got,) = receiver.taken
        event = await Event.get(type="customer.created")
        secret = OPTIONS.cipher.decrypt(endpoint.secret, endpoint.id)
        assert Webhook(secret).verify(got.body, got.headers) == got.data
        assert got.headers["content-type"] == "application/json"
        assert got.id == got.data["id"] == event.id
        assert got.data["type"] == "customer.created"
        assert got.data["data"]["customerId"] == got.data["data"]["subjectId"] == customer.id
        assert got.data["data"]["customerVersion"] == 1
        assert "name" in got.data["data"]["changedFields"]
        assert b"Secret Society" not in got.body
        assert await deliveries() == [("customer.created", "DELIVERED", 1)]
        assert await errors() == [(1, 204, None)]
        assert await sender.send_due() == 0


async def test_pings_and_redeliveries_overtake_what_waits_for_other_customers(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    async with receiving() as receiver, sending(database, clock) as sender:
        endpoint = await add_endpoint(database, receiver.url, clock)
        again = await add_customer(database, act, name="Again")
        await fan_out(database, clock())
        await sender.send_due()
        sent = await WebhookDelivery.get()
        receiver.taken.clear()
        clock.advance(HOUR)
        for n in range(8):
            await add_customer(database, act, name=f"Backlog {n}")
        await rename(database, act, again, "Later")
        await fan_out(database, clock())
        clock.advance(DAY)

        async def ask() -> None:
            await redeliver(endpoint, [sent.id], clock())
            await enqueue_ping(endpoint, clock())

        await database.transaction(ask)
        claims = await claim_lanes(database, 2, (), HOUR, clock())
        assert [one.lane_id for one in claims] == [
            lane_id(endpoint.id, PINGS),
            lane_id(endpoint.id, again.id),
        ]
        for one in claims:
            await release_lane(one.lane_id, one.owner, clock())
        # Now they are due like the others, after those that have waited for longer.
        (first,) = await claim_lanes(database, 1, (), HOUR, clock())
        assert first.lane_id not in {one.lane_id for one in claims}
        await release_lane(first.lane_id, first.owner, clock())
        await sender.send_due()
        told = [one.data for one in receiver.taken if again.id.encode() in one.body]
        assert [one["type"] for one in told] == ["customer.updated", "customer.created"]
        assert len(receiver.taken) == 8 + 2 + 1


async def test_a_redelivery_does_not_hasten_a_lane_that_waits_or_is_sent(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    async with receiving() as receiver, sending(database, clock) as sender:
        endpoint = await add_endpoint(database, receiver.url, clock)
        customer = await add_customer(database, act)
        await fan_out(database, clock())
        await sender.send_due()
        sent = await WebhookDelivery.get()
        receiver.answers = [500]
        await rename(database, act, customer, "Later")
        await fan_out(database, clock())
        await sender.send_due()
        waits = (await WebhookLane.get()).due_at
        assert waits == clock() + WAITS[0]
        await database.transaction(lambda: redeliver(endpoint, [sent.id], clock()))
        assert (await WebhookLane.get()).due_at == waits
        clock.advance(WAITS[0])
        (claim,) = await claim_lanes(database, 1, (), HOUR, clock())
        await database.transaction(lambda: redeliver(endpoint, [sent.id], clock()))
        assert (await WebhookLane.get()).due_at == clock() + HOUR
        await release_lane(claim.lane_id, claim.owner, clock())


async def test_events_of_a_customer_arrive_in_order(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    async with receiving() as receiver, sending(database, clock) as sender:
        await add_endpoint(database, receiver.url, clock)
        customers = [await add_customer(database, act, name=f"C {n}") for n in range(6)]
        for place in range(8):
            for one in customers:
                await rename(database, act, one, f"{one.name} {place}")
        await fan_out(database, clock())
        await sender.send_due()
        assert receiver.most_at_once <= 4
        for one in customers:
            versions = [
                got.data["data"]["customerVersion"]
                for got in receiver.taken
                if got.data["data"]["customerId"] == one.id
            ]
            assert versions == list(range(1, 10))


async def test_two_senders_at_once_post_each_event_once(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    async with (
        receiving() as receiver,
        sending(database, clock) as one,
        sending(database, clock) as other,
    ):
        await add_endpoint(database, receiver.url, clock)
        for n in range(12):
            await add_customer(database, act, name=f"C {n}")
        await fan_out(database, clock())
        await asyncio.gather(one.send_due(), other.send_due())
        await one.send_due()
        assert len(receiver.ids) == len(set(receiver.ids)) == 12
        assert receiver.most_at_once <= 4


async def test_a_failure_is_tried_again_by_the_schedule(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    async with receiving() as receiver, sending(database, clock) as sender:
        await add_endpoint(database, receiver.url, clock)
        receiver.always = 500
        await add_customer(database, act)
        await fan_out(database, clock())
        for place, wait in enumerate(WAITS[:4], start=1):
            await sender.send_due()
            assert len(receiver.taken) == place
            clock.advance(wait - timedelta(seconds=1))
            assert await sender.send_due() == 0
            clock.advance(timedelta(seconds=1))
        receiver.always = 200
        await sender.send_due()
        assert await deliveries() == [("customer.created", "DELIVERED", 5)]
        assert len(set(receiver.ids)) == 1
        assert len({got.headers["webhook-timestamp"] for got in receiver.taken}) == 5
        endpoint = await WebhookEndpoint.get()
        assert (endpoint.failures, endpoint.failing_since, endpoint.open_at) == (0, None, None)
