"""Lists jobs for operators, and tells what a job is about, without personal data."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum, unique
from typing import Any

from tortoise.expressions import Q
from tortoise.queryset import QuerySet

from models.jobs.job import IS_GIVEN_UP, Job, JobState
from models.jobs.kinds import CONFIRMATION_MAIL, ENRICH, IMPORT, WEBHOOK_NOTICE
from models.lists.row_order import BY_ID, BY_ID_DOWN, SortOrder
from models.rules.job_action import ids_of
from models.rules.urgency import Urgency
from models.storage.sql import Sql, all_of, run
from models.tables.confirmation import Confirmation
from models.tables.customer import Customer
from models.tables.customer_import import CustomerImport
from models.tables.enrichment import EnrichmentRun
from models.tables.webhook import WebhookEndpoint

SEPARATOR = "/"


@unique
class JobOrder(StrEnum):
    """The order of a list of jobs."""

    NEWEST = "newest"
    DUE = "due"
    """The one that was or is due first; without jobs that have ended."""


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Conditions on jobs; one that is None or empty does not filter."""

    kind: str | None = None
    states: Sequence[JobState] = ()
    urgency: Urgency | None = None
    created_before: datetime | None = None
    reason: str | None = None
    """A part of the code of the last failure, in any case."""

    def rows(self) -> QuerySet[Job]:
        """Return the jobs that meet all conditions."""
        found = Job.all()
        if self.kind is not None:
            found = found.filter(kind=self.kind)
        if self.states:
            found = found.filter(state__in=list(self.states))
        if self.urgency is not None:
            found = found.filter(urgency=int(self.urgency))
        if self.created_before is not None:
            found = found.filter(created_at__lt=self.created_before)
        if self.reason:
            found = found.filter(reason__icontains=self.reason)
        return found

    def condition(self) -> Sql:
        """Return the SQL condition, with the table named `t0`; `reason` must be the whole code."""
        equal = {
            "kind": self.kind,
            "urgency": None if self.urgency is None else int(self.urgency),
            "reason": self.reason,
        }
        found = [
            Sql(f"t0.{column} = ?", (value,))
            for column, value in equal.items()
            if value is not None
        ]
        if self.states:
            # Spelt out, so that the planner can use the partial indexes.
            spelt = [f"t0.state = '{one.value}'" for one in sorted(set(self.states))]
            found.append(Sql(" OR ".join(spelt)))
        return all_of(found)


class JobSort(SortOrder):
    """The order of jobs in the API."""

    CREATED_AT_DESC = BY_ID_DOWN
    CREATED_AT_ASC = BY_ID


class BadCursor(ValueError):
    """A text is no cursor of a list in this order."""


@dataclass(frozen=True, slots=True)
class JobPage:
    """A page of jobs, and the cursor of the next page; None if this is the last."""

    jobs: Sequence[Job]
    next: str | None


async def list_jobs(
    wanted: JobFilter, order: JobOrder, limit: int, after: str | None = None
) -> JobPage:
    """Return a page of jobs; `after` is the cursor of an earlier page. Raises BadCursor."""
    rows = wanted.rows()
    if order is JobOrder.DUE:
        rows = rows.filter(due_at__isnull=False).order_by("due_at", "id")
        if after is not None:
            due_at, job_id = _due_cursor(after)
            rows = rows.filter(Q(due_at__gt=due_at) | Q(due_at=due_at, id__gt=job_id))
    else:
        rows = rows.order_by("-id")
        if after is not None:
            if SEPARATOR in after:
                raise BadCursor(after)
            rows = rows.filter(id__lt=after)
    found = await rows.limit(limit + 1)
    page = found[:limit]
    return JobPage(page, _cursor(page[-1], order) if len(found) > limit else None)


async def given_up(kind: str | None, reason: str | None) -> list[str]:
    """Return the ids of the jobs that were given up, oldest first."""
    wanted = JobFilter(kind=kind, states=(JobState.FAILED,), reason=reason)
    return [str(one) for one in await wanted.rows().order_by("id").values_list("id", flat=True)]


async def count_given_up() -> Mapping[str, int]:
    """Return the number of jobs that were given up and are still stored, by kind."""
    text = f"SELECT kind, count(*) FROM job WHERE {IS_GIVEN_UP} GROUP BY kind ORDER BY kind"  # noqa: S608  # constants only
    return {str(kind): int(count) for kind, count in await run(text, ())}


