"""The enrichment of a customer as clients see it: its status, its runs, its suggestions."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import strawberry

import models
from models.lists.lookup_monitor import QueuePosition
from models.rules.enrichment_status import (
    EnrichmentReason,
    EnrichmentStatus,
    EnrichmentTrigger,
    FieldOutcome,
    upcoming_attempt,
)
from models.rules.profile import FIGURES, ProfileEntry, ValueSource
from models.storage.fault_log import report
from models.storage.sql import among
from schema.base.descriptions import described_enum
from schema.base.field_mapping import Selection, batched, computed, maps_to
from schema.base.node import Node
from schema.base.personal import Masked
from schema.types.lookup_queue import LookupQueuePosition
from schema.types.profile_value import (
    ProfileValue,
    ValueSourceEnum,
    address_value,
    count_value,
    date_value,
    money_value,
)

EnrichmentStatusEnum = described_enum(
    EnrichmentStatus,
    "EnrichmentStatus",
    "The state of the lookup of a customer at Companies House.",
    {
        "NOT_APPLICABLE": "The class is not checked, or no lookup was ever requested.",
        "PENDING": "The lookup waits for its turn; see `queue`.",
        "RUNNING": "The customer is being looked up.",
        "RETRYING": "An attempt failed in a way that may pass; see `nextAttemptAt` and `queue`.",
        "SUCCEEDED": "The profile and the newest accounts were read.",
        "PARTIAL": "The profile was read, but not all figures of the accounts; see `reason`.",
        "NOT_FOUND": "The register has no company of that number.",
        "NEEDS_COMPANY_NUMBER": "The customer has no company number to look up.",
        "FAILED": "The lookup was given up; see `reason`. Saving the customer, `requestEnrichment`"
        " and `restartEnrichments` start another.",
        "CANCELLED": "The lookup was ended before it was done, for instance by a change of class.",
    },
)

EnrichmentReasonEnum = described_enum(
    EnrichmentReason,
    "EnrichmentReason",
    "The reason for the state of a lookup.",
    {
        "NO_ACCOUNTS_YET": "The company has filed no accounts.",
        "ACCOUNTS_PDF_ONLY": "The newest accounts exist only on paper or as PDF.",
        "ACCOUNTS_UNAVAILABLE": "Companies House does not provide the newest accounts.",
        "ACCOUNTS_UNREADABLE": "The newest accounts could not be read safely.",
        "IDENTITY_MISMATCH": "The filed document belongs to another company.",
        "EMPLOYEES_NOT_DISCLOSED": "The accounts do not say how many employees there are.",
        "FIGURES_NOT_TAGGED": "The accounts hold no asset figure that a program can read.",
        "NOT_LIMITED_OR_PLC": "The register says that this is neither a limited company nor a PLC.",
        "UNKNOWN_COMPANY_NUMBER": "The register does not know the number.",
        "BLOCKED": "Companies House refuses our API key; all lookups wait for an operator.",
        "REFUSED_BY_REGISTER": "Companies House refuses this request permanently.",
        "RATE_LIMITED": "No more requests to Companies House are allowed for now.",
        "REGISTER_UNAVAILABLE": "Companies House does not answer, or answers with an error.",
        "GAVE_UP": "The lookup failed for too long.",
        "INTERNAL_ERROR": "Something is wrong on our side.",
        "CLASS_CHANGED": "The customer moved to a class that is not checked.",
        "COMPANY_NUMBER_CHANGED": "A lookup of the new company number replaced this one.",
        "CUSTOMER_DELETED": "The customer was deleted.",
    },
)

FieldOutcomeEnum = described_enum(
    FieldOutcome,
    "FieldOutcome",
    "The result of a lookup for one field.",
    {
        "FOUND": "The field was filled from the register.",
        "NOT_FILED": "Neither the register nor the accounts have it.",
        "UNREADABLE": "It was filed, but a program cannot read it.",
        "KEPT_USER_VALUE": "The value that a user typed was kept.",
    },
)

EnrichmentTriggerEnum = described_enum(
    EnrichmentTrigger,
    "EnrichmentTrigger",
    "The event that started a lookup.",
    {
        "SAVE": "The customer was saved.",
        "CLASS_CHANGE": "The customer was moved to a checked class.",
        "RETIREMENT": "The customer's class was retired and replaced by a checked one.",
        "REQUEST": "`requestEnrichment` or `restartEnrichments` was called.",
    },
)


NEXT_ATTEMPT = (
    "The earliest time of the next attempt, in UTC, never in the past; null if the lookup runs, has"
    " ended, or starts as soon as it has its turn."
)
WHY = "The reason for the state; null if the state explains itself."


@strawberry.type(description="The result of a lookup for one field.")
class EnrichedField:
    """A field."""

    name: str = strawberry.field(description="The field of CompanyProfile, such as netAssets.")
    outcome: FieldOutcomeEnum = strawberry.field(description="The result.")  # type: ignore[valid-type]  # an enum with another name
    source: ValueSourceEnum | None = strawberry.field(  # type: ignore[valid-type]  # see above
        description="The source of the value; null if none was found."
    )


@strawberry.type(description="One lookup of a customer, from the request to its end.")
class EnrichmentRun:
    """A run."""

    id: strawberry.ID = strawberry.field(description="The id of the run.")
    company_number: str | None = strawberry.field(description="The company number looked up.")
    trigger: EnrichmentTriggerEnum = strawberry.field(description="The event that started it.")  # type: ignore[valid-type]  # an enum with another name
    status: EnrichmentStatusEnum = strawberry.field(description="Its state.")  # type: ignore[valid-type]  # see above
    reason: EnrichmentReasonEnum | None = strawberry.field(description=WHY)  # type: ignore[valid-type]  # see above
    attempts: int = strawberry.field(description="Attempts made so far.")
    requested_at: datetime = strawberry.field(description="When it was requested, in UTC.")
    finished_at: datetime | None = strawberry.field(description="When it ended, in UTC.")
    next_attempt_at: datetime | None = strawberry.field(description=NEXT_ATTEMPT)
    fields_read: strawberry.Private[list[dict[str, Any]]]


maps_to(EnrichmentRun, models.EnrichmentRun)


@strawberry.type(description="The lookups of a customer at Companies House.")
class Enrichment:
    """The latest run, and those before it."""

    status: EnrichmentStatusEnum = strawberry.field(description="The state of the latest lookup.")  # type: ignore[valid-type]  # an enum with another name
    reason: EnrichmentReasonEnum | None = strawberry.field(description=WHY)  # type: ignore[valid-type]  # see above
    attempts: int = strawberry.field(description="The attempts made by the latest lookup.")
    requested_at: datetime | None = strawberry.field(description="When it was requested, in UTC.")
    finished_at: datetime | None = strawberry.field(description="When it ended, in UTC.")
    next_attempt_at: datetime | None = strawberry.field(description=NEXT_ATTEMPT)
    fields: list[EnrichedField] = strawberry.field(
        description="The results for each field in the latest lookup that read any."
    )
    history: list[EnrichmentRun] = strawberry.field(description="All lookups, newest first.")
    queue: LookupQueuePosition | None = strawberry.field(
        description="Where the lookup waits for its turn; null if it runs or none is due."
    )

    @classmethod
    def of(
        cls, status: EnrichmentStatus, runs: list[EnrichmentRun], position: QueuePosition | None
    ) -> "Enrichment":
        """Show a customer's status with its runs, newest first, and where it waits."""
        latest = runs[0] if runs else None
        # A customer that no longer takes part has no reason of its own.
        speaks = latest if latest is not None and latest.status is status else None
        ended = next((run for run in runs if run.fields_read), None)
        return cls(
            status=status,
            reason=speaks.reason if speaks else None,
            attempts=latest.attempts if latest else 0,
            requested_at=latest.requested_at if latest else None,
            finished_at=latest.finished_at if latest else None,
            next_attempt_at=latest.next_attempt_at if latest else None,
            fields=[_field(read) for read in ended.fields_read] if ended else [],
            history=runs,
            queue=LookupQueuePosition.of(position),
        )


