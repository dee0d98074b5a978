"""The event feed is numbered after the commit, so a reader misses no event."""

import asyncio
from dataclasses import replace
from random import Random

import pytest

from models import Customer, Event, EventGeneration
from models.rules.event_cursor import CursorFault
from models.storage.database import Database
from models.storage.locks import lock
from models.storage.sql import run
from models.tables.audit import ActorContext, record
from models.tables.customer_class import touch
from models.tables.event import owner_of
from models.tables.event_feed import begin_generation, number_events, read_feed
from models.tables.numbering import number_rows
from tests.factories import add_customer

WRITERS, TURNS = 16, 6


async def edit(database: Database, act: ActorContext, customer_id: str, wait: float) -> None:
    """Edit a customer as mutations do, and let some time pass before the commit."""

    async def work() -> None:
        customer = (await lock(Customer, customer_id))[customer_id]
        touch(customer, act.now)
        await customer.save()
        owner = owner_of(customer)
        await record(act, "customer.edited", customer_id, after={"name": "B"}, owner=owner)
        await asyncio.sleep(wait)

    await database.transaction(work)


async def write_all(database: Database, act: ActorContext, customers: list[Customer]) -> None:
    async def writer(name: int) -> None:
        luck = Random(name)  # noqa: S311  # no secret
        for _ in range(TURNS):
            chosen = luck.choice(customers).id
            await edit(database, act, chosen, luck.choice((0, 0, 0, 0.3)))

    await asyncio.gather(*(writer(name) for name in range(WRITERS)))


async def test_a_reader_beside_many_writers_misses_no_event_where_a_naive_one_does(
    database: Database, act: ActorContext
) -> None:
    """R100: also read by the order in which the rows were inserted, which misses some."""
    customers = [await add_customer(database, act, name=f"C {place}") for place in range(12)]
    begin = (await read_feed(database)).newest
    seen: list[Event] = []
    naive: set[str] = set()
    last_sequence = 0

    async def read() -> None:
        nonlocal last_sequence
        feed = await read_feed(database)
        after = seen[-1].number if seen else begin
        fresh = Event.filter(number__gt=after, number__lte=feed.newest)
        seen.extend(await fresh.order_by("number"))
        if database.is_postgres:
            text = "SELECT t0.sequence, t0.id FROM event AS t0 WHERE t0.sequence > ? ORDER BY 1"
            rows = await run(text, (last_sequence,))
            naive.update(row[1] for row in rows)
            last_sequence = rows[-1][0] if rows else last_sequence

    writing = asyncio.create_task(write_all(database, act, customers))
    while not writing.done():
        await read()
        await asyncio.sleep(0.002)
    await writing
    await read()
    assert len(seen) == len({one.id for one in seen}) == WRITERS * TURNS
    assert [one.number for one in seen] == list(range(begin + 1, begin + WRITERS * TURNS + 1))
    for customer in customers:
        versions = [one.customer_version for one in seen if one.customer_id == customer.id]
        assert versions == list(range(2, len(versions) + 2))
    if database.is_postgres:
        assert len(naive & {one.id for one in seen}) < WRITERS * TURNS


async def test_a_cursor_over_a_sequence_passes_an_event_that_commits_later(
    database: Database, act: ActorContext
) -> None:
    if not database.is_postgres:
        pytest.skip("on SQLite one writes at a time")
    begin = (await read_feed(database)).newest
    has_written, may_end = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        await record(act, "class.retired", "cls_slow")
        has_written.set()
        await may_end.wait()

    writing = asyncio.create_task(database.transaction(slow))
    await has_written.wait()  # it has its place in the sequence
    await database.transaction(lambda: record(act, "class.retired", "cls_quick"))
    by_sequence = "SELECT t0.sequence, t0.subject_id FROM event AS t0 WHERE t0.sequence > ?"
    read = await run(f"{by_sequence} ORDER BY 1", (0,))
    assert [row[1] for row in read] == ["cls_quick"]
    assert [one.subject_id for one in await after(database, begin)] == ["cls_quick"]
    may_end.set()
    await writing
    assert await run(f"{by_sequence} ORDER BY 1", (read[-1][0],)) == []
    assert [one.subject_id for one in await after(database, begin)] == ["cls_quick", "cls_slow"]


async def after(database: Database, number: int) -> list[Event]:
    """Return the events after a number, as readers of the feed do."""
    feed = await read_feed(database)
    found = Event.filter(number__gt=number, number__lte=feed.newest)
    return await found.order_by("number")


async def test_numberers_at_once_give_each_number_once(
    database: Database, act: ActorContext
) -> None:
    customers = [await add_customer(database, act, name=f"C {place}") for place in range(4)]
    writing = asyncio.create_task(write_all(database, act, customers))
    while not writing.done():
        await asyncio.gather(*(database.transaction(number_events) for _ in range(3))) if (
            database.is_postgres
        ) else await asyncio.sleep(0.01)
    await writing
    await read_feed(database)
    numbers = [one.number for one in await Event.all().order_by("number")]
    assert numbers == list(range(1, WRITERS * TURNS + 5))


async def test_a_rolled_back_change_leaves_no_event_and_no_gap(
    database: Database, act: ActorContext
) -> None:
    async def fails() -> None:
        await record(act, "class.edited", "cls_1", after={"name": "x"})
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await database.transaction(fails)
    await database.transaction(lambda: record(act, "class.edited", "cls_1", after={"name": "x"}))
    assert (await read_feed(database)).newest == 1


async def test_the_floor_is_what_was_deleted(database: Database, act: ActorContext) -> None:
    for _ in range(3):
        await database.transaction(lambda: record(act, "class.retired", "cls_1"))
    feed = await read_feed(database)
    assert (feed.floor, feed.newest) == (0, 3)
    await Event.filter(number__lte=2).delete()
    feed = await read_feed(database)
    assert (feed.floor, feed.newest) == (2, 3)
    assert feed.number_in(feed.cursor(1)) is CursorFault.EXPIRED
    await Event.all().delete()
    feed = await read_feed(database)
    assert (feed.floor, feed.newest) == (3, 3)
    await database.transaction(lambda: record(act, "class.retired", "cls_1"))
    assert (await read_feed(database)).newest == 4


async def test_after_a_restore_newer_cursors_are_refused(
    database: Database, act: ActorContext
) -> None:
    for _ in range(2):
        await database.transaction(lambda: record(act, "class.retired", "cls_1"))
    before = await read_feed(database)
    cursors = [before.cursor(number) for number in (1, 2, 3)]
    await database.transaction(begin_generation)
    await database.transaction(lambda: record(act, "class.retired", "cls_1"))
    feed = await read_feed(database)
    assert [feed.number_in(cursor) for cursor in cursors] == [1, 2, CursorFault.EXPIRED]
    assert feed.number_in(feed.cursor(3)) == 3


async def test_another_server_or_timeline_begins_a_generation(
    database: Database, act: ActorContext
) -> None:
    if not database.is_postgres:
        pytest.skip("a file of SQLite has no identity")
    await database.transaction(lambda: record(act, "class.retired", "cls_1"))
    await number_rows(database, "event", number=number_events)
    (first,) = await EventGeneration.all()
    assert first.identity
    await EventGeneration.all().update(identity="elsewhere")
    later = replace(act, request_id="later")
    await database.transaction(lambda: record(later, "class.retired", "cls_1"))
    await number_rows(database, "event", number=number_events)
    second = await EventGeneration.get(sequence=2)
    assert (second.first_number, second.identity) == (2, first.identity)
