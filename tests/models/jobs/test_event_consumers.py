"""Consumers: each event of their types starts one job, whatever crashes or runs at once."""

import asyncio

import pytest

from models import EventConsumer, Job
from models.jobs.event_consumers import Consumer, dispatch, on
from models.rules.event_type import EventType
from models.storage.database import Database
from models.tables.audit import ActorContext
from tests.factories import add_customer, erase

CREATED = on(EventType.CUSTOMER_CREATED, name="created", kind="greet")
ENDS = on(EventType.CUSTOMER_ERASED, EventType.CUSTOMER_CREATED, name="ends", kind="mirror")
BOTH = (CREATED, ENDS)


async def jobs(kind: str) -> list[tuple[str, str]]:
    rows = await Job.filter(kind=kind).order_by("place", "id")
    return [(row.payload["type"], row.payload["customer_id"]) for row in rows]


async def begin(database: Database, act: ActorContext, *consumers: Consumer) -> None:
    """Let consumers begin: a new one is told of what happens from then on."""
    await dispatch(database, consumers, act.now)


async def test_each_event_starts_one_job_of_each_consumer(
    database: Database, act: ActorContext
) -> None:
    await add_customer(database, act, name="Earlier")
    await begin(database, act, *BOTH)
    customer = await add_customer(database, act, name="A")
    await erase(database, act, customer)
    assert await dispatch(database, BOTH, act.now) == 3
    assert await dispatch(database, BOTH, act.now) == 0
    assert await jobs("greet") == [("customer.created", customer.id)]
    assert await jobs("mirror") == [
        ("customer.created", customer.id),
        ("customer.erased", customer.id),
    ]
    job = await Job.filter(kind="greet").get()
    assert job.payload.keys() == {"event_id", "type", "subject_id", "customer_id"}
    assert job.live_key == f"created:{job.payload['event_id']}"


async def test_a_batch_that_fails_is_handed_out_again(
    database: Database, act: ActorContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.jobs.event_consumers.BATCH", 2)
    await begin(database, act, CREATED)
    ids = [(await add_customer(database, act, name=f"C {n}")).id for n in range(5)]
    with monkeypatch.context() as broken:
        broken.setattr(EventConsumer, "filter", lambda **_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            await dispatch(database, [CREATED], act.now)
    assert await jobs("greet") == []
    assert await dispatch(database, [CREATED], act.now) == 5
    assert sorted(one for _, one in await jobs("greet")) == sorted(ids)


async def test_dispatchers_at_once_start_each_job_once(
    database: Database, act: ActorContext
) -> None:
    await begin(database, act, CREATED)
    ids = [(await add_customer(database, act, name=f"C {n}")).id for n in range(6)]
    done = await asyncio.gather(*(dispatch(database, [CREATED], act.now) for _ in range(4)))
    await dispatch(database, [CREATED], act.now)
    assert sum(done) == len(ids)
    assert sorted(one for _, one in await jobs("greet")) == sorted(ids)
