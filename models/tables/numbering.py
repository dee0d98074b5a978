"""Numbers rows in the order of their commits, so that a client that polls a list misses none.

A key that a row gets before its commit, such as a sequence or a time, does not work as a cursor: a
transaction with a lower key may commit later, and its row would be before the cursor. So a row is
inserted without a `number`, and gets one after its commit. Numbering locks the row of the table in
`numbering`, so numbers become visible in order, and no row appears before a number that was already
read. Writers of rows take no lock and do not wait.

On SQLite, transactions write one at a time, so a trigger numbers each row on insertion.

A numbered table has `id`, `at` and a nullable `number`. On PostgreSQL it also has `sequence`, which
the database assigns on insertion, so that rows about one subject, which was locked, are numbered in
the order of their transactions. Clients never see numbers: from gaps, they could tell how many
entries others have.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import structlog
from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from models.storage.database import Database
from models.storage.sql import is_postgres, run
from models.storage.tenant_scope import bind_tenant, preserve_tenant_scope

log = structlog.get_logger(__name__)

BATCH = 1_000
"""The maximum number of rows numbered in one transaction."""

MAX_BATCHES = 20
"""The maximum number of batches that are numbered before a list is read."""

SPAN = 1_000
"""The maximum number of numbers in a span.

A list of entries since an instant reads at most this number of entries from before it.
"""

EVERY = timedelta(seconds=1)
ALL_NUMBERS = (0, 2**63 - 1)
NO_NUMBERS = (1, 0)

_READ = "SELECT last_number FROM numbering WHERE name = ?"
_LOCK = """
    SELECT last_number, set_config('enable_seqscan', 'off', true) FROM numbering
    WHERE name = ? FOR UPDATE"""
"""Makes PostgreSQL use indexes in the transaction, however small tables are.

Connections keep plans, and one made while a table was nearly empty would read all of it later.
"""

_NUMBER = """
    WITH waiting AS (SELECT id, sequence FROM {table} WHERE number IS NULL
        ORDER BY sequence LIMIT {batch:d} FOR UPDATE SKIP LOCKED),
      batch AS (SELECT array_agg(id::text ORDER BY sequence) AS ids FROM waiting)
    UPDATE {table} AS one SET number = ? + array_position((SELECT ids FROM batch), one.id::text)
    WHERE one.id = ANY((SELECT ids FROM batch)::text[]) RETURNING one.at"""
"""Looks each row up by its id, instead of joining with all rows.

The planner would choose a nested loop over both if its statistics said that the table is empty.
"""


class Numbering(Model):
    """The last number given to a row of a table. Numbering locks this row."""

    name = fields.CharField(max_length=40, primary_key=True)
    last_number = fields.BigIntField(default=0)

    class Meta:
        table = "numbering"


class NumberedSpan(Model):
    """A range of numbers, and the earliest and latest `at` of their rows.

    Because clocks differ, the order of `at` may differ from the order of commits. By the spans it
    is known which numbers the rows of a period can have.
    """

    id = fields.BigIntField(primary_key=True)
    name = fields.CharField(max_length=40)
    first_number = fields.BigIntField()
    last_number = fields.BigIntField()
    from_at = fields.DatetimeField()
    to_at = fields.DatetimeField()

    class Meta:
        table = "numbered_span"
        indexes = (Index(fields=("name", "first_number")),)


NumberBatch = Callable[[str], Awaitable[int]]
"""Numbers a batch of rows of a table in the current transaction, and returns how many."""

Pace = tuple[asyncio.Event, float, float]
"""An event that is set when there are rows to number, and two times in seconds.

