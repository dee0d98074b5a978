"""The queue: claims, leases, fences."""

import asyncio
from datetime import timedelta

import pytest
from tortoise.exceptions import IntegrityError

from models import Job
from models.database import Database
from models.job import (
    JOBS,
    Claim,
    JobState,
    LeaseLostError,
    cancel,
    claim,
    enqueue,
    enqueue_many,
    extend,
    finish,
    forget_finished,
    hasten,
    next_due_at,
    put_back,
)
from tests.conftest import START, Clock

LEASE = timedelta(seconds=30)
SECOND = timedelta(seconds=1)


async def add(database: Database, clock: Clock, key: str = "k") -> None:
    await database.transaction(lambda: enqueue("kind", {"n": key}, key, clock()))


async def take(database: Database, clock: Clock, limit: int = 1) -> list[Claim]:
    return await database.transaction(lambda: claim(limit, LEASE, clock()))


async def test_a_job_is_due_at_once_and_wakes_the_workers(database: Database, clock: Clock) -> None:
    with database.signals.watching(JOBS) as woken:
        await add(database, clock)
    assert woken.is_set()
    job = await Job.get()
    assert (job.state, job.due_at, job.attempts, job.owner) == (JobState.QUEUED, START, 0, None)
    assert await next_due_at() == START


async def test_a_job_is_gone_with_the_transaction_that_gave_rise_to_it(
    database: Database, clock: Clock
) -> None:
    async def work() -> None:
        await enqueue("kind", {}, "k", clock())
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await database.transaction(work)
    assert await Job.all().count() == 0


async def test_one_job_lives_for_a_key(database: Database, clock: Clock) -> None:
    """R89."""
    await add(database, clock)
    with pytest.raises(IntegrityError):
        await add(database, clock)
    (held,) = await take(database, clock)
    await database.transaction(lambda: finish(held, JobState.DONE, clock()))
    await add(database, clock)
    assert await Job.all().count() == 2


async def test_a_claim_takes_the_job_for_the_time_of_its_lease(
    database: Database, clock: Clock
) -> None:
    await add(database, clock, "a")
    (held,) = await take(database, clock, 5)
    assert (held.kind, held.payload, held.attempts, held.created_at) == (
        "kind",
        {"n": "a"},
        1,
        START,
    )
    job = await Job.get()
    assert (job.state, job.owner, job.due_at) == (JobState.RUNNING, held.owner, START + LEASE)
    assert await take(database, clock, 5) == []


async def test_jobs_are_claimed_in_the_order_in_which_they_are_due(
    database: Database, clock: Clock
) -> None:
    for key in "abc":
        await add(database, clock, key)
        clock.advance(SECOND)
    first = await take(database, clock, 2)
    assert sorted(job.payload["n"] for job in first) == ["a", "b"]
    assert [job.payload["n"] for job in await take(database, clock, 2)] == ["c"]


async def test_a_job_that_is_not_due_waits(database: Database, clock: Clock) -> None:
    await add(database, clock)
    await Job.all().update(due_at=START + SECOND)
    assert await take(database, clock) == []
    clock.advance(SECOND)
    assert len(await take(database, clock)) == 1


async def test_no_two_claimers_get_the_same_job(database: Database, clock: Clock) -> None:
    """R90."""
    await database.transaction(
        lambda: enqueue_many("kind", {f"k{n}": {} for n in range(40)}, clock())
    )
    claims = await asyncio.gather(*(take(database, clock, 7) for _ in range(10)))
    taken = [job.id for jobs in claims for job in jobs]
    assert len(taken) == len(set(taken))
    assert all(len(jobs) <= 7 for jobs in claims)
    rest = [job.id for _ in range(6) for job in await take(database, clock, 7)]
    assert sorted([*taken, *rest]) == sorted([job.id for job in await Job.all()])


