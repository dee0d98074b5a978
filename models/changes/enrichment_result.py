"""Stores on a lookup's run and customer what the lookup found, or that it will be retried.

A run is the row that describes one lookup of a customer, from the request to the end.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from models.changes.suggestion import suggest_values
from models.jobs.job import LeaseLostError
from models.jobs.job_attempt import ReleaseJobError
from models.rules.api_name import api_name
from models.rules.enrichment_status import (
    EnrichmentReason,
    EnrichmentStatus,
    EnrichmentTrigger,
    FieldOutcome,
)
from models.rules.event_type import CHANGED_FIELDS, EventType
from models.rules.profile import (
    ACCOUNTS_FIELDS,
    FILING_DETAILS,
    WANTED_FIELDS,
    Profile,
    ProfileEntry,
    merge,
)
from models.rules.profile_change import changes_between
from models.rules.refresh import KNOWN, REFRESHED, TOGETHER, Known, RefreshPolicy, next_refresh
from models.storage.locks import lock
from models.storage.row_insert import add_rows, new_row
from models.storage.sql import Sql, execute, to_database
from models.storage.sql import run as sql_rows
from models.tables import audit
from models.tables.access import SYSTEM
from models.tables.audit import ActorContext
from models.tables.customer import IS_REFRESHED, Customer
from models.tables.enrichment import EnrichmentRun, ProfileChange, Suggestion, UpstreamResponse
from models.tables.event import NewEvent, owner_of

ENDS = (EventType.CUSTOMER_ENRICHED, EventType.CUSTOMER_ENRICHMENT_FAILED)
"""The types of the events that say that a lookup has ended."""

LOOKUP = "Companies House lookup"
RUN_ID = "enrichmentRunId"
RESTARTED = "RESTARTED"
"""Why a job is released if its findings do not do for what a user asked meanwhile."""

_FORGET_REFRESHES = """DELETE FROM enrichment_run WHERE customer_id = ? AND id < ?
  AND "trigger" = 'REFRESH' AND status IN ('SUCCEEDED', 'PARTIAL') AND NOT EXISTS (
    SELECT 1 FROM profile_change AS kept WHERE kept.customer_id = enrichment_run.customer_id
      AND kept.run_id = enrichment_run.id)"""
"""Deletes a customer's earlier refreshes that changed nothing: there are a dozen each year."""

MAX_EARLIER = 10
"""Earlier lookups among which that is sought which lists the fields that it read."""

_NO_FACTS = frozenset({"retrieved_at", KNOWN})

_OTHERS = f"""SELECT id FROM customer WHERE company_number = ? AND id <> ?
  AND {IS_REFRESHED} AND refresh_due_at <= ? ORDER BY id LIMIT 20"""  # noqa: S608  # constants only

_CLEAR_EARLIER_FIELDS = """UPDATE enrichment_run SET fields_read = '[]' WHERE id =
    (SELECT max(id) FROM enrichment_run WHERE customer_id = ? AND id < ?)"""
"""Clears a customer's previous run's fields: only the newest run that read any field lists them."""


@dataclass(frozen=True, slots=True)
class Findings:
    """The result of a lookup: profile entries by field, further register details, and the status.

    `sought` names the fields that the lookup looked for, `unreadable` those fields whose values at
    Companies House could not be read. With `has_same_accounts`, the lookup found that the accounts
    which were read before are still the newest, so their values stay.
    """

    status: EnrichmentStatus
    source: str
    reason: EnrichmentReason | None = None
    entries: Mapping[str, ProfileEntry] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)
    unreadable: frozenset[str] = frozenset()
    sought: Sequence[str] = WANTED_FIELDS
    has_same_accounts: bool = False

    @property
    def kept_fields(self) -> Sequence[str]:
        """The fields whose values stay as they are."""
        return ACCOUNTS_FIELDS if self.has_same_accounts else ()


async def note_running(run_id: str, attempts: int) -> EnrichmentRun:
    """Mark a run as running its attempt number `attempts`, and return it.

    Raises LeaseLostError if the run was cancelled.
    """
    run, customer = await _locked(run_id)
    run.status, run.attempts, run.next_attempt_at = EnrichmentStatus.RUNNING, attempts, None
    run.reason = None if run.reason is EnrichmentReason.BLOCKED else run.reason
    await run.save()
    customer.enrichment_status = EnrichmentStatus.RUNNING
    await customer.save(update_fields=["enrichment_status"])
    return run


