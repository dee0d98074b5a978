"""Retries and discards jobs, and pauses kinds of jobs, for an operator.

A discarded job leaves nothing unfinished: what the job is about gets its final state in the same
transaction. Rows are locked in the order in which workers lock them: first what the job is about,
then the job. A worker that runs the job meanwhile loses its lease, or has stored the end before.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from models.changes.confirmation_mails import note_discarded, note_retried
from models.changes.import_run import cancel_import
from models.changes.lookup import cancel_lookup, lookup_rows, plan_lookups, record_requests
from models.jobs.job import Job
from models.jobs.job_pause import pause, resume
from models.jobs.job_reopening import Repetition, end_discarded, is_key_taken, reopen
from models.jobs.kinds import CONFIRMATION_MAIL, ENRICH, IMPORT, import_key, lookup_key, mail_key
from models.rules.enrichment_status import EnrichmentReason, EnrichmentTrigger
from models.rules.job_action import (
    JobFault,
    JobRefused,
    refuse_discard,
    refuse_lookup,
    refuse_retry,
)
from models.rules.queue_order import ALL_CALLS
from models.rules.urgency import Urgency
from models.storage.locks import lock
from models.storage.row_insert import add_rows
from models.tables import audit
from models.tables.audit import ActorContext
from models.tables.confirmation import Confirmation
from models.tables.contact import Contact
from models.tables.customer import Customer
from models.tables.customer_class import CustomerClass
from models.tables.customer_import import CustomerImport
from models.tables.enrichment import EnrichmentRun
from models.tables.event import owner_of

QUEUE = "platform_jobs"
"""The subject of audit entries about pauses."""


async def retry_job(act: ActorContext, job_id: str) -> Job:
    """Run a job that was given up once more, as a new one; raises JobRefused if that is no use."""
    row = await _locked(job_id)
    refuse_retry(row.state)
    before = _told(row)
    again = await _REPETITIONS.get(row.kind, _same)(act, row)
    if await is_key_taken(again.live_key):
        raise JobRefused(JobFault.ANOTHER_WAITS, "Another job does the same already.")
    await reopen(row, again, act.request_id, act.now)
    await audit.record(
        act, "job.retried", row.id, before=before, after=_told(row), always=("kind",)
    )
    return row


async def discard_job(act: ActorContext, job_id: str) -> Job:
    """End a job for good, and what it is about with it; raises JobRefused if it has ended."""
    row = await _locked(job_id)
    refuse_discard(row.state)
    before = _told(row)
    await _ENDS.get(row.kind, _nothing)(act, row)
    await end_discarded(row, act.now)
    await audit.record(
        act, "job.discarded", row.id, before=before, after=_told(row), always=("kind",)
    )
    return row


async def pause_kind(act: ActorContext, kind: str) -> bool:
    """Let workers start no job of a kind; return False if the kind was paused already."""
    is_changed = await pause(kind, act.now)
    if is_changed:
        await audit.record(act, "jobs.paused", QUEUE, after={"kind": kind})
    return is_changed


async def resume_kind(act: ActorContext, kind: str) -> bool:
    """Let workers start jobs of a kind again; return False if the kind was not paused."""
    is_changed = await resume(kind)
    if is_changed:
        await audit.record(act, "jobs.resumed", QUEUE, after={"kind": kind})
    return is_changed


def _told(row: Job) -> dict[str, Any]:
    return {"kind": row.kind, "state": row.state.value, "attempts": row.attempts}


async def _locked(job_id: str) -> Job:
    """Lock what a job is about, then the job, and return it."""
    known = await Job.get_or_none(id=job_id)
    if known is not None:
        await _lock_concerned(known)
        known = (await lock(Job, job_id)).get(job_id)
    if known is None:
        raise JobRefused(JobFault.NO_SUCH_JOB, "There is no job with this id.")
    return known


async def _lock_concerned(row: Job) -> None:
    ids = _ids(row)
    if row.kind == ENRICH and "customer_id" in ids:
        await lock(Customer, ids["customer_id"])
    elif row.kind == CONFIRMATION_MAIL and "confirmation_id" in ids:
        asked = await Confirmation.get_or_none(id=ids["confirmation_id"])
        if asked is not None:
            await lock(Contact, asked.contact_id)
    elif row.kind == IMPORT and "import_id" in ids:
        await lock(CustomerImport, ids["import_id"])


def _ids(row: Job) -> Mapping[str, Any]:
    payload: object = row.payload
    return payload if isinstance(payload, dict) else {}


async def _same(_: ActorContext, row: Job) -> Repetition:
    """Repeat a job as it is; any key will do, since nothing else enqueues the same job."""
    return Repetition(f"{row.kind}:{row.id}", row.payload, row.reseller_id, row.calls_left)


async def _lookup_again(act: ActorContext, row: Job) -> Repetition:
    """Repeat a lookup by a new run, unless its run has not ended."""
    customer = await Customer.get(id=_ids(row)["customer_id"])
    run = await EnrichmentRun.get_or_none(id=_ids(row)["run_id"])
    newest = await EnrichmentRun.filter(customer_id=customer.id).order_by("-id").first()
    customer_class = await CustomerClass.get(id=customer.customer_class_id)
    if run is not None and run.status.is_live:  # its end could not be stored
        return Repetition(lookup_key(customer.id), row.payload, row.reseller_id, ALL_CALLS)
    refuse_lookup(
        is_newest=newest is None or run is None or newest.id == run.id,
        is_checked=customer_class.check_companies_house,
        is_erased=customer.erased_at is not None,
        company_number=customer.company_number,
    )
    plan = await plan_lookups([customer], customer_class)
    await customer.save(update_fields=["enrichment_status"])
    new_run, new_job = lookup_rows(act, plan, EnrichmentTrigger.REQUEST, Urgency(row.urgency))
    assert isinstance(new_job, Job)  # noqa: S101  # as lookup_rows orders them
    await add_rows([new_run])
    await record_requests(act, [customer])
    return Repetition(
        lookup_key(customer.id), new_job.payload, new_job.reseller_id, new_job.calls_left
    )


async def _mail_again(act: ActorContext, row: Job) -> Repetition:
    confirmation_id = _ids(row).get("confirmation_id")
    if confirmation_id is None:
        return await _same(act, row)
    if not await Confirmation.exists(id=confirmation_id) or not await note_retried(
        confirmation_id, act.now
    ):
        raise JobRefused(
            JobFault.MAIL_NOT_NEEDED,
            "The mail is not needed any more: its question was answered, replaced or erased.",
        )
    return Repetition(mail_key(confirmation_id), row.payload, row.reseller_id)


async def _import_again(_: ActorContext, row: Job) -> Repetition:
    found = await CustomerImport.get_or_none(id=_ids(row)["import_id"])
    if found is None or found.state.has_ended:
        raise JobRefused(
            JobFault.IMPORT_HAS_ENDED,
            "The import has ended, and its file is deleted. Send the file again.",
        )
    return Repetition(import_key(found.id), row.payload, row.reseller_id)


async def _nothing(_: ActorContext, __: Job) -> None:
    """Do nothing: jobs of the kind leave nothing unfinished."""


async def _end_lookup(act: ActorContext, row: Job) -> None:
    """Cancel the run of a lookup that has not ended, and tell its customer's followers."""
    run = await EnrichmentRun.get_or_none(id=_ids(row).get("run_id"))
    if run is None or not run.status.is_live:
        return
    customer = await Customer.get(id=run.customer_id)
    await cancel_lookup(act, customer, EnrichmentReason.DISCARDED)
    await customer.save(update_fields=["enrichment_status"])
    await audit.record(
        act,
        "customer.lookup_ended",
        customer.id,
        after={
            "enrichment_status": customer.enrichment_status,
            "reason": EnrichmentReason.DISCARDED,
        },
        owner=owner_of(customer),
        ids={"enrichmentRunId": run.id},
    )


