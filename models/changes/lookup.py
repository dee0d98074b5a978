"""What a save asks of Companies House: starts, coalesces, supersedes and cancels lookups."""

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

LIVE = (EnrichmentStatus.PENDING, EnrichmentStatus.RUNNING, EnrichmentStatus.RETRYING)
URGENCIES = {
    EnrichmentTrigger.SAVE: Urgency.SAVED,
    EnrichmentTrigger.CLASS_CHANGE: Urgency.SAVED,
    EnrichmentTrigger.RETIREMENT: Urgency.BULK,
    EnrichmentTrigger.REQUEST: Urgency.BULK,
}
"""How urgent lookups are by what asks for them, unless a user asks for a single one."""

BATCH = 500
"""Rows handled at once; SQLite takes no statement with very many parameters."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What follows for one customer from a save."""

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
    """Decide what a save means for the lookup (R81, R89, R91). PURE.

    `live_number` is the number that a lookup at work is for, or nothing when none is at work.
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
    """What saving some customers of one class asks for, to be carried out once they are stored."""

    is_reseller: bool = False
    """Whether the customers are resellers, so that each takes its own turn."""
    continuing: list[Customer] = field(default_factory=list)
    """Customers whose lookup is at work already."""
    cancelled: list[tuple[EnrichmentRun, EnrichmentReason]] = field(default_factory=list)
    starting: list[Customer] = field(default_factory=list)


async def plan_lookups(
    customers: Sequence[Customer], customer_class: CustomerClass, *, are_new: bool = False
) -> LookupPlan:
    """Work out what saving customers of one class asks for, and set their `enrichment_status`.

    The rows must be locked, or `are_new`; storing them is the caller's.
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


async def carry_out(
    act: ActorContext, plan: LookupPlan, trigger: EnrichmentTrigger, urgency: Urgency | None = None
) -> int:
    """Cancel and start what was planned; return the number of lookups started.

    A person's save or request moves a lookup that is queued already forward.
    """
    urgency = URGENCIES[trigger] if urgency is None else urgency
    for run, reason in plan.cancelled:
        await _cancel(act, run, reason)
    for start in range(0, len(plan.starting), BATCH):
        rows = lookup_rows(act, plan, trigger, urgency, start)
        await add_rows(rows, waking=job.JOBS)
    if urgency.is_urgent:
        for customer in plan.continuing:
            await move_forward(lookup_key(customer.id), urgency, act.now)
    if trigger is EnrichmentTrigger.REQUEST:
        # What else starts a lookup is in the trail as what it is.
        await record_requests(act, plan.starting)
    return len(plan.starting)


async def record_requests(act: ActorContext, customers: Sequence[Customer]) -> None:
    """Add to the audit trail that customers are to be looked up."""
    await audit.record_many(act, LOOKUP_REQUESTED, [customer.id for customer in customers])


async def request_lookup(act: ActorContext, customer: Customer) -> int:
    """Look a locked customer up on demand, ahead of all that nobody waits for.

    A lookup that is queued, or waits for its next attempt, moves forward. Returns the number of
    lookups started: none when one is at work already (R89).
    """
    customer_class = await CustomerClass.get(id=customer.customer_class_id)
    refuse_unchecked(customer_class, "customerId")
    if customer.company_number is None:
        raise refuse(
            RefusalCode.NEEDS_COMPANY_NUMBER,
            "The customer has no company number to look up.",
            "customerId",
            hint="companySearch offers candidates by name; save the right one's number.",
        )
    plan = await plan_lookups([customer], customer_class)
    await customer.save(update_fields=["enrichment_status"])
    started = await carry_out(act, plan, EnrichmentTrigger.REQUEST, Urgency.REQUESTED)
    if not started:
        await record_requests(act, [customer])
    return started


async def retry_blocked(act: ActorContext) -> int:
    """Look up again the customers whose lookup failed because our key was refused.

    Returns the number of lookups started. Those that wait for the key are still queued.
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
        started += await carry_out(act, plan, EnrichmentTrigger.REQUEST)
    await wake(job.JOBS)
    return started


async def store_statuses(customers: Sequence[Customer]) -> None:
    """Store the enrichment status of many customers, with a statement for each status."""
    by_status: dict[EnrichmentStatus, list[str]] = {}
    for customer in customers:
        by_status.setdefault(customer.enrichment_status, []).append(customer.id)
    for status, ids in by_status.items():
        for start in range(0, len(ids), BATCH):
            await Customer.filter(id__in=ids[start : start + BATCH]).update(
                enrichment_status=status
            )


async def cancel_lookup(act: ActorContext, customer: Customer, reason: EnrichmentReason) -> None:
    """End a customer's lookup, if one is at work."""
    for run in (await _live_runs([customer])).values():
        await _cancel(act, run, reason)
        customer.enrichment_status = EnrichmentStatus.CANCELLED


async def end_checks(act: ActorContext, customer_class: CustomerClass) -> None:
    """End the lookups of the customers of a locked class that is no longer checked (R81, R91).

    What earlier lookups filled in stays.
    """
    members = Customer.filter(customer_class_id=customer_class.id, erased_at__isnull=True)
    waiting = await members.filter(enrichment_status__in=LIVE).order_by("id").select_for_update()
    plan = await plan_lookups(waiting, customer_class)
    await store_statuses(waiting)
    await carry_out(act, plan, EnrichmentTrigger.CLASS_CHANGE)
    cancelled = [run.customer_id for run, _ in plan.cancelled]
    await audit.record_many(act, LOOKUP_CANCELLED, cancelled)
    ended = (EnrichmentStatus.CANCELLED, EnrichmentStatus.NOT_APPLICABLE)
    await members.exclude(enrichment_status__in=ended).update(
        enrichment_status=EnrichmentStatus.NOT_APPLICABLE
    )


async def resume_checks(act: ActorContext, customer_class: CustomerClass) -> None:
    """Start again the lookups that were cancelled before a locked class was checked again (R81).

    Customers whose lookup had ended, or that had none, are not looked up (R23).
    """
    members = Customer.filter(customer_class_id=customer_class.id, erased_at__isnull=True)
    cancelled = members.filter(
        enrichment_status=EnrichmentStatus.CANCELLED, company_number__isnull=False
    )
    customers = await cancelled.order_by("id").select_for_update()
    plan = await plan_lookups(customers, customer_class)
    await store_statuses(customers)
    await carry_out(act, plan, EnrichmentTrigger.CLASS_CHANGE, Urgency.BULK)
    await record_requests(act, plan.starting)


async def hand_over_lookup(customer: Customer, customer_class: CustomerClass) -> None:
    """Let a customer's lookup take the turns of its new parent; it keeps its place."""
    reseller_id = _reseller_of(customer, is_reseller=customer_class.is_reseller)
    await job.Job.filter(live_key=lookup_key(customer.id)).update(reseller_id=reseller_id)


def _reseller_of(customer: Customer, *, is_reseller: bool) -> str | None:
    """Return the reseller whose turns a customer's lookup takes; None for the platform's own."""
    return customer.id if is_reseller else customer.parent_id


def refuse_unchecked(customer_class: CustomerClass, path: str) -> None:
    """Refuse to look up customers of a class that is not checked at Companies House."""
    if not customer_class.check_companies_house:
        raise refuse(
            RefusalCode.ENRICHMENT_NOT_APPLICABLE,
            f"Customers of the class {customer_class.name} are not checked at Companies House.",
            path,
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
    """Return the rows that start a batch of lookups; the caller adds them and wakes JOBS."""
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
