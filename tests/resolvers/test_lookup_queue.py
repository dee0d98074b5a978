"""The queue of lookups in the API: positions, estimates and the backlog."""

import time
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from models import Customer, EnrichmentRun, Heartbeat, Job, JobPause
from models.jobs.heartbeat import beat
from models.jobs.job import JobState
from models.jobs.kinds import ENRICH, lookup_key
from models.lists import lookup_counts, lookup_monitor
from models.lists.lookup_counts import count_lookups
from models.rules.enrichment_status import EnrichmentReason, EnrichmentStatus
from models.rules.urgency import Urgency
from models.storage.row_insert import add_rows, new_row
from models.tables.access import Scope
from tests.clock import Clock
from tests.databases import Databases
from tests.factories import end_lookups, shipped
from tests.graphql_client import Api, Json, counted_statements, running_api
from tests.partner_world import bound_token

POSITION = "urgency aheadCount isAheadCountCapped estimatedAt"
BACKLOG = """{ enrichmentBacklog {
  waitingCount depths { urgency waitingCount } runningCount retryingCount oldestRequestedAt
  recentlyEndedCount estimatedEndAt isBlocked isPaused
  allowance { limit windowSeconds availableCount blockedAt blockedReason } } }"""
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def api(databases: Databases, clock: Clock) -> AsyncIterator[Api]:
    """Yield the application, whose queue statistics use the test's clock."""
    async with running_api(databases, clock) as started:
        started.platform.lookups.clock = started.platform.budget._clock = clock
        yield started


async def add(api: Api, number: int, **values: Any) -> str:
    """Save a company, whose lookup is then queued; return its id."""
    given = {"name": f"C{number:04}", "companyNumber": f"{number + 1:08}"}
    saved = await api.save_customer(**{"classCode": "COMPANY_UK_LIMITED", **given, **values})
    return str(saved["id"])


async def position(api: Api, customer_id: str, **options: Any) -> Json:
    await beat("worker", api.clock())
    query = f"query($id: ID) {{ customer(id: $id) {{ enrichment {{ queue {{ {POSITION} }} }} }} }}"
    data = await api.data(query, id=customer_id, **options)
    found: Json = data["customer"]["enrichment"]["queue"]
    return found


async def backlog(api: Api, **options: Any) -> Json:
    await beat("worker", api.clock())
    found: Json = (await api.data(BACKLOG, **options))["enrichmentBacklog"]
    return found


async def end_some(api: Api, number: int, urgency: Urgency = Urgency.BULK, **ages: Any) -> None:
    """Add lookups that ended a minute ago, by default requested an hour ago."""
    now = api.clock()
    requested, ended = ages.get("requested", 60 * MINUTE), ages.get("ended", MINUTE)
    await add_rows(
        [
            new_row(
                Job,
                kind=ENRICH,
                state=JobState.DONE,
                created_at=now - requested,
                finished_at=now - ended,
                urgency=int(urgency),
                place=0,
                reseller_id=ages.get("reseller_id"),
            )
            for _ in range(number)
        ]
    )


async def test_a_lookup_that_waits_tells_how_many_are_before_it(api: Api) -> None:
    ids = [await add(api, number) for number in range(3)]
    told = [await position(api, one) for one in ids]
    assert told == [
        {
            "urgency": "SAVED",
            "aheadCount": ahead,
            "isAheadCountCapped": False,
            "estimatedAt": None,  # nothing has ended yet
        }
        for ahead in range(3)
    ]
    await Job.filter(live_key=lookup_key(ids[0])).update(state=JobState.RUNNING)
    await Customer.filter(id=ids[0]).update(enrichment_status=EnrichmentStatus.RUNNING)
    assert await position(api, ids[0]) is None
    assert (await position(api, ids[2]))["aheadCount"] == 1
    await end_lookups(EnrichmentStatus.SUCCEEDED, api.clock(), id=ids[1])
    assert await position(api, ids[1]) is None
    assert (await position(api, ids[2]))["aheadCount"] == 0
    assert await position(api, (await api.save_customer())["id"]) is None


