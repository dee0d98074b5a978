"""Refreshes of companies that were looked up before, against the sandbox over a real socket."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from enrichment.rate_limit import Allowance
from enrichment.sandbox.catalogue import find_company
from enrichment.sandbox.companies import Company, ProfileFailure
from enrichment.sandbox.company_book import with_next_accounts
from models import (
    AuditEntry,
    Customer,
    EnrichmentRun,
    Event,
    Job,
    ProfileChange,
    Suggestion,
    UpstreamResponse,
)
from models.changes.customer_editing import change_class, delete_customer
from models.changes.refresh import most_waiting, start_refreshes
from models.jobs.job import LeaseLostError
from models.jobs.kinds import ENRICH
from models.rules.enrichment_status import EnrichmentStatus, EnrichmentTrigger
from models.rules.profile import ValueSource
from models.rules.refresh import RefreshPolicy
from models.rules.urgency import Urgency
from models.storage.database import Database
from models.tables.audit import ActorContext
from tests.clock import Clock
from tests.enrichment.lookup_desk import Desk, desk_of
from tests.factories import add_customer, at
from tests.queueing import take

DAY = timedelta(days=1)
MONTH = 31 * DAY
NUMBER = "90000001"
REFRESH = EnrichmentTrigger.REFRESH


@pytest.fixture
async def desk(database: Database, act: ActorContext, clock: Clock) -> AsyncIterator[Desk]:
    async with desk_of(database, act, clock, refresh=RefreshPolicy()) as made:
        yield made


def company(number: str = NUMBER) -> Company:
    found = find_company(number)
    assert found is not None
    return found


async def look_up(desk: Desk, number: str = NUMBER, **values: Any) -> Customer:
    """Add a customer whose first lookup has ended; forget the requests."""
    customer = await desk.add(number, **values)
    await desk.worker.run_due()
    desk.asked()
    return await Customer.get(id=customer.id)


async def start(desk: Desk, most: int = 10) -> int:
    act = at(desk.act, desk.clock())
    return await desk.database.transaction(lambda: start_refreshes(act, most))


async def refresh(desk: Desk, after: timedelta = MONTH) -> int:
    """Run the refreshes that are due after a time; return the number of requests."""
    desk.clock.advance(after)
    await start(desk)
    await desk.worker.run_due()
    return len(desk.asked())


async def runs_of(customer: Customer) -> list[EnrichmentRun]:
    return await EnrichmentRun.filter(customer_id=customer.id).order_by("id")


def values_of(customer: Customer) -> dict[str, Any]:
    return {name: entry["value"] for name, entry in customer.profile.items() if "value" in entry}


async def test_a_first_lookup_says_when_the_next_is_due(desk: Desk) -> None:
    customer = await look_up(desk)
    assert customer.refresh_due_at is not None
    assert 24 * DAY <= customer.refresh_due_at - desk.clock() <= 30 * DAY
    assert await start(desk) == 0
    desk.clock.advance(MONTH)
    assert await start(desk) == 1
    job = await Job.get(live_key__isnull=False)
    assert (job.kind, job.urgency, job.calls_left) == (ENRICH, Urgency.REFRESH, 4)
    assert await start(desk) == 0


async def test_an_unchanged_profile_takes_one_request_and_tells_nobody(desk: Desk) -> None:
    before = await look_up(desk, profile={"employees": {"value": 3, "source": ValueSource.USER}})
    told = await AuditEntry.all().count(), await Event.all().count()
    assert await Suggestion.filter(status="OPEN").count() == 1
    assert await refresh(desk) == 1
    after = await Customer.get(id=before.id)
    assert values_of(after) == values_of(before)
    assert after.profile["details"]["accounts_filed_on"] == "2026-07-19"
    assert after.profile["details"]["retrieved_at"] == desk.clock().isoformat()
    assert after.enrichment_status is EnrichmentStatus.SUCCEEDED
    assert (after.changed_at, after.version) == (before.changed_at, before.version)
    assert after.refresh_due_at is not None
    assert after.refresh_due_at > desk.clock() + 20 * DAY
    assert (await AuditEntry.all().count(), await Event.all().count()) == told
    assert await Suggestion.filter(status="OPEN").count() == 1
    first, second = await runs_of(after)
    assert (second.trigger, second.status, second.reason) == (REFRESH, first.status, first.reason)
    assert first.fields_read == []
    assert {one["name"]: one["outcome"] for one in second.fields_read} == {
        "registered_address": "FOUND",
        "incorporated_on": "FOUND",
        "employees": "KEPT_USER_VALUE",
        **dict.fromkeys(
            (
                "fixed_assets",
                "current_assets",
                "total_assets",
                "total_assets_less_current_liabilities",
                "net_assets",
            ),
            "FOUND",
        ),
    }


async def test_of_refreshes_that_changed_nothing_only_the_newest_is_kept(desk: Desk) -> None:
    customer = await look_up(desk)
    for _ in range(3):
        assert await refresh(desk) == 1
    first, last = await runs_of(customer)
    assert (first.trigger, last.trigger) == (EnrichmentTrigger.SAVE, REFRESH)
    assert last.finished_at == desk.clock()
    assert len(last.fields_read) == 8
    desk.sandbox.companies[NUMBER] = replace(company(), name="ANOTHER NAME LIMITED")
    assert await refresh(desk) == 2
    for _ in range(2):
        assert await refresh(desk) == 1
    runs = await runs_of(customer)
    assert [one.trigger for one in runs] == [EnrichmentTrigger.SAVE, REFRESH, REFRESH]
    assert (await ProfileChange.get()).run_id == runs[1].id


async def test_new_accounts_are_read(desk: Desk) -> None:
    before = await look_up(desk)
    desk.sandbox.companies[NUMBER] = with_next_accounts(company())
    assert await refresh(desk) == 5
    after = await Customer.get(id=before.id)
    changed = {name for name, value in values_of(after).items() if value != values_of(before)[name]}
    assert {"net_assets", "fixed_assets", "current_assets"} <= changed
    assert after.profile["net_assets"]["period_end_on"] == "2026-12-31"
    event = await Event.filter(type="customer.enriched").order_by("-id").first()
    assert event is not None
    assert "netAssets" in event.payload["changedFields"]
    assert "registeredAddress" not in event.payload["changedFields"]
    audited = await AuditEntry.filter(operation="customer.enriched").order_by("-id").first()
    assert audited is not None
    assert "known" not in audited.after["details"]
    changes = {one.field: one for one in await ProfileChange.all()}
    assert set(changes) == changed | {"accounts_period_end_on"}
    net, old = changes["net_assets"], before.profile["net_assets"]
    assert (net.before, net.after) == (
        f"{old['value']} GBP",
        f"{after.profile['net_assets']['value']} GBP",
    )
    assert net.filing_id == after.profile["details"]["accounts_filing_id"]
    assert (net.changed_at, net.source, net.customer_id) == (desk.clock(), "SANDBOX", after.id)
    period = changes["accounts_period_end_on"]
    assert (period.before, period.after) == ("2025-12-31", "2026-12-31")
    assert await refresh(desk) == 1


async def test_a_change_that_is_not_of_accounts_reads_no_documents(desk: Desk) -> None:
    before = await look_up(desk)
    desk.sandbox.companies[NUMBER] = replace(company(), name="ANOTHER NAME LIMITED")
    assert await refresh(desk) == 2  # the profile, and the filings: nothing newer
    after = await Customer.get(id=before.id)
    assert after.profile["details"]["company_name"] == "ANOTHER NAME LIMITED"
    assert values_of(after) == values_of(before)
    assert after.profile["details"]["accounts_filing_id"] is not None
    change = await ProfileChange.get()
    assert [change.field, change.before, change.after, change.filing_id] == [
        "company_name",
        before.profile["details"]["company_name"],
        "ANOTHER NAME LIMITED",
        None,
    ]
    later = at(desk.act, desk.clock())
    await desk.database.transaction(lambda: delete_customer(later, after.id, None))
    assert await ProfileChange.all().count() == 0


async def test_a_changed_number_ends_the_history_of_the_company(desk: Desk) -> None:
    customer = await look_up(desk)
    desk.sandbox.companies[NUMBER] = replace(company(), name="ANOTHER NAME LIMITED")
    assert await refresh(desk) == 2
    assert await ProfileChange.all().count() == 1
    await desk.edit(customer, {"company_number": "90000002"})
    await desk.worker.run_due()
    assert await ProfileChange.all().count() == 0


async def test_accounts_that_were_not_available_are_asked_for_again(desk: Desk) -> None:
    customer = await look_up(desk, "204")
    assert customer.enrichment_status is EnrichmentStatus.PARTIAL
    assert await refresh(desk) == 2
    assert (await Customer.get()).enrichment_status is EnrichmentStatus.PARTIAL


@pytest.mark.parametrize(
    ("number", "status", "calls"),
    [
        ("201", EnrichmentStatus.PARTIAL, 1),  # PDF only, as before
        ("202", EnrichmentStatus.PARTIAL, 1),  # no accounts yet, as before
        ("401", EnrichmentStatus.NOT_FOUND, 1),
        ("OC310", EnrichmentStatus.PARTIAL, 1),
    ],
)
async def test_an_end_without_figures_stays(
    desk: Desk, number: str, status: EnrichmentStatus, calls: int
) -> None:
    customer = await look_up(desk, number)
    (first,) = await runs_of(customer)
    assert await refresh(desk) == calls
    newest = (await runs_of(customer))[-1]
    assert (newest.trigger, newest.status, newest.reason) == (REFRESH, status, first.reason)


async def test_customers_with_one_number_share_a_fetch(desk: Desk) -> None:
    customers = [await look_up(desk) for _ in range(3)]
    stranger = await look_up(desk, "90000002")
    desk.sandbox.companies[NUMBER] = with_next_accounts(company())
    desk.clock.advance(MONTH)
    await Customer.filter(id=stranger.id).update(refresh_due_at=None)
    assert await start(desk) == 1
    assert await start(desk) == 0
    await desk.worker.run_due()
    assert len(desk.asked()) == 5
    assert await start(desk) == 0
    dues = set()
    for customer in customers:
        after = await Customer.get(id=customer.id)
        assert after.profile["net_assets"]["period_end_on"] == "2026-12-31"
        assert after.enrichment_status is EnrichmentStatus.SUCCEEDED
        newest = (await runs_of(after))[-1]
        assert (newest.trigger, newest.status) == (REFRESH, EnrichmentStatus.SUCCEEDED)
        dues.add(after.refresh_due_at)
        assert await Event.filter(type="customer.enriched", customer_id=after.id).count() == 2
    assert len(dues) == 1
    assert await EnrichmentRun.filter(trigger=REFRESH).count() == 3
    assert await Event.filter(customer_id=stranger.id, type="customer.enriched").count() == 1


async def test_a_customer_that_was_read_at_another_time_is_not_told_that_nothing_changed(
    desk: Desk,
) -> None:
    await look_up(desk)
    desk.sandbox.companies[NUMBER] = with_next_accounts(company())
    newer = await look_up(desk)
    older = await Customer.exclude(id=newer.id).get()
    desk.clock.advance(MONTH)
    await Customer.filter(id=newer.id).update(refresh_due_at=desk.clock() - 9 * DAY)
    assert await start(desk) == 1
    await desk.worker.run_due()
    assert len(desk.asked()) == 1  # unchanged for the newer one, which says nothing of the older
    assert (await Customer.get(id=older.id)).profile["net_assets"]["period_end_on"] == "2025-12-31"
    assert await refresh(desk, timedelta()) == 5
    assert (await Customer.get(id=older.id)).profile["net_assets"]["period_end_on"] == "2026-12-31"


async def test_a_save_while_a_refresh_waits_makes_it_complete_and_urgent(desk: Desk) -> None:
    customer = await look_up(desk)
    desk.clock.advance(MONTH)
    await start(desk)
    await desk.edit(customer, {"name": "Renamed"})
    job = await Job.get(live_key__isnull=False)
    assert job.urgency == Urgency.SAVED
    assert (await runs_of(customer))[-1].trigger is EnrichmentTrigger.SAVE
    await desk.worker.run_due()
    assert len(desk.asked()) == 5


async def test_a_save_while_a_refresh_runs_makes_it_complete(desk: Desk) -> None:
    customer = await look_up(desk)
    desk.clock.advance(MONTH)
    await start(desk)
    (claimed,) = await take(desk.database, desk.clock, kind=ENRICH, quota=desk.budget.quota)
    store = await desk.lookup.run(claimed)
    await desk.edit(customer, {"name": "Renamed"})

    async def lookup_run(_: Any) -> Any:
        return store

    class Ran:
        """The lookup, whose requests were made before the save."""

        run = staticmethod(lookup_run)
        note_retry, note_failure = desk.lookup.note_retry, desk.lookup.note_failure

    await desk.worker._attempts.run(claimed, Ran())
    run = (await runs_of(customer))[-1]
    assert (run.trigger, run.status) == (EnrichmentTrigger.SAVE, EnrichmentStatus.PENDING)
    assert run.reason is None
    await desk.worker.run_due()
    assert len(desk.asked()) == 5  # the profile is known already
    assert (await runs_of(customer))[-1].status is EnrichmentStatus.SUCCEEDED


async def test_a_refresh_that_fails_keeps_the_values(desk: Desk) -> None:
    before = await look_up(desk)
    changed = with_next_accounts(company())
    desk.sandbox.companies[NUMBER] = replace(changed, failure=ProfileFailure(503))
    for _ in range(40):
        await refresh(desk, DAY)
        if (await Customer.get()).enrichment_status is EnrichmentStatus.FAILED:
            break
        assert values_of(await Customer.get()) == values_of(before)
    after = await Customer.get()
    assert after.enrichment_status is EnrichmentStatus.FAILED
    assert values_of(after) == values_of(before)
    assert after.refresh_due_at is not None
    assert after.refresh_due_at <= desk.clock() + 7 * DAY
    desk.sandbox.companies[NUMBER] = changed
    assert await refresh(desk, 8 * DAY) == 5
    assert (await Customer.get()).enrichment_status is EnrichmentStatus.SUCCEEDED


async def test_a_worker_killed_between_fetch_and_store_costs_no_request(desk: Desk) -> None:
    customer = await look_up(desk)
    desk.sandbox.companies[NUMBER] = with_next_accounts(company())
    desk.clock.advance(MONTH)
    await start(desk)
    (claimed,) = await take(desk.database, desk.clock, kind=ENRICH, quota=desk.budget.quota)
    killed = await desk.lookup.run(claimed)
    assert len(desk.asked()) == 5
    assert values_of(await Customer.get()) == values_of(customer)
    desk.clock.advance(timedelta(minutes=1))  # its lease ends
    assert await start(desk) == 0
    await desk.worker.run_due()
    assert desk.asked() == []
    after = await Customer.get()
    assert after.profile["net_assets"]["period_end_on"] == "2026-12-31"
    assert await UpstreamResponse.all().count() == 0
    with pytest.raises(LeaseLostError):
        await desk.database.transaction(killed)
    assert await Event.filter(type="customer.enriched").count() == 2


async def test_refreshes_wait_only_as_many_as_their_share_can_take(desk: Desk) -> None:
    customers = [await look_up(desk, f"9000000{digit}") for digit in range(5)]
    desk.clock.advance(MONTH)
    by_age = [
        one.id
        for one in await Customer.filter(id__in=[c.id for c in customers]).order_by(
            "refresh_due_at"
        )
    ]
    assert await start(desk, 2) == 2
    assert await start(desk, 2) == 0
    assert await start(desk, 3) == 1
    started = {run.customer_id for run in await EnrichmentRun.filter(trigger=REFRESH)}
    assert started == set(by_age[:3])
    await desk.worker.run_due()
    assert await start(desk) == 2
    assert most_waiting(Allowance()) == 15  # 120 requests a minute: half of them, 4 for each
    assert most_waiting(Allowance(limit=1)) == 1


async def test_workers_at_once_start_a_refresh_once(desk: Desk) -> None:
    for digit in range(4):
        await look_up(desk, f"9000000{digit}")
    desk.clock.advance(MONTH)
    started = await asyncio.gather(*(start(desk) for _ in range(4)))
    assert sum(started) == 4
    assert await Job.filter(live_key__isnull=False).count() == 4
    assert await EnrichmentRun.filter(trigger=REFRESH).count() == 4


async def test_only_living_customers_in_checked_classes_are_refreshed(
    desk: Desk, database: Database, act: ActorContext
) -> None:
    moved, erased, left = [await look_up(desk, f"9000000{digit}") for digit in range(3)]
    await add_customer(database, act, "CHARITY", company_number="90000009")
    desk.clock.advance(MONTH)
    later = at(act, desk.clock())
    await database.transaction(lambda: delete_customer(later, erased.id, None))
    charity = (await Customer.get(company_number="90000009")).customer_class_id
    await database.transaction(lambda: change_class(later, moved.id, charity, "why", None))
    assert await start(desk) == 1
    (run,) = await EnrichmentRun.filter(trigger=REFRESH)
    assert run.customer_id == left.id


async def test_a_lookup_of_the_same_company_is_awaited(desk: Desk) -> None:
    await look_up(desk)
    desk.clock.advance(MONTH)
    other = await desk.add(NUMBER)
    assert await start(desk) == 0
    await desk.worker.run_due()
    assert (await Customer.get(id=other.id)).enrichment_status is EnrichmentStatus.SUCCEEDED
    assert await start(desk) == 1


async def test_without_a_policy_nothing_falls_due(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    async with desk_of(database, act, clock) as desk:
        customer = await look_up(desk)
    assert customer.refresh_due_at is None
