"""Runs attempts of claimed jobs; records the outcome of each, and logs it in one line."""

import asyncio
import math
import random
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from models.jobs.job import (
    Claim,
    JobState,
    LeaseLostError,
    extend,
    finish,
    note_calls_left,
    release,
    reschedule,
)
from models.jobs.kinds import MAX_CRASHES
from models.rules.retry import RetryPolicy
from models.storage.database import Database
from models.storage.database_faults import fault_of
from models.storage.fault_log import report

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a job, for the log; it contains no personal data."""

    name: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class AttemptReport:
    """How an attempt ended, as in its log line: `outcome` and `reason` are codes, or None."""

    kind: str
    event: str
    outcome: str | None
    reason: str | None
    wait_s: float
    duration_s: float


NoteAttempt = Callable[[AttemptReport], object]
"""Listens to the ends of attempts; it must not raise."""


def ignore_attempt(_: AttemptReport) -> None:
    """Do nothing, for a worker to which nobody listens."""


TraceAttempt = Callable[[Claim], AbstractContextManager[object]]
"""Opens the trace of an attempt, which ends with the context."""


def trace_no_attempt(_: Claim) -> AbstractContextManager[object]:
    """Do nothing, for a worker without traces."""
    return nullcontext()


Store = Callable[[], Awaitable[Outcome | None]]
"""Stores a job's result in the transaction that ends the job.

Returns the outcome to log; None if there is nothing to log.
"""

RENEWALS = 3
"""Renewals per length of a lease: one may fail and one be late without the lease ending."""

INTERNAL_ERROR = "INTERNAL_ERROR"
GAVE_UP = "GAVE_UP"
CRASHED_WORKERS = "CRASHED_WORKERS"


class ReleaseJobError(Exception):
    """Raised by a handler to postpone a job for a reason outside of it; the attempt does not count.

    The job is ready again after `wait`.
    """

    def __init__(self, reason: str, wait: timedelta = timedelta()) -> None:
        super().__init__(reason)
        self.reason = reason
        self.wait = wait


class TryAgainError(Exception):
    """Raised by a handler after a failure that may be temporary; the attempt counts.

    Unless it was the last one, the next attempt starts after `at_least` or later.
    """

    def __init__(self, reason: str, at_least: timedelta = timedelta()) -> None:
        super().__init__(reason)
        self.reason = reason
        self.at_least = at_least


class Handler(Protocol):
    """Runs the jobs of one kind. Workers may crash, so each method must be safe to run twice."""

    async def run(self, job: Claim) -> Store:
        """Do a job's slow part, outside of transactions; return a function to store the result."""

    async def note_retry(
        self, job: Claim, due_at: datetime, reason: str | None, attempts: int
    ) -> None:
        """Store that the job runs again at `due_at`, in the transaction that reschedules it.

        `attempts` is the number of attempts so far. `reason` is None if the worker was stopped.
        """

    async def note_failure(self, job: Claim, reason: str, *, is_bare: bool) -> None:
        """Store that the job failed for good, in the transaction that ends the job.

        `reason` is INTERNAL_ERROR after more than MAX_CRASHES attempts, and otherwise GAVE_UP.
        With `is_bare`, store nothing else, because an attempt to store more has failed.
        """