async def test_a_job_whose_worker_died_is_due_again(database: Database, clock: Clock) -> None:
    """R90: the job survives."""
    await add(database, clock)
    (dead,) = await take(database, clock)
    clock.advance(LEASE - SECOND)
    assert await take(database, clock) == []
    clock.advance(SECOND)
    (held,) = await take(database, clock)
    assert (held.id, held.attempts) == (dead.id, 2)
    assert held.owner != dead.owner


async def test_a_worker_that_lost_its_lease_can_do_nothing(
    database: Database, clock: Clock
) -> None:
    """R90."""
    await add(database, clock)
    (late,) = await take(database, clock)
    clock.advance(LEASE)
    (held,) = await take(database, clock)
    before = await Job.all().values()
    with pytest.raises(LeaseLostError):
        await database.transaction(lambda: finish(late, JobState.DONE, clock()))
    with pytest.raises(LeaseLostError):
        await database.transaction(lambda: put_back(late, clock(), 1))
    with pytest.raises(LeaseLostError):
        await extend(late, clock() + LEASE)
    assert await Job.all().values() == before
    await database.transaction(lambda: finish(held, JobState.DONE, clock()))


async def test_an_extended_lease_lasts(database: Database, clock: Clock) -> None:
    await add(database, clock)
    (held,) = await take(database, clock)
    await extend(held, clock() + 2 * LEASE)
    clock.advance(LEASE)
    assert await take(database, clock) == []


async def test_a_finished_job_is_never_due_again(database: Database, clock: Clock) -> None:
    await add(database, clock)
    (held,) = await take(database, clock)
    await database.transaction(lambda: finish(held, JobState.DONE, clock.advance(SECOND)))
    job = await Job.get()
    assert (job.state, job.finished_at, job.due_at, job.owner, job.live_key) == (
        JobState.DONE,
        START + SECOND,
        None,
        None,
        None,
    )
    clock.advance(timedelta(days=9))
    assert await take(database, clock) == []
    assert await next_due_at() is None


async def test_a_job_that_is_put_back_is_run_later(database: Database, clock: Clock) -> None:
    """R90."""
    await add(database, clock)
    (held,) = await take(database, clock)
    await database.transaction(lambda: put_back(held, START + 5 * SECOND, 0))
    job = await Job.get()
    assert (job.state, job.attempts, job.owner, job.live_key) == (JobState.QUEUED, 0, None, "k")
    assert await next_due_at() == START + 5 * SECOND
    assert await take(database, clock) == []
    clock.advance(5 * SECOND)
    (again,) = await take(database, clock)
    assert again.attempts == 1


async def test_a_cancelled_job_frees_its_key_and_stops_its_worker(
    database: Database, clock: Clock
) -> None:
    """R91."""
    await add(database, clock)
    (held,) = await take(database, clock)
    assert await database.transaction(lambda: cancel("k", clock()))
    with pytest.raises(LeaseLostError):
        await database.transaction(lambda: finish(held, JobState.DONE, clock()))
    job = await Job.get()
    assert (job.state, job.finished_at) == (JobState.CANCELLED, START)
    assert not await database.transaction(lambda: cancel("k", clock()))
    await add(database, clock)
    assert await Job.all().count() == 2


async def test_a_waiting_job_can_be_hastened_and_a_running_one_not(
    database: Database, clock: Clock
) -> None:
    await add(database, clock)
    await Job.all().update(due_at=START + timedelta(hours=1))
    with database.signals.watching(JOBS) as woken:
        assert await database.transaction(lambda: hasten("k", clock()))
    assert woken.is_set()
    assert await next_due_at() == START
    await take(database, clock)
    assert not await database.transaction(lambda: hasten("k", clock()))
    assert await next_due_at() == START + LEASE


async def test_finished_jobs_are_forgotten_after_a_while(database: Database, clock: Clock) -> None:
    for key in "ab":
        await add(database, clock, key)
    (held,) = await take(database, clock)
    await database.transaction(lambda: finish(held, JobState.FAILED, clock()))
    assert await forget_finished(START) == 0
    assert await forget_finished(START + SECOND) == 1
    assert (await Job.get()).state is JobState.QUEUED
