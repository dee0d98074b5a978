"""Starts, continues, replaces and cancels lookups at Companies House when customers change.

Lookups wait in a queue in which resellers take turns; see `models/jobs/queue_turn.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from tortoise.models import Model

from models.jobs import job
from models.jobs.kinds import ENRICH, lookup_key
from models.jobs.queue_move import move_forward
from models.rules.enrichment_status import EnrichmentReason, EnrichmentStatus, EnrichmentTrigger
from models.rules.errors import RefusalCode, refuse
from models.rules.queue_order import ALL_CALLS
from models.rules.urgency import Urgency
from models.storage.database import wake
from models.storage.locks import lock
from models.storage.row_insert import add_rows, new_row
from models.tables import audit
from models.tables.audit import ActorContext
from models.tables.customer import Customer
from models.tables.customer_class import CustomerClass
from models.tables.enrichment import EnrichmentRun, UpstreamResponse

LOOKUP_REQUESTED = "customer.lookup_requested"
LOOKUP_CANCELLED = "customer.lookup_cancelled"
OF_CUSTOMER = ("target", "customerId")
"""The path of the input field that names the customer to look up."""

LIVE = (EnrichmentStatus.PENDING, EnrichmentStatus.RUNNING, EnrichmentStatus.RETRYING)
URGENCIES = {
    EnrichmentTrigger.SAVE: Urgency.SAVED,
    EnrichmentTrigger.CLASS_CHANGE: Urgency.SAVED,
    EnrichmentTrigger.RETIREMENT: Urgency.BULK,
    EnrichmentTrigger.REQUEST: Urgency.BULK,
    EnrichmentTrigger.REFRESH: Urgency.REFRESH,
}
"""The urgency of lookups by what triggers them, unless a user requests a single lookup."""

BATCH = 500
"""Rows handled at once, because SQLite limits the parameters of a statement."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What saving a customer does to the customer's lookup.

    `status` is the new enrichment status. `cancels` is the reason for which an unfinished lookup is
    cancelled; None if none is.
    """

    status: EnrichmentStatus
    starts: bool = False
    cancels: EnrichmentReason | None = None


def decide(
    *,
    is_checked: bool,
    company_number: str | None,
    live_number: str | None,
    status: EnrichmentStatus,
) -> Decision:
    """Return what saving a customer does to the customer's lookup (R81, R89, R91), without I/O.

    `is_checked` says whether the class is checked at Companies House. `live_number` is the company
    number of the unfinished lookup; None if there is none.
    """
    if not is_checked:
        if live_number is not None:
            return Decision(EnrichmentStatus.CANCELLED, cancels=EnrichmentReason.CLASS_CHANGED)
        if status is EnrichmentStatus.CANCELLED:
            return Decision(status)
        return Decision(EnrichmentStatus.NOT_APPLICABLE)
    if live_number is not None and live_number == company_number:
        return Decision(status)
    superseded = EnrichmentReason.COMPANY_NUMBER_CHANGED if live_number is not None else None
    if company_number is None:
        return Decision(EnrichmentStatus.NEEDS_COMPANY_NUMBER, cancels=superseded)
    return Decision(EnrichmentStatus.PENDING, starts=True, cancels=superseded)


@dataclass(slots=True)
class LookupPlan:
    """The lookups to start, continue and cancel once some customers of one class are stored."""

    is_reseller: bool = False
    """Whether the customers are resellers: then each takes turns of its own in the queue."""
    continuing: list[Customer] = field(default_factory=list)
    """Customers whose unfinished lookup continues."""
    cancelled: list[tuple[EnrichmentRun, EnrichmentReason]] = field(default_factory=list)
    """The unfinished lookups to cancel, each with the reason."""
    starting: list[Customer] = field(default_factory=list)


async def plan_lookups(
    customers: Sequence[Customer], customer_class: CustomerClass, *, are_new: bool = False
) -> LookupPlan:
    """Plan the lookups of customers of one class, and set their `enrichment_status`.

    The customers must be locked; with `are_new`, they are not stored yet. The caller stores them.
    """
    plan = LookupPlan(customer_class.is_reseller)
    for start in range(0, len(customers), BATCH):
        batch = customers[start : start + BATCH]
        live = {} if are_new else await _live_runs(batch)
        for customer in batch:
            run = live.get(customer.id)
            decision = decide(
                is_checked=customer_class.check_companies_house,
                company_number=customer.company_number,
                live_number=None if run is None else run.company_number,
                status=customer.enrichment_status,
            )
            customer.enrichment_status = decision.status
            if run is not None and decision.cancels is not None:
                plan.cancelled.append((run, decision.cancels))
            if decision.starts:
                plan.starting.append(customer)
            elif decision.status.is_live:
                plan.continuing.append(customer)
    return plan


async def apply_lookup_plan(
    act: ActorContext, plan: LookupPlan, trigger: EnrichmentTrigger, urgency: Urgency | None = None
) -> int:
    """Cancel and start lookups as planned; return the number of lookups started.

    `urgency` None stands for the usual urgency of the trigger. If it is urgent, continuing lookups
    move forward in the queue.
    """
    urgency = URGENCIES[trigger] if urgency is None else urgency
    for run, reason in plan.cancelled:
        await _cancel(act, run, reason)
    for start in range(0, len(plan.starting), BATCH):
        rows = lookup_rows(act, plan, trigger, urgency, start)
        await add_rows(rows, waking=job.JOBS)
    await _complete_refreshes(plan.continuing, trigger)
    if urgency.is_urgent:
        for customer in plan.continuing:
            await move_forward(lookup_key(customer.id), urgency, act.now)
    if trigger is EnrichmentTrigger.REQUEST:
        # The changes behind other triggers add audit entries themselves.
        await record_requests(act, plan.starting)
    return len(plan.starting)


async def _complete_refreshes(customers: Sequence[Customer], trigger: EnrichmentTrigger) -> None:
    """Make unfinished refreshes of customers lookups by `trigger`, which skip no request."""
    for start in range(0, len(customers), BATCH):
        ids = [customer.id for customer in customers[start : start + BATCH]]
        await EnrichmentRun.filter(
            customer_id__in=ids, status__in=LIVE, trigger=EnrichmentTrigger.REFRESH
        ).update(trigger=trigger)


async def record_requests(act: ActorContext, customers: Sequence[Customer]) -> None:
    """Add an audit entry for each customer that a lookup was requested."""
    await audit.record_many(act, LOOKUP_REQUESTED, [customer.id for customer in customers])


async def request_lookup(act: ActorContext, customer: Customer) -> int:
    """Look a locked customer up at a user's request, ahead of bulk lookups.

    A lookup that is queued, or waits for its next attempt, moves forward. Returns the number of
    lookups started: 0 if an unfinished lookup exists (R89). Refuses a customer without a company
    number, and one whose class is not checked at Companies House.
    """
    customer_class = await CustomerClass.get(id=customer.customer_class_id)
    refuse_unchecked(customer_class, *OF_CUSTOMER)
    if customer.company_number is None:
        raise refuse(
            RefusalCode.NEEDS_COMPANY_NUMBER,
            "The customer has no company number, so there is nothing to look up.",
            *OF_CUSTOMER,
            hint="Find the company by its name with `companySearch`, and save its number with the"
            " customer.",
        )
    plan = await plan_lookups([customer], customer_class)
    await customer.save(update_fields=["enrichment_status"])
    started = await apply_lookup_plan(act, plan, EnrichmentTrigger.REQUEST, Urgency.REQUESTED)
    if not started:
        await record_requests(act, [customer])
    return started


async def retry_blocked(act: ActorContext) -> int:
    """Restart lookups that failed because Companies House refused the API key; return how many.

    Lookups that wait because of the refused key need no restart; workers are woken to claim them.
    """
    failed = await EnrichmentRun.filter(
        customer__enrichment_status=EnrichmentStatus.FAILED,
        status=EnrichmentStatus.FAILED,
        reason=EnrichmentReason.BLOCKED,
    ).values_list("customer_id", flat=True)
    started = 0
    for customer_id in sorted(set(failed)):
        customer = (await lock(Customer, str(customer_id))).get(str(customer_id))
        if customer is None or customer.enrichment_status is not EnrichmentStatus.FAILED:
            continue
        newest = await EnrichmentRun.filter(customer_id=customer.id).order_by("-id").first()
        if newest is None or newest.reason is not EnrichmentReason.BLOCKED:
            continue
        customer_class = await CustomerClass.get(id=customer.customer_class_id)
        plan = await plan_lookups([customer], customer_class)
        await customer.save(update_fields=["enrichment_status"])
        started += await apply_lookup_plan(act, plan, EnrichmentTrigger.REQUEST)
    await wake(job.JOBS)
    return started


async def store_statuses(customers: Sequence[Customer]) -> None:
    """Store the enrichment status of many customers, with one statement per status and batch."""
    by_status: dict[EnrichmentStatus, list[str]] = {}
    for customer in customers:
        by_status.setdefault(customer.enrichment_status, []).append(customer.id)
    for status, ids in by_status.items():
        for start in range(0, len(ids), BATCH):
            await Customer.filter(id__in=ids[start : start + BATCH]).update(
                enrichment_status=status
            )


async def cancel_lookup(act: ActorContext, customer: Customer, reason: EnrichmentReason) -> None:
    """Cancel a customer's unfinished lookup, if there is one; the caller stores the customer."""
    for run in (await _live_runs([customer])).values():
        await _cancel(act, run, reason)
        customer.enrichment_status = EnrichmentStatus.CANCELLED


