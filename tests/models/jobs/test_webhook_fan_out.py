"""Which endpoints get an event: each once, in order, and only what their owners may see."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from models import Customer, Event, WebhookDelivery, WebhookEndpoint, WebhookLane
from models.changes.customer_class_editing import create_class
from models.changes.customer_editing import edit_customer
from models.changes.job_administration import pause_kind, resume_kind
from models.jobs.kinds import WEBHOOK
from models.jobs.webhook_claim import claim_lanes
from models.jobs.webhook_fan_out import fan_out
from models.jobs.webhook_lane import EVENT_LEAD, LaneChange, change_lanes
from models.jobs.webhook_queue import append, disable, enable, new_delivery
from models.storage.database import Database
from models.tables.audit import ActorContext
from models.tables.webhook import WEBHOOKS, DeliveryCause
from notifications.webhooks.sender import SenderOptions
from tests.clock import Clock
from tests.factories import add_customer
from tests.webhook_receiver import add_endpoint

URL = "https://partner.example.com/"
LEASE = SenderOptions().lease


async def got(endpoint: WebhookEndpoint) -> list[tuple[str, str | None]]:
    rows = await WebhookDelivery.filter(endpoint_id=endpoint.id).order_by("number")
    return [(row.event_type, row.customer_id) for row in rows]


async def reseller(database: Database, act: ActorContext, name: str) -> Customer:
    return await add_customer(database, act, "RESELLER_OTHER", name=name)


async def test_an_endpoint_gets_what_its_owner_may_see(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    one, other = [await reseller(database, act, name) for name in ("One", "Other")]
    of_all = await add_endpoint(database, URL, clock)
    of_one = await add_endpoint(database, URL, clock, reseller_id=one.id)
    of_other = await add_endpoint(database, URL, clock, reseller_id=other.id)
    customer = await add_customer(database, act, name="C", parent_id=one.id)
    await database.transaction(lambda: create_class(act, {"name": "Club"}))
    await fan_out(database, clock())

    async def hand_over() -> None:
        await edit_customer(act, customer.id, {"parent_id": other.id}, None)

    await database.transaction(hand_over)
    await fan_out(database, clock())
    created, handed = ("customer.created", customer.id), ("customer.handed_over", customer.id)
    club = ("customer_class.created", None)
    assert await got(of_all) == [created, club, handed]
    assert await got(of_one) == [created, club, handed]
    assert await got(of_other) == [club, handed]
    resellers = {row.reseller_id for row in await WebhookDelivery.filter(endpoint_id=of_one.id)}
    assert resellers == {one.id}


async def test_types_and_customers_are_chosen(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    wanted = await add_customer(database, act, name="Wanted")
    by_type = await add_endpoint(database, URL, clock, event_types=["contact.created"])
    by_customer = await add_endpoint(database, URL, clock, customer_ids=[wanted.id])
    inactive = await add_endpoint(database, URL, clock, is_active=False)
    await database.transaction(lambda: edit_customer(act, wanted.id, {"name": "W"}, None))
    await add_customer(database, act, name="B")
    await fan_out(database, clock())
    assert await got(by_type) == await got(inactive) == []
    assert await got(by_customer) == [("customer.updated", wanted.id)]


async def test_a_batch_that_fails_is_appended_again_once(
    database: Database, act: ActorContext, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.jobs.webhook_fan_out.BATCH", 2)
    endpoint = await add_endpoint(database, URL, clock)
    await fan_out(database, clock())
    ids = [(await add_customer(database, act, name=f"C {n}")).id for n in range(5)]
    with monkeypatch.context() as broken:
        broken.setattr("models.jobs.webhook_fan_out.CURSOR", None)
        with pytest.raises(Exception):  # noqa: B017, PT011  # each database has its own
            await fan_out(database, clock())
    await fan_out(database, clock())
    assert [customer_id for _, customer_id in await got(endpoint)] == ids


async def test_dispatchers_at_once_append_each_event_once(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    endpoint = await add_endpoint(database, URL, clock)
    ids = [(await add_customer(database, act, name=f"C {n}")).id for n in range(6)]
    await asyncio.gather(*(fan_out(database, clock()) for _ in range(4)))
    await fan_out(database, clock())
    assert [customer_id for _, customer_id in await got(endpoint)] == ids
    lanes = await WebhookLane.all()
    assert {(lane.tail, lane.done) for lane in lanes} == {(1, 0)}


async def test_a_disabled_endpoint_goes_on_where_it_stopped(
    database: Database, act: ActorContext, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.jobs.webhook_fan_out.BATCH", 2)
    paused, steady = [await add_endpoint(database, URL, clock) for _ in range(2)]
    first = await add_customer(database, act, name="First")
    await fan_out(database, clock())
    await paused.refresh_from_db()
    await database.transaction(lambda: disable(paused, clock(), None))
    later = [await add_customer(database, act, name=f"C {n}") for n in range(5)]
    await fan_out(database, clock())
    assert len(await got(paused)) == 1
    await database.transaction(lambda: enable(paused, clock()))
    await add_customer(database, act, name="Last")
    await fan_out(database, clock())
    assert await got(paused) == await got(steady)
    assert [one for _, one in await got(paused)][:6] == [first.id, *(one.id for one in later)]
    await paused.refresh_from_db()
    assert paused.last_number is None


async def test_a_lane_that_is_appended_to_while_it_is_completed_stays_awake(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    endpoint = await add_endpoint(database, URL, clock)
    customer = await add_customer(database, act)
    await fan_out(database, clock())
    (claim,) = await claim_lanes(database, 9, (), LEASE, clock())
    event = await Event.get(customer_id=customer.id)
    appended, completing = asyncio.Event(), asyncio.Event()

    async def appending() -> None:
        cause = DeliveryCause.REDELIVERY
        await append([new_delivery(endpoint, event, cause, clock())], clock())
        appended.set()
        await completing.wait()
        await asyncio.sleep(0.05)  # the other transaction waits for the lane meanwhile

    async def complete() -> None:
        completing.set()
        await change_lanes([LaneChange(claim.lane_id, claim.owner, 1, clock())])

    first = asyncio.create_task(database.transaction(appending))
    if database.is_postgres:
        await appended.wait()
    else:
        completing.set()
    await database.transaction(complete)
    await first
    lane = await WebhookLane.get()
    assert (lane.tail, lane.done, lane.owner) == (2, 1, None)
    assert lane.due_at is not None
    assert lane.due_at <= clock()


async def test_nothing_is_sent_while_webhooks_are_paused(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    await add_endpoint(database, URL, clock)
    await add_customer(database, act)
    await database.transaction(lambda: pause_kind(act, WEBHOOK))
    await fan_out(database, clock())
    assert await claim_lanes(database, 9, (), LEASE, clock()) == []
    with database.signals.watching(WEBHOOKS) as woken:
        await database.transaction(lambda: resume_kind(act, WEBHOOK))
        assert woken.is_set()  # senders look at once
    assert len(await claim_lanes(database, 9, (), LEASE, clock())) == 1


async def test_a_claim_that_lost_its_lease_stores_nothing(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    await add_endpoint(database, URL, clock)
    await add_customer(database, act)
    await fan_out(database, clock())
    (lost,) = await claim_lanes(database, 9, (), LEASE, clock())
    assert await claim_lanes(database, 9, (), LEASE, clock()) == []
    clock.advance(LEASE)
    (claim,) = await claim_lanes(database, 9, (), LEASE, clock())
    assert claim.owner != lost.owner
    change = LaneChange(lost.lane_id, lost.owner, 1, clock())
    await database.transaction(lambda: change_lanes([change]))
    lane = await WebhookLane.get()
    assert (lane.done, lane.owner) == (0, claim.owner)


async def test_no_endpoint_takes_more_than_its_share_of_the_slots(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    endpoints = [await add_endpoint(database, URL, clock) for _ in range(2)]
    for n in range(9):
        await add_customer(database, act, name=f"C {n}")
    await fan_out(database, clock())
    taken = []
    for _ in range(4):
        claims = await asyncio.gather(
            *(claim_lanes(database, 64, (), LEASE, clock()) for _ in range(3))
        )
        taken += [one for some in claims for one in some]
    counts = [sum(one.endpoint.id == endpoint.id for one in taken) for endpoint in endpoints]
    assert counts == [4, 4]
    assert len({one.lane_id for one in taken}) == 8


async def claimed_customers(database: Database, clock: Clock) -> list[str | None]:
    """Claim lanes of the only endpoint, and complete them; return their customers in order."""
    claims = await claim_lanes(database, 9, (), LEASE, clock())
    ended = [LaneChange(one.lane_id, one.owner, one.upto, clock()) for one in claims]
    await database.transaction(lambda: change_lanes(ended))
    return [one.deliveries[0][0].customer_id for one in claims]


async def test_single_saves_go_before_the_events_of_an_import(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    """Until these have waited for a day. A lane with both goes at once, in its order."""
    await add_endpoint(database, URL, clock)
    importing = replace(act, event_ids={"importId": "imp_1"})
    of_import = [(await add_customer(database, importing, name=f"I {n}")).id for n in range(12)]
    single = (await add_customer(database, act, name="S 0")).id
    await fan_out(database, clock())
    clock.advance(timedelta(minutes=1))
    later = (await add_customer(database, act, name="S 1")).id
    both = of_import[-1]
    await database.transaction(lambda: edit_customer(act, both, {"name": "Both"}, None))
    await fan_out(database, clock())
    first = await claimed_customers(database, clock)
    assert first[0] == single
    assert {*first[1:3]} == {later, both}
    assert first[3] in of_import
    clock.advance(EVENT_LEAD)
    last = (await add_customer(database, act, name="S 2")).id
    await fan_out(database, clock())
    rest = [*await claimed_customers(database, clock), *await claimed_customers(database, clock)]
    assert {*rest} < {*of_import}
    assert last not in rest


def test_the_end_of_an_import_goes_before_its_events(clock: Clock) -> None:
    event = Event(type="import.finished", subject_id="imp_1", at=clock())
    event.payload = {"importId": "imp_1"}
    assert not event.is_of_import
    event.customer_id = "cus_1"
    assert event.is_of_import
