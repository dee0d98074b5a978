"""The loop that runs jobs: claims them, keeps their leases, stores results, tries again."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog

from models.database import Database, wake
from models.heartbeat import Heartbeat, beat
from models.job import (
    JOBS,
    Claim,
    JobState,
    LeaseLostError,
    claim,
    extend,
    finish,
    forget_finished,
    next_due_at,
    put_back,
)
from models.retry import RetryPolicy

log = structlog.get_logger(__name__)

Store = Callable[[], Awaitable[None]]
"""Writes a job's result; it runs in the transaction that ends the job."""


class PostponedError(Exception):
    """The job can't be started yet, through no fault of its own; this was no attempt."""

    def __init__(self, wait: timedelta, reason: str) -> None:
        super().__init__(reason)
        self.wait = wait
        self.reason = reason


class TryAgainError(Exception):
    """The attempt failed in a way that may pass."""

    def __init__(self, reason: str, at_least: timedelta = timedelta()) -> None:
        super().__init__(reason)
        self.reason = reason
        self.at_least = at_least


class Handler(Protocol):
    """What does the jobs of one kind. All its methods must be safe to run twice."""

    async def run(self, job: Claim) -> Store:
        """Do the slow part, outside of any transaction, and give what stores its result."""

    async def note_retry(
        self, job: Claim, due_at: datetime, reason: str | None, attempts: int
    ) -> None:
        """Note, in the transaction that puts the job back, that it will be tried again.

        `attempts` are those that count so far; there is no reason when the worker was stopped.
        """

    async def note_failure(self, job: Claim, reason: str) -> None:
        """Note, in the transaction that ends the job, that it was given up."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How a worker spends its time."""

    slots: int = 4
    lease: timedelta = timedelta(seconds=15)
    longest_sleep: timedelta = timedelta(seconds=5)
    beat_every: timedelta = timedelta(seconds=5)
    grace: timedelta = timedelta(seconds=5)
    keep_finished: timedelta = timedelta(days=14)
    sweep_every: timedelta = timedelta(hours=1)


INTERNAL_ERROR = "INTERNAL_ERROR"
GAVE_UP = "GAVE_UP"
CRASHED_WORKERS = "CRASHED_WORKERS"