async def test_a_request_moves_forward_and_tells_the_position(api: Api) -> None:
    """Never back: a lookup that is already more urgent or further ahead keeps its place."""
    class_id = (await shipped("COMPANY_UK_LIMITED")).id
    ids = [await add(api, number) for number in range(4)]
    await end_lookups(EnrichmentStatus.SUCCEEDED, api.clock())
    await api.done("requestEnrichment", "", target={"classId": class_id})
    assert [await position(api, one) for one in ids] == [
        {
            "urgency": "BULK",
            "aheadCount": ahead,
            "isAheadCountCapped": False,
            "estimatedAt": (await position(api, ids[0]))["estimatedAt"],
        }
        for ahead in range(4)
    ]
    select = f"queuedLookupCount customer {{ enrichment {{ queue {{ {POSITION} }} }} }}"
    payload = await api.done("requestEnrichment", select, target={"customerId": ids[3]})
    moved = payload["customer"]["enrichment"]["queue"]
    assert payload["queuedLookupCount"] == 0
    assert (moved["urgency"], moved["aheadCount"]) == ("REQUESTED", 0)
    payload = await api.done("requestEnrichment", select, target={"customerId": ids[2]})
    moved = payload["customer"]["enrichment"]["queue"]
    assert (moved["urgency"], moved["aheadCount"]) == ("REQUESTED", 1)
    # Requesting again, saving, or requesting the class moves no lookup back.
    await api.done("requestEnrichment", "", target={"customerId": ids[3]})
    await api.save_customer(id=ids[3], name="Saved")
    api.clock.advance(timedelta(hours=2))
    await api.done("requestEnrichment", "", target={"classId": class_id})
    told = [await position(api, one) for one in ids]
    assert [(one["urgency"], one["aheadCount"]) for one in told] == [
        ("BULK", 0),
        ("BULK", 1),
        ("REQUESTED", 1),
        ("REQUESTED", 0),
    ]
    assert await EnrichmentRun.all().count() == 8


async def test_a_partner_moves_its_own_lookups_forward(api: Api) -> None:
    reseller = (await api.save_customer(name="A", classCode="RESELLER_OTHER"))["id"]
    _, token = await bound_token(reseller, api.clock())
    ids = [await add(api, number, parentId=reseller) for number in range(3)]
    select = f"queuedLookupCount customer {{ enrichment {{ queue {{ {POSITION} }} }} }}"
    payload = await api.done(
        "requestEnrichment", select, token=token, target={"customerId": ids[2]}
    )
    moved = payload["customer"]["enrichment"]["queue"]
    assert (moved["urgency"], moved["aheadCount"]) == ("REQUESTED", 0)
    await api.done("saveCustomer", "", token=token, id=ids[1], name="Saved again")
    told = [await position(api, one, token=token) for one in ids]
    assert [(one["urgency"], one["aheadCount"]) for one in told] == [
        ("SAVED", 0),
        ("SAVED", 1),
        ("REQUESTED", 0),
    ]


async def test_the_estimate_follows_from_what_ended_lately(api: Api) -> None:
    """90 ended lookups in 15 minutes are 6 a minute; there was a backlog for all that time."""
    ids = [await add(api, number) for number in range(30)]
    api.clock.advance(20 * MINUTE)
    assert (await position(api, ids[0]))["estimatedAt"] is None
    await end_some(api, 90)
    # With one minute at the allowance's rate (29), that makes 119 in 16 minutes: 7.4 a minute.
    told = [(await position(api, ids[place]))["estimatedAt"] for place in (0, 13, 29)]
    assert told == [
        "2026-10-01T09:50:10+00:00",
        "2026-10-01T09:52:00+00:00",
        "2026-10-01T09:54:30+00:00",
    ]
    # Lookups that ended longer ago do not count.
    api.clock.advance(15 * MINUTE)
    assert (await position(api, ids[0]))["estimatedAt"] is None


async def test_more_urgent_lookups_that_keep_arriving_delay_the_estimate(api: Api) -> None:
    await add(api, 0)
    last = await add(api, 1)
    await Job.all().update(urgency=Urgency.REFRESH.value)
    await Job.filter(live_key=lookup_key(last)).update(place=10)
    bulk = {"kind": ENRICH, "created_at": api.clock(), "due_at": api.clock()}
    waiting = [
        new_row(Job, urgency=Urgency.REFRESH.value, place=place % 9, **bulk) for place in range(100)
    ]
    await add_rows(waiting)
    api.clock.advance(20 * MINUTE)
    await end_some(api, 300)
    alone = (await position(api, last))["estimatedAt"]
    await end_some(api, 300, Urgency.SAVED, requested=20 * MINUTE, ended=16 * MINUTE)
    beside = (await position(api, last))["estimatedAt"]
    assert (alone[11:16], beside[11:16]) == ("09:55", "10:00")


