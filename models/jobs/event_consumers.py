"""Starts jobs for events: each consumer follows the event feed with a durable cursor of its own.

A consumer's cursor moves in the transaction that enqueues its jobs, so each event starts its job
exactly once. Whichever process locks the cursor's row does the work.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import structlog
from tortoise import fields
from tortoise.models import Model

from models.jobs.job import NewJob, enqueue
from models.rules.event_type import EventType
from models.rules.urgency import Urgency
from models.storage.database import Database
from models.storage.fault_log import report
from models.storage.sql import Sql, execute, is_postgres
from models.tables.event import EVENTS, Event
from models.tables.event_feed import read_feed

log = structlog.get_logger(__name__)

BATCH = 500
"""The maximum number of events that one transaction hands to a consumer."""

POLL_S = 1.0
NAME_LENGTH = 40


class EventConsumer(Model):
    """The cursor of a consumer: the number of the last event whose job was enqueued."""

    name = fields.CharField(max_length=NAME_LENGTH, primary_key=True)
    last_number = fields.BigIntField()

    class Meta:
        table = "event_consumer"


@dataclass(frozen=True, slots=True)
class Consumer:
    """Jobs to start for events. The name, under which the cursor is stored, must not change."""

    name: str
    types: frozenset[EventType]
    kind: str
    urgency: Urgency = Urgency.BULK

    def job(self, event: Event) -> NewJob:
        """Return the job for an event; its payload has ids only."""
        payload: dict[str, Any] = {
            "event_id": event.id,
            "type": event.type,
            "subject_id": event.subject_id,
            "customer_id": event.customer_id,
        }
        key = f"{self.name}:{event.id}"
        return NewJob(self.kind, key, payload, self.urgency, event.reseller_id)


def on(*types: EventType, name: str, kind: str, urgency: Urgency = Urgency.BULK) -> Consumer:
    """Declare that each event of these types starts a job of a kind."""
    return Consumer(name, frozenset(types), kind, urgency)


async def keep_dispatching(database: Database, consumers: Sequence[Consumer], clock: Any) -> None:
    """Enqueue the jobs of consumers as events come, until cancelled."""

    async def work() -> None:
        await dispatch(database, consumers, clock())

    if consumers:
        await keep_following(database, work, failure="events_not_dispatched")


async def keep_following(
    database: Database,
    work: Callable[[], Awaitable[object]],
    *,
    failure: str,
    gather_s: float = 0,
) -> None:
    """Call `work` as events come, and every POLL_S seconds, until cancelled.

    Its errors are reported as `failure`. Further events are awaited for `gather_s` seconds, so that
    they are worked on together.
    """
    with database.signals.watching(EVENTS) as woken:
        while True:
            woken.clear()
            try:
                if database.may_write:
                    await work()
            except Exception as error:
                report(failure, error)
            try:
                async with asyncio.timeout(POLL_S):
                    await woken.wait()
                await asyncio.sleep(gather_s)
            except TimeoutError:
                pass


async def dispatch(database: Database, consumers: Sequence[Consumer], now: datetime) -> int:
    """Enqueue the jobs of all events that no job was enqueued for; return how many jobs.

    A new consumer begins with the events that happen from now on.
    """
    feed = await read_feed(database)
    started = 0
    for consumer in consumers:
        is_more = True
        while is_more:
            is_more, jobs = await database.transaction(
                partial(_hand_out, consumer, feed.newest, now)
            )
            started += jobs
    return started


async def _hand_out(consumer: Consumer, newest: int, now: datetime) -> tuple[bool, int]:
    """Enqueue a batch of jobs; return whether there are more events, and how many jobs."""
    last = await locked_cursor(consumer.name, newest)
    if last is None or last >= newest:
        return False, 0
    events = await Event.filter(number__gt=last, number__lte=newest).order_by("number").limit(BATCH)
    if events and events[0].number != last + 1:
        log.error("events_deleted_before_dispatch", consumer=consumer.name)
    upto = int(events[-1].number or newest) if events else newest
    jobs = [consumer.job(event) for event in events if event.type in consumer.types]
    await enqueue(jobs, now)
    await EventConsumer.filter(name=consumer.name).update(last_number=upto)
    return upto < newest, len(jobs)


async def locked_cursor(name: str, newest: int) -> int | None:
    """Lock and return a consumer's cursor; None if another process has locked it.

    A new one begins at `newest`.
    """
    found = await read_cursor(name, "FOR UPDATE SKIP LOCKED")
    if found is not None:
        return found
    added = "INSERT INTO event_consumer (name, last_number) VALUES (?, ?) ON CONFLICT DO NOTHING"
    await execute(Sql(added, (name, newest)))
    return None


async def read_cursor(name: str, lock: str) -> int | None:
    """Return a consumer's cursor, and lock its row until the commit; None if there is no row.

    `lock` is PostgreSQL's clause; on SQLite one transaction writes at a time.
    """
    clause = f" {lock}" if is_postgres() else ""
    text = f"SELECT last_number FROM event_consumer WHERE name = ?{clause}"  # noqa: S608  # no value is spelt out
    found = await execute(Sql(text, (name,)))
    return int(found[0]["last_number"]) if found else None
