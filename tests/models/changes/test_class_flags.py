"""What changed flags of a class do to its customers: lookups, and reviews of consent."""

from typing import Any

import pytest

from models import AuditEntry, Customer, EnrichmentRun, Job
from models.changes.customer_class_editing import SavedClass, edit_class
from models.changes.enrichment_result import Findings, note_running, note_waiting, store_findings
from models.jobs.job import JobState, LeaseLostError
from models.jobs.kinds import lookup_key
from models.rules.enrichment_status import EnrichmentReason, EnrichmentStatus
from models.storage.database import Database
from models.tables.audit import ActorContext
from models.tables.customer_class import CustomerClass
from tests.factories import add_class, add_customer, edit, entry, everything

PENDING, CANCELLED = EnrichmentStatus.PENDING, EnrichmentStatus.CANCELLED
FOUND = Findings(
    EnrichmentStatus.SUCCEEDED,
    "REGISTER",
    entries={"employees": entry(9)},
    details={"company_name": "ACME"},
)


async def set_flags(
    database: Database, act: ActorContext, row: CustomerClass, **flags: bool | str
) -> SavedClass:
    """Edit the flags of a class."""
    return await database.transaction(lambda: edit_class(act, row.id, flags))


async def waiting(
    database: Database, act: ActorContext, row: CustomerClass, state: str
) -> EnrichmentRun:
    """Add a customer whose lookup is in a state; return the lookup."""
    customer = await add_customer(database, act, class_id=row.id, company_number="101")
    run = await EnrichmentRun.get(customer_id=customer.id)
    if state != "PENDING":
        await database.transaction(lambda: note_running(run.id, 1))
    if state == "RETRYING":
        await database.transaction(lambda: note_waiting(run.id, 1, act.now, None, None, act.now))
    return run


@pytest.mark.parametrize("state", ["PENDING", "RUNNING", "RETRYING"])
async def test_turning_the_check_off_ends_a_lookup(
    database: Database, act: ActorContext, state: str
) -> None:
    """R81, R91: in any state, the lookup sends no more requests and stores no values."""
    row = await add_class(database, act, check_companies_house=True)
    run = await waiting(database, act, row, state)
    await set_flags(database, act, row, check_companies_house=False)
    customer = await Customer.get(id=run.customer_id)
    assert customer.enrichment_status is CANCELLED
    assert (customer.version, customer.profile) == (1, {})
    await run.refresh_from_db()
    assert (run.status, run.reason) == (CANCELLED, EnrichmentReason.CLASS_CHANGED)
    assert (run.finished_at, run.next_attempt_at) == (act.now, None)
    assert not await Job.filter(
        state__in=(JobState.READY, JobState.WAITING, JobState.RUNNING)
    ).exists()
    audited = await AuditEntry.get(operation="customer.lookup_cancelled")
    assert audited.subject_id == customer.id
    before = await everything()
    with pytest.raises(LeaseLostError):
        await database.transaction(lambda: store_findings(run.id, 1, FOUND, act.now))
    with pytest.raises(LeaseLostError):
        await database.transaction(lambda: note_running(run.id, 2))
    assert await everything() == before


async def test_turning_the_check_off_ends_only_lookups_of_that_class(
    database: Database, act: ActorContext
) -> None:
    """R81, R91: stored values stay, and customers of other classes are not affected."""
    row = await add_class(database, act, check_companies_house=True)
    done = await waiting(database, act, row, "RUNNING")
    await database.transaction(lambda: store_findings(done.id, 1, FOUND, act.now))
    numberless = await add_customer(database, act, class_id=row.id)
    other = await add_customer(database, act, "COMPANY_UK_LIMITED", company_number="102")
    await set_flags(database, act, row, check_companies_house=False)
    kept = await Customer.get(id=done.customer_id)
    assert kept.enrichment_status is EnrichmentStatus.NOT_APPLICABLE
    assert kept.profile["employees"]["value"] == 9
    left = await Customer.get(id=numberless.id)
    assert left.enrichment_status is EnrichmentStatus.NOT_APPLICABLE
    assert (await Customer.get(id=other.id)).enrichment_status is PENDING
    assert (await Job.get(live_key=lookup_key(other.id))).state is JobState.READY


async def test_turning_the_check_on_looks_nobody_up_before_a_save(
    database: Database, act: ActorContext
) -> None:
    """R23."""
    row = await add_class(database, act)
    customer = await add_customer(database, act, class_id=row.id, company_number="101")
    await set_flags(database, act, row, check_companies_house=True)
    customer = await Customer.get(id=customer.id)
    assert customer.enrichment_status is EnrichmentStatus.NOT_APPLICABLE
    assert not await Job.filter(state=JobState.READY).exists()
    await edit(database, act, customer, {})
    assert (await Customer.get(id=customer.id)).enrichment_status is PENDING


async def test_turning_the_check_off_and_on_again_starts_the_cancelled_lookup_again(
    database: Database, act: ActorContext
) -> None:
    """R23, R81: and no lookup that had ended is started."""
    row = await add_class(database, act, check_companies_house=True)
    done = await waiting(database, act, row, "RUNNING")
    await database.transaction(lambda: store_findings(done.id, 1, FOUND, act.now))
    run = await waiting(database, act, row, "RUNNING")
    await set_flags(database, act, row, check_companies_house=False)
    await set_flags(database, act, row, check_companies_house=True)
    statuses = {one.id: one.enrichment_status for one in await Customer.all()}
    assert statuses == {
        run.customer_id: PENDING,
        done.customer_id: EnrichmentStatus.NOT_APPLICABLE,
    }
    job = await Job.get(state=JobState.READY, live_key=lookup_key(run.customer_id))
    again = await EnrichmentRun.filter(customer_id=run.customer_id).order_by("-id").first()
    assert again is not None
    assert job.payload == {"run_id": again.id, "customer_id": run.customer_id}
    assert (again.status, again.id == run.id) == (PENDING, False)
    requested = await AuditEntry.get(operation="customer.lookup_requested")
    assert requested.subject_id == run.customer_id


@pytest.mark.parametrize(
    ("before", "after", "is_due"),
    [
        ({}, {"is_personal_customer": True}, True),
        ({}, {"is_sole_trader": True}, True),
        ({"is_sole_trader": True}, {"is_sole_trader": False}, True),
        ({"is_personal_customer": True}, {"is_personal_customer": False}, True),
        # Still an individual, or still none:
        ({"is_sole_trader": True}, {"is_personal_customer": True}, False),
        (
            {"is_sole_trader": True},
            {"is_personal_customer": True, "is_sole_trader": False},
            False,
        ),
        ({}, {"is_reseller": True}, False),
        ({}, {"check_companies_house": True}, False),
        ({"is_personal_customer": True}, {"name": "Renamed"}, False),
    ],
)
async def test_flags_that_cross_the_line_ask_for_a_review(
    database: Database,
    act: ActorContext,
    before: dict[str, Any],
    after: dict[str, bool | str],
    is_due: bool,
) -> None:
    """R22, R30: as when a customer moves between such classes."""
    row = await add_class(database, act, **before)
    customer = await add_customer(database, act, class_id=row.id)
    other = await add_customer(database, act)
    await set_flags(database, act, row, **after)
    stored = await Customer.get(id=customer.id)
    assert stored.consent_review_due_at == (act.now if is_due else None)
    assert stored.version == 1
    assert (await Customer.get(id=other.id)).consent_review_due_at is None
