"""How saves start, coalesce, supersede and cancel lookups; tests check the stored rows."""

from datetime import timedelta
from typing import Any

import pytest

from models import Customer, EnrichmentRun, Job, UpstreamResponse
from models.changes.bulk_lookup import recheck_class
from models.changes.customer_editing import change_class, edit_customer, locked_customer
from models.changes.lookup import request_lookup
from models.jobs.job import JOBS, JobState
from models.jobs.kinds import ENRICH, lookup_key
from models.rules.enrichment_status import EnrichmentReason, EnrichmentStatus, EnrichmentTrigger
from models.rules.errors import RefusalCode
from models.rules.urgency import Urgency
from models.storage.database import Database
from models.tables.audit import ActorContext
from tests.clock import Clock
from tests.factories import add_customer, at, everything, refused, shipped
from tests.queueing import REGISTER, take

CHECKED = "COMPANY_UK_LIMITED"
PENDING, CANCELLED = EnrichmentStatus.PENDING, EnrichmentStatus.CANCELLED
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


async def edit(
    database: Database, act: ActorContext, customer: Customer, values: dict[str, Any]
) -> None:
    await database.transaction(lambda: edit_customer(act, customer.id, values, None))


async def move(database: Database, act: ActorContext, customer: Customer, code: str) -> None:
    row = await shipped(code)
    await database.transaction(lambda: change_class(act, customer.id, row.id, "Why", None))


async def request(database: Database, act: ActorContext, customer: Customer) -> None:
    async def work() -> None:
        await request_lookup(act, await locked_customer(customer.id))

    await database.transaction(work)


async def runs() -> list[tuple[str | None, EnrichmentStatus, EnrichmentReason | None]]:
    return [
        (run.company_number, run.status, run.reason)
        for run in await EnrichmentRun.all().order_by("id")
    ]


async def status_of(customer: Customer) -> EnrichmentStatus:
    return (await Customer.get(id=customer.id)).enrichment_status


@pytest.mark.parametrize(
    ("code", "is_checked"),
    [
        ("COMPANY_UK_LIMITED", True),
        ("COMPANY_UK_PLC", True),
        ("RESELLER_UK_COMPANY", True),  # R82
        ("COMPANY_INTERNATIONAL", False),
        ("RESELLER_OTHER", False),
        ("SOLE_TRADER", False),
    ],
)
async def test_creating_a_customer_of_a_checked_class_starts_a_lookup(
    database: Database, act: ActorContext, code: str, is_checked: bool
) -> None:
    """R81, R82, R83."""
    with database.signals.watching(JOBS) as woken:
        customer = await add_customer(database, act, code, company_number="101")
    assert woken.is_set() is is_checked
    if not is_checked:
        assert customer.enrichment_status is EnrichmentStatus.NOT_APPLICABLE
        assert await EnrichmentRun.all().count() == await Job.all().count() == 0
        return
    assert await status_of(customer) is PENDING
    run = await EnrichmentRun.get()
    assert (run.customer_id, run.company_number, run.status) == (customer.id, "00000101", PENDING)
    assert (run.trigger, run.requested_at) == (EnrichmentTrigger.SAVE, act.now)
    assert run.next_attempt_at == act.now
    job = await Job.get()
    assert (job.kind, job.payload, job.live_key) == (
        "enrich",
        {"run_id": run.id, "customer_id": customer.id},
        lookup_key(customer.id),
    )
    assert (job.state, job.due_at) == (JobState.READY, act.now)


async def test_without_a_company_number_nobody_is_looked_up(
    database: Database, act: ActorContext
) -> None:
    """R87, A11."""
    customer = await add_customer(database, act, CHECKED)
    assert await status_of(customer) is EnrichmentStatus.NEEDS_COMPANY_NUMBER
    assert await Job.all().count() == 0
    await edit(database, act, customer, {"company_number": "101"})
    assert await runs() == [("00000101", PENDING, None)]


async def test_several_saves_while_one_lookup_is_pending_make_one(
    database: Database, act: ActorContext
) -> None:
    """R89."""
    customer = await add_customer(database, act, CHECKED, company_number="101")
    for name in ("B", "C", "C"):
        await edit(database, act, customer, {"name": name})
    assert await runs() == [("00000101", PENDING, None)]
    assert await Job.all().count() == 1


