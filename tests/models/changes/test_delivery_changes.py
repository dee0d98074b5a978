"""`delivery_profile.changed`: what a contact is emailed has changed, whatever the cause (R78)."""

from datetime import timedelta

import pytest

from models import Contact, Customer, DeliveryCheck, Event
from models.changes.delivery_changes import LAG, note_due_deliveries
from models.rules.delivery import POLICY
from models.storage.database import Database
from models.tables.audit import ActorContext
from tests.clock import Clock
from tests.delivery_world import World

DAY = timedelta(days=1)
FULL = {"BILL": "ITEMISED", "CDR_ZIP": "PLAIN", "USAGE_FILES": "SENT"}
REDUCED = {"BILL": "SHORT", "CDR_ZIP": "PASSWORD_PROTECTED", "USAGE_FILES": "WITHHELD"}
NONE = dict.fromkeys(FULL, "NOT_ADDRESSED")


async def told() -> list[tuple[str, dict[str, str], dict[str, str]]]:
    """Return and delete the events: the contact, and the outcomes before and after."""
    rows = await Event.filter(type="delivery_profile.changed").order_by("id")
    await Event.filter(type="delivery_profile.changed").delete()
    return [
        (
            row.subject_id,
            {one["document"]: one["outcomeBefore"] for one in row.payload["deliveries"]},
            {one["document"]: one["outcomeAfter"] for one in row.payload["deliveries"]},
        )
        for row in rows
    ]


@pytest.fixture
async def world(database: Database, clock: Clock, act: ActorContext) -> World:
    return World(database, clock, act)


async def test_each_cause_is_told_with_what_changed(world: World) -> None:
    customer = await world.customer()
    ann = await world.contact(customer)
    assert await told() == [(ann.id, NONE, REDUCED)]
    await world.consent(customer)
    assert await told() == [(ann.id, REDUCED, FULL)]
    await world.edit(ann, name="Anna")
    assert await told() == []
    await world.edit(ann, receives_bills=False)
    assert await told() == [(ann.id, FULL, NONE)]
    await world.edit(ann, receives_bills=True)
    assert await told() == [(ann.id, NONE, FULL)]
    await world.delete(ann)
    assert await told() == [(ann.id, FULL, NONE)]


async def test_a_preference_changes_one_contact_only(world: World) -> None:
    customer = await world.customer()
    ann, bob = await world.contact(customer), await world.contact(customer, "bob@example.com")
    await told()
    await world.verify(ann)
    assert await told() == []
    await world.prefer(ann)
    ((who, before, after),) = await told()
    assert (who, before["BILL"], after["BILL"]) == (ann.id, "SHORT", "ITEMISED")
    assert bob.id != who


async def test_an_entry_with_a_future_date_is_told_when_it_falls_due(
    world: World, database: Database, clock: Clock
) -> None:
    customer = await world.customer()
    ann = await world.contact(customer)

    async def look() -> bool:
        return await database.transaction(lambda: note_due_deliveries(POLICY, clock()))

    await look()
    await told()
    due_at = clock() + DAY
    await world.consent(customer, due_at)
    await look()
    assert await told() == []
    clock.now = due_at
    await look()
    assert await told() == []
    clock.now = due_at + LAG
    assert await look() is False
    assert await told() == [(ann.id, REDUCED, FULL)]
    await look()
    clock.advance(DAY)
    await look()
    assert await told() == []
    assert (await DeliveryCheck.get()).upto == clock() - LAG


async def test_many_entries_of_one_instant_are_looked_at_in_batches(
    world: World, database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.changes.delivery_changes.BATCH", 2)
    await database.transaction(lambda: note_due_deliveries(POLICY, clock()))
    due_at = clock() + DAY
    ids: list[str] = []
    for _ in range(5):
        customer = await world.customer(name=f"C {len(ids)}")
        ids.append((await world.contact(customer)).id)
        await world.consent(customer, due_at)
    await told()
    clock.now = due_at + LAG + DAY
    turns = 1
    while await database.transaction(lambda: note_due_deliveries(POLICY, clock())):
        turns += 1
    assert sorted(who for who, *_ in await told()) == sorted(ids)
    assert turns == 3


async def test_an_event_belongs_to_the_customer(world: World) -> None:
    customer = await world.customer()
    ann = await world.contact(customer)
    event = await Event.get(type="delivery_profile.changed")
    assert (event.customer_id, event.subject_id) == (customer.id, ann.id)
    assert (await Contact.get(id=ann.id)).customer_id == (await Customer.get()).id