QUEUE = "queue"
WAITING = (EnrichmentStatus.PENDING, EnrichmentStatus.RETRYING)


async def enrichments(selection: Selection, customers: Sequence[Any]) -> list[Enrichment]:
    """Read the status of some customers with their runs, newest first, and where they wait."""
    runs: dict[str, list[Any]] = {one.id: [] for one in customers}
    context = selection.info.context
    now = context.clock()
    for run in await selection.reader.read(
        among("t0.customer_id", list(runs)), "ORDER BY t0.id DESC"
    ):
        run.next_attempt_at = upcoming_attempt(run.status, run.next_attempt_at, now)
        runs[run.customer_id].append(run)
    positions: Mapping[str, QueuePosition] = {}
    if QUEUE in selection.fields:
        waiting = [one.id for one in customers if one.row_enrichment_status in WAITING]
        positions = await context.lookups.positions(waiting)
    return [
        Enrichment.of(one.row_enrichment_status, runs[one.id], positions.get(one.id))
        for one in customers
    ]


ENRICHMENT = batched(
    enrichments,
    "enrichment_status",
    paths=(("history",),),
    extra=(
        "customer_id",
        "status",
        "reason",
        "attempts",
        "requested_at",
        "finished_at",
        "next_attempt_at",
        "fields_read",
    ),
)


