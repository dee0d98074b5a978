"""Audit entries are numbered by commit order: no entry appears before one already read."""

import asyncio
import re
from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import islice
from random import Random

import asyncpg
import pytest
from tortoise.connection import get_connection

from models import AuditEntry, Numbering
from models.changes.audit_erasure import erase_values
from models.storage.database import Database
from models.storage.migrate import migrate
from models.storage.row_insert import add_rows
from models.storage.tenant_scope import bind_tenant, preserve_tenant_scope
from models.tables.audit import AUDIT, ActorContext, new_entry, record
from models.tables.event import EVENT
from models.tables.numbering import (
    _LOCK,
    _NUMBER,
    NumberedSpan,
    number_batch,
    number_rows,
    numbers_between,
)
from tests.applied_migrations import migrate_until
from tests.databases import Databases
from tests.factories import add_customer, erase
from tests.models.tables.refused_statements import refuses

WRITERS = 8
Place = tuple[object, str]


async def write(database: Database, act: ActorContext, subject: str = "cls_1") -> None:
    await database.transaction(lambda: record(act, "class.edited", subject))


async def numbered() -> dict[str, int]:
    """Return the numbers of the numbered entries, by request id."""
    rows = await AuditEntry.filter(number__isnull=False).order_by("number")
    return {row.request_id: row.number for row in rows}


async def follow(database: Database, after: int) -> list[tuple[int, str]]:
    """Return the entries after a number, as a reader of the trail does."""
    await number_rows(database, AUDIT)
    rows = await AuditEntry.filter(number__gt=after).order_by("number")
    return [(row.number, row.request_id) for row in rows]


async def follow_by_time(after: Place | None) -> list[tuple[Place, str]]:
    """Return the entries after a time and id, as readers did before entries had numbers."""
    rows = await AuditEntry.all().order_by("at", "id")
    return [
        ((row.at, row.id), row.request_id)
        for row in rows
        if after is None or (row.at, row.id) > after
    ]


async def test_a_reader_by_number_misses_none_where_one_by_time_does(
    database: Database, act: ActorContext
) -> None:
    """R96: transactions start in the order of their times, but commit in another order."""
    acts = [
        replace(act, now=act.now + timedelta(milliseconds=place), request_id=f"request-{place}")
        for place in range(120)
    ]
    luck, begun, waiting = Random(7), iter(acts), list(acts[:0])  # noqa: S311  # no secret
    seen: list[tuple[int, str]] = []
    seen_by_time: list[tuple[Place, str]] = []
    while waiting := [*waiting, *islice(begun, WRITERS - len(waiting))]:
        await write(database, waiting.pop(luck.randrange(len(waiting))))
        seen += await follow(database, seen[-1][0] if seen else 0)
        seen_by_time += await follow_by_time(seen_by_time[-1][0] if seen_by_time else None)
    assert sorted(request for _, request in seen) == sorted(one.request_id for one in acts)
    assert len(seen_by_time) < len(acts) * 0.7


async def test_beside_writers_at_once_each_entry_comes_once_and_in_order(
    database: Database, act: ActorContext
) -> None:
    async def writer(name: int) -> None:
        for turn in range(10):
            await write(database, replace(act, request_id=f"request-{name}-{turn}"))

    writers = asyncio.gather(*(writer(name) for name in range(WRITERS)))
    seen: list[tuple[int, str]] = []
    while len(seen) < WRITERS * 10:
        is_last = writers.done()
        seen += await follow(database, seen[-1][0] if seen else 0)
        assert not is_last or len(seen) == WRITERS * 10
    await writers
    assert [number for number, _ in seen] == list(range(1, WRITERS * 10 + 1))
    for name in range(WRITERS):
        own = [request for _, request in seen if request.startswith(f"request-{name}-")]
        assert own == [f"request-{name}-{turn}" for turn in range(10)]