async def note_waiting(
    run_id: str,
    attempts: int,
    due_at: datetime,
    reason: EnrichmentReason | None,
    so_far: Findings | None,
    now: datetime,
) -> None:
    """Mark a run as waiting for another attempt at `due_at`, and store partial findings (R85).

    Nothing is stored before the end if all is known from before, so that no value is missing
    meanwhile. Raises LeaseLostError if the run has ended.
    """
    run, customer = await _locked(run_id)
    run.status = EnrichmentStatus.RETRYING if attempts else EnrichmentStatus.PENDING
    if run.trigger is EnrichmentTrigger.REFRESH or KNOWN in (customer.profile.get("details") or {}):
        so_far = None
    run.reason, run.attempts, run.next_attempt_at = reason, attempts, due_at
    if so_far is not None and customer.profile.get("details") != so_far.details:
        outcomes = await _apply(run, customer, so_far, now, EventType.CUSTOMER_UPDATED)
        run.source = so_far.source
        run.fields_read = [_read(name, outcome, so_far) for name, outcome in outcomes.items()]
    await run.save()
    customer.enrichment_status = run.status
    await customer.save(update_fields=["profile", "enrichment_status"])


async def note_blocked() -> None:
    """Set the reason of waiting runs without one to BLOCKED, since the API key is refused."""
    waiting = EnrichmentRun.filter(
        status__in=(EnrichmentStatus.PENDING, EnrichmentStatus.RETRYING), reason__isnull=True
    )
    if await waiting.exists():
        await waiting.update(reason=EnrichmentReason.BLOCKED)


async def keep_answer(run_id: str, step: str, body: bytes, now: datetime) -> None:
    """Store the response of Companies House to one step (request) of a run.

    Raises LeaseLostError if the run has ended.
    """
    await _locked(run_id)
    await UpstreamResponse.create(run_id=run_id, step=step, body=body, retrieved_at=now)


async def store_findings(
    run_id: str,
    attempts: int,
    findings: Findings,
    now: datetime,
    policy: RefreshPolicy | None = None,
) -> None:
    """Store the findings and end the run; raises LeaseLostError if it has already ended.

    This does not count as a save of the customer, so it starts no lookup (R92). `policy` says when
    the customer is looked up again; None means never. The findings of a refresh are stored for
    other customers with the same company number, too, if they are to be refreshed about now.
    Raises ReleaseJobError if a user asked for a complete lookup, and the findings are not.
    """
    known = await EnrichmentRun.get(id=run_id)
    is_refresh = known.trigger is EnrichmentTrigger.REFRESH
    others = await _others_to_refresh(known, now) if is_refresh else ()
    run, customer, siblings = await _locked_with(run_id, *others)
    if findings.has_same_accounts and run.trigger is not EnrichmentTrigger.REFRESH:
        raise ReleaseJobError(RESTARTED)
    before = Known.of(customer.profile.get("details") or {})
    run.attempts = attempts
    await _end(run, customer, findings, now, policy)
    for sibling in siblings:
        details = sibling.profile.get("details") or {}
        if not _is_due(sibling, customer.company_number, now) or (
            findings.has_same_accounts and Known.of(details) != before
        ):
            continue  # locked by somebody else meanwhile, or to be compared with other accounts
        shared = EnrichmentRun(
            customer_id=sibling.id,
            company_number=sibling.company_number,
            trigger=EnrichmentTrigger.REFRESH,
            status=EnrichmentStatus.RUNNING,
            requested_at=now,
        )
        await _end(shared, sibling, findings, now, policy)


async def _end(
    run: EnrichmentRun,
    customer: Customer,
    findings: Findings,
    now: datetime,
    policy: RefreshPolicy | None,
) -> None:
    """Store the findings on a locked customer, and end its run, which may be new."""
    if findings.entries or findings.details:
        outcomes = await _apply(run, customer, findings, now)
    else:
        outcomes = {}
        await audit.record(
            ActorContext(SYSTEM, now, run.id),
            "customer.lookup_ended",
            customer.id,
            after={"enrichment_status": findings.status, "reason": findings.reason},
            reason=LOOKUP,
            owner=owner_of(customer),
            ids={RUN_ID: run.id},
        )
    run.status, run.reason = findings.status, findings.reason
    run.source = findings.source
    run.finished_at, run.next_attempt_at = now, None
    run.fields_read = [_read(name, outcome, findings) for name, outcome in outcomes.items()]
    if findings.has_same_accounts:
        run.fields_read = await _with_earlier_fields(run)
    await run.save()
    if run.trigger is EnrichmentTrigger.REFRESH:
        await execute(Sql(_FORGET_REFRESHES, (customer.id, run.id)))
    if run.fields_read:
        await execute(Sql(_CLEAR_EARLIER_FIELDS, (customer.id, run.id)))
    await UpstreamResponse.filter(run_id=run.id).delete()
    customer.enrichment_status = findings.status
    customer.refresh_due_at = None
    if policy is not None and customer.company_number is not None:
        details = customer.profile.get("details") or {}
        customer.refresh_due_at = next_refresh(
            customer.company_number, now, findings.status, details, policy
        )
    await customer.save(update_fields=["profile", "enrichment_status", "refresh_due_at"])


async def _with_earlier_fields(run: EnrichmentRun) -> list[dict[str, Any]]:
    """Return the fields that a run read, and those that earlier lookups read and this one kept."""
    read = {one["name"] for one in run.fields_read}
    earlier = EnrichmentRun.filter(customer_id=run.customer_id, id__lt=run.id)
    for listed in (
        await earlier.order_by("-id").limit(MAX_EARLIER).values_list("fields_read", flat=True)
    ):
        if listed:
            return [*run.fields_read, *(one for one in listed if one["name"] not in read)]
    return run.fields_read