The first is the time to wait for more rows, the second the longest time to wait for the event.
"""


async def number_before_reading(
    database: Database, table: str, number: NumberBatch | None = None
) -> None:
    """Assign numbers to a table's committed rows, so that a list is complete without a worker.

    A failure is logged, not raised; the list then shows the rows that were numbered before.
    """
    try:
        await number_rows(database, table, number=number)
    except Exception as error:
        log.warning("numbering_failed", table=table, error=type(error).__name__)


async def number_rows(
    database: Database, table: str, batches: int = MAX_BATCHES, number: NumberBatch | None = None
) -> int:
    """Assign numbers to a table's committed rows, in at most `batches` batches; return how many.

    Does nothing on SQLite, or while the schema does not fit the code.
    """
    done = 0
    if not database.is_postgres or not database.may_write:
        return done
    with preserve_tenant_scope():
        bind_tenant(None)
        if not await _is_waiting(table):
            return 0
        async with database.numbering:
            for _ in range(batches):
                numbered = await database.transaction(lambda: (number or number_batch)(table))
                done += numbered
                if numbered < BATCH:
                    break
    return done


async def keep_numbering(
    database: Database, table: str, number: NumberBatch | None = None, pace: Pace | None = None
) -> None:
    """Assign numbers until cancelled; log a failure that goes on only once.

    Rows are numbered every second, or by the `pace`.
    """
    is_failing = False
    while True:
        if pace is not None:
            pace[0].clear()
        try:
            await number_rows(database, table, number=number)
            is_failing = False
        except Exception as error:
            if not is_failing:
                log.warning("numbering_failed", table=table, error=type(error).__name__)
            is_failing = True
        await _pause(pace)


async def _pause(pace: Pace | None) -> None:
    if pace is None:
        await asyncio.sleep(EVERY.total_seconds())
        return
    written, gather, longest = pace
    with suppress(TimeoutError):
        await asyncio.wait_for(written.wait(), longest)
        await asyncio.sleep(gather)


async def number_batch(table: str) -> int:
    """Assign numbers to a batch of rows in the current transaction; return how many.

    Also notes in which span their times are.
    """
    last = await lock_numbering(table)
    times = await number_locked(table, last)
    if times:
        await _note_span(table, last + 1, last + len(times), min(times), max(times))
    return len(times)


async def lock_numbering(table: str) -> int:
    """Lock the numbering of a table until the transaction ends; return the last number given.

    This is a statement of its own, because the next one must see all numbers that were assigned
    before the lock was granted.
    """
    ((last, *_),) = await run(_LOCK if is_postgres() else _READ, (table,))
    return int(last)


async def number_locked(table: str, last: int) -> list[datetime]:
    """Assign numbers after `last` to a batch of rows; return the times of these rows."""
    times = [at for (at,) in await run(_NUMBER.format(table=table, batch=BATCH), (last,))]
    if times:
        newest = last + len(times)
        await run("UPDATE numbering SET last_number = ? WHERE name = ?", (newest, table))
    return times


async def numbers_between(table: str, since: Any = None, until: Any = None) -> tuple[int, int]:
    """Return the lowest and highest number that a row with `since <= at <= until` can have.

    `since` and `until` are instants in the form that the database stores, or None for no limit.
    Returns NO_NUMBERS, an empty range, if no row is in the period.
    """
    first, last = ALL_NUMBERS
    for column, bound, condition in (
        ("first", since, "to_at >= ?"),
        ("last", until, "from_at <= ?"),
    ):
        if bound is None:
            continue
        best = "min" if column == "first" else "max"
        text = f"SELECT {best}({column}_number) FROM numbered_span WHERE name = ? AND {condition}"  # noqa: S608  # no value is spelt out
        ((found,),) = await run(text, (table, bound))
        if found is None:
            return NO_NUMBERS
        first, last = (found, last) if column == "first" else (first, found)
    return first, last


async def _is_waiting(table: str) -> bool:
    return bool(await run(f"SELECT 1 FROM {table} AS t0 WHERE t0.number IS NULL LIMIT 1", ()))  # noqa: S608  # no value is spelt out


async def _note_span(
    table: str, first: int, last: int, earliest: datetime, latest: datetime
) -> None:
    """Extend the newest span by the numbers `first` to `last`; if it is full, add a span."""
    found = await run(
        "SELECT first_number, from_at, to_at FROM numbered_span WHERE name = ?"
        " ORDER BY first_number DESC LIMIT 1",
        (table,),
    )
    if found and last - found[0][0] < SPAN:
        begins, from_at, to_at = found[0]
        await run(
            "UPDATE numbered_span SET last_number = ?, from_at = ?, to_at = ?"
            " WHERE name = ? AND first_number = ?",
            (last, min(from_at, earliest), max(to_at, latest), table, begins),
        )
        return
    await run(
        "INSERT INTO numbered_span (name, first_number, last_number, from_at, to_at)"
        " VALUES (?, ?, ?, ?, ?)",
        (table, first, last, earliest, latest),
    )