class Held:
    """A transaction that has written, and stays open until a test ends it."""

    def __init__(self, database: Database, act: ActorContext, *, fails: bool = False) -> None:
        self._has_written, self._may_end = asyncio.Event(), asyncio.Event()
        self._fails = fails
        self._task = asyncio.create_task(database.transaction(lambda: self._write(act)))

    async def _write(self, act: ActorContext) -> None:
        await record(act, "class.edited", "cls_1")
        self._has_written.set()
        await self._may_end.wait()
        if self._fails:
            raise ZeroDivisionError

    async def written(self) -> "Held":
        await self._has_written.wait()
        return self

    async def end(self) -> None:
        self._may_end.set()
        await asyncio.gather(self._task, return_exceptions=True)


async def test_a_long_transaction_holds_nobody_up_and_is_not_missed(
    database: Database, act: ActorContext
) -> None:
    if not database.is_postgres:
        pytest.skip("on SQLite one writes at a time")
    long = await Held(database, replace(act, request_id="long")).written()
    undone = await Held(database, replace(act, request_id="undone"), fails=True).written()
    await write(database, replace(act, request_id="short"))
    assert await follow(database, 0) == [(1, "short")]
    await undone.end()
    assert await follow(database, 1) == []
    await long.end()
    assert await follow(database, 1) == [(2, "long")]


async def test_a_writer_that_is_killed_leaves_nothing_to_wait_for(
    database: Database, act: ActorContext
) -> None:
    if not database.is_postgres:
        pytest.skip("on SQLite the file's lock goes with the process")
    entry = new_entry(replace(act, request_id="killed"), "class.edited", "cls_1")
    victim = await asyncpg.connect(database.dsn)
    await victim.execute("BEGIN")
    await victim.execute(
        f"""INSERT INTO audit_entry (id, subject_id, operation, before, after, is_override,
          actor_id, actor_name, request_id, at)
        VALUES ('{entry.id}', 'cls_1', 'class.edited', '{{}}', '{{}}', false, 'tok_1', 'Tess',
          'killed', now())"""
    )
    await write(database, replace(act, request_id="first"))
    victim.terminate()
    await write(database, replace(act, request_id="second"))
    assert await follow(database, 0) == [(1, "first"), (2, "second")]


async def test_processes_that_number_at_once_give_each_number_once(
    database: Database, act: ActorContext
) -> None:
    """The lock is a separate statement; otherwise the snapshot could be older than the lock."""
    if not database.is_postgres:
        pytest.skip("on SQLite rows are numbered as they are added")
    rows = [
        new_entry(replace(act, request_id=f"request-{n:03}"), "class.edited", "cls_1")
        for n in range(300)
    ]
    for row in rows:
        await database.transaction(partial(add_rows, [row]))
    done = await asyncio.gather(
        *(database.transaction(lambda: number_batch(AUDIT)) for _ in range(6))
    )
    assert sum(done) == len(rows)
    expected = {row.request_id: place for place, row in enumerate(rows, start=1)}
    assert await numbered() == expected
    assert (await Numbering.get(name=AUDIT)).last_number == len(rows)


@pytest.mark.parametrize("table", [AUDIT, EVENT])
async def test_rows_are_looked_up_however_wrong_the_statistics_are(
    database: Database, table: str
) -> None:
    """A table that was emptied counts as empty, however many rows it gets before the next ANALYZE.

    A join would then compare each row of a batch with each of the table.
    """
    if not database.is_postgres:
        pytest.skip("on SQLite a trigger numbers rows")
    connection = await asyncpg.connect(database.dsn)
    emptied = "UPDATE pg_class SET reltuples = 0, relpages = 400 WHERE relname = $1"
    await connection.execute(emptied, table)
    # To scan a table without rows costs nothing.
    await connection.execute("SET enable_seqscan = off")
    explained = "EXPLAIN " + _NUMBER.format(table=table, batch=1000).replace("?", "0")
    plan = "\n".join(row[0] for row in await connection.fetch(explained))
    await connection.close()
    assert "Index Cond: ((id)::text = ANY" in plan
    assert not re.search("Nested Loop|Join|Seq Scan", plan)


