"""Calls are counted in memory, and added to the table in the background."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from tortoise.connection import get_connection

from models import ApiUsage
from models.storage.database import Database
from models.tables import api_usage
from models.tables.access import Principal, Scope
from models.tables.api_usage import (
    MAX_NAMES,
    OTHER,
    ROWS_AT_ONCE,
    Entries,
    UsageTally,
    store_usage,
    storing_usage,
)
from tests.clock import Clock
from tests.databases import Databases

ANN = Principal("tok_ann", "Ann", frozenset(Scope), "cus_1", "usr_ann")
BOB = Principal("usr_bob", "Bob", frozenset(Scope), None, "usr_bob")
DAY = timedelta(days=1)
COUNTS = ("operation", "operation_type", "calls", "points", "refusals", "user_errors", "limit_hits")


def call(
    tally: UsageTally, principal: Principal, name: str | None, kind: str = "query", **more: int
) -> None:
    """Count a call, with further counts."""
    counts = tally.counts(tally.clock(), principal, name, kind)
    counts.calls += 1
    for one, number in more.items():
        setattr(counts, one, getattr(counts, one) + number)


async def test_counts_of_several_processes_add_up(database: Database, clock: Clock) -> None:
    for points in (3, 4):
        tally = UsageTally(clock)
        call(tally, ANN, "List", points=points, refusals=1)
        call(tally, ANN, "List", points=10, limit_hits=1)
        call(tally, ANN, None, "mutation", user_errors=2)
        call(tally, BOB, "List")
        await store_usage(tally, database)
        await store_usage(tally, database)  # there is nothing left to store
    rows = await ApiUsage.all().order_by("credential_id", "operation").values_list(*COUNTS)
    assert rows == [
        ("", "mutation", 2, 0, 0, 4, 0),
        ("List", "query", 4, 27, 2, 0, 2),
        ("List", "query", 2, 0, 0, 0, 0),
    ]
    first = await ApiUsage.get(credential_id="tok_ann", operation="List")
    assert (first.day, first.user_id, first.reseller_id) == (clock().date(), "usr_ann", "cus_1")
    assert first.id.startswith("2026-10-01.")
    assert (await ApiUsage.get(credential_id="usr_bob")).reseller_id is None


async def test_the_last_hit_of_a_limit_is_kept(database: Database, clock: Clock) -> None:
    tally = UsageTally(clock)
    for hit in (clock(), None, clock() + timedelta(hours=1), None):
        counts = tally.counts(clock(), ANN, "List", "query")
        counts.last_limited_at = hit or counts.last_limited_at
        counts.calls += 1
        await store_usage(tally, database)
    row = await ApiUsage.get()
    assert (row.calls, row.last_limited_at) == (4, datetime(2026, 10, 1, 10, 30, tzinfo=UTC))


async def test_each_day_has_rows_of_its_own(database: Database, clock: Clock) -> None:
    tally = UsageTally(clock)
    for _ in range(3):
        call(tally, ANN, "List")
        clock.advance(DAY)
    await store_usage(tally, database)
    rows = await ApiUsage.all().order_by("id").values_list("day", "calls")
    assert [(str(day), calls) for day, calls in rows] == [
        ("2026-10-01", 1),
        ("2026-10-02", 1),
        ("2026-10-03", 1),
    ]


async def test_further_names_count_as_one(database: Database, clock: Clock) -> None:
    """So a client that invents names cannot fill the table, before or after a store."""
    tally = UsageTally(clock)
    for begin in (0, 150):
        for number in range(begin, begin + 150):
            call(tally, ANN, f"Op{number}")
        await store_usage(tally, database)
    call(tally, ANN, "Op1")  # known already
    call(tally, ANN, "Op299")
    call(tally, BOB, "Op299")
    await store_usage(tally, database)
    assert await ApiUsage.filter(credential_id="tok_ann").count() == MAX_NAMES + 1
    assert (await ApiUsage.get(credential_id="tok_ann", operation=OTHER)).calls == 101
    assert (await ApiUsage.get(credential_id="tok_ann", operation="Op1")).calls == 2
    assert (await ApiUsage.get(credential_id="usr_bob")).operation == "Op299"
    clock.advance(DAY)
    call(tally, ANN, "Op299")
    await store_usage(tally, database)
    assert await ApiUsage.filter(operation="Op299", credential_id="tok_ann").count() == 1


async def test_memory_is_bounded(
    database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_usage, "MAX_ENTRIES", 5)
    tally = UsageTally(clock)
    for number in range(9):
        call(tally, ANN, f"Op{number}")
    await store_usage(tally, database)
    assert await ApiUsage.all().count() == 6
    assert (await ApiUsage.get(operation=OTHER)).calls == 4


async def test_a_long_name_is_cut(database: Database, clock: Clock) -> None:
    tally = UsageTally(clock)
    for end in ("a", "b"):
        call(tally, ANN, "N" * 70 + end)
    await store_usage(tally, database)
    row = await ApiUsage.get()
    assert (row.operation, row.calls) == ("N" * 60, 2)


async def test_counts_are_kept_while_they_cannot_be_stored(
    databases: Databases, clock: Clock
) -> None:
    url = await databases.borrow()
    tally = UsageTally(clock)
    database = Database(url)
    await database.open()
    call(tally, ANN, "List", points=3)
    await database.transaction(_rename("api_usage", "away"))
    await store_usage(tally, database)
    call(tally, ANN, "List", points=4)
    await database.transaction(_rename("away", "api_usage"))
    await store_usage(tally, database)
    row = await ApiUsage.get()
    assert (row.calls, row.points) == (2, 7)
    await database.close()
    await databases.give_back(url)


async def test_counts_are_stored_in_the_background_and_at_the_end(
    database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_usage, "STORE_S", 0.01)
    tally = UsageTally(clock)
    async with storing_usage(tally, database):
        call(tally, ANN, "List")
        async with asyncio.timeout(60):
            while not await ApiUsage.exists():  # noqa: ASYNC110  # there is no signal for it
                await asyncio.sleep(0.01)
        monkeypatch.setattr(api_usage, "STORE_S", 3_600.0)
        call(tally, ANN, "Other")
    assert await ApiUsage.all().order_by("operation").values_list("operation", "calls") == [
        ("List", 1),
        ("Other", 1),
    ]


async def test_a_call_while_counts_are_stored_is_stored_at_the_end(
    database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    tally, is_storing = UsageTally(clock), asyncio.Event()
    add = api_usage._add

    async def add_and_call(entries: Entries) -> None:
        await add(entries)
        if not is_storing.is_set():
            call(tally, ANN, "Late")
            is_storing.set()

    monkeypatch.setattr(api_usage, "STORE_S", 0.01)
    monkeypatch.setattr(api_usage, "_add", add_and_call)
    async with storing_usage(tally, database):
        call(tally, ANN, "List")
        await is_storing.wait()
    assert {row.operation for row in await ApiUsage.all()} == {"List", "Late"}


async def test_many_processes_store_the_same_rows_at_once(database: Database, clock: Clock) -> None:
    """Rows are locked in one order, so that none waits for another in a circle."""
    tallies = [UsageTally(clock) for _ in range(6)]
    names = [f"Op{number}" for number in range(150)]
    for tally in tallies:
        names = names[7:] + names[:7]
        for kind in ("query", "mutation", "subscription", ""):
            for name in names[: 150 if kind == "query" else 10]:
                call(tally, ANN, name, kind)
        for number in range(ROWS_AT_ONCE):
            call(tally, Principal(f"tok_{number}", "T", frozenset()), "List")
    await asyncio.gather(*(store_usage(tally, database) for tally in tallies))
    assert (await ApiUsage.get(credential_id="tok_7")).calls == 6
    calls = [row.calls for row in await ApiUsage.all()]
    assert sum(calls) == 6 * (180 + ROWS_AT_ONCE)


def _rename(table: str, to: str) -> Callable[[], Awaitable[None]]:
    async def work() -> None:
        await get_connection("default").execute_script(f"ALTER TABLE {table} RENAME TO {to}")

    return work