def facts_of(row: Job) -> dict[str, Any]:
    """Return what is stored of a job, by names for JSON; of the payload the ids alone."""
    is_running = row.state is JobState.RUNNING
    return {
        "id": row.id,
        "kind": row.kind,
        "state": row.state.value,
        "urgency": Urgency(row.urgency).name,
        "attempts": row.attempts,
        "reason": row.reason,
        "createdAt": _shown(row.created_at),
        "dueAt": None if is_running else _shown(row.due_at),
        "startedAt": _shown(row.started_at),
        "leaseEndsAt": _shown(row.due_at) if is_running else None,
        "leaseOwner": row.owner,
        "finishedAt": _shown(row.finished_at),
        "callsLeft": row.calls_left,
        "resellerId": row.reseller_id,
        "requestId": row.request_id,
        "payload": ids_of(row.payload),
    }


async def concerned(row: Job) -> dict[str, Any] | None:
    """Return the state of what a job is about; None if there is none, or it is no longer stored."""
    look = _CONCERNED.get(row.kind)
    return None if look is None else await look(ids_of(row.payload))


async def _lookup(ids: Mapping[str, Any]) -> dict[str, Any] | None:
    own = await EnrichmentRun.get_or_none(id=ids.get("run_id"))
    if own is None:
        return None
    customer = await Customer.get(id=own.customer_id)
    newest = await EnrichmentRun.filter(customer_id=customer.id).order_by("-id").first()
    return {
        "customerId": customer.id,
        "enrichmentStatus": customer.enrichment_status.value,
        "runId": own.id,
        "runStatus": own.status.value,
        "runReason": None if own.reason is None else own.reason.value,
        "runIsNewest": newest is not None and newest.id == own.id,
    }


async def _mail(ids: Mapping[str, Any]) -> dict[str, Any] | None:
    asked = await Confirmation.get_or_none(id=ids.get("confirmation_id"))
    if asked is None:
        return None
    return {
        "confirmationId": asked.id,
        "contactId": asked.contact_id,
        "customerId": asked.customer_id,
        "mailState": asked.mail_state.value,
        "mailFailure": None if asked.mail_failure is None else asked.mail_failure.value,
        "isAnswered": asked.used_at is not None,
        "isInvalid": asked.voided_at is not None,
    }


async def _import(ids: Mapping[str, Any]) -> dict[str, Any] | None:
    found = await CustomerImport.get_or_none(id=ids.get("import_id"))
    if found is None:
        return None
    return {
        "importId": found.id,
        "importState": found.state.value,
        "importFailure": None if found.failure is None else found.failure.value,
        "rowCount": found.row_count,
        "doneCount": found.done_count,
        "failedCount": found.failed_count,
    }


async def _endpoint(ids: Mapping[str, Any]) -> dict[str, Any] | None:
    found = await WebhookEndpoint.get_or_none(id=ids.get("endpoint_id"))
    if found is None:
        return None
    return {
        "webhookEndpointId": found.id,
        "isActive": found.is_active,
        "failingSince": _shown(found.failing_since),
    }


_CONCERNED: Mapping[str, Callable[[Mapping[str, Any]], Awaitable[dict[str, Any] | None]]] = {
    ENRICH: _lookup,
    CONFIRMATION_MAIL: _mail,
    IMPORT: _import,
    WEBHOOK_NOTICE: _endpoint,
}


def _shown(instant: datetime | None) -> str | None:
    return None if instant is None else instant.astimezone(UTC).isoformat(timespec="milliseconds")


def _cursor(row: Job, order: JobOrder) -> str:
    if order is JobOrder.NEWEST or row.due_at is None:
        return row.id
    return f"{row.due_at.astimezone(UTC).isoformat()}{SEPARATOR}{row.id}"


def _due_cursor(text: str) -> tuple[datetime, str]:
    instant, _, job_id = text.partition(SEPARATOR)
    try:
        due_at = datetime.fromisoformat(instant)
    except ValueError:
        raise BadCursor(text) from None
    if not job_id or due_at.tzinfo is None:
        raise BadCursor(text)
    return due_at, job_id
