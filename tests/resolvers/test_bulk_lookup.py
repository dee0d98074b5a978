"""Bulk lookups through the API: by class, and by the result of earlier lookups."""

from datetime import timedelta
from typing import Any

import pytest

from models import AuditEntry, Customer, EnrichmentRun, Job
from models.changes import bulk_lookup
from models.rules.enrichment_status import EnrichmentReason, EnrichmentStatus
from models.tables.access import Scope
from tests.clock import Clock
from tests.databases import Databases
from tests.factories import end_lookups, shipped
from tests.graphql_client import Api, Json, counted_statements, running_api, stored
from tests.partner_world import bound_token

FAILED, PARTIAL = EnrichmentStatus.FAILED, EnrichmentStatus.PARTIAL
NOT_FOUND, SUCCEEDED = EnrichmentStatus.NOT_FOUND, EnrichmentStatus.SUCCEEDED
GAVE_UP, BLOCKED = EnrichmentReason.GAVE_UP, EnrichmentReason.BLOCKED
COUNTS = "queuedLookupCount liveLookupCount"
RESTARTED = "restartedLookupCount hasMore"
HOUR = timedelta(hours=1)


async def add(api: Api, number: int, **values: Any) -> str:
    """Save a company, whose lookup is then queued; return its id."""
    given = {"name": f"C{number}", "companyNumber": f"{number + 1:08}"}
    saved = await api.save_customer(**{"classCode": "COMPANY_UK_LIMITED", **given, **values})
    return str(saved["id"])


async def company_class() -> str:
    return str((await shipped("COMPANY_UK_LIMITED")).id)


async def requested(api: Api, class_id: str, **values: Any) -> Json:
    return await api.do(
        "requestEnrichment",
        f"{COUNTS} userErrors {{ code path retryAfterSeconds retryable hint message }}",
        target={"classId": class_id},
        **values,
    )


async def test_a_repeated_request_for_a_class_is_refused_until_the_cooldown_is_over(
    api: Api,
) -> None:
    class_id = await company_class()
    first = await add(api, 1)
    await add(api, 2)
    await end_lookups(SUCCEEDED, api.clock())
    payload = await requested(api, class_id)
    assert (payload["queuedLookupCount"], payload["liveLookupCount"]) == (2, 2)
    api.clock.advance(timedelta(minutes=10))
    await end_lookups(SUCCEEDED, api.clock(), id=first)
    for tried in (requested(api, class_id, dryRun=True), requested(api, class_id)):
        before = await stored()
        payload = await tried
        (refusal,) = payload["userErrors"]
        assert (refusal["code"], refusal["path"]) == ("TOO_MANY_REQUESTS", ["target", "classId"])
        assert (refusal["retryAfterSeconds"], refusal["retryable"]) == (3000, True)
        assert "2026-10-01T10:30:00+00:00" in refusal["hint"]
        assert "09:30:00" in refusal["message"]
        # One of the two lookups has not ended.
        assert (payload["queuedLookupCount"], payload["liveLookupCount"]) == (0, 1)
        assert await stored() == before
    # Lookups of single customers and of other classes can be requested as usual.
    await api.done("requestEnrichment", "", target={"customerId": first})
    await api.done(
        "requestEnrichment", "", target={"classId": (await shipped("COMPANY_UK_PLC")).id}
    )
    api.clock.advance(timedelta(minutes=50))
    await end_lookups(SUCCEEDED, api.clock())
    assert (await requested(api, class_id))["queuedLookupCount"] == 2


async def test_a_large_class_takes_several_requests_without_a_cooldown_between(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_lookup, "MAX_LOOKUPS", 2)
    class_id = await company_class()
    for number in range(5):
        await add(api, number)
    await add(api, 9, companyNumber=None)
    await end_lookups(SUCCEEDED, api.clock())
    counts = []
    for _ in range(3):
        api.clock.advance(timedelta(minutes=1))
        payload = await api.done(
            "requestEnrichment", f"{COUNTS} hasMore", target={"classId": class_id}
        )
        counts.append((payload["queuedLookupCount"], payload["hasMore"]))
        # The next request does not repeat lookups that already ended.
        await end_lookups(SUCCEEDED, api.clock())
    assert counts == [(2, True), (2, True), (1, False)]
    assert await EnrichmentRun.all().count() == 10
    before = await stored()
    (refusal,) = (await requested(api, class_id))["userErrors"]
    assert refusal["code"] == "TOO_MANY_REQUESTS"
    assert await stored() == before


