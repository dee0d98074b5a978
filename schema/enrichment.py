"""The enrichment of a customer as clients see it: its status, its runs, its suggestions."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import strawberry

import models
from models.enrichment_status import (
    EnrichmentReason,
    EnrichmentStatus,
    EnrichmentTrigger,
    FieldOutcome,
)
from models.profile import FIGURES, ProfileEntry, ValueSource
from models.sql import among
from schema.descriptions import described_enum
from schema.node import Node
from schema.personal import Masked
from schema.profile_value import (
    ProfileValue,
    ValueSourceEnum,
    address_value,
    count_value,
    date_value,
    money_value,
)
from schema.reads import Selection, brought, derived, reads

EnrichmentStatusEnum = described_enum(
    EnrichmentStatus,
    "EnrichmentStatus",
    "Where a customer stands with Companies House (R87).",
    {
        "NOT_APPLICABLE": "The class is not checked, or no save has asked for a lookup yet.",
        "PENDING": "Waits for a worker.",
        "RUNNING": "Is being looked up.",
        "RETRYING": "An attempt failed in a way that may pass; see nextAttemptAt.",
        "SUCCEEDED": "The profile and the newest accounts were read.",
        "PARTIAL": "The profile was read, the accounts say less than they might; see reason.",
        "NOT_FOUND": "The register has no company of that number.",
        "NEEDS_COMPANY_NUMBER": "There is no company number to look up (A11).",
        "FAILED": "Given up; see reason. Saving or requestEnrichment tries again.",
        "CANCELLED": "Ended before it was done, as by a change of class (R91).",
    },
)

EnrichmentReasonEnum = described_enum(
    EnrichmentReason,
    "EnrichmentReason",
    "Why an enrichment stands as it does.",
    {
        "NO_ACCOUNTS_YET": "The company has filed no accounts.",
        "ACCOUNTS_PDF_ONLY": "The newest accounts exist on paper or as PDF only (A24).",
        "ACCOUNTS_UNAVAILABLE": "Companies House does not hand the newest accounts out.",
        "ACCOUNTS_UNREADABLE": "The newest accounts could not be read safely.",
        "IDENTITY_MISMATCH": "The document filed is another company's.",
        "EMPLOYEES_NOT_DISCLOSED": "The accounts do not say how many employees there are.",
        "FIGURES_NOT_TAGGED": "The accounts hold no asset figure that a program can read.",
        "NOT_A_UK_COMPANY": "The register's type is neither limited company nor PLC (A21).",
        "UNKNOWN_COMPANY_NUMBER": "The register does not know the number.",
        "BLOCKED": "Companies House refuses our key; all lookups wait for an operator.",
        "REFUSED_BY_REGISTER": "Companies House refuses this request for good.",
        "RATE_LIMITED": "The budget of requests is spent for now.",
        "REGISTER_UNAVAILABLE": "Companies House does not answer, or answers with a fault.",
        "GAVE_UP": "It failed for too long.",
        "INTERNAL_ERROR": "Something is wrong on our side.",
        "CLASS_CHANGED": "The customer moved to a class that is not checked (R91).",
        "COMPANY_NUMBER_CHANGED": "A lookup of the new number took its place (R89).",
        "CUSTOMER_DELETED": "The customer was deleted.",
    },
)

FieldOutcomeEnum = described_enum(
    FieldOutcome,
    "FieldOutcome",
    "What became of one wanted field (R85).",
    {
        "FOUND": "Filled from the register.",
        "NOT_FILED": "The register, or the accounts, do not have it.",
        "UNREADABLE": "It was filed, but can't be read by a program.",
        "KEPT_USER_VALUE": "A user's value was left as it is (R86).",
    },
)

EnrichmentTriggerEnum = described_enum(
    EnrichmentTrigger,
    "EnrichmentTrigger",
    "What asked for a lookup.",
    {
        "SAVE": "Saving the customer (R81).",
        "CLASS_CHANGE": "Moving the customer to a checked class.",
        "RETIREMENT": "Retiring the customer's class into a checked one (R45).",
        "REQUEST": "requestEnrichment.",
    },
)


@strawberry.type(description="What became of one wanted field.")
class EnrichedField:
    """A field."""

    name: str = strawberry.field(description="The field of CompanyProfile, such as netAssets.")
    outcome: FieldOutcomeEnum = strawberry.field(description="What became of it.")  # type: ignore[valid-type]  # an enum with another name
    source: ValueSourceEnum | None = strawberry.field(  # type: ignore[valid-type]  # see above
        description="Where the value comes from, if it was found."
    )


@strawberry.type(description="One lookup, from the request for it to its end.")
class EnrichmentRun:
    """A run."""

    id: strawberry.ID = strawberry.field(description="The id of the run.")
    company_number: str | None = strawberry.field(description="The number looked up.")
    trigger: EnrichmentTriggerEnum = strawberry.field(description="What asked for it.")  # type: ignore[valid-type]  # an enum with another name
    status: EnrichmentStatusEnum = strawberry.field(description="Where it stands or ended.")  # type: ignore[valid-type]  # see above
    reason: EnrichmentReasonEnum | None = strawberry.field(description="Why, unless it is plain.")  # type: ignore[valid-type]  # see above
    attempts: int = strawberry.field(description="Attempts made so far.")
    requested_at: datetime = strawberry.field(description="When it was asked for, in UTC.")
    finished_at: datetime | None = strawberry.field(description="When it ended, in UTC.")
    next_attempt_at: datetime | None = strawberry.field(description="When it tries next, in UTC.")
    fields_read: strawberry.Private[list[dict[str, Any]]]


reads(EnrichmentRun, models.EnrichmentRun)


@strawberry.type(description="Where a customer stands with Companies House.")
class Enrichment:
    """The latest run, and those before it."""

    status: EnrichmentStatusEnum = strawberry.field(description="Where it stands.")  # type: ignore[valid-type]  # an enum with another name
    reason: EnrichmentReasonEnum | None = strawberry.field(description="Why, unless it is plain.")  # type: ignore[valid-type]  # see above
    attempts: int = strawberry.field(description="Attempts made by the latest run.")
    requested_at: datetime | None = strawberry.field(description="When it was asked for, in UTC.")
    finished_at: datetime | None = strawberry.field(description="When it ended, in UTC.")
    next_attempt_at: datetime | None = strawberry.field(description="When it tries next, in UTC.")
    fields: list[EnrichedField] = strawberry.field(
        description="What became of each wanted field in the latest run that ended (R85)."
    )
    history: list[EnrichmentRun] = strawberry.field(description="All runs, newest first.")

    @classmethod
    def of(cls, status: EnrichmentStatus, runs: list[EnrichmentRun]) -> "Enrichment":
        """Show a customer's status with its runs, newest first."""
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
        )


