"""Claims: a job starts only if a call is free, in the order of urgencies and resellers."""

import asyncio
import json
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest
from tortoise.connection import get_connection

from models import Job, QueueTurn, RateLimit
from models.jobs.job import Claim, JobState, NewJob, note_calls_left, reschedule
from models.jobs.queue_claim import _CLAIM, _HEADS, NothingClaimed, claim
from models.jobs.queue_turn import last_place
from models.jobs.queue_watch import promote
from models.rules.allowance import Caller
from models.rules.queue_order import FirstJob, caller_of, next_job
from models.rules.urgency import Urgency
from models.storage.database import Database
from models.storage.sql import _numbered
from models.tables.rate_limit import create_row, microseconds
from tests.clock import START, Clock
from tests.factories import everything
from tests.plans import explain_sqlite, selected_statements
from tests.queueing import LEASE, REGISTER, add, take

LOOKUP = "enrich"
REQUESTED, SAVED, BULK, REFRESH = Urgency
SECOND = timedelta(seconds=1)
INTERVAL = timedelta(microseconds=REGISTER.allowance.interval_us)


def lookups(number: int, urgency: Urgency = BULK, reseller: str | None = None) -> list[NewJob]:
    return [
        NewJob(LOOKUP, f"{urgency.name} {reseller} {n}", {}, urgency, reseller, calls=4)
        for n in range(number)
    ]


async def take_lookups(database: Database, clock: Clock, most: int = 99) -> list[str]:
    taken = await take(database, clock, most, kind=LOOKUP, quota=REGISTER)
    keys = {job.id: str(job.live_key) for job in await Job.all()}
    return [keys[one.id] for one in taken]


@pytest.mark.parametrize(
    ("urgency", "at_once"), [(REQUESTED, 6), (SAVED, 6), (BULK, 3), (REFRESH, 3)]
)
async def test_no_more_lookups_begin_at_once_than_the_allowance_feeds(
    database: Database, clock: Clock, urgency: Urgency, at_once: int
) -> None:
    """R90: regardless of the queue; then one more starts with each call that becomes free."""
    await add(database, clock, *lookups(20, urgency))
    assert len(await take_lookups(database, clock)) == at_once
    for _ in range(3):
        clock.advance(INTERVAL)
        assert len(await take_lookups(database, clock)) == 1
    assert await Job.filter(state=JobState.RUNNING).count() == at_once + 3


async def test_a_claim_that_is_not_admitted_changes_nothing_and_says_when_to_come_again(
    database: Database, clock: Clock
) -> None:
    """R90: so a job that waits for the allowance keeps its place, and nothing is written."""
    await add(database, clock, *lookups(9))
    await take_lookups(database, clock)
    before = await everything()
    refused = await claim(database, LOOKUP, REGISTER, LEASE, clock())
    assert isinstance(refused, NothingClaimed)
    assert refused.at == START + INTERVAL
    assert await everything() == before
    clock.now = refused.at
    assert len(await take_lookups(database, clock)) == 1


async def test_nothing_to_do_is_told_as_that(database: Database, clock: Clock) -> None:
    assert await claim(database, LOOKUP, REGISTER, LEASE, clock()) == NothingClaimed()
    assert await RateLimit.all().count() == 0


async def test_a_lookup_that_has_begun_comes_before_all_others_and_may_use_the_whole_burst(
    database: Database, clock: Clock
) -> None:
    """R90: also before urgent jobs, and if its own urgency is not next."""
    await add(database, clock, *lookups(3, REFRESH))
    (held,) = await take(database, clock, kind=LOOKUP, quota=REGISTER)
    await note_calls_left(held, 2)
    await database.transaction(lambda: reschedule(held, START + SECOND))
    await add(database, clock, *lookups(9, REQUESTED))
    assert len(await take_lookups(database, clock)) == 5
    clock.advance(SECOND)
    ahead = REGISTER.allowance.ahead_us(Caller.STARTED)
    await RateLimit.all().update(free_at=microseconds(clock()) + ahead + 1)
    assert await take_lookups(database, clock) == []
    await RateLimit.all().update(free_at=microseconds(clock()) + ahead)
    assert await take_lookups(database, clock) == ["REFRESH None 0"]