async def _others_to_refresh(refresh: EnrichmentRun, now: datetime) -> list[str]:
    """Return the ids of other customers with a refresh's company number whose refresh is due."""
    due = to_database(Customer._meta.fields_map["refresh_due_at"], now + TOGETHER)
    parameters = (refresh.company_number, refresh.customer_id, due)
    return [row[0] for row in await sql_rows(_OTHERS, parameters)]


def _is_due(customer: Customer, company_number: str | None, now: datetime) -> bool:
    """Return whether a locked customer is of a company, and its refresh is due about now."""
    due_at = customer.refresh_due_at
    return (
        customer.company_number == company_number
        and customer.enrichment_status in REFRESHED
        and due_at is not None
        and due_at <= now + TOGETHER
    )


async def _apply(
    run: EnrichmentRun,
    customer: Customer,
    findings: Findings,
    now: datetime,
    event: EventType = EventType.CUSTOMER_ENRICHED,
) -> Mapping[str, FieldOutcome]:
    before, kept = customer.profile, findings.kept_fields
    merged = merge(before, findings.entries, findings.unreadable, kept)
    details = dict(findings.details)
    if findings.has_same_accounts:
        old = before.get("details") or {}
        details = {name: old[name] for name in FILING_DETAILS if name in old} | details
    customer.profile = {**merged.profile, "details": details}
    opened = await suggest_values(customer.id, merged.suggestions, now, kept)
    same = _same_facts(before, customer.profile)
    is_later = run.trigger is EnrichmentTrigger.REFRESH or KNOWN in (before.get("details") or {})
    if is_later:
        await add_rows(_change_rows(run, customer, before, findings.source, now))
    changed = (before.keys() | customer.profile.keys()) - same
    if run.trigger is EnrichmentTrigger.REFRESH and not (changed or opened):
        return merged.outcomes  # nobody need hear of a look that found nothing new
    await audit.record(
        ActorContext(SYSTEM, now, run.id),
        "customer.enriched",
        customer.id,
        before=_told(before, changed),
        after=_told(customer.profile, changed),
        reason=LOOKUP,
        owner=owner_of(customer),
        ids={RUN_ID: run.id},
        event=event,
        also=[_opened(run, suggestion) for suggestion in opened],
    )
    return {name: merged.outcomes[name] for name in findings.sought}


def _change_rows(
    run: EnrichmentRun, customer: Customer, before: Profile, source: str, now: datetime
) -> list[ProfileChange]:
    return [
        new_row(
            ProfileChange,
            customer_id=customer.id,
            field=change.field.value,
            before=change.before,
            after=change.after,
            source=source,
            filing_id=change.filing_id,
            run_id=run.id,
            changed_at=now,
        )
        for change in changes_between(before, customer.profile)
    ]


def _told(profile: Profile, names: Collection[str]) -> dict[str, Any]:
    """Return the entries of a profile with these names, for the audit trail."""
    return {
        name: {key: value for key, value in entry.items() if key != KNOWN}
        for name, entry in profile.items()
        if name in names
    }


def _opened(run: EnrichmentRun, suggestion: Suggestion) -> NewEvent:
    payload = {
        CHANGED_FIELDS: [api_name(suggestion.field)],
        "suggestionId": suggestion.id,
        RUN_ID: run.id,
    }
    return NewEvent(EventType.CUSTOMER_SUGGESTION_OPENED, payload)


def _same_facts(one: Profile, other: Profile) -> frozenset[str]:
    """Return the fields whose entries are equal in both profiles, as far as facts go."""

    def fact(entry: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in entry.items() if name not in _NO_FACTS}

    return frozenset(
        name for name in one.keys() & other.keys() if fact(one[name]) == fact(other[name])
    )


def _read(name: str, outcome: FieldOutcome, findings: Findings) -> dict[str, Any]:
    entry = findings.entries.get(name)
    source = entry.get("source") if entry and outcome is FieldOutcome.FOUND else None
    return {"name": name, "outcome": outcome, "source": source}


async def _locked(run_id: str) -> tuple[EnrichmentRun, Customer]:
    run, customer, _ = await _locked_with(run_id)
    return run, customer


async def _locked_with(
    run_id: str, *others: str
) -> tuple[EnrichmentRun, Customer, Sequence[Customer]]:
    """Lock a run, its customer and other customers; raises LeaseLostError if the run has ended."""
    known = await EnrichmentRun.get(id=run_id)
    # All code locks a customer before the rows that belong to it, to avoid deadlocks.
    locked = await lock(Customer, known.customer_id, *others)
    customer = locked.pop(known.customer_id)
    run = (await lock(EnrichmentRun, run_id))[run_id]
    if not run.status.is_live or run.company_number != customer.company_number:
        raise LeaseLostError(run_id)
    return run, customer, list(locked.values())