async def test_a_plan_made_for_an_empty_table_fits_a_full_one(database: Database) -> None:
    """A connection keeps its plans, and would read all of a table that was empty then."""
    if not database.is_postgres:
        pytest.skip("on SQLite a trigger numbers rows")
    connection = await asyncpg.connect(database.dsn)
    async with connection.transaction():
        await connection.execute(_LOCK.replace("?", f"'{AUDIT}'"))
        await connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        statement = _NUMBER.format(table=AUDIT, batch=1000).replace("?", "$1")
        await connection.execute(f"PREPARE numbering (bigint) AS {statement}")
        plans = await connection.fetch("EXPLAIN EXECUTE numbering(0)")
    await connection.close()
    plan = "\n".join(row[0] for row in plans)
    assert "idx_audit_entry_waiting" in plan
    assert "Index Cond: ((id)::text = ANY" in plan
    assert "Seq Scan" not in plan


async def test_a_write_that_is_undone_leaves_no_gap(database: Database, act: ActorContext) -> None:
    async def fail() -> None:
        await record(act, "class.edited", "cls_1")
        raise ZeroDivisionError

    for place in range(2):
        await write(database, replace(act, request_id=f"request-{place}"))
        with pytest.raises(ZeroDivisionError):
            await database.transaction(fail)
    assert await follow(database, 0) == [(1, "request-0"), (2, "request-1")]


async def test_numbering_that_is_undone_leaves_no_gap(
    database: Database, act: ActorContext
) -> None:
    if not database.is_postgres:
        pytest.skip("on SQLite rows are numbered as they are added")
    await write(database, act)

    async def fail() -> None:
        assert await number_batch(AUDIT) == 1
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await database.transaction(fail)
    assert await numbered() == {}
    assert await follow(database, 0) == [(1, "request-1")]


async def test_a_reader_that_is_bound_numbers_for_all(
    database: Database, act: ActorContext
) -> None:
    """R99: its list has fewer entries, but it numbers those of others too."""
    await write(database, act)
    with preserve_tenant_scope():
        bind_tenant("cus_somebody")
        await number_rows(database, AUDIT)
    assert await numbered() == {"request-1": 1}


async def test_an_erasure_that_is_not_done_yet_holds_nobody_up(
    database: Database, act: ActorContext
) -> None:
    if not database.is_postgres:
        pytest.skip("on SQLite one writes at a time")
    customer = await add_customer(database, act)
    await erase(database, replace(act, request_id="erasing"), customer)
    await write(database, replace(act, request_id="other"))
    has_erased, may_end = asyncio.Event(), asyncio.Event()

    async def erase_again() -> None:
        await erase_values(customer.id, act.now)
        has_erased.set()
        await may_end.wait()

    erasing = asyncio.create_task(database.transaction(erase_again))
    await has_erased.wait()
    assert await follow(database, 0) == [(1, "other")]
    may_end.set()
    await erasing
    assert [request for _, request in await follow(database, 1)] == ["request-1", "erasing"]