async def test_a_lookup_with_all_answers_starts_without_a_call(
    database: Database, clock: Clock
) -> None:
    """R90: a lookup whose result could not be stored needs no more calls to the register."""
    await add(database, clock, *lookups(1))
    (held,) = await take(database, clock, kind=LOOKUP, quota=REGISTER)
    assert held.is_paid
    await note_calls_left(held, 0)
    await database.transaction(lambda: reschedule(held, START + SECOND))
    await RateLimit.all().update(free_at=microseconds(clock()) + 60_000_000)
    before = await RateLimit.get()
    clock.advance(SECOND)
    (again,) = await take(database, clock, kind=LOOKUP, quota=REGISTER)
    assert (again.id, again.is_paid, again.calls_left) == (held.id, False, 0)
    assert (await RateLimit.get()).free_at == before.free_at


async def test_while_an_urgent_one_waits_the_turn_of_another_is_not_held_up(
    database: Database, clock: Clock
) -> None:
    """Otherwise the calls reserved for urgent jobs would reduce the share of the others."""
    await add(database, clock, *lookups(99, SAVED), *lookups(99, BULK), *lookups(99, REFRESH))
    taken: Counter[str] = Counter()
    for _ in range(78):
        taken.update(key.split()[0] for key in await take_lookups(database, clock))
        clock.advance(INTERVAL)
    assert sum(taken.values()) == 6 + 77
    assert taken["SAVED"] == pytest.approx(24 / 41 * 83, abs=2)
    assert taken["REFRESH"] == pytest.approx(5 / 41 * 83, abs=2)


async def test_shares_are_those_of_the_urgencies(database: Database, clock: Clock) -> None:
    """24 : 24 : 12 : 5, so the lowest urgency gets one start in thirteen."""
    await add(database, clock, *(job for one in Urgency for job in _mails(65, one)))
    started = Counter([claim.payload["urgency"] for claim in await take(database, clock, 65)])
    assert started == pytest.approx({"REQUESTED": 24, "SAVED": 24, "BULK": 12, "REFRESH": 5}, abs=1)


def _mails(number: int, urgency: Urgency) -> list[NewJob]:
    payload = {"urgency": urgency.name}
    return [NewJob("kind", f"{urgency.name}{n}", payload, urgency) for n in range(number)]


async def test_an_urgency_that_had_no_work_does_not_claim_that_time_back(
    database: Database, clock: Clock
) -> None:
    await add(database, clock, *_mails(200, BULK))
    await take(database, clock, 200)
    await add(database, clock, *_mails(40, REFRESH), *_mails(40, SAVED))
    started = Counter([claim.payload["urgency"] for claim in await take(database, clock, 29)])
    assert started == pytest.approx({"SAVED": 24, "REFRESH": 5}, abs=1)


async def test_a_blocked_key_starts_nothing(database: Database, clock: Clock) -> None:
    """R90."""
    await add(database, clock, *lookups(3))
    await create_row(REGISTER.key)
    await RateLimit.all().update(blocked_at=clock())
    before = await everything()
    found = await claim(database, LOOKUP, REGISTER, LEASE, clock())
    assert found == NothingClaimed(is_blocked=True)
    assert await everything() == before


async def test_claimers_at_once_take_a_call_for_each_job_and_no_more(
    database: Database, clock: Clock
) -> None:
    """R90."""
    await add(database, clock, *lookups(40, SAVED))
    await create_row(REGISTER.key)
    found = await asyncio.gather(
        *(claim(database, LOOKUP, REGISTER, LEASE, clock()) for _ in range(12))
    )
    claims = [one for one in found if isinstance(one, Claim)]
    assert 1 <= len({one.id for one in claims}) == len(claims) <= 6
    assert await Job.filter(state=JobState.RUNNING).count() == len(claims)
    paid = (await RateLimit.get()).free_at - microseconds(START)
    assert paid == len(claims) * REGISTER.allowance.interval_us