async def test_paused_lookups_have_no_estimate(api: Api) -> None:
    customer = await add(api, 0)
    api.clock.advance(MINUTE)
    await end_some(api, 5)
    assert (await position(api, customer))["estimatedAt"] is not None
    await JobPause.create(kind=ENRICH, paused_at=api.clock())
    assert (await position(api, customer))["estimatedAt"] is None
    told = await backlog(api)
    assert (told["isPaused"], told["isBlocked"], told["estimatedEndAt"]) == (True, False, None)


async def test_an_estimate_needs_a_register_that_answers(api: Api) -> None:
    customer = await add(api, 0)
    api.clock.advance(MINUTE)
    await end_some(api, 5)
    assert (await position(api, customer))["estimatedAt"] is not None
    await api.platform.budget.block("INVALID_AUTHORIZATION")
    assert (await position(api, customer))["estimatedAt"] is None
    told = await backlog(api)
    assert (told["isBlocked"], told["estimatedEndAt"]) == (True, None)
    assert told["allowance"] == {
        "limit": 600,
        "windowSeconds": 300.0,
        "availableCount": 0,
        "blockedAt": api.clock().isoformat(),
        "blockedReason": "INVALID_AUTHORIZATION",
    }


async def test_a_retry_is_not_expected_before_it_is_due(api: Api) -> None:
    customer = await add(api, 0)
    due_at = api.clock() + 42 * MINUTE
    await Job.all().update(state=JobState.WAITING, due_at=due_at)
    await Customer.all().update(enrichment_status=EnrichmentStatus.RETRYING)
    await EnrichmentRun.all().update(
        status=EnrichmentStatus.RETRYING, next_attempt_at=due_at, attempts=1
    )
    await end_some(api, 5)
    told = await position(api, customer)
    assert (told["aheadCount"], told["estimatedAt"]) == (0, "2026-10-01T10:15:00+00:00")


async def test_positions_are_told_up_to_a_limit(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup_counts, "MAX_AHEAD", 2)
    monkeypatch.setattr(lookup_monitor, "MAX_AHEAD", 2)
    ids = [await add(api, number) for number in range(4)]
    told = [await position(api, one) for one in ids]
    assert [(one["aheadCount"], one["isAheadCountCapped"]) for one in told] == [
        (0, False),
        (1, False),
        (2, False),
        (2, True),
    ]


