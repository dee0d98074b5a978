"""A worker keeps the lease of the job that it runs; tested with a virtual clock (R90)."""

import asyncio
from datetime import datetime, timedelta

import pytest
from tortoise.exceptions import OperationalError

from models import Job
from models.jobs import job_attempt as attempts_module
from models.jobs.job import Claim, JobState, NewJob, enqueue, extend
from models.jobs.job_attempt import Attempts, Store
from models.jobs.queue_claim import NothingClaimed, claim
from models.jobs.queue_watch import promote
from models.rules.retry import RetryPolicy
from models.storage.database import Database
from tests.clock import Clock

LEASE = timedelta(seconds=15)
THIRD = LEASE / 3
SPAN = 4 * LEASE
PATIENCE_S = 60.0


class VirtualSleep:
    """Replaces sleeping: advances the clock, and checks that no other worker can claim the job."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._until = clock() + SPAN
        self.left: list[timedelta] = []
        """The remaining lease at the end of each sleep."""
        self.is_over = asyncio.Event()

    async def __call__(self, seconds: float) -> None:
        """Advance the clock by some seconds; wait for ever once the span is over."""
        if self._clock() >= self._until:
            self.is_over.set()
            await asyncio.Event().wait()
        self._clock.advance(timedelta(seconds=seconds))
        due_at = (await Job.get()).due_at
        assert due_at is not None
        self.left.append(due_at - self._clock())
        await promote(self._clock())
        taken = await claim(self._database, "kind", None, LEASE, self._clock())
        assert isinstance(taken, NothingClaimed), f"taken over with {self.left[-1]} left"


class Outlasting:
    """A handler that finishes when the span is over."""

    def __init__(self, sleep: VirtualSleep) -> None:
        self._sleep = sleep

    async def run(self, _: Claim) -> Store:
        async with asyncio.timeout(PATIENCE_S):
            await self._sleep.is_over.wait()

        async def store() -> None:
            """Store nothing."""

        return store

    async def note_retry(self, job: Claim, *_: object) -> None:
        raise AssertionError(job)

    async def note_failure(self, job: Claim, reason: str, *, is_bare: bool) -> None:
        raise AssertionError(job, reason, is_bare)


async def outlast_leases(database: Database, clock: Clock) -> list[timedelta]:
    """Run a job for four leases; return the remaining lease before each renewal."""
    await database.transaction(lambda: enqueue([NewJob("kind", "k")], clock()))
    held = await claim(database, "kind", None, LEASE, clock())
    assert isinstance(held, Claim)
    sleep = VirtualSleep(database, clock)
    await Attempts(database, clock, RetryPolicy(), LEASE, sleep).run(held, Outlasting(sleep))
    assert (await Job.get()).state is JobState.DONE
    return sleep.left


async def test_a_lease_is_renewed_every_third_of_one(database: Database, clock: Clock) -> None:
    """R90: no other worker can claim the job, regardless of how long it runs."""
    assert await outlast_leases(database, clock) == [2 * THIRD] * (SPAN // THIRD)


async def test_a_renewal_that_fails_loses_no_lease(
    database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R90."""
    calls = 0

    async def fail_every_other(held: Claim, until: datetime) -> None:
        nonlocal calls
        calls += 1
        if calls % 2:
            raise OperationalError("the database is away")
        await extend(held, until)

    monkeypatch.setattr(attempts_module, "extend", fail_every_other)
    left = await outlast_leases(database, clock)
    assert left == [2 * THIRD, THIRD] * (SPAN // THIRD // 2)
