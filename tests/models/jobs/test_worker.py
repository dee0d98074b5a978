"""The worker's loop that runs jobs, tested with scripted handlers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
import structlog
from tortoise.connection import get_connection
from tortoise.exceptions import OperationalError

from models import Event, Heartbeat, Job
from models.jobs.heartbeat import beat
from models.jobs.job import Claim, JobState, LeaseLostError, NewJob, cancel, enqueue
from models.jobs.queue_claim import NothingClaimed
from models.jobs.queue_claim import claim as real_claim
from models.jobs.retention import Retention
from models.jobs.worker import (
    JobKindOptions,
    ReleaseJobError,
    Store,
    TryAgainError,
    Worker,
    WorkerOptions,
)
from models.rules.retry import RetryPolicy
from models.storage.database import Database
from tests.clock import START, Clock
from tests.event_rows import publish_text

SECOND = timedelta(seconds=1)
POLICY = RetryPolicy(
    first_wait=4 * SECOND, factor=2.0, most_attempts=3, longest_span=timedelta(hours=1)
)
PATIENCE_S = 60.0


class Scripted:
    """A handler that follows a script, one step per attempt, and records what it is called with."""

    def __init__(self, clock: Clock, *steps: Callable[[Claim], Awaitable[None]]) -> None:
        self.steps = list(steps)
        self.clock = clock
        self.attempts: list[int] = []
        self.notes: list[tuple[str | None, int, datetime | None]] = []

    async def run(self, job: Claim) -> Store:
        self.attempts.append(job.attempts)
        if self.steps:
            await self.steps.pop(0)(job)

        async def store() -> None:
            await publish_text("stored", job.id, self.clock())

        return store

    async def note_retry(
        self, job: Claim, due_at: datetime, reason: str | None, attempts: int
    ) -> None:
        await publish_text("retry", job.id, self.clock())
        self.notes.append((reason, attempts, due_at))

    async def note_failure(self, job: Claim, reason: str, *, is_bare: bool) -> None:
        assert not is_bare
        await publish_text("failure", job.id, self.clock())
        self.notes.append((reason, job.attempts, None))


def fails(error: Exception) -> Callable[[Claim], Awaitable[None]]:
    async def step(_: Claim) -> None:
        raise error

    return step


def worker_of(
    database: Database, handler: Scripted, clock: Clock, options: WorkerOptions | None = None
) -> Worker:
    lines = {"kind": JobKindOptions(handler)}
    return Worker("w", database, lines, clock, policy=POLICY, options=options)


async def add(database: Database, clock: Clock, key: str = "k") -> None:
    await database.transaction(lambda: enqueue([NewJob("kind", key)], clock()))


async def events() -> list[str]:
    return [event.type for event in await Event.all().order_by("id")]


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await condition():  # noqa: ASYNC110  # it is a row that is waited for
            await asyncio.sleep(0.005)


@asynccontextmanager
async def running(made: Worker) -> AsyncIterator[None]:
    task = asyncio.create_task(made.run())
    try:
        yield
    finally:
        made.stop()
        async with asyncio.timeout(PATIENCE_S):
            await task


@pytest.fixture(autouse=True)
def no_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.jobs.job_attempt.random.random", lambda: 1.0)


async def test_a_job_is_run_and_its_result_stored_once(database: Database, clock: Clock) -> None:
    """R90."""
    handler = Scripted(clock)
    made = worker_of(database, handler, clock)
    await add(database, clock)
    assert await made.run_due() == 1
    assert (await Job.get()).state is JobState.DONE
    assert await events() == ["stored"]
    assert await made.run_due() == 0


async def test_a_failure_that_may_pass_is_tried_again_later(
    database: Database, clock: Clock
) -> None:
    """R90."""
    handler = Scripted(
        clock,
        fails(TryAgainError("DOWN")),
        fails(TryAgainError("BUSY", at_least=60 * SECOND)),
    )
    made = worker_of(database, handler, clock)
    await add(database, clock)
    await made.run_due()
    assert handler.notes == [("DOWN", 1, START + 4 * SECOND)]
    assert await made.run_due() == 0
    later = clock.advance(4 * SECOND)
    await made.run_due()
    assert handler.notes[1] == ("BUSY", 2, later + 60 * SECOND)  # Retry-After
    clock.advance(60 * SECOND)
    await made.run_due()
    assert handler.attempts == [1, 2, 3]
    assert await events() == ["retry", "retry", "stored"]
    assert (await Job.get()).state is JobState.DONE


async def test_a_job_is_given_up_after_the_last_attempt(database: Database, clock: Clock) -> None:
    """R90."""
    handler = Scripted(clock, *[fails(TryAgainError("DOWN"))] * 9)
    made = worker_of(database, handler, clock)
    await add(database, clock)
    for _ in range(5):
        await made.run_due()
        clock.advance(timedelta(minutes=1))
    assert handler.attempts == [1, 2, 3]
    assert handler.notes[-1] == ("GAVE_UP", 3, None)
    assert await events() == ["retry", "retry", "failure"]
    job = await Job.get()
    assert (job.state, job.live_key, job.due_at) == (JobState.FAILED, None, None)


async def test_a_job_is_given_up_when_its_first_start_is_too_long_ago(
    database: Database, clock: Clock
) -> None:
    """R90."""
    handler = Scripted(clock, *[fails(TryAgainError("DOWN"))] * 2)
    made = worker_of(database, handler, clock)
    await add(database, clock)
    await made.run_due()
    clock.advance(timedelta(hours=1))
    await made.run_due()
    assert handler.notes[-1] == ("GAVE_UP", 2, None)


async def test_time_in_the_queue_does_not_count_as_trying(database: Database, clock: Clock) -> None:
    """R90: a job that waited for days is tried as often as any other."""
    handler = Scripted(clock, fails(TryAgainError("DOWN")))
    await add(database, clock)
    now = clock.advance(timedelta(days=9))
    await worker_of(database, handler, clock).run_due()
    assert handler.notes == [("DOWN", 1, now + 4 * SECOND)]


async def test_a_crash_is_tried_again_like_a_failure(database: Database, clock: Clock) -> None:
    handler = Scripted(clock, fails(ZeroDivisionError()))
    made = worker_of(database, handler, clock)
    await add(database, clock)
    await made.run_due()
    assert handler.notes == [("INTERNAL_ERROR", 1, START + 4 * SECOND)]


async def test_a_released_job_counts_no_attempt(database: Database, clock: Clock) -> None:
    """R90."""
    released = fails(ReleaseJobError("RATE_LIMITED"))
    handler = Scripted(clock, *[released] * 9)
    made = worker_of(database, handler, clock, WorkerOptions(slots=1))
    await add(database, clock)
    for _ in range(9):
        assert await made.run_due() == 1
    assert set(handler.attempts) == {1}
    assert handler.notes == [("RATE_LIMITED", 0, START)] * 9
    await made.run_due()
    assert (await Job.get()).state is JobState.DONE


async def test_a_job_that_was_cancelled_meanwhile_stores_nothing(
    database: Database, clock: Clock
) -> None:
    """R89, R91."""

    async def superseded(_: Claim) -> None:
        await database.transaction(lambda: cancel("k", clock()))

    await add(database, clock)
    await worker_of(database, Scripted(clock, superseded), clock).run_due()
    assert await events() == []
    assert (await Job.get()).state is JobState.CANCELLED


async def test_a_job_whose_lease_went_to_another_worker_stores_nothing(
    database: Database, clock: Clock
) -> None:
    """R90."""
    other = Scripted(clock)
    long_lease = WorkerOptions(lease=timedelta(hours=1))  # never renewed, however slow the machine

    async def stalls(_: Claim) -> None:
        clock.advance(long_lease.lease)
        assert await worker_of(database, other, clock).run_due() == 1

    handler = Scripted(clock, stalls)
    await add(database, clock)
    await worker_of(database, handler, clock, long_lease).run_due()
    assert (handler.attempts, other.attempts) == ([1], [2])
    assert await events() == ["stored"]


async def test_a_handler_may_say_that_its_job_is_lost(database: Database, clock: Clock) -> None:
    """R89."""
    handler = Scripted(clock, fails(LeaseLostError("run")))
    await add(database, clock)
    await worker_of(database, handler, clock).run_due()
    assert (handler.notes, await events()) == ([], [])
    assert (await Job.get()).state is JobState.CANCELLED  # it is not claimed repeatedly


class Unstorable(Scripted):
    """A handler whose results and notes of failures the database refuses."""

    refused = ("store",)

    async def run(self, job: Claim) -> Store:
        self.attempts.append(job.attempts)

        async def store() -> None:
            await self._write("store", job)

        return store

    async def note_retry(
        self, job: Claim, due_at: datetime, reason: str | None, attempts: int
    ) -> None:
        self.notes.append((reason, attempts, due_at))
        await self._write("retry", job)

    async def note_failure(self, job: Claim, reason: str, *, is_bare: bool) -> None:
        self.notes.append((reason, job.attempts, None))
        await self._write("bare failure" if is_bare else "failure", job)

    async def _write(self, what: str, job: Claim) -> None:
        await publish_text(what, job.id, self.clock())
        if what in self.refused:
            raise OperationalError("unsupported Unicode escape sequence")


async def test_a_result_that_cannot_be_stored_is_an_attempt(
    database: Database, clock: Clock
) -> None:
    """R90: retries have increasing delays, and end."""
    handler = Unstorable(clock)
    made = worker_of(database, handler, clock)
    await add(database, clock)
    for wait in (4, 8):
        assert await made.run_due() == 1
        assert await made.run_due() == 0
        clock.advance(wait * SECOND)
    await made.run_due()
    assert [attempts for _, attempts, _ in handler.notes] == [1, 2, 3]
    assert await events() == ["retry", "retry", "failure"]
    assert (await Job.get()).state is JobState.FAILED


@pytest.mark.parametrize(
    ("refused", "stored"),
    [
        (("store", "failure"), ["retry", "retry", "bare failure"]),
        (("store", "retry", "failure"), ["bare failure"]),
        (("store", "retry", "failure", "bare failure"), []),
    ],
)
async def test_what_cannot_be_noted_either_ends_all_the_same(
    database: Database, clock: Clock, refused: tuple[str, ...], stored: list[str]
) -> None:
    """R90: giving up must not fail repeatedly like storing the result."""
    handler = Unstorable(clock)
    handler.refused = refused  # type: ignore[assignment]  # of any length
    await add(database, clock)
    for _ in range(9):
        await worker_of(database, handler, clock).run_due()
        clock.advance(timedelta(minutes=1))
    assert handler.attempts == [1, 2, 3]
    assert await events() == stored
    job = await Job.get()
    assert (job.state, job.live_key) == (JobState.FAILED, None)


async def test_a_worker_leaves_jobs_alone_that_it_cannot_run(
    database: Database, clock: Clock
) -> None:
    """For example jobs of a newer version: they are neither claimed nor given up."""
    await database.transaction(lambda: enqueue([NewJob("new", "a"), NewJob("kind", "b")], clock()))
    before = await Job.filter(kind="new").values()
    handler = Scripted(clock)
    assert await worker_of(database, handler, clock).run_due() == 1
    clock.advance(timedelta(days=30))
    assert await worker_of(database, handler, clock).run_due() == 0
    assert await Job.filter(kind="new").values() == before


async def test_a_kind_that_is_stuck_holds_up_no_other(database: Database, clock: Clock) -> None:
    """A silent mail server does not delay lookups, and a slow register does not delay mails."""
    never, done = asyncio.Event(), asyncio.Event()

    async def hangs(_: Claim) -> None:
        await never.wait()

    async def ends(_: Claim) -> None:
        done.set()

    stuck, quick = Scripted(clock, *[hangs] * 9), Scripted(clock, ends)
    lines = {"stuck": JobKindOptions(stuck), "quick": JobKindOptions(quick)}
    options = WorkerOptions(grace=timedelta(milliseconds=10))
    many = [NewJob("stuck", f"k{n}") for n in range(9)]
    await database.transaction(lambda: enqueue(many, clock()))

    async def all_slots_are_held() -> bool:
        return await Job.filter(state=JobState.RUNNING).count() == options.slots

    async with running(Worker("w", database, lines, clock, options=options)):
        await until(all_slots_are_held)
        await database.transaction(lambda: enqueue([NewJob("quick", "q")], clock()))
        async with asyncio.timeout(PATIENCE_S):
            await done.wait()
    assert len(stuck.attempts) == options.slots


async def test_the_loop_runs_what_comes_and_stops_when_told(
    database: Database, clock: Clock
) -> None:
    handler = Scripted(clock)
    async with running(worker_of(database, handler, clock)):
        for key in "abcdef":
            await add(database, clock, key)

        async def all_done() -> bool:
            return await Job.filter(state=JobState.DONE).count() == 6

        await until(all_done)
    assert len(handler.attempts) == 6


async def test_a_timer_adds_jobs_at_the_start_and_then_at_its_interval(
    database: Database, clock: Clock
) -> None:
    """A timer that fails is called again at its next time, and holds nothing else up."""
    handler, called = Scripted(clock), list[datetime]()

    async def add_one() -> None:
        called.append(clock())
        if len(called) == 2:
            raise OperationalError("the database is away")
        await add(database, clock, f"timed {len(called)}")

    lines = {"kind": JobKindOptions(handler, on_timer=add_one, timer_every=60 * SECOND)}
    options = WorkerOptions(longest_sleep=timedelta(milliseconds=5))

    async def are_run(number: int) -> bool:
        return len(handler.attempts) == number

    async def are_called(number: int) -> bool:
        return len(called) == number

    async with running(Worker("w", database, lines, clock, policy=POLICY, options=options)):
        await until(lambda: are_run(1))
        clock.advance(59 * SECOND)
        await add(database, clock, "other")
        await until(lambda: are_run(2))
        assert called == [START]
        clock.advance(SECOND)
        await until(lambda: are_called(2))
        clock.advance(60 * SECOND)
        await until(lambda: are_run(3))
    assert called == [START + minutes * 60 * SECOND for minutes in range(3)]


async def test_the_loop_shows_that_it_is_alive(database: Database, clock: Clock) -> None:
    async with running(worker_of(database, Scripted(clock), clock)):
        await until(lambda: Heartbeat.exists(worker="w"))
    assert (await Heartbeat.get()).seen_at == START


async def test_a_worker_takes_no_more_than_it_has_slots_for(
    database: Database, clock: Clock
) -> None:
    may_end = asyncio.Event()
    busy: list[str] = []

    async def works(job: Claim) -> None:
        busy.append(job.id)
        await may_end.wait()

    handler = Scripted(clock, *[works] * 5)
    for key in "abcde":
        await add(database, clock, key)

    async def two_are_busy() -> bool:
        return len(busy) == 2

    async with running(worker_of(database, handler, clock, WorkerOptions(slots=2))):
        await until(two_are_busy)
        await add(database, clock, "another")
        assert await Job.filter(state=JobState.RUNNING).count() == 2
        may_end.set()

        async def all_done() -> bool:
            return await Job.filter(state=JobState.DONE).count() == 6

        await until(all_done)


async def test_a_database_error_does_not_end_the_loop(
    database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R90."""
    failures = 0

    async def claim(*arguments: Any) -> Claim | NothingClaimed:
        nonlocal failures
        if failures < 3:
            failures += 1
            raise OperationalError("server closed the connection")
        return await real_claim(*arguments)

    monkeypatch.setattr("models.jobs.worker.claim", claim)
    await add(database, clock)
    options = WorkerOptions(longest_sleep=timedelta(milliseconds=5))
    async with running(worker_of(database, Scripted(clock), clock, options)):
        await until(lambda: Job.exists(state=JobState.DONE))
    assert failures == 3