@pytest.mark.parametrize(
    ("heads", "chosen", "caller"),
    [
        ([], None, None),
        ([(BULK, 0, 4)], BULK, Caller.OTHER),
        (
            [(BULK, 0, 4), (SAVED, 0, 4)],
            SAVED,
            Caller.URGENT,
        ),  # a tie: the more urgent job is first
        (
            [(BULK, 0, 4), (SAVED, 30, 4)],
            BULK,
            Caller.URGENT,
        ),  # its turn, with the calls reserved for urgent jobs
        ([(REFRESH, 99, 3), (SAVED, 0, 4)], REFRESH, Caller.STARTED),  # it has started
        ([(REFRESH, 0, 0), (SAVED, 0, 4)], REFRESH, None),  # it needs no call
        ([(SAVED, 0, None)], SAVED, None),  # a mail job
    ],
)
def test_the_next_job_and_what_its_call_may_use(
    heads: list[tuple[Urgency, int, int | None]], chosen: Urgency | None, caller: Caller | None
) -> None:
    made = [FirstJob(urgency, turn, "job", 1, calls) for urgency, turn, calls in heads]
    head = next_job(made, 10)
    assert (head and head.urgency) == chosen
    assert (head and caller_of(head, made)) == caller


@pytest.fixture
async def full(database: Database, clock: Clock) -> Database:
    """Return a database with 20,000 jobs of every state, as after a large import."""
    await create_row(REGISTER.key)
    for start in range(0, 12_000, 1_000):
        await add(
            database,
            clock,
            *(
                NewJob(LOOKUP, f"{start + n}", {}, Urgency(n % 4), f"cus_{n % 300}", calls=4)
                for n in range(1_000)
            ),
        )
    ids = [
        str(one) for one in await Job.all().order_by("id").limit(6_000).values_list("id", flat=True)
    ]
    states = [JobState.WAITING, JobState.RUNNING, JobState.DONE]
    for place, state in enumerate(states):
        for start in range(place * 2_000, (place + 1) * 2_000, 500):
            of_state = Job.filter(id__in=ids[start : start + 500])
            due_at = None if state is JobState.DONE else clock() + timedelta(hours=1)
            await of_state.update(state=state, due_at=due_at)
    await QueueTurn.create(kind=LOOKUP, urgency=2, next_turn=40, last_place=7)
    if database.is_postgres:
        await get_connection("default").execute_script("ANALYZE")
    return database


async def test_claims_and_promotions_read_no_more_than_what_is_next(
    full: Database, clock: Clock
) -> None:
    """R90: neither scans nor sorts all jobs."""
    if full.is_postgres:
        plans = [
            await _postgres_plan(full, _CLAIM, _claim_values(clock())),
            await _postgres_plan(full, await _promotion(full, clock), [clock()]),
            await _postgres_plan(full, _numbered(_HEADS), [*[LOOKUP] * 3, REGISTER.key]),
        ]
        for nodes in plans:
            of_jobs = [node for node in nodes if node.get("Relation Name") == "job"]
            ways = {str(node["Node Type"]) for node in of_jobs}
            assert {"Index Scan", "Index Only Scan"} & ways
            assert ways <= {"ModifyTable", "Index Scan", "Index Only Scan"}
            read = sum(node["Actual Rows"] * node["Actual Loops"] for node in of_jobs)
            assert read <= 12
            sorts = [node for node in nodes if node["Node Type"] == "Sort"]
            assert all(node["Actual Rows"] <= 4 for node in sorts)  # the first jobs themselves
        return
    connection = get_connection("default")
    for text, values in [
        (_HEADS, [*[LOOKUP] * 3, REGISTER.key]),
        (await _promotion(full, clock), [clock().isoformat(" ")]),
    ]:
        plan = await connection.execute_query_dict(f"EXPLAIN QUERY PLAN {text}", list(values))
        steps = [str(step["detail"]) for step in plan]
        ways = {step.split()[0] for step in steps if step.split()[1] in {"job", "j"}}
        assert ways == {"SEARCH"}, steps
        assert not any("TEMP B-TREE" in step for step in steps), steps