async def test_spans_say_where_the_entries_of_a_time_can_be(
    database: Database, act: ActorContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong clock makes a span wider, but no entry is left out."""
    if not database.is_postgres:
        pytest.skip("on SQLite a trigger keeps spans of a thousand")
    monkeypatch.setattr("models.tables.numbering.SPAN", 2)
    for minutes in (0, 1, 60, 3, 4, 5):
        await write(database, replace(act, now=act.now + timedelta(minutes=minutes)))
        await number_rows(database, AUDIT)
    spans = await NumberedSpan.all().order_by("first_number")
    told = [
        (span.first_number, span.last_number, (span.to_at - act.now) // timedelta(minutes=1))
        for span in spans
    ]
    assert told == [(1, 2, 1), (3, 4, 60), (5, 6, 5)]

    async def between(since: int | None, until: int | None) -> tuple[int, int]:
        return await numbers_between(AUDIT, later(since), later(until))

    def later(minutes: int | None) -> object:
        return None if minutes is None else act.now + timedelta(minutes=minutes)

    assert await between(None, None) == (0, 2**63 - 1)
    assert await between(2, None) == (3, 2**63 - 1)
    assert await between(30, None) == (3, 2**63 - 1)
    assert await between(None, 2) == (0, 2)
    assert await between(None, 3) == (0, 4)
    assert await between(61, None) == (1, 0)


async def test_a_span_is_of_a_thousand_numbers(database: Database, act: ActorContext) -> None:
    minutes = [*range(999), 5000, *range(1000, 2500)]
    rows = [
        new_entry(replace(act, now=act.now + timedelta(minutes=minute)), "class.edited", "cls_1")
        for minute in minutes
    ]
    for start in range(0, len(rows), 100):
        await database.transaction(lambda: add_rows(rows[start : start + 100]))  # noqa: B023  # run now
        await number_rows(database, AUDIT)
    spans = await NumberedSpan.all().order_by("first_number")
    assert [
        (
            span.first_number,
            span.last_number,
            *((at - act.now) // timedelta(minutes=1) for at in (span.from_at, span.to_at)),
        )
        for span in spans
    ] == [(1, 1000, 0, 5000), (1001, 2000, 1000, 1999), (2001, 2500, 2000, 2499)]
    assert len(await numbered()) == 1  # all in one request
    assert (await Numbering.get(name=AUDIT)).last_number == len(rows)


@pytest.mark.parametrize(
    "change",
    [
        "number = 9",  # it has a number
        "number = NULL",
        "number = 9, operation = 'x'",
        "number = NULL, erased_at = at, actor_name = '(erased)'",
    ],
)
async def test_a_number_is_given_once_and_never_changed(
    database: Database, act: ActorContext, change: str
) -> None:
    await write(database, act)
    await number_rows(database, AUDIT)
    await refuses(f"UPDATE audit_entry SET {change}")


@pytest.mark.parametrize("change", ["reason = 'x'", "at = '2020-01-01 00:00:00+00:00'"])
async def test_with_a_number_nothing_else_is_changed(
    database: Database, act: ActorContext, change: str
) -> None:
    await write(database, act)
    await refuses(f"UPDATE audit_entry SET number = 1, {change}")
    await refuses("UPDATE audit_entry SET number = 0")


async def test_entries_of_before_are_numbered_in_the_order_of_their_list(
    databases: Databases,
) -> None:
    """Cursors that clients already have keep working."""
    url = await databases.create_empty()
    database = Database(url)
    await database.open()
    try:
        connection = get_connection("default")
        await migrate_until(database, "0012_append_only")
        for name, minute in (("aud_b", 1), ("aud_a", 2), ("aud_c", 1)):
            await connection.execute_query(
                f"""INSERT INTO audit_entry (id, subject_id, operation, before, after, is_override,
                  actor_id, actor_name, request_id, at) VALUES ('{name}', 'cls_1', 'class.created',
                  '{{}}', '{{}}', false, 'tok_1', 'Tess', '{name}',
                  '2026-01-01 00:0{minute}:00+00:00')"""
            )
        await migrate(database)
        assert await numbered() == {"aud_b": 1, "aud_c": 2, "aud_a": 3}
        assert (await Numbering.get(name=AUDIT)).last_number == 3
        span = await NumberedSpan.get()
        assert (span.first_number, span.last_number, span.from_at.minute, span.to_at.minute) == (
            *(1, 3),
            *(1, 2),
        )
    finally:
        await database.close()
        await databases.drop(url)
