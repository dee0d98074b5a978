"""Retrying, discarding and pausing jobs, with what follows for what they are about."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from models import (
    AuditEntry,
    Confirmation,
    Contact,
    Customer,
    CustomerImport,
    EnrichmentRun,
    Event,
    ImportPart,
    Job,
)
from models.changes.confirmation_mails import note_held
from models.changes.contact_erasure import erase_contact
from models.changes.enrichment_result import Findings, note_running, store_findings
from models.changes.job_administration import discard_job, retry_job
from models.changes.lookup import request_lookup
from models.jobs.job import Claim, JobState, LeaseLostError, NewJob, enqueue, finish
from models.jobs.kinds import CONFIRMATION_MAIL, ENRICH, IMPORT, WEBHOOK_NOTICE, lookup_key
from models.rules.enrichment_status import EnrichmentReason, EnrichmentStatus
from models.rules.event_type import EventType
from models.rules.job_action import JobFault, JobRefused
from models.rules.mail_failure import MailFailureCode
from models.rules.urgency import Urgency
from models.storage.database import Database
from models.storage.locks import lock
from models.tables.access import OPERATOR
from models.tables.audit import ActorContext
from models.tables.confirmation import MailState
from models.tables.customer_import import ImportState
from tests.clock import Clock
from tests.factories import add_import, everything
from tests.job_subjects import asked, looked_up
from tests.queueing import REGISTER, take

Act = Callable[[ActorContext, str], Awaitable[Job]]


@pytest.fixture
def operator(clock: Clock) -> ActorContext:
    return ActorContext(OPERATOR, clock(), "command-1")


async def do(database: Database, change: Act, act: ActorContext, job_id: str) -> Job:
    return await database.transaction(lambda: change(act, job_id))


async def refused(
    database: Database, change: Act, act: ActorContext, job_id: str, code: JobFault
) -> None:
    """Assert that a change of a job is refused, and changes no row."""
    before = await everything()
    with pytest.raises(JobRefused) as why:
        await do(database, change, act, job_id)
    assert (why.value.code, await everything()) == (code, before)


async def give_up_lookup(database: Database, clock: Clock) -> Job:
    """Claim the only ready lookup, and store its failure as a worker does."""
    (claim,) = await take(database, clock, kind=ENRICH, quota=REGISTER)

    async def work() -> None:
        failed = Findings(EnrichmentStatus.FAILED, "REGISTER", reason=EnrichmentReason.GAVE_UP)
        await store_findings(claim.payload["run_id"], claim.attempts, failed, clock())
        await finish(claim, JobState.FAILED, clock(), EnrichmentReason.REGISTER_UNAVAILABLE)

    await database.transaction(work)
    return await Job.get(id=claim.id)


async def fail(claim: Claim, database: Database, clock: Clock) -> Job:
    """End a job as failed, with nothing else stored, as workers do if nothing more works."""
    await database.transaction(lambda: finish(claim, JobState.FAILED, clock(), "INTERNAL_ERROR"))
    return await Job.get(id=claim.id)


async def entries() -> list[tuple[str, str, str]]:
    """Return operation, subject and actor of the operator's audit entries."""
    rows = await AuditEntry.filter(actor_id=OPERATOR.id).order_by("id")
    return [(row.operation, row.subject_id, row.actor_name) for row in rows]


async def test_a_given_up_lookup_is_done_again_by_a_new_run(
    database: Database, act: ActorContext, operator: ActorContext, clock: Clock
) -> None:
    customer = await looked_up(database, act)
    job = await give_up_lookup(database, clock)
    assert (job.state, job.reason) == (JobState.FAILED, "REGISTER_UNAVAILABLE")
    first = job.payload["run_id"]
    await do(database, retry_job, operator, job.id)
    again = await Job.get(id=job.id)
    run = await EnrichmentRun.get(id=again.payload["run_id"])
    assert (again.state, again.attempts, again.reason, again.calls_left) == (
        JobState.READY,
        0,
        None,
        4,
    )
    assert (again.live_key, again.finished_at) == (lookup_key(customer.id), None)
    assert (run.id != first, run.status) == (True, EnrichmentStatus.PENDING)
    customer = await Customer.get(id=customer.id)
    assert customer.enrichment_status is EnrichmentStatus.PENDING
    assert await entries() == [
        ("customer.lookup_requested", customer.id, "operator"),
        ("job.retried", job.id, "operator"),
    ]
    (claim,) = await take(database, clock, kind=ENRICH, quota=REGISTER)
    assert (claim.id, claim.attempts) == (job.id, 1)
    await refused(database, retry_job, operator, job.id, JobFault.NOT_GIVEN_UP)