def _claim_values(now: datetime) -> list[object]:
    us = microseconds(now)
    return [LOOKUP, REGISTER.key, us, 513_000, 4_000_000, 2_000_000, 1_000_000, "o", now, now]


async def _promotion(database: Database, clock: Clock) -> str:
    """Return the statement that `promote` sends."""
    sent: list[str] = []

    async def note(statement: object) -> list[dict[str, object]]:
        sent.append(str(getattr(statement, "text", "")))
        return []

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("models.jobs.queue_watch.execute", note)
        await promote(clock())
    (text,) = sent
    return _numbered(text) if database.is_postgres else text


async def _postgres_plan(
    database: Database, text: str, values: list[object]
) -> list[dict[str, Any]]:
    connection = await asyncpg.connect(database.dsn)
    try:
        await connection.execute("SET enable_incremental_sort = off")
        found = await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {text}", *values)
    finally:
        await connection.close()
    return list(_nodes(json.loads(found)[0]["Plan"]))


def _nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for part in plan.get("Plans", []) for node in _nodes(part))]


async def test_a_new_job_comes_behind_the_others_of_its_reseller(
    database: Database, clock: Clock
) -> None:
    """R90: whether added together or one by one, and at any state of the queue."""
    await QueueTurn.create(kind=LOOKUP, urgency=int(SAVED), next_turn=1, last_place=5)
    await add(database, clock, *lookups(3, reseller="cus_1"), *lookups(2, reseller="cus_2"))
    await add(database, clock, *lookups(2), *lookups(2, SAVED), *lookups(1, SAVED, "cus_1"))
    await add(database, clock, NewJob(LOOKUP, "another", urgency=BULK, reseller_id="cus_1"))
    await add(database, clock, NewJob("mail", "of another kind", urgency=BULK))
    places: dict[tuple[str, int, str | None], list[int]] = {}
    for job in await Job.all().order_by("id"):
        places.setdefault((job.kind, job.urgency, job.reseller_id), []).append(job.place)
    assert places == {
        (LOOKUP, BULK, "cus_1"): [1, 2, 3, 4],
        (LOOKUP, BULK, "cus_2"): [1, 2],
        (LOOKUP, BULK, None): [1, 2],
        (LOOKUP, SAVED, None): [6, 7],
        (LOOKUP, SAVED, "cus_1"): [6],
        ("mail", BULK, None): [1],
    }
    for (kind, urgency, reseller), taken in places.items():
        assert await last_place(kind, urgency, reseller) == taken[-1]


@pytest.mark.parametrize("reseller", [None, "cus_1"])
async def test_placing_a_job_reads_one_other_however_old_the_plan_is(
    database: Database, clock: Clock, reseller: str | None
) -> None:
    """R90: the query plan is made while the queue is empty, and still used when it has grown."""
    with selected_statements() as statements:
        await last_place(LOOKUP, BULK, reseller)
    (asked,) = statements
    if not database.is_postgres:
        (step,) = [one for one in explain_sqlite(asked) if " job " in one]
        assert step.startswith("SEARCH job USING INDEX")
        return
    connection = await asyncpg.connect(database.dsn)
    try:
        values = ", ".join(f"'{value}'" for value in asked.parameters)
        await connection.execute("SET plan_cache_mode = force_generic_plan")
        await connection.execute(f"PREPARE asked AS {asked.text}; EXECUTE asked({values})")
        await add(database, clock, *lookups(300, reseller=reseller))
        plan = await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE asked({values})")
    finally:
        await connection.close()
    of_jobs = [one for one in _nodes(json.loads(plan)[0]["Plan"]) if one.get("Alias") == "job"]
    assert [one["Actual Rows"] for one in of_jobs] == [1]