async def end_checks(act: ActorContext, customer_class: CustomerClass) -> None:
    """Cancel the lookups of customers of a locked class that is no longer checked (R81, R91).

    Values that earlier lookups filled in stay.
    """
    members = Customer.filter(customer_class_id=customer_class.id, erased_at__isnull=True)
    waiting = await members.filter(enrichment_status__in=LIVE).order_by("id").select_for_update()
    plan = await plan_lookups(waiting, customer_class)
    await store_statuses(waiting)
    await apply_lookup_plan(act, plan, EnrichmentTrigger.CLASS_CHANGE)
    cancelled = [run.customer_id for run, _ in plan.cancelled]
    await audit.record_many(act, LOOKUP_CANCELLED, cancelled)
    ended = (EnrichmentStatus.CANCELLED, EnrichmentStatus.NOT_APPLICABLE)
    await members.exclude(enrichment_status__in=ended).update(
        enrichment_status=EnrichmentStatus.NOT_APPLICABLE
    )


async def resume_checks(act: ActorContext, customer_class: CustomerClass) -> None:
    """Restart the cancelled lookups of a locked class that is checked again (R81).

    Customers whose lookup had ended, or who had none, are not looked up (R23).
    """
    members = Customer.filter(customer_class_id=customer_class.id, erased_at__isnull=True)
    cancelled = members.filter(
        enrichment_status=EnrichmentStatus.CANCELLED, company_number__isnull=False
    )
    customers = await cancelled.order_by("id").select_for_update()
    plan = await plan_lookups(customers, customer_class)
    await store_statuses(customers)
    await apply_lookup_plan(act, plan, EnrichmentTrigger.CLASS_CHANGE, Urgency.BULK)
    await record_requests(act, plan.starting)