def camel(name: str) -> str:
    """Write a field's name as the schema does."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _value(name: str, stored: dict[str, Any]) -> ProfileValue | None:
    entry = ProfileEntry(**stored)  # type: ignore[typeddict-item]  # written by us
    try:
        return _shown(name, entry)
    except (ArithmeticError, ValueError) as error:
        report("suggestion_unreadable", error, field=name)
        return None


def _shown(name: str, entry: ProfileEntry) -> ProfileValue | None:
    if name == "registered_address":
        return address_value(entry, {})
    if name == "incorporated_on":
        return date_value(entry)
    return money_value(entry) if name in FIGURES else count_value(entry)


def _masked_value(name: str, stored: dict[str, Any], *flags: bool) -> ProfileValue | None:
    if name == "registered_address" and any(flags):
        stored = {**stored, "value": {}}
    return _value(name, stored)


VALUE = Masked(
    (
        "field",
        "entry",
        "customer.customer_class.is_personal_customer",
        "customer.customer_class.is_sole_trader",
    ),
    _masked_value,
    "no lines of an address for individuals, sole traders too",
)


@strawberry.type(description="A register value that differs from what a user typed.")
class Suggestion(Node):
    """An open suggestion."""

    field: str = computed(
        camel, "field", description="The field of CompanyProfile, such as netAssets."
    )
    value: ProfileValue | None = computed(
        _value,
        "field",
        "entry",
        description="The register's value; null if it is too large or damaged to be shown.",
        masked=VALUE,
    )
    created_at: datetime = strawberry.field(description="When it was found, in UTC.")


maps_to(Suggestion, models.Suggestion)


@strawberry.type(description="A company found by name; nothing is filled from it.")
class CompanyCandidate:
    """A candidate (R88)."""

    company_number: str = strawberry.field(description="Save this number to choose it.")
    name: str = strawberry.field(description="The name on the register.")
    company_status: str | None = strawberry.field(description="Such as active or dissolved.")
    company_type: str | None = strawberry.field(description="Such as ltd or plc.")
    incorporated_on: date | None = strawberry.field(description="When it was incorporated.")
    address: str | None = strawberry.field(description="Its address on one line.")


def _field(read: dict[str, Any]) -> EnrichedField:
    source = read["source"]
    return EnrichedField(
        name=camel(read["name"]),
        outcome=FieldOutcome(read["outcome"]),
        source=None if source is None else ValueSource(source),
    )
