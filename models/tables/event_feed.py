"""Numbers events after their commits, and says which of them can be read.

`models/tables/numbering.py` explains the numbers. A generation is a period in which no number was
given twice. If the newest rows of the database were lost, by a restore or when a standby took over,
numbers are given again, and readers that had read further would miss events. So numbering compares
the database's identity with that of the present generation, and begins a new one if they differ.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from tortoise import fields
from tortoise.models import Model

from models.rules.event_cursor import CursorFault, Generation, cursor_of, number_in
from models.storage.database import Database, wake
from models.storage.id_field import IdField
from models.storage.sql import is_postgres, run
from models.storage.tenant_scope import bind_tenant, preserve_tenant_scope
from models.tables.event import EVENT, EVENTS, WRITTEN
from models.tables.numbering import (
    keep_numbering,
    lock_numbering,
    number_before_reading,
    number_locked,
)

POLL_S = 0.25
"""Seconds after which events are looked for even if no commit of this process was signalled."""

GATHER_S = 0.005
"""Seconds for which further commits are awaited before their events are numbered together."""

_IDENTITY = """
SELECT (SELECT system_identifier FROM pg_control_system())::text || '.'
  || (SELECT oid FROM pg_database WHERE datname = current_database())::text || '.'
  || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8)"""
"""The identity of a PostgreSQL server and database, and the timeline, which changes at a failover.

The log file's name is used, as `pg_control_checkpoint()` tells a new timeline only after a while.
"""

_NEWEST_GENERATION = f"""
SELECT one.sequence, one.identity, ({_IDENTITY}) FROM event_generation AS one
ORDER BY one.sequence DESC LIMIT 1"""  # noqa: S608  # a constant

_POSITIONS = """
SELECT (SELECT last_number FROM numbering WHERE name = 'event'),
  (SELECT min(one.number) FROM event AS one WHERE one.number IS NOT NULL)"""


class EventGeneration(Model):
    """A generation of the event feed: numbers from `first_number` on were given in it only.

    `sequence` is the order of generations. `identity` is that of the database; null on SQLite, and
    until the first event is numbered.
    """

    id = IdField(max_length=16, primary_key=True)
    sequence = fields.IntField(unique=True)
    first_number = fields.BigIntField()
    secret = fields.CharField(max_length=32)
    identity = fields.CharField(max_length=80, null=True)

    class Meta:
        table = "event_generation"


@dataclass(frozen=True, slots=True)
class Feed:
    """The numbers of the events that can be read: those after `floor`, up to `newest`."""

    generations: Sequence[Generation]
    floor: int
    newest: int

    def cursor(self, number: int) -> str:
        """Return the cursor after the event with a number."""
        return cursor_of(self.generations[-1], number)

    def number_in(self, cursor: str) -> int | CursorFault:
        """Return the number in a cursor, or why the cursor cannot be used."""
        return number_in(cursor, self.generations, self.floor, self.newest)


async def read_feed(database: Database) -> Feed:
    """Assign numbers to committed events, and return which numbers can be read now."""
    with preserve_tenant_scope():
        bind_tenant(None)  # numbers and generations are of all tenants
        await number_before_reading(database, EVENT, number_events)
        rows = await run(
            "SELECT id, first_number, secret FROM event_generation ORDER BY sequence", ()
        )
        floor, newest = await _floor_and_newest()
    return Feed([Generation(*row) for row in rows], floor, newest)


async def read_floor() -> int:
    """Return the number up to which events were deleted."""
    with preserve_tenant_scope():
        bind_tenant(None)
        floor, _ = await _floor_and_newest()
    return floor


async def platform_secret() -> bytes:
    """Return a secret that all processes on the database share, for signatures of short life."""
    with preserve_tenant_scope():
        bind_tenant(None)
        ((secret,),) = await run(
            "SELECT secret FROM event_generation ORDER BY sequence DESC LIMIT 1", ()
        )
    return str(secret).encode()


async def _floor_and_newest() -> tuple[int, int]:
    ((newest, first),) = await run(_POSITIONS, ())
    return newest if first is None else first - 1, newest


async def keep_numbering_events(database: Database) -> None:
    """Assign numbers to events soon after their commits, until cancelled; not on SQLite."""
    if not database.is_postgres:
        return
    with database.signals.watching(WRITTEN) as written:
        await keep_numbering(database, EVENT, number_events, (written, GATHER_S, POLL_S))


async def number_events(table: str = EVENT) -> int:
    """Assign numbers to a batch of events in the current transaction; wake readers after it."""
    last = await lock_numbering(table)
    await _begin_generation_if_moved(last)
    numbers = await number_locked(table, last)
    if numbers:
        await wake(EVENTS)
    return len(numbers)


async def begin_generation() -> None:
    """Begin a new generation, for a database that was restored from a backup.

    Cursors that are newer than the backup are then refused instead of missing events.
    """
    last = await lock_numbering(EVENT)
    newest = await EventGeneration.all().order_by("-sequence").first()
    identity = await _identity()
    await _begin(1 if newest is None else newest.sequence + 1, last, identity)


async def _begin_generation_if_moved(last: int) -> None:
    newest = await run(_NEWEST_GENERATION, ())
    if not newest:
        await _begin(1, last, await _identity())
        return
    ((sequence, of_generation, identity),) = newest
    if of_generation is None:
        await EventGeneration.filter(sequence=sequence).update(identity=identity)
    elif of_generation != identity:
        await _begin(sequence + 1, last, identity)


async def _begin(sequence: int, last: int, identity: str | None) -> None:
    await EventGeneration.create(
        sequence=sequence,
        id=secrets.token_hex(4),
        first_number=last + 1,
        secret=secrets.token_hex(16),
        identity=identity,
    )


async def _identity() -> str | None:
    if not is_postgres():
        return None
    ((identity,),) = await run(_IDENTITY, ())
    return str(identity)
