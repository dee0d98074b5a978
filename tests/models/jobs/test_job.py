"""The job queue: claims, leases, fencing of lost claims, and places."""

import asyncio
from datetime import timedelta

import pytest
from tortoise.exceptions import IntegrityError

from models import Job
from models.jobs.job import (
    JOBS,
    JobState,
    LeaseLostError,
    NewJob,
    cancel,
    enqueue,
    extend,
    finish,
    release,
    reschedule,
)
from models.jobs.queue_move import move_forward
from models.jobs.queue_watch import next_due_at
from models.rules.urgency import Urgency
from models.storage.database import Database
from tests.clock import START, Clock
from tests.queueing import KIND, LEASE, add, add_keys, take

SECOND = timedelta(seconds=1)
REQUESTED, SAVED, BULK = Urgency.REQUESTED, Urgency.SAVED, Urgency.BULK


async def test_a_job_is_due_at_once_and_wakes_the_workers(database: Database, clock: Clock) -> None:
    with database.signals.watching(JOBS) as woken:
        await add_keys(database, clock, "k")
    assert woken.is_set()
    job = await Job.get()
    assert (job.state, job.due_at, job.attempts, job.owner) == (JobState.READY, START, 0, None)
    assert await next_due_at() is None  # it need not wait


async def test_a_job_is_gone_with_the_transaction_that_gave_rise_to_it(
    database: Database, clock: Clock
) -> None:
    async def work() -> None:
        await enqueue([NewJob(KIND, "k")], clock())
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await database.transaction(work)
    assert await Job.all().count() == 0


async def test_one_job_lives_for_a_key(database: Database, clock: Clock) -> None:
    """R89."""
    await add_keys(database, clock, "k")
    with pytest.raises(IntegrityError):
        await add_keys(database, clock, "k")
    (held,) = await take(database, clock)
    await database.transaction(lambda: finish(held, JobState.DONE, clock()))
    await add_keys(database, clock, "k")
    assert await Job.all().count() == 2


async def test_a_claim_takes_the_job_for_the_time_of_its_lease(
    database: Database, clock: Clock
) -> None:
    await add_keys(database, clock, "a")
    (held,) = await take(database, clock, 5)
    assert (held.kind, held.payload, held.attempts, held.started_at) == (
        "kind",
        {"n": "a"},
        1,
        START,
    )
    job = await Job.get()
    assert (job.state, job.owner, job.due_at) == (JobState.RUNNING, held.owner, START + LEASE)
    assert await take(database, clock, 5) == []


async def test_jobs_are_claimed_in_the_order_in_which_they_came(
    database: Database, clock: Clock
) -> None:
    for key in "abc":
        await add_keys(database, clock, key)
        clock.advance(SECOND)
    first = await take(database, clock, 2)
    assert [job.payload["n"] for job in first] == ["a", "b"]
    assert [job.payload["n"] for job in await take(database, clock, 2)] == ["c"]


async def test_no_two_claimers_get_the_same_job(database: Database, clock: Clock) -> None:
    """R90."""
    await add_keys(database, clock, *(f"k{n}" for n in range(40)))
    claims = await asyncio.gather(*(take(database, clock, 7) for _ in range(10)))
    taken = [job.id for jobs in claims for job in jobs]
    assert len(taken) == len(set(taken))
    assert all(len(jobs) <= 7 for jobs in claims)
    rest = [job.id for _ in range(6) for job in await take(database, clock, 7)]
    assert sorted([*taken, *rest]) == sorted([job.id for job in await Job.all()])


async def test_a_job_whose_worker_died_is_due_again(database: Database, clock: Clock) -> None:
    """R90: the job is not lost."""
    await add_keys(database, clock, "k")
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
    await add_keys(database, clock, "k")
    (late,) = await take(database, clock)
    clock.advance(LEASE)
    (held,) = await take(database, clock)
    before = await Job.all().values()
    with pytest.raises(LeaseLostError):
        await database.transaction(lambda: finish(late, JobState.DONE, clock()))
    with pytest.raises(LeaseLostError):
        await database.transaction(lambda: reschedule(late, clock()))
    with pytest.raises(LeaseLostError):
        await extend(late, clock() + LEASE)
    assert await Job.all().values() == before
    await database.transaction(lambda: finish(held, JobState.DONE, clock()))


async def test_an_extended_lease_lasts(database: Database, clock: Clock) -> None:
    await add_keys(database, clock, "k")
    (held,) = await take(database, clock)
    await extend(held, clock() + 2 * LEASE)
    clock.advance(LEASE)
    assert await take(database, clock) == []


async def test_a_finished_job_is_never_due_again(database: Database, clock: Clock) -> None:
    await add_keys(database, clock, "k")
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
    await add_keys(database, clock, "k")
    (held,) = await take(database, clock)
    await database.transaction(lambda: reschedule(held, START + 5 * SECOND))
    job = await Job.get()
    assert (job.state, job.attempts, job.owner, job.live_key) == (JobState.WAITING, 1, None, "k")
    assert await next_due_at() == START + 5 * SECOND
    assert await take(database, clock) == []
    clock.advance(5 * SECOND)
    (again,) = await take(database, clock)
    assert again.attempts == 2