async def test_a_lookup_that_a_later_one_replaced_is_not_done_again(
    database: Database, act: ActorContext, operator: ActorContext, clock: Clock
) -> None:
    customer = await looked_up(database, act)
    job = await give_up_lookup(database, clock)

    async def again() -> int:
        row = (await lock(Customer, customer.id))[customer.id]
        return await request_lookup(act, row)

    assert await database.transaction(again) == 1
    await refused(database, retry_job, operator, job.id, JobFault.LOOKUP_REPLACED)
    # Discarding it leaves the later lookup alone.
    await do(database, discard_job, operator, job.id)
    assert (await Job.get(id=job.id)).state is JobState.CANCELLED
    assert await Job.filter(live_key=lookup_key(customer.id), state=JobState.READY).exists()
    customer = await Customer.get(id=customer.id)
    assert customer.enrichment_status is EnrichmentStatus.PENDING


async def test_a_failure_that_could_not_be_stored_is_mended_by_both(
    database: Database, act: ActorContext, operator: ActorContext, clock: Clock
) -> None:
    """The job has failed, but the run has not ended, so the customer waits for nothing."""
    first = await looked_up(database, act, "90000001")
    (claim,) = await take(database, clock, kind=ENRICH, quota=REGISTER)
    job = await fail(claim, database, clock)
    await do(database, retry_job, operator, job.id)
    again = await Job.get(id=job.id)
    assert (again.state, again.payload) == (JobState.READY, job.payload)
    await do(database, discard_job, operator, job.id)
    second = await looked_up(database, act, "90000002")
    (claim,) = await take(database, clock, kind=ENRICH, quota=REGISTER)
    job = await fail(claim, database, clock)
    await do(database, discard_job, operator, job.id)
    for customer in (first, second):
        row = await Customer.get(id=customer.id)
        assert row.enrichment_status is EnrichmentStatus.CANCELLED


@pytest.mark.parametrize("is_running", [False, True])
async def test_a_discarded_lookup_leaves_a_final_status_and_an_event(
    database: Database,
    act: ActorContext,
    operator: ActorContext,
    clock: Clock,
    *,
    is_running: bool,
) -> None:
    """A worker that was running it stores nothing."""
    customer = await looked_up(database, act)
    job = await Job.get(kind=ENRICH)
    run_id = job.payload["run_id"]
    claim: Claim | None = None
    if is_running:
        (claim,) = await take(database, clock, kind=ENRICH, quota=REGISTER)
        await database.transaction(lambda: note_running(run_id, 1))
    await do(database, discard_job, operator, job.id)
    run = await EnrichmentRun.get(id=run_id)
    job, row = await Job.get(id=job.id), await Customer.get(id=customer.id)
    assert (job.state, job.live_key, job.owner) == (JobState.CANCELLED, None, None)
    assert (run.status, run.reason) == (EnrichmentStatus.CANCELLED, EnrichmentReason.DISCARDED)
    assert (row.enrichment_status, run.finished_at) == (EnrichmentStatus.CANCELLED, clock())
    assert await entries() == [
        ("customer.lookup_ended", customer.id, "operator"),
        ("job.discarded", job.id, "operator"),
    ]
    event = await Event.get(type=EventType.CUSTOMER_ENRICHMENT_FAILED)
    assert (event.subject_id, event.payload) == (customer.id, {"enrichmentRunId": run_id})
    if claim is not None:
        found = Findings(EnrichmentStatus.SUCCEEDED, "REGISTER")
        for late in (
            lambda: store_findings(run_id, 1, found, clock()),
            lambda: finish(claim, JobState.DONE, clock()),
        ):
            with pytest.raises(LeaseLostError):
                await database.transaction(late)
    await refused(database, discard_job, operator, job.id, JobFault.HAS_ENDED)
    # It can be requested again.
    async with asyncio.timeout(60):
        started = await database.transaction(lambda: request_lookup(act, row))
    assert started == 1