async def enrichments(selection: Selection, customers: Sequence[Any]) -> list[Enrichment]:
    """Bring the status of some customers with their runs, newest first."""
    runs: dict[str, list[Any]] = {one.id: [] for one in customers}
    for run in await selection.reader.read(
        among("t0.customer_id", list(runs)), "ORDER BY t0.id DESC"
    ):
        runs[run.customer_id].append(run)
    return [Enrichment.of(one.row_enrichment_status, runs[one.id]) for one in customers]


ENRICHMENT = brought(
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


def _value(name: str, stored: dict[str, Any]) -> ProfileValue:
    entry = ProfileEntry(**stored)  # type: ignore[typeddict-item]  # written by us
    if name == "registered_address":
        return address_value(entry, {})
    if name == "incorporated_on":
        return date_value(entry)
    return money_value(entry) if name in FIGURES else count_value(entry)


def _masked_value(name: str, stored: dict[str, Any], *flags: bool) -> ProfileValue:
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


@strawberry.type(description="A register value that differs from what a user typed (R86).")
class Suggestion(Node):
    """An open suggestion."""

    field: str = derived(
        camel, "field", description="The field of CompanyProfile, such as netAssets."
    )
    value: ProfileValue = derived(
        _value, "field", "entry", description="What the register says.", masked=VALUE
    )
    created_at: datetime = strawberry.field(description="When it was found, in UTC.")


reads(Suggestion, models.Suggestion)


@strawberry.type(description="A company that a search by name offers; nothing is filled from it.")
class CompanyCandidate:
    """A candidate (R88)."""

    company_number: str = strawberry.field(description="Save this number to choose it.")
    name: str = strawberry.field(description="The name on the register.")
    company_status: str | None = strawberry.field(description="Such as active or dissolved.")
    company_type: str | None = strawberry.field(description="Such as ltd or plc.")
    incorporated_on: date | None = strawberry.field(description="When it was incorporated.")
    address: str | None = strawberry.field(description="Its address on one line.")


def _field(read: dict[str, Any]) -> EnrichedField:
    source = read.get("source")
    return EnrichedField(
        name=camel(read["name"]),
        outcome=FieldOutcome(read["outcome"]),
        source=None if source is None else ValueSource(source),
    )