async def test_a_long_job_keeps_its_lease(database: Database, clock: Clock) -> None:
    """R90."""
    options = WorkerOptions(lease=timedelta(milliseconds=90))

    async def outlasts_its_lease(job: Claim) -> None:
        first = await Job.get()
        clock.advance(timedelta(milliseconds=60))

        async def is_extended() -> bool:
            due_at = (await Job.get()).due_at
            return due_at == clock() + options.lease and due_at != first.due_at

        await until(is_extended)
        assert (await Job.get()).owner == job.owner

    await add(database, clock)
    await worker_of(database, Scripted(clock, outlasts_its_lease), clock, options).run_due()
    assert await events() == ["stored"]


async def test_stopping_lets_running_jobs_end(database: Database, clock: Clock) -> None:
    has_begun, may_end = asyncio.Event(), asyncio.Event()

    async def works(_: Claim) -> None:
        has_begun.set()
        await may_end.wait()

    await add(database, clock)
    # With a free slot, a claim in progress may still take the job that is added next.
    made = worker_of(database, Scripted(clock, works), clock, WorkerOptions(slots=1))
    task = asyncio.create_task(made.run())
    async with asyncio.timeout(PATIENCE_S):
        await has_begun.wait()
        made.stop()
        await add(database, clock, "later")
        may_end.set()
        await task
    assert await events() == ["stored"]
    assert await Job.filter(state=JobState.READY).count() == 1