async def test_a_discard_and_the_end_of_the_same_job_never_mix(
    database: Database, act: ActorContext, operator: ActorContext, clock: Clock
) -> None:
    """Whichever comes first, job, run and customer agree."""
    for number in range(12):
        await looked_up(database, act, f"9000{number:04}")
    claims = await take(database, clock, 12, kind=ENRICH, quota=REGISTER)
    assert claims
    succeeded = Findings(EnrichmentStatus.SUCCEEDED, "REGISTER")

    async def end(claim: Claim) -> bool:
        async def work() -> None:
            await store_findings(claim.payload["run_id"], 1, succeeded, clock())
            await finish(claim, JobState.DONE, clock())

        try:
            await database.transaction(work)
        except LeaseLostError:
            return False
        return True

    async def discard(claim: Claim) -> bool:
        try:
            await do(database, discard_job, operator, claim.id)
        except JobRefused:
            return False
        return True

    for place, claim in enumerate(claims):
        both = [end(claim), discard(claim)]
        done = await asyncio.gather(*(both if place % 2 else reversed(both)))
        assert sorted(done) == [False, True]
        run = await EnrichmentRun.get(id=claim.payload["run_id"])
        customer, job = await Customer.get(id=run.customer_id), await Job.get(id=claim.id)
        assert customer.enrichment_status is run.status
        assert (job.state, run.status) in {
            (JobState.DONE, EnrichmentStatus.SUCCEEDED),
            (JobState.CANCELLED, EnrichmentStatus.CANCELLED),
        }


async def test_a_discarded_mail_counts_as_undeliverable_and_can_be_retried_no_more(
    database: Database, act: ActorContext, operator: ActorContext
) -> None:
    contact, job = await asked(database, act)
    await do(database, discard_job, operator, job.id)
    confirmation, contact = await Confirmation.get(), await Contact.get(id=contact.id)
    assert confirmation.mail_state is MailState.UNDELIVERABLE
    assert (contact.mail_failure, contact.is_mail_given_up) == (MailFailureCode.GAVE_UP, True)
    assert await Event.filter(type=EventType.CONTACT_MAIL_FAILED).count() == 1
    await refused(database, retry_job, operator, job.id, JobFault.NOT_GIVEN_UP)


async def test_partners_do_not_see_that_a_mail_that_was_held_back_is_discarded(
    database: Database, act: ActorContext, operator: ActorContext, clock: Clock
) -> None:
    contact, job = await asked(database, act)
    confirmation = await Confirmation.get()
    await database.transaction(lambda: note_held(confirmation.id, clock()))
    seen = await AuditEntry.filter(customer_id=contact.customer_id).count()
    await do(database, discard_job, operator, job.id)
    contact = await Contact.get(id=contact.id)
    assert (await Confirmation.get()).mail_state is MailState.CANCELLED
    assert (contact.mail_failure, contact.is_mail_given_up) == (None, False)
    assert await AuditEntry.filter(customer_id=contact.customer_id).count() == seen
    assert not await Event.filter(type=EventType.CONTACT_MAIL_FAILED).exists()