async def test_what_started_nothing_starts_no_cooldown(api: Api) -> None:
    class_id = await company_class()
    customer = await add(api, 1)
    tried = await requested(api, class_id)  # it is queued already
    assert (tried["queuedLookupCount"], tried["liveLookupCount"]) == (0, 1)
    await end_lookups(SUCCEEDED, api.clock(), id=customer)
    assert (await requested(api, class_id, dryRun=True))["queuedLookupCount"] == 1
    assert (await requested(api, class_id))["queuedLookupCount"] == 1
    assert (await requested(api, class_id))["userErrors"] != []


async def test_an_operator_sets_the_cooldown(databases: Databases, clock: Clock) -> None:
    async with running_api(databases, clock, bulk_lookup_cooldown_s=60) as api:
        class_id = await company_class()
        await add(api, 1)
        await end_lookups(SUCCEEDED, clock())
        await requested(api, class_id)
        clock.advance(timedelta(seconds=59.5))
        (refusal,) = (await requested(api, class_id))["userErrors"]
        assert refusal["retryAfterSeconds"] == 1
        clock.advance(timedelta(seconds=0.5))
        assert (await requested(api, class_id))["userErrors"] == []


async def test_each_caller_has_a_cooldown_of_its_own(api: Api) -> None:
    """A partner's request covers only their own customers, and does not delay other callers."""
    class_id = await company_class()
    tokens, own = {}, {}
    for number, name in enumerate(("A", "B")):
        reseller = await api.save_customer(name=name, classCode="RESELLER_OTHER")
        own[name] = [
            await add(api, number * 10 + each, parentId=reseller["id"]) for each in range(2)
        ]
        _, tokens[name] = await bound_token(reseller["id"], api.clock())
    await end_lookups(SUCCEEDED, api.clock())
    first = await requested(api, class_id, token=tokens["A"])
    assert (first["queuedLookupCount"], first["liveLookupCount"]) == (2, 2)
    again = await requested(api, class_id, token=tokens["A"])
    assert [one["code"] for one in again["userErrors"]] == ["TOO_MANY_REQUESTS"]
    other = await requested(api, class_id, token=tokens["B"])
    assert (other["queuedLookupCount"], other["liveLookupCount"]) == (2, 2)
    await end_lookups(SUCCEEDED, api.clock(), id__in=own["A"])
    all_of_them = await requested(api, class_id)
    assert (all_of_them["queuedLookupCount"], all_of_them["liveLookupCount"]) == (2, 4)
    assert (await requested(api, class_id, token=tokens["A"]))["userErrors"] != []


