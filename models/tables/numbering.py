"""Numbers rows in the order of their commits, so that a poller misses none.

A key that a row gets before its commit, such as a sequence or a time, does not work as a cursor: a
transaction with a lower key may commit later, below the cursor. So a row is inserted without a
`number` and gets one after its commit. Numbering locks the table's row in `numbering`, so numbers
become visible in order, and no row appears below a number that was already read. Writers take no
lock and do not wait.

On SQLite, transactions write one at a time, so a trigger numbers each row on insertion.

A numbered table has `id`, `at` and a nullable `number`; on PostgreSQL also `sequence`, which the
database assigns on insertion: rows of one locked subject are numbered in the order of their
transactions. Clients never see numbers, because differences would reveal how many entries others
have.
"""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import structlog
from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from models.storage.database import Database
from models.storage.sql import run
from models.storage.tenant_scope import bind_tenant, keeping_tenant

log = structlog.get_logger(__name__)

BATCH = 1_000
"""Rows numbered per transaction."""

MAX_BATCHES = 20
"""Batches that a reader numbers before it reads; a worker numbers the rest."""

SPAN = 1_000
"""Numbers per span.

A list that starts at an instant reads at most this many rows from before that instant.
"""

EVERY = timedelta(seconds=1)
ALL_NUMBERS = (0, 2**63 - 1)
NO_NUMBERS = (1, 0)

_NUMBER = """
    WITH waiting AS (SELECT id, sequence FROM {table} WHERE number IS NULL
        ORDER BY sequence LIMIT {batch:d} FOR UPDATE SKIP LOCKED),
      placed AS (SELECT id, row_number() OVER (ORDER BY sequence) AS place FROM waiting)
    UPDATE {table} AS one SET number = ? + placed.place FROM placed WHERE one.id = placed.id
    RETURNING one.at"""


class Numbering(Model):
    """The last number of a table. Numbering locks this row."""

    name = fields.CharField(max_length=40, primary_key=True)
    last_number = fields.BigIntField(default=0)

    class Meta:
        table = "numbering"


class NumberedSpan(Model):
    """A range of numbers, and the earliest and latest `at` of its rows.

    Because clocks differ, the order of `at` may differ from the order of commits. The spans tell
    which numbers the rows of a period can have.
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


async def number_before_reading(database: Database, table: str) -> None:
    """Assign numbers to a table's committed rows, so that a list is complete without a worker.

    A failure is logged, not raised; the list then shows the rows numbered so far.
    """
    try:
        await number_rows(database, table)
    except Exception as error:
        log.warning("numbering_failed", table=table, error=type(error).__name__)


async def number_rows(database: Database, table: str, batches: int = MAX_BATCHES) -> int:
    """Assign numbers to a table's committed rows, in at most `batches` batches; return how many.

    Does nothing on SQLite, or while the schema does not fit the code.
    """
    done = 0
    if not database.is_postgres or not database.may_write:
        return done
    with keeping_tenant():
        bind_tenant(None)
        if not await _is_waiting(table):
            return 0
        async with database.numbering:
            for _ in range(batches):
                numbered = await database.transaction(lambda: number_batch(table))
                done += numbered
                if numbered < BATCH:
                    break
    return done


async def keep_numbering(database: Database, table: str) -> None:
    """Assign numbers every second until the task is cancelled; log a lasting failure once."""
    is_failing = False
    while True:
        try:
            await number_rows(database, table)
            is_failing = False
        except Exception as error:
            if not is_failing:
                log.warning("numbering_failed", table=table, error=type(error).__name__)
            is_failing = True
        await asyncio.sleep(EVERY.total_seconds())


async def number_batch(table: str) -> int:
    """Assign numbers to a batch of rows in the current transaction; return how many.

    The lock is taken by a statement of its own, because the next one must see all numbers that were
    assigned before the lock was granted.
    """
    ((last,),) = await run("SELECT last_number FROM numbering WHERE name = ? FOR UPDATE", (table,))
    times = [at for (at,) in await run(_NUMBER.format(table=table, batch=BATCH), (last,))]
    if times:
        newest = last + len(times)
        await run("UPDATE numbering SET last_number = ? WHERE name = ?", (newest, table))
        await _note_span(table, last + 1, newest, min(times), max(times))
    return len(times)


async def numbers_between(table: str, since: Any = None, until: Any = None) -> tuple[int, int]:
    """Return the lowest and highest number that a row with `since <= at <= until` can have.

    Instants are in the form that the database stores; None is no limit. Returns NO_NUMBERS, an
    empty range, if no row is in the period.
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
    """Extend the newest span by the numbers `first` to `last`, or add a span if it is full."""
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