async def test_a_given_up_mail_is_sent_again_unless_its_question_is_closed(
    database: Database, act: ActorContext, operator: ActorContext, clock: Clock
) -> None:
    contact, job = await asked(database, act)
    (claim,) = await take(database, clock, kind=CONFIRMATION_MAIL)
    job = await fail(claim, database, clock)
    await Confirmation.all().update(mail_state=MailState.UNDELIVERABLE, mail_failure="TOO_SLOW")
    await Contact.filter(id=contact.id).update(is_mail_given_up=True, mail_failure="TOO_SLOW")
    await do(database, retry_job, operator, job.id)
    assert (await Confirmation.get()).mail_state is MailState.RETRYING
    contact = await Contact.get(id=contact.id)
    assert (contact.mail_failure, contact.is_mail_given_up) == (MailFailureCode.TOO_SLOW, False)
    (claim,) = await take(database, clock, kind=CONFIRMATION_MAIL)
    assert claim.id == job.id
    await fail(claim, database, clock)
    await Confirmation.all().update(used_at=clock())
    await refused(database, retry_job, operator, job.id, JobFault.MAIL_NOT_NEEDED)


async def test_copies_of_an_erased_contacts_mails_are_not_left_behind(
    database: Database, act: ActorContext, operator: ActorContext, clock: Clock
) -> None:
    contact, mail = await asked(database, act)
    await database.transaction(lambda: erase_contact(act, contact.id, None))
    assert (await Job.get(id=mail.id)).state is JobState.CANCELLED
    job = await Job.get(kind=CONFIRMATION_MAIL, state=JobState.READY)
    await refused(database, discard_job, operator, job.id, JobFault.ERASURE_UNFINISHED)
    (claim,) = await take(database, clock, kind=CONFIRMATION_MAIL)
    await fail(claim, database, clock)
    await refused(database, discard_job, operator, job.id, JobFault.ERASURE_UNFINISHED)
    await do(database, retry_job, operator, job.id)
    (claim,) = await take(database, clock, kind=CONFIRMATION_MAIL)
    assert (claim.id, claim.payload) == (job.id, job.payload)


async def test_a_discarded_import_ends_as_cancelled_and_its_file_goes(
    database: Database, act: ActorContext, operator: ActorContext, clock: Clock
) -> None:
    import_id = await add_import(database, act)
    (claim,) = await take(database, clock, kind=IMPORT)
    await do(database, discard_job, operator, claim.id)
    found = await CustomerImport.get(id=import_id)
    assert (found.state, found.live_caller) == (ImportState.CANCELLED, None)
    assert not await ImportPart.exists()
    assert await entries() == [
        ("import.cancelled", import_id, "operator"),
        ("job.discarded", claim.id, "operator"),
    ]
    with pytest.raises(LeaseLostError):
        await database.transaction(lambda: finish(claim, JobState.DONE, clock()))


async def test_an_import_that_has_ended_is_not_run_again(
    database: Database, act: ActorContext, operator: ActorContext, clock: Clock
) -> None:
    import_id = await add_import(database, act)
    (claim,) = await take(database, clock, kind=IMPORT)
    await fail(claim, database, clock)
    await CustomerImport.filter(id=import_id).update(state=ImportState.FAILED)
    await refused(database, retry_job, operator, claim.id, JobFault.IMPORT_HAS_ENDED)
    # One whose end could not be stored goes on where it stopped.
    await CustomerImport.filter(id=import_id).update(state=ImportState.RUNNING)
    await do(database, retry_job, operator, claim.id)
    assert [one.id for one in await take(database, clock, kind=IMPORT)] == [claim.id]


async def test_a_retry_waits_behind_the_resellers_other_jobs_and_never_twice(
    database: Database, operator: ActorContext, clock: Clock
) -> None:
    def notice(key: str) -> NewJob:
        return NewJob(WEBHOOK_NOTICE, key, {"endpoint_id": "whe_1"}, Urgency.BULK)

    await database.transaction(lambda: enqueue([notice("a")], clock()))
    (claim,) = await take(database, clock, kind=WEBHOOK_NOTICE)
    await fail(claim, database, clock)
    await database.transaction(lambda: enqueue([notice("b"), notice("c")], clock()))
    await do(database, retry_job, operator, claim.id)
    await refused(database, retry_job, operator, claim.id, JobFault.NOT_GIVEN_UP)
    claims = await take(database, clock, 5, kind=WEBHOOK_NOTICE)
    assert (len(claims), claims[-1].id) == (3, claim.id)
    await refused(database, retry_job, operator, "job_unknown", JobFault.NO_SUCH_JOB)
