"""Transactions are atomic, also on cancellation; and notifications after a commit."""

import asyncio
from datetime import datetime, timedelta
from functools import partial

import asyncpg
import pytest

from models import AuditEntry, Customer, CustomerClass, Heartbeat
from models.changes.customer_class_editing import create_class
from models.jobs.heartbeat import beat
from models.storage.database import Database, wake
from models.storage.locks import lock, lock_shared
from models.storage.sql import run
from models.tables.audit import ActorContext
from tests.clock import START, Clock
from tests.databases import Databases
from tests.factories import add_class, everything, shipped


class BrokenError(Exception):
    pass


async def test_a_transaction_that_fails_leaves_nothing(
    database: Database, act: ActorContext
) -> None:
    async def work() -> None:
        await create_class(act, {"name": "Club"})
        raise BrokenError

    before = await everything()
    with pytest.raises(BrokenError):
        await database.transaction(work)
    assert await everything() == before


async def test_a_dry_run_gives_its_result_and_leaves_nothing(
    database: Database, act: ActorContext
) -> None:
    async def work() -> CustomerClass:
        saved = await create_class(act, {"name": "Club"})
        await wake("tried")
        return saved.row

    before = await everything()
    with database.signals.watching("tried") as woken:
        row = await database.transaction(work, dry_run=True)
    assert row.name == "Club"
    assert await everything() == before
    assert not woken.is_set()
    assert (await add_class(database, act, "Club")).name == "Club"


async def test_callers_who_hang_up_in_a_transaction_do_no_harm(database: Database) -> None:
    finished = START + timedelta(days=1)

    async def work(number: int) -> None:
        await Heartbeat.create(worker=f"w{number}", seen_at=START)
        await asyncio.sleep(0)
        await Heartbeat.filter(worker=f"w{number}").update(seen_at=finished)

    for number in range(60):
        caller = asyncio.create_task(database.transaction(partial(work, number)))
        for _ in range(number % 12):
            await asyncio.sleep(0)
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
    async with asyncio.timeout(60):
        await database.transaction(partial(work, 99))
    await database.close()
    await database.open()
    assert await Heartbeat.exists(worker="w99")
    assert await Heartbeat.exclude(seen_at=finished).count() == 0
    assert await Heartbeat.all().count() > 30


async def test_a_transaction_goes_to_its_end_when_its_caller_hangs_up(database: Database) -> None:
    is_inside, may_go_on = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        await Heartbeat.create(worker="slow", seen_at=START)
        is_inside.set()
        await may_go_on.wait()

    caller = asyncio.create_task(database.transaction(work))
    await is_inside.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    may_go_on.set()
    async with asyncio.timeout(60):
        while not await Heartbeat.exists(worker="slow"):  # noqa: ASYNC110  # a row is waited for
            await asyncio.sleep(0)


async def test_closing_waits_for_transactions_whose_callers_hung_up(database: Database) -> None:
    is_inside = asyncio.Event()

    async def work() -> None:
        is_inside.set()
        await Heartbeat.create(worker="slow", seen_at=START)

    caller = asyncio.create_task(database.transaction(work))
    await is_inside.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    await database.close()
    await database.open()
    assert await Heartbeat.exists(worker="slow")


async def test_a_topic_is_woken_after_the_commit_and_not_before(database: Database) -> None:
    with database.signals.watching("here") as woken, database.signals.watching("there") as other:

        async def work() -> bool:
            await wake("here")
            return woken.is_set()

        assert await database.transaction(work) is False
        assert woken.is_set()
        assert not other.is_set()


async def test_a_transaction_that_fails_wakes_nobody(database: Database) -> None:
    async def work() -> None:
        await wake("here")
        raise BrokenError

    with database.signals.watching("here") as woken:
        with pytest.raises(BrokenError):
            await database.transaction(work)
        assert not woken.is_set()


async def test_another_process_is_woken_through_postgresql(database: Database) -> None:
    if not database.is_postgres:
        pytest.skip("only PostgreSQL carries wake-ups between processes")
    other = Database(database.url)
    listening = asyncio.create_task(other._listen(["here"]))
    try:
        with other.signals.watching("here") as woken:
            async with asyncio.timeout(60):
                await woken.wait()  # once when it starts to listen, for earlier changes
                woken.clear()
                await database.transaction(lambda: wake("here"))
                await woken.wait()
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


async def test_transactions_that_wait_for_each_other_both_end(
    database: Database, act: ActorContext
) -> None:
    """PostgreSQL rolls back one of the two, which is then retried."""
    first, second = await add_class(database, act, "A"), await add_class(database, act, "B")
    both_hold_one = asyncio.Barrier(2) if database.is_postgres else None

    async def work(one: CustomerClass, other: CustomerClass) -> None:
        nonlocal both_hold_one
        row = (await lock(CustomerClass, one.id))[one.id]
        if both_hold_one is not None:
            await both_hold_one.wait()
            both_hold_one = None  # the second attempt has no conflict
        row.display_position += 1
        await row.save()
        row = (await lock(CustomerClass, other.id))[other.id]
        row.display_position += 1
        await row.save()

    async with asyncio.timeout(60):
        await asyncio.gather(
            database.transaction(lambda: work(first, second)),
            database.transaction(lambda: work(second, first)),
        )
    rows = await CustomerClass.filter(id__in=[first.id, second.id])
    assert [row.display_position for row in rows] == [2, 2]


async def test_locking_gives_what_there_is(database: Database) -> None:
    charity, reseller = await shipped("CHARITY"), await shipped("RESELLER_OTHER")

    async def work() -> dict[str, CustomerClass]:
        return await lock(CustomerClass, reseller.id, charity.id, charity.id, "cls_none")

    assert set(await database.transaction(work)) == {charity.id, reseller.id}
    assert await database.transaction(lambda: lock_shared(Customer, "cus_none")) is None
    found = await database.transaction(lambda: lock_shared(CustomerClass, charity.id))
    assert found is not None
    assert found.code == "CHARITY"


async def test_instants_come_back_as_they_were_stored(database: Database, clock: Clock) -> None:
    now = clock().replace(microsecond=123_456)
    await database.transaction(lambda: beat("w", now))
    seen_at: datetime = (await Heartbeat.get()).seen_at
    assert seen_at == now
    assert seen_at.utcoffset() is not None
    assert await AuditEntry.all().count() == 0


async def test_reads_go_on_after_the_server_has_ended_every_connection(
    databases: Databases,
) -> None:
    url = await databases.borrow()
    database = Database(url)
    await database.open()
    if database.is_postgres:
        await asyncio.gather(*(run("SELECT pg_sleep(0.05)", ()) for _ in range(6)))
        other = await asyncpg.connect(url)
        await other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await other.close()
    for _ in range(12):
        ((one,),) = await run("SELECT 1", ())
        assert one == 1
    await database.close()
    await databases.give_back(url)
