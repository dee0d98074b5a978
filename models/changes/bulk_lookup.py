"""Starts lookups for many customers: all of a class, or those whose last lookup failed.

Each call is one transaction that works in batches, which bounds its memory and the size of its
statements.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from models.changes.lookup import (
    BATCH,
    LIVE,
    apply_lookup_plan,
    plan_lookups,
    refuse_unchecked,
    store_statuses,
)
from models.lists.customer_list import CustomerFilter, count
from models.rules.consent_fields import EARLIEST, LATEST
from models.rules.enrichment_status import EnrichmentReason, EnrichmentStatus, EnrichmentTrigger
from models.rules.errors import Refusal, RefusalCode, Refused, refuse
from models.storage.locks import lock, lock_name, lock_shared
from models.storage.sql import Sql, all_of, among, run, to_database
from models.storage.tenant_scope import current_tenant
from models.tables import audit
from models.tables.audit import ActorContext, AuditEntry
from models.tables.customer import Customer
from models.tables.customer_class import CustomerClass
from models.tables.enrichment import EnrichmentRun

CLASS_LOOKUP_REQUESTED = "class.lookup_requested"
OF_CLASS = ("target", "classId")

MAX_LOOKUPS = 10_000
"""The maximum number of customers that one request looks up: they stay locked until it ends."""

RESTARTABLE = (EnrichmentStatus.FAILED, EnrichmentStatus.PARTIAL, EnrichmentStatus.NOT_FOUND)
"""The statuses of lookups that a filter can restart."""

FAILED_ONLY = (EnrichmentStatus.FAILED,)


@dataclass(frozen=True, slots=True)
class RestartFilter:
    """The lookups to restart: every given condition must hold."""

    statuses: Sequence[EnrichmentStatus] = FAILED_ONLY
    reasons: Sequence[EnrichmentReason] | None = None
    class_id: str | None = None
    parent_id: str | None = None
    finished_from_at: datetime | None = None
    finished_until_at: datetime | None = None


async def recheck_class(act: ActorContext, class_id: str, cooldown: timedelta) -> tuple[int, bool]:
    """Start lookups for the customers of a class that are in the caller's tenant scope.

    Returns the number of lookups started, and whether the class has more customers than one request
    may look up; the next request continues with these. Refuses with TOO_MANY_REQUESTS if an earlier
    request within the cool-down started lookups and left no customers.
    """
    customer_class = await lock_shared(CustomerClass, class_id)
    if customer_class is None:
        raise refuse(RefusalCode.NOT_FOUND, "There is no customer class with this id.", *OF_CLASS)
    refuse_unchecked(customer_class, *OF_CLASS)
    # A partner's requests are recorded on its reseller, because classes are the platform's.
    subject_id = current_tenant() or class_id
    await lock_name(f"{CLASS_LOOKUP_REQUESTED} {subject_id} {class_id}")
    earlier = await _earlier_request(act, subject_id, class_id, cooldown)
    since = None
    if earlier is not None:
        if not earlier.after.get("has_more"):
            raise _repeated(act, earlier, cooldown)
        since = datetime.fromisoformat(earlier.after["since"])
    found = await _of_class(class_id, since)
    has_more = len(found) > MAX_LOOKUPS
    started = 0
    for ids in _batches(found[:MAX_LOOKUPS]):
        locked = (await lock(Customer, *ids)).values()
        customers = [one for one in locked if one.customer_class_id == class_id]
        started += await _look_up(act, customers, customer_class)
    of_class = {} if subject_id == class_id else {"class_id": class_id}
    left = {"has_more": True, "since": (since or act.now).isoformat()} if has_more else {}
    after = {**of_class, "lookups": started, **left}
    await audit.record(act, CLASS_LOOKUP_REQUESTED, subject_id, after=after)
    return started, has_more


async def restart_lookups(
    act: ActorContext, wanted: RestartFilter, cooldown: timedelta
) -> tuple[int, bool]:
    """Restart the lookups of the customers whose last lookup matches the filter.

    Returns the number of lookups started, and whether more customers match. Lookups that ended as
    PARTIAL or NOT_FOUND are restarted only after the cool-down.
    """
    await check_restart(act, wanted)
    ids = await _ended_as(wanted, act.now - cooldown)
    has_more = len(ids) > MAX_LOOKUPS
    started = 0
    for batch in _batches(ids[:MAX_LOOKUPS]):
        by_class: dict[str, list[Customer]] = {}
        for customer in (await lock(Customer, *batch)).values():
            if customer.enrichment_status in wanted.statuses:
                by_class.setdefault(customer.customer_class_id, []).append(customer)
        for class_id, customers in sorted(by_class.items()):
            customer_class = await lock_shared(CustomerClass, class_id)
            if customer_class is not None and customer_class.check_companies_house:
                started += await _look_up(act, customers, customer_class)
    return started, has_more


async def count_live_lookups(class_id: str) -> int:
    """Return the number of unfinished lookups of a class, at most MAX_COUNT + 1."""
    return await count(CustomerFilter(class_ids=[class_id], enrichment_statuses=LIVE))


async def check_restart(act: ActorContext, wanted: RestartFilter) -> None:
    """Refuse statuses that can't be restarted, wrong times, and ids that nothing has."""
    checks = act.checks()
    others = sorted(set(wanted.statuses) - set(RESTARTABLE))
    if others:
        checks.refuse(
            RefusalCode.VALUE_NOT_ALLOWED,
            f"Lookups with the status {' or '.join(others)} cannot be restarted. Use one or more of"
            f" {', '.join(RESTARTABLE)}.",
            "filter",
            "statuses",
            allowed_values=tuple(status.value for status in RESTARTABLE),
        )
    if wanted.class_id is not None and not await CustomerClass.exists(id=wanted.class_id):
        message = "There is no customer class with this id."
        checks.refuse(RefusalCode.NOT_FOUND, message, "filter", "classId")
    parents = Customer.filter(id=wanted.parent_id, erased_at__isnull=True)
    if wanted.parent_id is not None and not await parents.exists():
        message = "There is no customer with this id."
        checks.refuse(RefusalCode.NOT_FOUND, message, "filter", "parentId")
    since, until = (
        checks.instant_between(instant, EARLIEST, LATEST, "filter", name)
        for name, instant in (
            ("finishedFromAt", wanted.finished_from_at),
            ("finishedUntilAt", wanted.finished_until_at),
        )
    )
    if since is not None and until is not None and until < since:
        checks.refuse(
            RefusalCode.CONTRADICTORY_VALUES,
            "`finishedUntilAt` must not be before `finishedFromAt`.",
            "filter",
            "finishedUntilAt",
        )
    checks.raise_refusals()