async def move_lookup_to_parent(customer: Customer, customer_class: CustomerClass) -> None:
    """Count a customer's queued lookup towards the turns of the new parent, at the same place."""
    reseller_id = _reseller_of(customer, is_reseller=customer_class.is_reseller)
    await job.Job.filter(live_key=lookup_key(customer.id)).update(reseller_id=reseller_id)


def _reseller_of(customer: Customer, *, is_reseller: bool) -> str | None:
    """Return the id of the reseller in whose name a customer's lookup waits in the queue.

    The queue takes a lookup of each reseller in turn. A customer that is a reseller itself
    (`is_reseller`) waits in its own name, any other customer in its parent's. None if it has no
    parent: then it waits in the platform's name.
    """
    return customer.id if is_reseller else customer.parent_id


def refuse_unchecked(customer_class: CustomerClass, *path: str) -> None:
    """Refuse to look up customers of a class that is not checked at Companies House."""
    if not customer_class.check_companies_house:
        raise refuse(
            RefusalCode.ENRICHMENT_NOT_APPLICABLE,
            f"Customers of the class “{customer_class.name}” are not looked up, because this class"
            " is not checked at Companies House.",
            *path,
        )


async def _live_runs(customers: Sequence[Customer]) -> dict[str, EnrichmentRun]:
    runs = await EnrichmentRun.filter(
        customer_id__in=[customer.id for customer in customers], status__in=LIVE
    )
    return {run.customer_id: run for run in runs}


async def _cancel(act: ActorContext, run: EnrichmentRun, reason: EnrichmentReason) -> None:
    await job.cancel(lookup_key(run.customer_id), act.now)
    await UpstreamResponse.filter(run_id=run.id).delete()
    run.status, run.reason = EnrichmentStatus.CANCELLED, reason
    run.finished_at, run.next_attempt_at = act.now, None
    await run.save()


def lookup_rows(
    act: ActorContext,
    plan: LookupPlan,
    trigger: EnrichmentTrigger,
    urgency: Urgency,
    start: int = 0,
) -> list[Model]:
    """Return the rows that start a batch of planned lookups; the caller adds them and wakes JOBS.

    `start` is the index of the batch's first customer in the plan.
    """
    runs, jobs = [], []
    for customer in plan.starting[start : start + BATCH]:
        run = new_row(
            EnrichmentRun,
            customer_id=customer.id,
            company_number=customer.company_number,
            trigger=trigger,
            status=EnrichmentStatus.PENDING,
            requested_at=act.now,
            next_attempt_at=act.now,
        )
        runs.append(run)
        jobs.append(
            job.NewJob(
                ENRICH,
                lookup_key(customer.id),
                {"run_id": run.id, "customer_id": customer.id},
                urgency,
                _reseller_of(customer, is_reseller=plan.is_reseller),
                act.request_id,
                ALL_CALLS,
            )
        )
    return [*runs, *job.job_rows(jobs, act.now)]