async def test_estimates_of_a_long_queue_follow_from_about_where_a_lookup_is(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For any number of resellers and steps, the estimate is close to an exact count."""
    now = api.clock()
    places = [place for place in range(1, 301) for _ in range(10 if place <= 50 else 1)]
    ready = {"kind": ENRICH, "urgency": Urgency.SAVED.value, "created_at": now, "due_at": now}
    await add_rows([new_row(Job, place=place, **ready) for place in places])
    exact = await count_lookups(now)
    monkeypatch.setattr(lookup_counts, "MAX_AHEAD", 10)
    about = await count_lookups(now)
    monkeypatch.setattr(lookup_counts, "STEPS", 20)
    rough = await count_lookups(now)
    assert [len(one.steps[Urgency.SAVED].numbers) for one in (exact, about, rough)] == [1, 300, 20]
    assert sum(rough.steps[Urgency.SAVED].numbers) == len(places) == 750
    for place in (1, 20, 50, 51, 200, 300):
        before = sum(one < place for one in places) + places.count(place) / 2
        assert about.ahead_of(Urgency.SAVED, place) == before
        assert abs(rough.ahead_of(Urgency.SAVED, place) - before) < 30
    assert about.ahead_of(Urgency.SAVED, 1_000) == 750
    assert about.ahead_of(Urgency.BULK, 1) == 0


async def test_a_page_of_positions_takes_as_many_statements_as_one(api: Api) -> None:
    for number in range(20):
        await add(api, number)
    query = f"""query($first: Int) {{ customers(first: $first) {{ nodes {{
      enrichment {{ queue {{ {POSITION} }} }} }} }} }}"""
    counts = []
    for first in (1, 20, 1, 20):
        with counted_statements() as seen:
            found = (await api.data(query, first=first))["customers"]["nodes"]
        assert [one["enrichment"]["queue"]["aheadCount"] for one in found] == list(range(first))
        counts.append(len(seen))
    # On PostgreSQL a few customers are read in the statement of their lookups.
    assert max(counts[2:]) - min(counts[2:]) <= 1
    assert max(counts[2:]) <= 10
    bare = "{ customers(first: 20) { nodes { enrichment { status } } } }"
    with counted_statements() as seen:
        await api.data(bare)
    assert len(seen) == 2


async def test_the_backlog_tells_what_waits_runs_and_is_tried_again(api: Api) -> None:
    start = api.clock()
    empty = await backlog(api)
    assert empty == {
        "waitingCount": 0,
        "depths": [{"urgency": one.name, "waitingCount": 0} for one in Urgency],
        "runningCount": 0,
        "retryingCount": 0,
        "oldestRequestedAt": None,
        "recentlyEndedCount": 0,
        "estimatedEndAt": None,
        "isBlocked": False,
        "isPaused": False,
        "allowance": {
            "limit": 600,
            "windowSeconds": 300.0,
            "availableCount": 10,
            "blockedAt": None,
            "blockedReason": None,
        },
    }
    await end_some(api, 1)
    assert (await backlog(api))["estimatedEndAt"] is None  # nothing is queued
    ids = []
    for number in range(6):
        ids.append(await add(api, number))
        api.clock.advance(MINUTE)
    await api.done("requestEnrichment", "", target={"customerId": ids[5]})
    await Job.filter(live_key=lookup_key(ids[1])).update(state=JobState.RUNNING)
    await Job.filter(live_key=lookup_key(ids[0])).update(
        state=JobState.WAITING, due_at=api.clock() + MINUTE
    )
    await end_some(api, 7)
    await end_some(api, 5, ended=16 * MINUTE)
    told = await backlog(api)
    assert told["waitingCount"] == 4
    assert {one["urgency"]: one["waitingCount"] for one in told["depths"]} == {
        "REQUESTED": 1,
        "SAVED": 3,
        "BULK": 0,
        "REFRESH": 0,
    }
    assert (told["runningCount"], told["retryingCount"]) == (1, 1)
    assert told["oldestRequestedAt"] == (start + 2 * MINUTE).isoformat()
    assert told["recentlyEndedCount"] == 8
    assert told["estimatedEndAt"] is not None
    assert told["estimatedEndAt"] > api.clock().isoformat()


async def test_what_is_tried_again_is_not_the_oldest_that_waits(api: Api) -> None:
    reseller = (await api.save_customer(name="A", classCode="RESELLER_OTHER"))["id"]
    _, token = await bound_token(reseller, api.clock())
    first = await add(api, 1, parentId=reseller)
    await Job.filter(live_key=lookup_key(first)).update(
        state=JobState.WAITING, due_at=api.clock() + 9 * MINUTE
    )
    for options in ({}, {"token": token}):
        told = await backlog(api, **options)
        assert (told["waitingCount"], told["retryingCount"]) == (0, 1)
        assert told["oldestRequestedAt"] is None
    requested = api.clock.advance(MINUTE)
    await add(api, 2, parentId=reseller)
    for options in ({}, {"token": token}):
        told = await backlog(api, **options)
        assert (told["waitingCount"], told["retryingCount"]) == (1, 1)
        assert told["oldestRequestedAt"] == requested.isoformat()


async def test_nothing_is_estimated_while_no_worker_is_alive(api: Api) -> None:
    one = await add(api, 1)
    await end_some(api, 5)
    assert (await backlog(api))["estimatedEndAt"] is not None
    assert (await position(api, one))["estimatedAt"] is not None
    await Heartbeat.all().update(seen_at=api.clock() - MINUTE)
    assert (await api.data(BACKLOG))["enrichmentBacklog"]["estimatedEndAt"] is None
    query = "query($id: ID) { customer(id: $id) { enrichment { queue { estimatedAt } } } }"
    data = await api.data(query, id=one)
    assert data["customer"]["enrichment"]["queue"] == {"estimatedAt": None}


async def test_the_calls_that_are_left_are_those_of_the_allowance(api: Api) -> None:
    budget = api.platform.budget
    left = []
    for _ in range(3):
        left.append((await backlog(api))["allowance"]["availableCount"])
        await budget.acquire()
    assert left == [10, 9, 8]
    await budget.hold_off(60)
    assert (await backlog(api))["allowance"]["availableCount"] == 0


async def test_a_partner_is_told_of_its_own_lookups_only(api: Api) -> None:
    """Lookups of others change none of the partner's numbers, and estimates are rounded."""
    tokens: dict[str, str] = {}
    own: dict[str, list[str]] = {}
    for name in ("A", "B"):
        reseller = await api.save_customer(name=name, classCode="RESELLER_OTHER")
        _, tokens[name] = await bound_token(reseller["id"], api.clock())
        own[name] = [await add(api, len(own) * 10 + n, parentId=reseller["id"]) for n in range(3)]
    alone = await add(api, 99)
    told = await backlog(api, token=tokens["A"])
    assert (told["waitingCount"], told["allowance"]) == (3, None)
    ahead = [(await position(api, one, token=tokens["A"]))["aheadCount"] for one in own["A"]]
    assert ahead == [0, 1, 2]
    # The platform sees all: resellers take turns, and the platform's own lookups have a turn too.
    told_all = await position(api, own["A"][2])
    assert told_all["aheadCount"] == 5
    assert (await backlog(api))["waitingCount"] == 7
    assert (await position(api, alone))["aheadCount"] == 2
    before = [
        await backlog(api, token=tokens["A"]),
        *[await position(api, one, token=tokens["A"]) for one in own["A"]],
    ]
    for number in range(10):
        await add(api, 200 + number, parentId=(await Customer.get(id=own["B"][0])).parent_id)
    await end_lookups(EnrichmentStatus.FAILED, api.clock(), EnrichmentReason.GAVE_UP, id=alone)
    after = [
        await backlog(api, token=tokens["A"]),
        *[await position(api, one, token=tokens["A"]) for one in own["A"]],
    ]
    for one in (*before, *after):
        one.pop("estimatedAt", None)
        one.pop("estimatedEndAt", None)
    assert before == after
    estimate = (await position(api, own["A"][2], token=tokens["A"]))["estimatedAt"]
    assert estimate is not None
    told_at = datetime.fromisoformat(estimate)
    assert (told_at.minute % 2, told_at.second) == (0, 0)
    assert (await backlog(api, token=tokens["A"]))["estimatedEndAt"] == estimate


async def test_a_customer_that_changes_hands_takes_its_turn_with_it(api: Api) -> None:
    """The former reseller no longer sees its lookup."""
    resellers = [
        (await api.save_customer(name=name, classCode="RESELLER_OTHER"))["id"] for name in "AB"
    ]
    customer = await add(api, 1, parentId=resellers[0])
    await api.save_customer(id=customer, parentId=resellers[1])
    told = []
    for reseller_id in resellers:
        _, token = await bound_token(reseller_id, api.clock())
        told.append((await backlog(api, token=token))["waitingCount"])
    assert told == [0, 1]


async def test_the_backlog_needs_the_scope_of_customers(api: Api) -> None:
    token = await api.token_for(Scope.CUSTOMER_CLASSES_READ)
    error = await api.error("{ enrichmentBacklog { waitingCount } }", token=token)
    assert error["extensions"]["code"] == "FORBIDDEN"


async def test_the_counts_of_a_long_queue_are_kept_for_a_moment(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A short queue is counted for each request."""
    ids = [await add(api, number) for number in range(2)]
    assert (await backlog(api))["waitingCount"] == 2
    monkeypatch.setattr(lookup_monitor, "LONG_QUEUE", 2)
    ids.append(await add(api, 2))
    assert (await backlog(api))["waitingCount"] == 3
    ids.append(await add(api, 3))
    assert (await backlog(api))["waitingCount"] == 3
    assert (await position(api, ids[3]))["aheadCount"] == 3
    monkeypatch.setattr(time, "monotonic", lambda: 10.0**9)
    assert (await backlog(api))["waitingCount"] == 4