async def _look_up(
    act: ActorContext, customers: Sequence[Customer], customer_class: CustomerClass
) -> int:
    """Start the lookups of locked customers of one class; return their number."""
    plan = await plan_lookups(customers, customer_class)
    await store_statuses(customers)
    return await apply_lookup_plan(act, plan, EnrichmentTrigger.REQUEST)


async def _earlier_request(
    act: ActorContext, subject_id: str, class_id: str, cooldown: timedelta
) -> AuditEntry | None:
    """Return the latest request within the cool-down that started lookups for the class."""
    earlier = await AuditEntry.filter(
        subject_id=subject_id, operation=CLASS_LOOKUP_REQUESTED, at__gt=act.now - cooldown
    ).order_by("-at", "-id")
    return next(
        (
            one
            for one in earlier
            if one.after.get("lookups") and one.after.get("class_id", class_id) == class_id
        ),
        None,
    )


def _repeated(act: ActorContext, entry: AuditEntry, cooldown: timedelta) -> Refused:
    free_at = entry.at + cooldown
    return Refused(
        [
            Refusal(
                RefusalCode.TOO_MANY_REQUESTS,
                "Lookups of all customers of this class were already requested at"
                f" {entry.at.isoformat(timespec='seconds')}, so no lookups were started now.",
                OF_CLASS,
                hint=f"Repeat the request after {free_at.isoformat(timespec='seconds')}. To see"
                " which lookups have not ended, list customers with this class in `classIds` and"
                " PENDING, RUNNING and RETRYING in `enrichmentStatuses`.",
                retryable=True,
                retry_after_seconds=ceil((free_at - act.now).total_seconds()),
            )
        ]
    )