async def test_every_save_after_the_end_of_a_lookup_starts_another(
    database: Database, act: ActorContext
) -> None:
    """R81, A10: also a save that changes nothing."""
    customer = await add_customer(database, act, CHECKED, company_number="101")
    await EnrichmentRun.all().update(status=EnrichmentStatus.SUCCEEDED)
    await Job.all().update(state=JobState.DONE, live_key=None, due_at=None)
    await edit(database, act, customer, {})
    assert [status for _, status, _ in await runs()] == [EnrichmentStatus.SUCCEEDED, PENDING]
    assert (await Customer.get(id=customer.id)).version == 1


async def test_another_number_supersedes_the_lookup(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    """R89."""
    customer = await add_customer(database, act, CHECKED, company_number="101")
    first = await EnrichmentRun.get()
    await UpstreamResponse.create(run=first, step="profile", body=b"{}", retrieved_at=act.now)
    later = at(act, clock.advance(MINUTE))
    await edit(database, later, customer, {"company_number": "102"})
    assert await runs() == [
        ("00000101", CANCELLED, EnrichmentReason.COMPANY_NUMBER_CHANGED),
        ("00000102", PENDING, None),
    ]
    await first.refresh_from_db()
    assert (first.finished_at, first.next_attempt_at) == (later.now, None)
    assert await UpstreamResponse.all().count() == 0
    old, new = await Job.all().order_by("id")
    assert (old.state, old.live_key, old.due_at) == (JobState.CANCELLED, None, None)
    assert (new.state, new.live_key) == (JobState.READY, lookup_key(customer.id))


async def test_clearing_the_number_cancels_the_lookup(
    database: Database, act: ActorContext
) -> None:
    """R87, R89."""
    customer = await add_customer(database, act, CHECKED, company_number="101")
    await edit(database, act, customer, {"company_number": None})
    assert await runs() == [("00000101", CANCELLED, EnrichmentReason.COMPANY_NUMBER_CHANGED)]
    assert await status_of(customer) is EnrichmentStatus.NEEDS_COMPANY_NUMBER


async def test_moving_to_an_unchecked_class_cancels_and_keeps_what_was_filled(
    database: Database, act: ActorContext
) -> None:
    """R91."""
    customer = await add_customer(database, act, CHECKED, company_number="101")
    filled = {"employees": {"value": 3, "source": "REGISTER"}}
    await Customer.all().update(profile=filled)
    await move(database, act, customer, "COMPANY_INTERNATIONAL")
    assert await runs() == [("00000101", CANCELLED, EnrichmentReason.CLASS_CHANGED)]
    stored = await Customer.get(id=customer.id)
    assert (stored.enrichment_status, stored.profile) == (CANCELLED, filled)
    await edit(database, act, customer, {"name": "B"})
    assert await status_of(customer) is CANCELLED


async def test_moving_to_a_checked_class_starts_a_lookup(
    database: Database, act: ActorContext
) -> None:
    """R81."""
    customer = await add_customer(database, act, company_number="101")
    await move(database, act, customer, CHECKED)
    assert (await EnrichmentRun.get()).trigger is EnrichmentTrigger.CLASS_CHANGE
    await move(database, act, customer, "COMPANY_UK_PLC")
    assert await runs() == [("00000101", PENDING, None)]


async def test_a_lookup_can_be_asked_for(database: Database, act: ActorContext) -> None:
    """R81."""
    customer = await add_customer(database, act, CHECKED, company_number="101")
    await EnrichmentRun.all().update(status=EnrichmentStatus.FAILED)
    await Job.all().update(state=JobState.FAILED, live_key=None, due_at=None)
    await request(database, act, customer)
    assert (await EnrichmentRun.filter(status=PENDING).get()).trigger is EnrichmentTrigger.REQUEST
    assert await status_of(customer) is PENDING


async def test_asking_for_a_lookup_that_is_queued_moves_it_forward(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    """R89: whether it waits in the queue or for another attempt."""
    customer = await add_customer(database, act, CHECKED, company_number="101")
    waits_until = {"state": JobState.WAITING, "due_at": clock() + timedelta(hours=3)}
    await Job.all().update(urgency=Urgency.BULK, **waits_until)
    later = at(act, clock.advance(MINUTE))
    await request(database, later, customer)
    job = await Job.get()
    assert (job.state, job.due_at, job.urgency) == (JobState.READY, later.now, Urgency.REQUESTED)
    assert await EnrichmentRun.all().count() == 1


async def test_saving_a_customer_whose_lookup_is_queued_in_bulk_moves_it_forward(
    database: Database, act: ActorContext
) -> None:
    """R83, R89."""
    customer = await add_customer(database, act, CHECKED, company_number="101")
    await Job.all().update(urgency=Urgency.BULK)
    await edit(database, act, customer, {"name": "B"})
    assert (await Job.get()).urgency == Urgency.SAVED
    assert await EnrichmentRun.all().count() == 1


async def test_what_asks_for_a_lookup_says_how_urgent_it_is(
    database: Database, act: ActorContext
) -> None:
    """The job has an urgency and the reseller for which it is queued (none: the platform's own)."""
    own = await add_customer(database, act, CHECKED, company_number="101")
    reseller = await add_customer(database, act, "RESELLER_UK_COMPANY", company_number="102")
    bought = await add_customer(database, act, CHECKED, company_number="103", parent_id=reseller.id)
    jobs = {job.live_key: job for job in await Job.all()}
    assert {lookup_key(own.id), lookup_key(reseller.id), lookup_key(bought.id)} == jobs.keys()
    assert [jobs[lookup_key(one.id)].reseller_id for one in (own, reseller, bought)] == [
        None,
        reseller.id,
        reseller.id,
    ]
    assert {job.urgency for job in jobs.values()} == {Urgency.SAVED}
    assert {job.request_id for job in jobs.values()} == {act.request_id}
    assert {job.calls_left for job in jobs.values()} == {4}
    await Job.all().update(state=JobState.DONE, live_key=None, due_at=None)
    await EnrichmentRun.all().update(status=EnrichmentStatus.SUCCEEDED)
    row = await shipped(CHECKED)
    await database.transaction(lambda: recheck_class(act, row.id, HOUR))
    bulk = await Job.filter(state=JobState.READY)
    assert {job.urgency for job in bulk} == {Urgency.BULK}
    assert len(bulk) == 2


async def test_a_lookup_that_makes_no_sense_is_refused(
    database: Database, act: ActorContext
) -> None:
    """R81, R87."""
    charity = await add_customer(database, act, company_number="101")
    numberless = await add_customer(database, act, CHECKED)
    async with refused(RefusalCode.ENRICHMENT_NOT_APPLICABLE, "target", "customerId"):
        await request(database, act, charity)
    async with refused(RefusalCode.NEEDS_COMPANY_NUMBER, "target", "customerId"):
        await request(database, act, numberless)


async def test_a_class_is_looked_up_again_as_a_whole(database: Database, act: ActorContext) -> None:
    """R23."""
    row = await shipped(CHECKED)
    ended = await add_customer(database, act, CHECKED, company_number="101")
    await EnrichmentRun.all().update(status=EnrichmentStatus.SUCCEEDED)
    await Job.all().update(state=JobState.DONE, live_key=None, due_at=None)
    pending = await add_customer(database, act, CHECKED, company_number="102")
    await add_customer(database, act, CHECKED)
    await add_customer(database, act, "COMPANY_UK_PLC", company_number="103")
    assert await database.transaction(lambda: recheck_class(act, row.id, HOUR)) == (1, False)
    assert await status_of(ended) is await status_of(pending) is PENDING
    assert await EnrichmentRun.filter(customer_id=ended.id).count() == 2
    assert await EnrichmentRun.filter(customer_id=pending.id).count() == 1
    charity = await shipped("CHARITY")
    async with refused(RefusalCode.ENRICHMENT_NOT_APPLICABLE, "target", "classId"):
        await database.transaction(lambda: recheck_class(act, charity.id, HOUR))


async def test_a_dry_run_starts_no_lookup(database: Database, act: ActorContext) -> None:
    customer = await add_customer(database, act, company_number="101")
    row = await shipped(CHECKED)
    before = await everything()
    with database.signals.watching(JOBS) as woken:
        moved = await database.transaction(
            lambda: change_class(act, customer.id, row.id, "Why", None), dry_run=True
        )
    assert moved.enrichment_status is PENDING
    assert not woken.is_set()
    assert await everything() == before


async def test_a_running_lookup_can_be_superseded(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    """R89: the worker that runs the job loses its claim."""
    customer = await add_customer(database, act, CHECKED, company_number="101")
    (held,) = await take(database, clock, kind=ENRICH, quota=REGISTER)
    await edit(database, act, customer, {"company_number": "102"})
    old, new = await Job.all().order_by("id")
    assert (old.id, old.owner, old.state) == (held.id, None, JobState.CANCELLED)
    assert new.state is JobState.READY
