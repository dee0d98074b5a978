"""Reports that count by day, week or month."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models import Customer, EnrichmentRun
from models.rules.enrichment_status import EnrichmentStatus, EnrichmentTrigger
from tests.graphql_client import Api, Json
from tests.resolvers.consent_inputs import GRANTED

DOCUMENT = """
  query($metrics: [CustomerMetric!]!, $interval: ReportInterval!, $from: Date!, $until: Date!,
      $by: OverTimeDimension) {
    customersOverTime(
      metrics: $metrics, interval: $interval, fromOn: $from, untilOn: $until, groupBy: $by
    ) { metric lookupStatus customerClass { code } intervals { fromOn untilOn count } } }
"""
DAY = timedelta(days=1)


async def over_time(
    api: Api,
    *metrics: str,
    interval: str = "MONTH",
    first: str = "2026-07-01",
    until: str = "2027-01-01",
    by: str | None = None,
) -> list[Json]:
    """Return the series of a report."""
    given: Json = {
        "metrics": metrics,
        "interval": interval,
        "from": first,
        "until": until,
        "by": by,
    }
    found: list[Json] = (await api.data(DOCUMENT, **given))["customersOverTime"]
    return found


async def counts(api: Api, *metrics: str, **options: Any) -> list[list[int]]:
    """Return the numbers of each series."""
    found = await over_time(api, *metrics, **options)
    return [[one["count"] for one in series["intervals"]] for series in found]


@pytest.fixture
async def grown(api: Api) -> Api:
    """Add customers in the last minutes of June and July, in UTC, and the first of August.

    The second one is deleted on 1 October.
    """
    for minute in (0, 31 * 24 * 60, 31 * 24 * 60 + 1):
        saved = await api.save_customer()
        created_at = datetime(2026, 6, 30, 23, 59, tzinfo=UTC) + timedelta(minutes=minute)
        await Customer.filter(id=saved["id"]).update(created_at=created_at)
        if minute == 31 * 24 * 60:
            await api.done("deleteCustomer", "", id=saved["id"])
    return api


async def test_customers_are_counted_at_the_end_of_each_month(grown: Api) -> None:
    """R97: months in UTC; deleted customers count until they were deleted."""
    metrics = ("CUSTOMERS", "CUSTOMERS_CREATED", "CUSTOMERS_DELETED")
    assert await counts(grown, *metrics) == [[2, 3, 3, 2], [1, 1, 0, 0], [0, 0, 0, 1]]


async def test_intervals_are_whole_and_end_with_the_present_one(grown: Api) -> None:
    """The clock is at Thursday, 1 October 2026."""
    (series,) = await over_time(grown, "CUSTOMERS", first="2026-08-15", until="2030-01-01")
    assert series["metric"] == "CUSTOMERS"
    assert [(one["fromOn"], one["untilOn"]) for one in series["intervals"]] == [
        ("2026-08-01", "2026-09-01"),
        ("2026-09-01", "2026-10-01"),
        ("2026-10-01", "2026-11-01"),
    ]
    (weeks,) = await over_time(grown, "CUSTOMERS", interval="WEEK", first="2026-07-28")
    shown = [(one["fromOn"], one["count"]) for one in weeks["intervals"]]
    assert shown[:2] == [("2026-07-27", 3), ("2026-08-03", 3)]
    assert shown[-1] == ("2026-09-28", 2)
    days = await counts(
        grown, "CUSTOMERS_CREATED", interval="DAY", first="2026-07-30", until="2026-08-03"
    )
    assert days == [[0, 1, 1, 0]]
    assert await over_time(grown, "CUSTOMERS", first="2027-01-01", until="2027-02-01") == []


async def test_customers_are_counted_in_the_class_that_they_had(api: Api) -> None:
    moved = await api.save_customer(classCode="SOLE_TRADER")
    await api.save_customer(classCode="SOLE_TRADER")
    gone = await api.save_customer(classCode="SOLE_TRADER")
    api.clock.advance(DAY)
    charity = await api.class_of("CHARITY")
    await api.done(
        "changeCustomerClass", "", customerId=moved["id"], classId=charity["id"], reason="Grew"
    )
    api.clock.advance(DAY)
    await api.done("deleteCustomer", "", id=gone["id"])
    days = {"interval": "DAY", "first": "2026-09-30", "until": "2026-10-04"}
    found = await over_time(api, "CUSTOMERS", by="CLASS", **days)
    assert {
        series["customerClass"]["code"]: [one["count"] for one in series["intervals"]]
        for series in found
    } == {"SOLE_TRADER": [0, 3, 2, 1], "CHARITY": [0, 0, 1, 1]}
    assert await counts(api, "CUSTOMERS", **days) == [[0, 3, 3, 2]]


async def test_consent_is_counted_when_it_began_and_ended(api: Api) -> None:
    """R97: a renewal is neither; entries that lie ahead are not counted yet."""
    customer = await api.save_customer()
    other = await api.save_customer()

    async def consent(customer_id: str, on: str) -> None:
        effective_at = f"2026-{on}T00:00:00Z"
        entry = {**GRANTED, "effectiveAt": effective_at}
        await api.done("recordConsent", "", customerId=customer_id, **entry)

    await consent(customer["id"], "07-01")
    await consent(customer["id"], "08-01")
    await consent(other["id"], "08-31")
    ended = "2026-09-01T00:00:00Z"
    await api.done("withdrawConsent", "", customerId=customer["id"], effectiveAt=ended)
    await consent(customer["id"], "10-02")
    found = await counts(api, "CONSENT_GIVEN", "CONSENT_WITHDRAWN")
    assert found == [[1, 1, 0, 0], [0, 0, 1, 0]]


async def test_lookups_have_a_series_for_each_status_in_which_they_ended(api: Api) -> None:
    customer = await api.save_customer()
    ends = [(EnrichmentStatus.FAILED, 8), (EnrichmentStatus.SUCCEEDED, 8)]
    for status, month in [*ends, (EnrichmentStatus.SUCCEEDED, 9), (EnrichmentStatus.PENDING, 0)]:
        ended = datetime(2026, month, 1, tzinfo=UTC) if month else None
        await EnrichmentRun.create(
            customer_id=customer["id"],
            trigger=EnrichmentTrigger.SAVE,
            status=status,
            requested_at=api.clock(),
            finished_at=ended,
        )
    found = await over_time(api, "LOOKUPS")
    assert [
        (series["lookupStatus"], [one["count"] for one in series["intervals"]]) for series in found
    ] == [("SUCCEEDED", [0, 1, 1, 0]), ("FAILED", [0, 1, 0, 0])]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"until": "2026-07-01"}, "`fromOn` must be before `untilOn`."),
        (
            {"interval": "DAY", "from": "0001-01-01"},
            (
                "A report over time may have at most 400 intervals. Choose a shorter period, or"
                " longer intervals."
            ),
        ),
        ({"metrics": []}, "`metrics` must have at least one metric, and each once."),
        (
            {"metrics": ["LOOKUPS", "LOOKUPS"]},
            "`metrics` must have at least one metric, and each once.",
        ),
    ],
)
async def test_wrong_arguments_are_refused(api: Api, changes: Json, message: str) -> None:
    given = {
        "metrics": ["CUSTOMERS"],
        "interval": "MONTH",
        "from": "2026-07-01",
        "until": "2026-08-01",
    }
    error = await api.error(DOCUMENT, **{**given, **changes})
    assert (error["message"], error["extensions"]["code"]) == (message, "BAD_USER_INPUT")