async def _end_mail(act: ActorContext, row: Job) -> None:
    confirmation_id = _ids(row).get("confirmation_id")
    if confirmation_id is None:
        raise JobRefused(
            JobFault.ERASURE_UNFINISHED,
            "The job deletes copies of mails to an erased contact, which must not stay. Mend what"
            " keeps it from doing so, and retry it.",
        )
    if await Confirmation.exists(id=confirmation_id):
        await note_discarded(confirmation_id, act.now)


async def _end_import(act: ActorContext, row: Job) -> None:
    import_id = _ids(row).get("import_id")
    if import_id is not None and await CustomerImport.exists(id=import_id):
        await cancel_import(act, import_id)


_REPETITIONS: Mapping[str, Callable[[ActorContext, Job], Awaitable[Repetition]]] = {
    ENRICH: _lookup_again,
    CONFIRMATION_MAIL: _mail_again,
    IMPORT: _import_again,
}
"""By kind: how a job that was given up is repeated; other kinds are repeated as they are."""

_ENDS: Mapping[str, Callable[[ActorContext, Job], Awaitable[None]]] = {
    ENRICH: _end_lookup,
    CONFIRMATION_MAIL: _end_mail,
    IMPORT: _end_import,
}
"""By kind: what ends with a discarded job."""