async def test_a_job_that_outlasts_the_grace_is_released_at_once(
    database: Database, clock: Clock
) -> None:
    """R90: the next worker need not wait for the lease to expire, and no attempt is counted."""
    has_begun = asyncio.Event()

    async def works(_: Claim) -> None:
        has_begun.set()
        await asyncio.Event().wait()

    await add(database, clock)
    options = WorkerOptions(grace=timedelta(milliseconds=10))
    made = worker_of(database, Scripted(clock, works), clock, options)
    task = asyncio.create_task(made.run())
    async with asyncio.timeout(PATIENCE_S):
        await has_begun.wait()
        made.stop()
        await task
    job = await Job.get()
    assert (job.state, job.attempts, job.owner) == (JobState.READY, 0, None)
    await worker_of(database, Scripted(clock), clock).run_due()
    assert await events() == ["retry", "stored"]


async def test_finished_jobs_are_swept_out(database: Database, clock: Clock) -> None:
    await add(database, clock)
    await worker_of(database, Scripted(clock), clock).run_due()
    clock.advance((Retention().jobs or SECOND) + SECOND)
    async with running(worker_of(database, Scripted(clock), clock)):

        async def is_gone() -> bool:
            return await Job.all().count() == 0

        await until(is_gone)


@pytest.mark.usefixtures("database")
async def test_a_sign_of_life_is_one_row_a_worker(clock: Clock) -> None:
    await beat("w", clock())
    await beat("w", clock.advance(SECOND))
    assert await Heartbeat.all().values_list("worker", "seen_at") == [("w", START + SECOND)]