async def test_a_cancelled_job_frees_its_key_and_stops_its_worker(
    database: Database, clock: Clock
) -> None:
    """R91."""
    await add_keys(database, clock, "k")
    (held,) = await take(database, clock)
    assert await database.transaction(lambda: cancel("k", clock()))
    with pytest.raises(LeaseLostError):
        await database.transaction(lambda: finish(held, JobState.DONE, clock()))
    job = await Job.get()
    assert (job.state, job.finished_at) == (JobState.CANCELLED, START)
    assert not await database.transaction(lambda: cancel("k", clock()))
    await add_keys(database, clock, "k")
    assert await Job.all().count() == 2


async def test_a_released_job_is_ready_at_once_and_that_was_no_attempt(
    database: Database, clock: Clock
) -> None:
    """R90: so a job that must wait for the request allowance occupies no worker slot."""
    await add_keys(database, clock, "k", "later")
    (held,) = await take(database, clock)
    with database.signals.watching(JOBS) as woken:
        await database.transaction(lambda: release(held, clock()))
    assert woken.is_set()
    (again,) = await take(database, clock)
    assert (again.id, again.attempts) == (held.id, 1)


@pytest.mark.parametrize("how", ["put back", "released", "its worker died"])
async def test_a_job_that_is_run_again_keeps_its_place(
    database: Database, clock: Clock, how: str
) -> None:
    """R90: it starts before all later jobs of its urgency."""
    await add_keys(database, clock, "first", "second", "third")
    (held,) = await take(database, clock)
    await add_keys(database, clock, "last")
    if how == "put back":
        await database.transaction(lambda: reschedule(held, clock() + SECOND))
    elif how == "released":
        await database.transaction(lambda: release(held, clock()))
    clock.advance(LEASE)
    order = [job.payload["n"] for job in await take(database, clock, 4)]
    assert order == ["first", "second", "third", "last"]


async def test_a_job_that_waits_for_an_attempt_is_ready_when_somebody_asks_for_it(
    database: Database, clock: Clock
) -> None:
    """R89."""
    await add_keys(database, clock, "k")
    (held,) = await take(database, clock)
    await database.transaction(lambda: reschedule(held, START + timedelta(hours=1)))
    with database.signals.watching(JOBS) as woken:
        assert await database.transaction(lambda: move_forward("k", REQUESTED, clock()))
    assert woken.is_set()
    assert len(await take(database, clock)) == 1
    assert not await database.transaction(lambda: move_forward("k", REQUESTED, clock()))
    assert await next_due_at() == START + LEASE
    assert not await database.transaction(lambda: move_forward("none", REQUESTED, clock()))


async def rank(key: str) -> int:
    """Return how many ready jobs of the same urgency are before a job."""
    job = await Job.get(live_key=key)
    others = await Job.filter(state=JobState.READY, urgency=job.urgency).order_by("place", "id")
    return [other.live_key for other in others].index(key)


async def asked_for(database: Database, clock: Clock, key: str, urgency: Urgency) -> None:
    assert await database.transaction(lambda: move_forward(key, urgency, clock()))


async def test_asking_for_a_job_moves_it_forward_and_never_back(
    database: Database, clock: Clock
) -> None:
    """R89: also if more jobs are moved forward than are before it."""
    await add(database, clock, *(NewJob(KIND, f"bulk{n}", urgency=BULK) for n in range(9)))
    await add(database, clock, *(NewJob(KIND, f"asked{n}", urgency=REQUESTED) for n in range(3)))
    for key, expected in [("bulk8", REQUESTED), ("bulk7", REQUESTED), ("bulk2", BULK)]:
        before = await rank(key)
        await asked_for(database, clock, key, REQUESTED)
        assert await rank(key) <= before
        assert (await Job.get(live_key=key)).urgency == expected
    for key in ("asked0", "bulk8"):  # jobs that are queued already keep their places
        before = await rank(key)
        for urgency in (SAVED, REQUESTED, BULK):
            await asked_for(database, clock, key, urgency)
        assert await rank(key) == before


async def test_resellers_take_turns(database: Database, clock: Clock) -> None:
    """Regardless of how many jobs each has queued, and also with jobs that were queued before."""
    await add(database, clock, *(NewJob(KIND, f"a{n}", reseller_id="cus_a") for n in range(6)))
    await take(database, clock, 2)
    await add(database, clock, *(NewJob(KIND, f"b{n}", reseller_id="cus_b") for n in range(2)))
    await add(database, clock, NewJob(KIND, "own"), NewJob(KIND, "c", reseller_id="cus_c"))
    await add(database, clock, NewJob(KIND, "b2", reseller_id="cus_b"))
    taken = [job.id for job in await take(database, clock, 9)]
    keys = {job.id: str(job.live_key) for job in await Job.all()}
    assert [keys[one] for one in taken] == ["a2", "b0", "own", "c", "a3", "b1", "a4", "b2", "a5"]
