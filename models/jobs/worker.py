"""Runs jobs: each kind has its own loop and its own slots, so that no kind delays another."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import structlog

from models.jobs.heartbeat import beat
from models.jobs.job import JOBS, Claim, LeaseLostError
from models.jobs.job_attempt import (
    Attempts,
    Handler,
    NoteAttempt,
    ReleaseJobError,
    Store,
    TraceAttempt,
    TryAgainError,
    ignore_attempt,
    trace_no_attempt,
)
from models.jobs.queue_claim import NothingClaimed, claim
from models.jobs.queue_watch import next_due_at, promote
from models.jobs.retention import Retention, sweep
from models.jobs.worker_liveness import Liveness
from models.rules.retry import RetryPolicy
from models.storage.database import Database
from models.storage.fault_log import report
from models.tables.rate_limit import CallQuota

__all__ = [
    "Handler",
    "JobKindOptions",
    "ReleaseJobError",
    "Store",
    "TryAgainError",
    "Worker",
    "WorkerOptions",
]

log = structlog.get_logger(__name__)

JITTER_S = 0.01
"""Maximum random delay in seconds, so that workers do not all wake at the same instant."""


@dataclass(frozen=True, slots=True)
class JobKindOptions:
    """How to run one kind of job: its handler, and the rate limit of its register calls.

    Register calls are requests to Companies House; `quota` is None if the kind makes none.
    """

    handler: Handler
    quota: CallQuota | None = None
    on_blocked: Callable[[], Awaitable[object]] | None = None
    """Called repeatedly while Companies House refuses the API key, to mark waiting customers."""
    on_timer: Callable[[], Awaitable[object]] | None = None
    """Called every `timer_every`, to add the jobs that are due by then."""
    timer_every: timedelta = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """Settings of a worker."""

    slots: int = 4
    """The maximum number of concurrent jobs of each kind."""
    lease: timedelta = timedelta(seconds=15)
    longest_sleep: timedelta = timedelta(seconds=5)
    """The longest pause before the queue is read again, in case a notification is lost."""
    beat_every: timedelta = timedelta(seconds=5)
    grace: timedelta = timedelta(seconds=5)
    """How long a stopping worker waits for its running jobs before it cancels them."""
    retention: Retention = Retention()  # noqa: RUF009  # frozen
    sweep_every: timedelta = timedelta(hours=1)


@dataclass(slots=True)
class _Lane:
    """A kind of job that this worker runs, with how to run it and its running jobs by task."""

    kind: str
    options: JobKindOptions
    running: dict[asyncio.Task[None], Claim] = field(default_factory=dict)
    timed_at: datetime | None = None
    """When `options.on_timer` was called last; None if never."""


class Worker:
    """Runs jobs of the given kinds until `stop` is called."""

    def __init__(
        self,
        name: str,
        database: Database,
        kinds: Mapping[str, JobKindOptions],
        clock: Callable[[], datetime],
        *,
        policy: RetryPolicy | None = None,
        options: WorkerOptions | None = None,
        on_start: Callable[[], Awaitable[object]] | None = None,
        keep_clock: Callable[[], Awaitable[object]] | None = None,
        note_attempt: NoteAttempt = ignore_attempt,
        trace_attempt: TraceAttempt = trace_no_attempt,
    ) -> None:
        self.name = name
        self._database = database
        self._lanes = [_Lane(kind, options) for kind, options in kinds.items()]
        self._clock = clock
        self._options = options or WorkerOptions()
        self._attempts = Attempts(
            database,
            clock,
            policy or RetryPolicy(),
            self._options.lease,
            note=note_attempt,
            trace=trace_attempt,
        )
        self._on_start = on_start
        self._keep_clock = keep_clock
        self._stopping = asyncio.Event()
        self._started = 0
        """The number of jobs started."""
        self.liveness = Liveness()
        self._put_back = asyncio.Event()
        self._beaten_at = self._swept_at = datetime.min.replace(tzinfo=UTC)

    def stop(self) -> None:
        """Stop starting jobs; `run` returns when the running ones have ended."""
        self._stopping.set()

    async def run(self) -> None:
        """Run jobs until `stop` is called. Database errors are logged and do not end the loops.

        While the database schema does not fit this program, no job is claimed and nothing is
        logged.
        """
        await asyncio.gather(self._keep_house(), *(self._run_lane(lane) for lane in self._lanes))
        await self._wind_down()

    async def run_due(self) -> int:
        """Run all jobs that are due now; return how many were started."""
        await self._database.transaction(lambda: promote(self._clock()))
        before = self._started  # a quick job may have ended before the last one has started
        for lane in self._lanes:
            await self._fill(lane)
        await asyncio.gather(*(task for lane in self._lanes for task in lane.running))
        return self._started - before

    async def _run_lane(self, lane: _Lane) -> None:
        with self._database.signals.watching(JOBS) as woken:
            while not self._stopping.is_set():
                woken.clear()
                sleep = self._options.longest_sleep
                try:
                    if self._database.may_write:
                        sleep = await self._fill(lane, woken)
                except Exception as error:
                    report("worker_stumbled", error, worker=self.name, job_kind=lane.kind)
                await self._sleep(woken, sleep)

    async def _fill(self, lane: _Lane, woken: asyncio.Event | None = None) -> timedelta:
        """Start ready jobs of a kind while there are free slots.

        Returns how long to sleep before the queue is read again. The event `woken` is set each
        time that a job started here ends.
        """
        while len(lane.running) < self._options.slots and not self._stopping.is_set():
            found = await claim(
                self._database, lane.kind, lane.options.quota, self._options.lease, self._clock()
            )
            if isinstance(found, NothingClaimed):
                if found.is_blocked:
                    if lane.options.on_blocked is not None:
                        await lane.options.on_blocked()
                    return self._options.beat_every
                return self._until(found.at)
            self._start(lane, found, woken)
        return self._options.longest_sleep

    def _start(self, lane: _Lane, job: Claim, woken: asyncio.Event | None) -> None:
        def ended(task: asyncio.Task[None]) -> None:
            del lane.running[task]
            self._put_back.set()
            if woken is not None:
                woken.set()

        self._started += 1
        task = asyncio.create_task(self._attempts.run(job, lane.options.handler))
        lane.running[task] = job
        task.add_done_callback(ended)

    def _until(self, at: datetime | None) -> timedelta:
        longest = self._options.longest_sleep
        if at is None:
            return longest
        jitter = timedelta(seconds=random.uniform(0, JITTER_S))  # noqa: S311  # no secret
        return min(max(at - self._clock(), timedelta()) + jitter, longest)

    async def _keep_house(self) -> None:
        """Do the worker's periodic tasks until the worker is stopped.

        These are heartbeats, jobs that become ready again, and the deletion of old rows.
        """
        while not self._stopping.is_set():
            self._put_back.clear()
            self.liveness.record_iteration()
            sleep = self._options.longest_sleep
            try:
                if self._database.may_write:
                    await self._start_up()
                    await self._show_life()
                    sleep = await self._promote_due()
                    await self._add_timed_jobs()
            except Exception as error:
                report("worker_stumbled", error, worker=self.name)
            await self._sleep(self._put_back, sleep)

    async def _start_up(self) -> None:
        if self._on_start is not None:
            await self._on_start()
            self._on_start = None

    async def _show_life(self) -> None:
        if self._keep_clock is not None:
            await self._keep_clock()
        now = self._clock()
        if now - self._beaten_at >= self._options.beat_every:
            self._beaten_at = now
            await self._database.transaction(lambda: beat(self.name, now))
            self.liveness.beat()
        if now - self._swept_at >= self._options.sweep_every:
            is_more = await sweep(self._database, self._options.retention, now)
            if not is_more:
                self._swept_at = now

    async def _add_timed_jobs(self) -> None:
        now = self._clock()
        for lane in self._lanes:
            options, last = lane.options, lane.timed_at
            is_time = last is None or now - last >= options.timer_every
            if options.on_timer is not None and is_time:
                lane.timed_at = now
                await options.on_timer()

    async def _promote_due(self) -> timedelta:
        due_at = await next_due_at()
        if due_at is not None and due_at <= self._clock():
            await self._database.transaction(lambda: promote(self._clock()))
            due_at = await next_due_at()
        return self._until(due_at)

    async def _sleep(self, woken: asyncio.Event, longest: timedelta) -> None:
        waits = [asyncio.create_task(event.wait()) for event in (woken, self._stopping)]
        await asyncio.wait(
            waits, timeout=longest.total_seconds(), return_when=asyncio.FIRST_COMPLETED
        )
        for wait in waits:
            wait.cancel()

    async def _wind_down(self) -> None:
        running = {task: lane for lane in self._lanes for task in lane.running}
        if not running:
            return
        _, late = await asyncio.wait(running, timeout=self._options.grace.total_seconds())
        # A job's slow part holds no transaction, so here a cancel is safe.
        unfinished = [(running[task], running[task].running[task]) for task in late]
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        for lane, job in unfinished:
            await self._release(lane, job)

    async def _release(self, lane: _Lane, job: Claim) -> None:
        """Release a cancelled job, so that another worker or the next start runs it at once."""
        with suppress(LeaseLostError):  # the cancelled task had just stored the job's end
            try:
                await self._attempts.release(job, lane.options.handler)
            except LeaseLostError:
                raise
            except Exception as error:
                report("job_not_released", error, job_id=job.id)  # its lease runs out