async def test_each_attempt_leaves_a_line_that_says_whose_it_was_and_how_it_ended(
    database: Database, clock: Clock
) -> None:
    """With the id of the request that enqueued the job, and without personal data."""

    async def takes_a_while(_: Claim) -> None:
        clock.advance(2 * SECOND)

    handler = Scripted(clock, takes_a_while, fails(TryAgainError("DOWN")))
    payload = {"customer_id": "cus_1", "run_id": "run_1", "name": "Ann"}
    jobs = [NewJob("kind", key, payload, request_id="request-9") for key in "ab"]
    await database.transaction(lambda: enqueue(jobs, clock()))
    clock.advance(5 * SECOND)
    made = worker_of(database, handler, clock, WorkerOptions(slots=1))
    with structlog.testing.capture_logs([structlog.contextvars.merge_contextvars]) as lines:
        await made.run_due()
        await made.run_due()
    first, second = (line for line in lines if line["log_level"] == "info")
    assert first == {
        "event": "job_done",
        "log_level": "info",
        "job_id": first["job_id"],
        "job_kind": "kind",
        "customer_id": "cus_1",
        "run_id": "run_1",
        "request_id": "request-9",
        "attempt": 1,
        "wait_s": 5.0,
        "duration_s": 2.0,
    }
    assert (second["event"], second["reason"]) == ("job_put_back", "DOWN")


@pytest.mark.storage
@pytest.mark.parametrize(
    "payload",
    ["[]", '["customer_id"]', '"customer_id"', "7", "null", '{"job_id": "x", "request_id": 7}'],
)
async def test_a_payload_that_makes_no_sense_ends_like_any_failure(
    database: Database, clock: Clock, payload: str
) -> None:
    """Otherwise the job would be claimed for ever, with a call to the register each time."""

    async def reads_it(job: Claim) -> None:
        raise KeyError(job.payload["customer_id"])

    handler = Scripted(clock, *([reads_it] * POLICY.most_attempts))
    made = worker_of(database, handler, clock)
    await add(database, clock)
    await get_connection("default").execute_query(f"UPDATE job SET payload = '{payload}'")
    for attempt in range(1, POLICY.most_attempts + 1):
        await made.run_due()
        await made.run_due()  # it waits first
        assert handler.attempts == list(range(1, attempt + 1))
        clock.advance(timedelta(minutes=5))
    job = await Job.get()
    assert (job.state, job.attempts) == (JobState.FAILED, POLICY.most_attempts)
    assert job.calls_left == (None if payload.startswith("{") else 0)