class Attempts:
    """Runs attempts of claimed jobs, and renews their leases meanwhile."""

    def __init__(
        self,
        database: Database,
        clock: Callable[[], datetime],
        policy: RetryPolicy,
        lease: timedelta,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        note: NoteAttempt = ignore_attempt,
        trace: TraceAttempt = trace_no_attempt,
    ) -> None:
        self._sleep = sleep
        self._note = note
        self._trace = trace
        self._database = database
        self._clock = clock
        self._policy = policy
        self._lease = lease

    async def run(self, job: Claim, handler: Handler) -> None:
        """Run one attempt of a job, store its outcome and log it. Errors are logged, not raised."""
        started_at = self._clock()
        with structlog.contextvars.bound_contextvars(**_told_of(job)), self._trace(job):
            keeper = asyncio.create_task(self._keep_lease(job))
            outcome = "job_not_recorded"
            why: dict[str, object] = {}
            try:
                outcome, why = await self._attempt(job, handler)
            except LeaseLostError:
                outcome = "job_lost"
                await self._end_lost(job)
            except asyncio.CancelledError:
                outcome = "job_interrupted"
                raise
            except Exception as error:
                # The outcome is not stored, so the lease runs out and the job runs again.
                report("job_crashed", error, attempt=job.attempts)
            finally:
                keeper.cancel()
                duration = (self._clock() - started_at).total_seconds()
                log.info(
                    outcome,
                    attempt=job.attempts,
                    wait_s=round(job.waited_s, 3),
                    duration_s=round(duration, 3),
                    **why,
                )
                self._note(
                    AttemptReport(
                        job.kind,
                        outcome,
                        _text(why, "outcome"),
                        _text(why, "reason"),
                        job.waited_s,
                        duration,
                    )
                )

    async def release(
        self,
        job: Claim,
        handler: Handler,
        reason: str | None = None,
        wait: timedelta = timedelta(),
    ) -> None:
        """Release the job, so that any worker can run it after `wait`; the attempt does not count.

        Raises LeaseLostError if this worker no longer holds the job.
        """

        async def work() -> None:
            now = self._clock()
            await handler.note_retry(job, now + wait, reason, job.attempts - 1)
            await release(job, now, wait, reason)

        await self._database.transaction(work)

    async def _end_lost(self, job: Claim) -> None:
        """Cancel a job whose handler raised LeaseLostError, unless another worker holds the job."""
        try:
            await finish(job, JobState.CANCELLED, self._clock())
        except LeaseLostError:
            pass
        except Exception as error:
            report("job_outcome_not_stored", error)

    async def _keep_lease(self, job: Claim) -> None:
        while True:
            await self._sleep((self._lease / RENEWALS).total_seconds())
            try:
                await extend(job, self._clock() + self._lease)
            except LeaseLostError:
                return
            except Exception as error:
                report("lease_not_extended", error)

    async def _attempt(self, job: Claim, handler: Handler) -> tuple[str, dict[str, object]]:
        if job.attempts > self._policy.most_attempts:
            # Every attempt so far ended with a crash of its worker.
            return await self._give_up(job, handler, CRASHED_WORKERS)
        try:
            if not isinstance(job.payload, dict):
                await note_calls_left(job, 0)  # no attempt makes calls
            store = await handler.run(job)
            outcome = await self._complete(job, store)
        except ReleaseJobError as released:
            await self.release(job, handler, released.reason, released.wait)
            return "job_released", {"reason": released.reason}
        except TryAgainError as failure:
            return await self._try_again(job, handler, failure.reason, failure.at_least)
        except LeaseLostError:
            raise
        except Exception as error:
            report("job_crashed", error, attempt=job.attempts)
            if fault_of(error) is None and job.attempts > MAX_CRASHES.get(job.kind, math.inf):
                return await self._give_up(job, handler, INTERNAL_ERROR, INTERNAL_ERROR)
            return await self._try_again(job, handler, INTERNAL_ERROR, timedelta())
        return "job_done", {} if outcome is None else _told(outcome)

    async def _complete(self, job: Claim, store: Store) -> Outcome | None:
        async def work() -> Outcome | None:
            outcome = await store()
            await finish(job, JobState.DONE, self._clock())
            return outcome

        return await self._database.transaction(work)

    async def _try_again(
        self, job: Claim, handler: Handler, reason: str, at_least: timedelta
    ) -> tuple[str, dict[str, object]]:
        span = self._clock() - job.started_at
        jitter = random.random  # spreads load; not for security
        wait = self._policy.wait(job.attempts, span, jitter, at_least)
        if wait is None:
            return await self._give_up(job, handler, reason)
        due_at = self._clock() + wait

        async def noted() -> None:
            await handler.note_retry(job, due_at, reason, job.attempts)
            await reschedule(job, due_at, reason)

        await self._first_that_works(noted, lambda: reschedule(job, due_at, reason))
        return "job_put_back", {"reason": reason, "retry_in_s": round(wait.total_seconds(), 1)}

    async def _give_up(
        self, job: Claim, handler: Handler, reason: str, failure: str = GAVE_UP
    ) -> tuple[str, dict[str, object]]:
        def ended(*, is_bare: bool) -> Callable[[], Awaitable[None]]:
            async def work() -> None:
                await handler.note_failure(job, failure, is_bare=is_bare)
                await finish(job, JobState.FAILED, self._clock(), reason)

            return work

        await self._first_that_works(
            ended(is_bare=False),
            ended(is_bare=True),
            lambda: finish(job, JobState.FAILED, self._clock(), reason),
        )
        return "job_given_up", {"reason": reason}

    async def _first_that_works(self, *units: Callable[[], Awaitable[None]]) -> None:
        """Run `units`, each in a transaction, in order until one succeeds.

        Each unit stores less than the one before. Raises LeaseLostError at once, and the error of
        the last unit if all fail.
        """
        *preferred, last = units
        for unit in preferred:
            try:
                await self._database.transaction(unit)
            except LeaseLostError:
                raise
            except Exception as error:
                report("job_outcome_not_stored", error)
            else:
                return
        await self._database.transaction(last)


def _told(outcome: Outcome) -> dict[str, object]:
    told: dict[str, object] = {"outcome": str(outcome.name)}
    return told if outcome.reason is None else told | {"reason": str(outcome.reason)}


def _text(why: dict[str, object], name: str) -> str | None:
    value = why.get(name)
    return None if value is None else str(value)


def _told_of(job: Claim) -> dict[str, object]:
    """Return the ids of a job, of its request, and of the rows in its payload, for the log."""
    payload: object = job.payload
    ids = payload if isinstance(payload, dict) else {}
    own = {"job_id": job.id, "job_kind": job.kind, "request_id": job.request_id}
    return {name: value for name, value in ids.items() if name.endswith("_id")} | own
