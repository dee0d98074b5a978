"""Uses of deprecated parts are counted in memory and stored by credential and day."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from models import DeprecatedUse
from models.jobs.retention import Retention, sweep
from models.storage.database import Database
from models.tables import deprecated_use
from models.tables.access import Principal
from models.tables.deprecated_use import MAX_COUNT, DeprecatedUseCounter, storing_uses
from tests.clock import START, Clock

ANN = Principal("tok_ann", "Ann", frozenset(), user_id="usr_ann")
BOB = Principal("tok_bob", "Bob", frozenset(), reseller_id="cus_bob")
NAME, CODE = ("Customer.name", "Use `x`."), ("Query.a(code:)", "Use `y`.")


async def stored() -> list[tuple[Any, ...]]:
    rows = DeprecatedUse.all().order_by("credential_id", "coordinate", "used_on")
    return list(
        await rows.values_list(
            "credential_id", "user_id", "reseller_id", "coordinate", "used_on", "use_count"
        )
    )


async def test_uses_are_counted_by_credential_part_and_day(
    database: Database, clock: Clock
) -> None:
    counter = DeprecatedUseCounter()
    for _ in range(3):
        counter.count(ANN, [NAME, CODE], clock())
    counter.count(BOB, [NAME], clock())
    await counter.flush(database)
    await counter.flush(database)  # what was stored is not added again
    later = clock.advance(timedelta(days=1))
    counter.count(ANN, [NAME], START)
    counter.count(ANN, [("Customer.name", "Use `z`.")], later)
    await counter.flush(database)
    assert await stored() == [
        ("tok_ann", "usr_ann", None, "Customer.name", "2026-10-01", 4),
        ("tok_ann", "usr_ann", None, "Customer.name", "2026-10-02", 1),
        ("tok_ann", "usr_ann", None, "Query.a(code:)", "2026-10-01", 3),
        ("tok_bob", None, "cus_bob", "Customer.name", "2026-10-01", 1),
    ]
    newest = await DeprecatedUse.get(used_on="2026-10-02")
    assert (newest.reason, newest.last_used_at) == ("Use `z`.", later)


async def test_the_last_use_and_the_count_never_go_back_or_too_far(
    database: Database, clock: Clock
) -> None:
    counter = DeprecatedUseCounter()
    for at in (clock() + timedelta(hours=1), clock()):
        counter.count(ANN, [NAME], at)
        await counter.flush(database)
    row = await DeprecatedUse.get()
    assert (row.use_count, row.last_used_at) == (2, clock() + timedelta(hours=1))
    await DeprecatedUse.all().update(use_count=MAX_COUNT - 1)
    for _ in range(3):
        counter.count(ANN, [NAME], clock())
    await counter.flush(database)
    assert (await DeprecatedUse.get()).use_count == MAX_COUNT


async def test_many_counters_of_many_processes_add_up(database: Database, clock: Clock) -> None:
    counters = [DeprecatedUseCounter() for _ in range(4)]
    parts = [(f"Customer.field{number}", "Use `x`.") for number in range(120)]
    for counter in counters:
        for one in (parts, parts[::-1]):
            counter.count(ANN, one, clock())
    await asyncio.gather(*(one.flush(database) for one in counters))
    assert await DeprecatedUse.all().count() == 120
    assert {row.use_count for row in await DeprecatedUse.all()} == {8}


async def test_memory_is_bounded(database: Database, clock: Clock) -> None:
    counter = DeprecatedUseCounter(most=2)
    for number in range(5):
        counter.count(ANN, [(f"Customer.f{number}", "Use `x`.")], clock())
    counter.count(ANN, [("Customer.f0", "Use `x`.")], clock())
    await counter.flush(database)
    assert [one[3:] for one in await stored()] == [
        ("Customer.f0", "2026-10-01", 2),
        ("Customer.f1", "2026-10-01", 1),
    ]


async def test_counts_are_kept_while_the_database_fails(
    database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter = DeprecatedUseCounter()
    counter.count(ANN, [NAME], clock())

    async def fail(*_: object) -> None:
        raise OSError

    with monkeypatch.context() as patch:
        patch.setattr(Database, "transaction", fail)
        with pytest.raises(OSError):  # noqa: PT011  # it has no text
            await counter.flush(database)
        await counter.flush_last(database)
    counter.count(ANN, [NAME], clock())
    await counter.flush(database)
    assert [one[-1] for one in await stored()] == [2]


async def test_uses_are_stored_once_although_they_are_being_stored_at_the_end(
    database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter, is_storing = DeprecatedUseCounter(), asyncio.Event()
    add = deprecated_use._store

    async def add_slowly(*given: Any) -> None:
        is_storing.set()
        await asyncio.sleep(0)
        await add(*given)

    monkeypatch.setattr(deprecated_use, "EVERY_S", 0.01)
    monkeypatch.setattr(deprecated_use, "_store", add_slowly)
    async with storing_uses(counter, database):
        counter.count(ANN, [NAME], clock())
        await is_storing.wait()
        counter.count(ANN, [NAME], clock())
    await counter.flush_last(database)
    assert [one[-1] for one in await stored()] == [2]


async def test_old_uses_are_deleted(database: Database, clock: Clock) -> None:
    counter = DeprecatedUseCounter()
    for days in (0, 400, 401):
        counter.count(ANN, [NAME], clock() - timedelta(days=days))
    await counter.flush(database)
    await sweep(database, Retention(), clock())
    assert len(await stored()) == 2