async def test_many_customers_are_taken_in_batches(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The size of statements is limited, and all batches are processed."""
    monkeypatch.setattr(bulk_lookup, "BATCH", 3)
    class_id = await company_class()
    ids = [await add(api, number) for number in range(10)]
    await end_lookups(SUCCEEDED, api.clock())
    with counted_statements() as seen:
        assert (await requested(api, class_id))["queuedLookupCount"] == 10
    assert sum('FROM "customer"' in one and "IN (" in one for one in seen) >= 4
    live = await Customer.filter(enrichment_status=EnrichmentStatus.PENDING)
    assert sorted(one.id for one in live) == sorted(ids)
    assert await EnrichmentRun.filter(status=EnrichmentStatus.PENDING).count() == 10


@pytest.fixture
async def ended(api: Api) -> dict[str, str]:
    """Add customers whose lookups ended in different ways, two hours ago unless named otherwise."""
    ways = {
        "gave up": (FAILED, GAVE_UP),
        "blocked": (FAILED, BLOCKED),
        "unknown": (NOT_FOUND, EnrichmentReason.UNKNOWN_COMPANY_NUMBER),
        "on paper": (PARTIAL, EnrichmentReason.ACCOUNTS_PDF_ONLY),
        "well": (SUCCEEDED, None),
        "lately": (FAILED, GAVE_UP),
    }
    reseller = await api.save_customer(name="Top", classCode="RESELLER_OTHER")
    ids = {}
    for number, name in enumerate(ways):
        values = {"parentId": reseller["id"]} if name == "gave up" else {}
        if name == "blocked":
            values["classCode"] = "COMPANY_UK_PLC"
        ids[name] = await add(api, number, **values)
    ids["waiting"] = await add(api, 99)
    now = api.clock()
    for name, (status, reason) in ways.items():
        at = now - (timedelta() if name == "lately" else 2 * HOUR)
        await end_lookups(status, at, reason, id=ids[name])
    return ids | {"reseller": reseller["id"]}


async def restarted(api: Api, ids: dict[str, str], **values: Any) -> set[str]:
    """Restart lookups; return the names of the customers whose lookups are now queued."""
    waiting = EnrichmentRun.filter(status=EnrichmentStatus.PENDING)
    known = {one.id for one in await waiting}
    payload = await api.done("restartEnrichments", RESTARTED, **values)
    started = [one for one in await waiting if one.id not in known]
    assert payload["restartedLookupCount"] == len(started)
    assert payload["hasMore"] is False
    names = {customer_id: name for name, customer_id in ids.items()}
    return {names[one.customer_id] for one in started}


FILTERS: list[tuple[Json, set[str]]] = [
    ({}, {"gave up", "blocked", "lately"}),
    ({"statuses": ["FAILED"], "reasons": ["GAVE_UP"]}, {"gave up", "lately"}),
    ({"reasons": ["BLOCKED", "GAVE_UP"]}, {"gave up", "blocked", "lately"}),
    ({"statuses": ["NOT_FOUND", "PARTIAL"]}, {"unknown", "on paper"}),
    ({"statuses": ["PARTIAL"], "reasons": ["GAVE_UP"]}, set()),
    ({"statuses": []}, set()),
    ({"reasons": []}, set()),
    ({"finishedUntilAt": "2026-10-01T09:00:00Z"}, {"gave up", "blocked"}),
    ({"finishedFromAt": "2026-10-01T11:30:00+02:00"}, {"lately"}),
    ({"parentId": "reseller"}, {"gave up"}),
    ({"parentId": "gave up"}, set()),
    ({"classId": "PLC"}, {"blocked"}),
]


@pytest.mark.parametrize(("wanted", "names"), FILTERS)
async def test_lookups_that_ended_badly_are_restarted_by_filter(
    api: Api, ended: dict[str, str], wanted: Json, names: set[str]
) -> None:
    wanted = dict(wanted)
    if "parentId" in wanted:
        wanted["parentId"] = ended[wanted["parentId"]]
    if wanted.get("classId") == "PLC":
        wanted["classId"] = (await shipped("COMPANY_UK_PLC")).id
    before = await stored()
    tried = await api.done("restartEnrichments", RESTARTED, filter=wanted, dryRun=True)
    assert tried["restartedLookupCount"] == len(names)
    assert await stored() == before
    assert await restarted(api, ended, filter=wanted) == names
    audited = await AuditEntry.filter(operation="customer.lookup_requested")
    assert {one.customer_id for one in audited} == {ended[name] for name in names}
    assert {one.actor_name for one in audited} <= {"Tess Tester"}
    # They are queued now, and are not restarted twice.
    assert await restarted(api, ended, filter=wanted) == set()


async def test_without_a_filter_all_failed_lookups_are_restarted(
    api: Api, ended: dict[str, str]
) -> None:
    assert await restarted(api, ended) == {"gave up", "blocked", "lately"}
    assert await Job.filter(live_key__isnull=False).count() == 4


async def test_what_found_little_is_restarted_after_the_cooldown_only(api: Api) -> None:
    customer = await add(api, 1)
    await end_lookups(PARTIAL, api.clock(), EnrichmentReason.NO_ACCOUNTS_YET)
    wanted = {"statuses": ["PARTIAL", "FAILED"]}
    assert await restarted(api, {"it": customer}, filter=wanted) == set()
    api.clock.advance(HOUR)
    assert await restarted(api, {"it": customer}, filter=wanted) == {"it"}


async def test_only_the_latest_lookup_of_a_customer_counts(api: Api) -> None:
    customer = await add(api, 1)
    await end_lookups(FAILED, api.clock(), GAVE_UP)
    await api.done("requestEnrichment", "", target={"customerId": customer})
    await end_lookups(FAILED, api.clock() + HOUR, BLOCKED)
    assert await restarted(api, {"it": customer}, filter={"reasons": ["GAVE_UP"]}) == set()
    assert await restarted(api, {"it": customer}, filter={"reasons": ["BLOCKED"]}) == {"it"}


async def test_customers_that_are_no_longer_checked_are_left_alone(api: Api) -> None:
    own = await api.save_class(name="Checked", checkCompaniesHouse=True)
    await add(api, 1, classId=own["id"])
    gone = await add(api, 2)
    await end_lookups(FAILED, api.clock(), GAVE_UP)
    await api.save_class(id=own["id"], checkCompaniesHouse=False)
    await api.done("deleteCustomer", "", id=gone)
    assert await restarted(api, {}) == set()


async def test_more_than_one_request_restarts_are_left_for_the_next(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_lookup, "MAX_LOOKUPS", 3)
    monkeypatch.setattr(bulk_lookup, "BATCH", 2)
    for number in range(5):
        await add(api, number)
    await end_lookups(FAILED, api.clock(), GAVE_UP)
    told = [await api.done("restartEnrichments", RESTARTED) for _ in range(3)]
    assert [(one["restartedLookupCount"], one["hasMore"]) for one in told] == [
        (3, True),
        (2, False),
        (0, False),
    ]


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"statuses": ["FAILED", "SUCCEEDED"]}, "VALUE_NOT_ALLOWED"),
        ({"statuses": ["PENDING"]}, "VALUE_NOT_ALLOWED"),
        ({"finishedFromAt": "2026-10-01T09:00:00"}, "BAD_FORMAT"),
        ({"finishedUntilAt": "9999-12-31T23:59:59-12:00"}, "OUT_OF_RANGE"),
        ({"finishedUntilAt": "0001-01-01T00:00:00+12:00"}, "OUT_OF_RANGE"),
        ({"classId": "cls_nope"}, "NOT_FOUND"),
        ({"parentId": "cus_nope"}, "NOT_FOUND"),
    ],
)
async def test_a_filter_that_makes_no_sense_is_refused(
    api: Api, ended: dict[str, str], wanted: Json, code: str
) -> None:
    assert ended
    (refusal,) = await api.refused("restartEnrichments", code, filter=wanted)
    assert refusal["path"] == ["filter", *wanted]


async def test_a_period_that_ends_before_it_begins_is_refused(api: Api) -> None:
    wanted = {"finishedFromAt": "2026-10-02T00:00:00Z", "finishedUntilAt": "2026-10-01T00:00:00Z"}
    (refusal,) = await api.refused("restartEnrichments", "CONTRADICTORY_VALUES", filter=wanted)
    assert refusal["path"] == ["filter", "finishedUntilAt"]
    assert refusal["message"] == "`finishedUntilAt` must not be before `finishedFromAt`."


async def test_a_partner_restarts_lookups_of_its_own_customers_only(
    api: Api, ended: dict[str, str]
) -> None:
    _, token = await bound_token(ended["reseller"], api.clock())
    payload = await api.done("restartEnrichments", RESTARTED, token=token)
    assert payload["restartedLookupCount"] == 1
    assert await restarted(api, ended) == {"blocked", "lately"}


async def test_restarting_needs_the_scope_of_lookups(api: Api, ended: dict[str, str]) -> None:
    assert ended
    token = await api.token_for(Scope.CUSTOMERS_READ, Scope.CUSTOMERS_WRITE)
    document = "mutation { restartEnrichments(input: {}) { restartedLookupCount } }"
    before = await stored()
    error = await api.error(document, token=token)
    assert error["extensions"]["code"] == "FORBIDDEN"
    assert await stored() == before