async def _of_class(class_id: str, since: datetime | None) -> list[str]:
    """Return the ids of a class's customers to look up, at most MAX_LOOKUPS + 1.

    `since` is the time of the first request of a series: customers whose lookup was requested since
    then, or has not ended, are left out.
    """
    conditions = [Sql("t0.customer_class_id = ? AND t0.erased_at IS NULL", (class_id,))]
    if since is not None:
        at = to_database(EnrichmentRun._meta.fields_map["requested_at"], since)
        waiting = among("t0.enrichment_status", list(LIVE))
        conditions += [
            Sql("t0.company_number IS NOT NULL"),
            Sql(f"NOT ({waiting.text})", waiting.parameters),
            Sql(
                "NOT EXISTS (SELECT 1 FROM enrichment_run AS run WHERE run.customer_id = t0.id"
                " AND run.requested_at >= ?)",
                (at,),
            ),
        ]
    return await _ids(conditions)


async def _ids(conditions: Iterable[Sql]) -> list[str]:
    condition = all_of(conditions)
    text = (
        f"SELECT t0.id FROM customer AS t0 WHERE {condition.text}"  # noqa: S608  # no value is spelt out
        f" ORDER BY t0.id LIMIT {MAX_LOOKUPS + 1:d}"
    )
    return [row[0] for row in await run(text, condition.parameters)]


async def _ended_as(wanted: RestartFilter, cooled_by: datetime) -> list[str]:
    """Return the ids of customers whose last lookup matches the filter, at most MAX_LOOKUPS + 1.

    Lookups that ended as PARTIAL or NOT_FOUND must have ended by `cooled_by`.
    """
    if not wanted.statuses:
        return []
    ended = all_of(_ended(wanted, cooled_by))
    conditions = [
        Sql("t0.erased_at IS NULL AND t0.company_number IS NOT NULL"),
        among("t0.enrichment_status", list(wanted.statuses)),
        Sql("t0.customer_class_id IN (SELECT id FROM customer_class WHERE check_companies_house)"),
        Sql(
            "EXISTS (SELECT 1 FROM enrichment_run AS run WHERE run.customer_id = t0.id"  # noqa: S608  # no value is spelt out
            f" AND run.id = ({_NEWEST_RUN}) AND {ended.text})",
            ended.parameters,
        ),
    ]
    if wanted.class_id is not None:
        conditions.append(Sql("t0.customer_class_id = ?", (wanted.class_id,)))
    if wanted.parent_id is not None:
        conditions.append(Sql("t0.parent_id = ?", (wanted.parent_id,)))
    return await _ids(conditions)


_NEWEST_RUN = "SELECT max(latest.id) FROM enrichment_run AS latest WHERE latest.customer_id = t0.id"


def _ended(wanted: RestartFilter, cooled_by: datetime) -> Iterable[Sql]:
    """Yield SQL conditions on a customer's newest lookup, whose table has the alias `run`."""
    at = EnrichmentRun._meta.fields_map["finished_at"]
    failed = EnrichmentStatus.FAILED.value
    yield Sql("run.status = ? OR run.finished_at <= ?", (failed, to_database(at, cooled_by)))
    if wanted.reasons is not None:
        yield among("run.reason", list(wanted.reasons))
    if wanted.finished_from_at is not None:
        yield Sql("run.finished_at >= ?", (to_database(at, wanted.finished_from_at),))
    if wanted.finished_until_at is not None:
        yield Sql("run.finished_at < ?", (to_database(at, wanted.finished_until_at),))


def _batches(ids: Sequence[str]) -> Iterable[Sequence[str]]:
    ordered = sorted(ids)
    for start in range(0, len(ordered), BATCH):
        yield ordered[start : start + BATCH]
