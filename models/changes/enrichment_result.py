"""Stores on a lookup's run and customer what the lookup found, or that it will be retried.

A run is the row that describes one lookup of a customer, from the request to the end.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from models.changes.suggestion import suggest_values
from models.jobs.job import LeaseLostError
from models.rules.api_name import api_name
from models.rules.enrichment_status import EnrichmentReason, EnrichmentStatus, FieldOutcome
from models.rules.event_type import CHANGED_FIELDS, EventType
from models.rules.profile import WANTED_FIELDS, Profile, ProfileEntry, merge
from models.storage.locks import lock
from models.storage.sql import Sql, execute
from models.tables import audit
from models.tables.access import SYSTEM
from models.tables.audit import ActorContext
from models.tables.customer import Customer
from models.tables.enrichment import EnrichmentRun, Suggestion, UpstreamResponse
from models.tables.event import NewEvent, owner_of

ENDS = (EventType.CUSTOMER_ENRICHED, EventType.CUSTOMER_ENRICHMENT_FAILED)
"""The types of the events that say that a lookup has ended."""

LOOKUP = "Companies House lookup"
RUN_ID = "enrichmentRunId"

_CLEAR_EARLIER_FIELDS = """UPDATE enrichment_run SET fields_read = '[]' WHERE id =
    (SELECT max(id) FROM enrichment_run WHERE customer_id = ? AND id < ?)"""
"""Clears a customer's previous run's fields: only the newest run that read any field lists them."""


@dataclass(frozen=True, slots=True)
class Findings:
    """The result of a lookup: profile entries by field, further register details, and the status.

    `sought` names the fields that the lookup looked for, `unreadable` those fields whose values at
    Companies House could not be read.
    """

    status: EnrichmentStatus
    source: str
    reason: EnrichmentReason | None = None
    entries: Mapping[str, ProfileEntry] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)
    unreadable: frozenset[str] = frozenset()
    sought: Sequence[str] = WANTED_FIELDS


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

    Raises LeaseLostError if the run has ended.
    """
    run, customer = await _locked(run_id)
    run.status = EnrichmentStatus.RETRYING if attempts else EnrichmentStatus.PENDING
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


async def store_findings(run_id: str, attempts: int, findings: Findings, now: datetime) -> None:
    """Store the findings and end the run; raises LeaseLostError if it has already ended.

    This does not count as a save of the customer, so it starts no lookup (R92).
    """
    run, customer = await _locked(run_id)
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
    run.status, run.reason, run.attempts = findings.status, findings.reason, attempts
    run.source = findings.source
    run.finished_at, run.next_attempt_at = now, None
    run.fields_read = [_read(name, outcome, findings) for name, outcome in outcomes.items()]
    await run.save()
    if run.fields_read:
        await execute(Sql(_CLEAR_EARLIER_FIELDS, (customer.id, run.id)))
    await UpstreamResponse.filter(run_id=run.id).delete()
    customer.enrichment_status = findings.status
    await customer.save(update_fields=["profile", "enrichment_status"])


async def _apply(
    run: EnrichmentRun,
    customer: Customer,
    findings: Findings,
    now: datetime,
    event: EventType = EventType.CUSTOMER_ENRICHED,
) -> Mapping[str, FieldOutcome]:
    merged = merge(customer.profile, findings.entries, findings.unreadable)
    before = customer.profile
    customer.profile = {**merged.profile, "details": dict(findings.details)}
    opened = await suggest_values(customer.id, merged.suggestions, now)
    same = _same_facts(before, customer.profile)
    await audit.record(
        ActorContext(SYSTEM, now, run.id),
        "customer.enriched",
        customer.id,
        before={name: entry for name, entry in before.items() if name not in same},
        after={name: entry for name, entry in customer.profile.items() if name not in same},
        reason=LOOKUP,
        owner=owner_of(customer),
        ids={RUN_ID: run.id},
        event=event,
        also=[_opened(run, suggestion) for suggestion in opened],
    )
    return {name: merged.outcomes[name] for name in findings.sought}


def _opened(run: EnrichmentRun, suggestion: Suggestion) -> NewEvent:
    payload = {
        CHANGED_FIELDS: [api_name(suggestion.field)],
        "suggestionId": suggestion.id,
        RUN_ID: run.id,
    }
    return NewEvent(EventType.CUSTOMER_SUGGESTION_OPENED, payload)


def _same_facts(one: Profile, other: Profile) -> frozenset[str]:
    """Return the fields whose entries are equal in both profiles, apart from `retrieved_at`."""

    def fact(entry: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in entry.items() if name != "retrieved_at"}

    return frozenset(
        name for name in one.keys() & other.keys() if fact(one[name]) == fact(other[name])
    )


def _read(name: str, outcome: FieldOutcome, findings: Findings) -> dict[str, Any]:
    entry = findings.entries.get(name)
    source = entry.get("source") if entry and outcome is FieldOutcome.FOUND else None
    return {"name": name, "outcome": outcome, "source": source}


async def _locked(run_id: str) -> tuple[EnrichmentRun, Customer]:
    known = await EnrichmentRun.get(id=run_id)
    # All code locks a customer before the rows that belong to it, to avoid deadlocks.
    customer = (await lock(Customer, known.customer_id))[known.customer_id]
    run = (await lock(EnrichmentRun, run_id))[run_id]
    if not run.status.is_live or run.company_number != customer.company_number:
        raise LeaseLostError(run_id)
    return run, customer