class Worker:
    """Runs jobs until it is told to stop."""

    def __init__(
        self,
        name: str,
        database: Database,
        handlers: Mapping[str, Handler],
        clock: Callable[[], datetime],
        *,
        policy: RetryPolicy | None = None,
        pace: Pace | None = None,
        on_start: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        self.name = name
        self._database = database
        self._handlers = handlers
        self._clock = clock
        self._policy = policy or RetryPolicy()
        self._pace = pace or Pace()
        self._on_start = on_start
        self._running: dict[asyncio.Task[None], Claim] = {}
        self._stopping = asyncio.Event()
        self._beaten_at = self._swept_at = datetime.min.replace(tzinfo=UTC)

    def stop(self) -> None:
        """Ask the loop to end; it starts nothing more and lets the running jobs end."""
        self._stopping.set()

    async def run(self) -> None:
        """Work until `stop` is called. No database error ends it."""
        with self._database.signals.watching(JOBS) as woken:
            while not self._stopping.is_set():
                woken.clear()
                try:
                    await self._start()
                    await self._claim_and_start(woken)
                    sleep = await self._time_to_sleep()
                except Exception:
                    log.exception("worker_stumbled", worker=self.name)
                    sleep = self._pace.longest_sleep
                await self._sleep(woken, sleep)
        await self._wind_down()

    async def run_due(self) -> int:
        """Run what is due now to its end, and give how many jobs that was."""
        jobs = await self._claim(self._pace.slots)
        await asyncio.gather(*(self._work(job) for job in jobs))
        return len(jobs)

    async def _start(self) -> None:
        if self._on_start is not None:
            await self._on_start()
            self._on_start = None

    async def _claim_and_start(self, woken: asyncio.Event) -> None:
        await self._keep_house(self._clock())
        free = self._pace.slots - len(self._running)
        for job in await self._claim(free) if free else ():
            task = asyncio.create_task(self._work(job))
            self._running[task] = job
            task.add_done_callback(self._running.pop)
            task.add_done_callback(lambda _: woken.set())

    async def _keep_house(self, now: datetime) -> None:
        if now - self._beaten_at >= self._pace.beat_every:
            self._beaten_at = now
            await self._database.transaction(lambda: beat(self.name, now))
        if now - self._swept_at >= self._pace.sweep_every:
            self._swept_at = now
            await forget_finished(now - self._pace.keep_finished)
            await Heartbeat.filter(seen_at__lt=now - self._pace.keep_finished).delete()

    async def _claim(self, limit: int) -> list[Claim]:
        return await self._database.transaction(
            lambda: claim(limit, self._pace.lease, self._clock(), self._handlers.keys())
        )

    async def _time_to_sleep(self) -> timedelta:
        if len(self._running) >= self._pace.slots:
            return self._pace.longest_sleep
        due_at = await next_due_at(self._handlers.keys())
        if due_at is None:
            return self._pace.longest_sleep
        return min(max(due_at - self._clock(), timedelta()), self._pace.longest_sleep)

    async def _sleep(self, woken: asyncio.Event, longest: timedelta) -> None:
        waits = [asyncio.create_task(event.wait()) for event in (woken, self._stopping)]
        await asyncio.wait(
            waits, timeout=longest.total_seconds(), return_when=asyncio.FIRST_COMPLETED
        )
        for wait in waits:
            wait.cancel()

    async def _wind_down(self) -> None:
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=self._pace.grace.total_seconds())
            # A job's slow part holds no transaction, so here a cancel is safe.
            unfinished = [self._running[task] for task in late]
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
            for job in unfinished:
                await self._release(job)

    async def _release(self, job: Claim) -> None:
        """Let another worker, or the next start of this one, run the job at once."""

        async def work() -> None:
            now, attempts = self._clock(), job.attempts - 1
            await self._handlers[job.kind].note_retry(job, now, None, attempts)
            await put_back(job, now, attempts)
            await wake(JOBS)

        try:
            await self._database.transaction(work)
        except LeaseLostError:
            return  # its end was being stored when it was cancelled
        except Exception:
            log.exception("job_not_released", job_id=job.id)  # its lease runs out
        else:
            log.info("job_released", job_id=job.id)

    async def _work(self, job: Claim) -> None:
        with structlog.contextvars.bound_contextvars(job_id=job.id, job_kind=job.kind):
            keeper = asyncio.create_task(self._keep(job))
            try:
                await self._attempt(job)
            except LeaseLostError:
                log.info("job_lost", attempt=job.attempts)
            except Exception:
                # The lease runs out and the job is tried again.
                log.exception("job_not_recorded", attempt=job.attempts)
            finally:
                keeper.cancel()

    async def _keep(self, job: Claim) -> None:
        while True:
            await asyncio.sleep(self._pace.lease.total_seconds() / 3)
            try:
                await extend(job, self._clock() + self._pace.lease)
            except LeaseLostError:
                return
            except Exception:
                log.exception("lease_not_extended")

    async def _attempt(self, job: Claim) -> None:
        handler = self._handlers[job.kind]
        if job.attempts > self._policy.most_attempts:
            # Every attempt so far took its worker down with it.
            await self._give_up(job, handler, CRASHED_WORKERS)
            return
        try:
            store = await handler.run(job)
        except PostponedError as postponed:
            await self._put_back(job, handler, postponed.wait, postponed.reason, counts=False)
        except TryAgainError as failure:
            await self._try_again(job, handler, failure.reason, failure.at_least)
        except LeaseLostError:
            raise
        except Exception:
            log.exception("job_crashed", attempt=job.attempts)
            await self._try_again(job, handler, INTERNAL_ERROR, timedelta())
        else:
            await self._complete(job, store)

    async def _complete(self, job: Claim, store: Store) -> None:
        async def work() -> None:
            await store()
            await finish(job, JobState.DONE, self._clock())

        await self._database.transaction(work)
        log.info("job_done", attempt=job.attempts)

    async def _try_again(
        self, job: Claim, handler: Handler, reason: str, at_least: timedelta
    ) -> None:
        span = self._clock() - job.created_at
        jitter = random.random  # spreads load, guards nothing
        wait = self._policy.wait(job.attempts, span, jitter, at_least)
        if wait is not None:
            await self._put_back(job, handler, wait, reason, counts=True)
        else:
            await self._give_up(job, handler, reason)

    async def _give_up(self, job: Claim, handler: Handler, reason: str) -> None:
        async def work() -> None:
            await handler.note_failure(job, GAVE_UP)
            await finish(job, JobState.FAILED, self._clock())

        await self._database.transaction(work)
        log.warning("job_given_up", attempt=job.attempts, reason=reason)

    async def _put_back(
        self, job: Claim, handler: Handler, wait: timedelta, reason: str, *, counts: bool
    ) -> None:
        due_at = self._clock() + wait
        attempts = job.attempts if counts else job.attempts - 1

        async def work() -> None:
            await handler.note_retry(job, due_at, reason, attempts)
            await put_back(job, due_at, attempts)

        await self._database.transaction(work)
        log.info("job_put_back", reason=reason, wait_s=round(wait.total_seconds(), 1))
