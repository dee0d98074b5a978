"""GraphQL types of a customer's lookups at Companies House: status, runs and suggestions."""

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
        "NOT_APPLICABLE": "The customer's class is not checked at Companies House, or no lookup was"
        " ever requested.",
        "PENDING": "The lookup waits in the queue; see `queue`.",
        "RUNNING": "The customer is being looked up.",
        "RETRYIN"
        "G": "An attempt failed for a reason that may be temporary, and will be repeated; see"
        " `nextAttemptAt` and `queue`.",
        "SUCCEEDED": "The company profile and the newest accounts were read.",
        "PARTIAL": "The company profile was read, but not all figures of the newest accounts; see"
        " `reason`.",
        "NOT_FOUND": "The register has no company with that number.",
        "NEEDS_COMPANY_NUMBER": "The customer has no company number to look up; save one.",
        "FAILED": "The lookup failed and is not repeated; see `reason`. Saving the customer,"
        " `requestEnrichment` and `restartEnrichments` start another.",
        "CANCELLE"
        "D": "The lookup was stopped before it was done, for instance by a change of class.",
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
        "IDENTITY_MISMATCH": "The filed accounts belong to another company.",
        "EMPLOYEES_NOT_DISCLOSED": "The accounts do not give the number of employees.",
        "FIGURES_NOT_TAGGED": "The accounts hold no asset figure that a program can read.",
        "NOT_LIMITED_OR_PLC": "On the register this is neither a limited company nor a PLC.",
        "UNKNOWN_COMPANY_NUMBER": "The register has no company with that number.",
        "BLOCKED": "Companies House refuses the platform's API key; all lookups wait until an"
        " operator has solved this.",
        "REFUSED_BY_REGISTER": "Companies House refuses this request permanently.",
        "RATE_LIMITED": "The allowance of requests to Companies House is used up for now.",
        "REGISTER_UNAVAILABLE": "Companies House does not answer, or answers with an error.",
        "GAVE_UP": "All attempts failed, for longer than lookups are repeated.",
        "INTERNAL_ERROR": "The platform failed; the fault was logged.",
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
        "NOT_FILED": "Neither the register nor the newest accounts have the field.",
        "UNREADABLE": "The field was filed in a form that a program cannot read.",
        "KEPT_USER_VALUE": "The value that a user typed was kept; a different value of the register"
        " becomes a suggestion.",
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
    " ended, or waits only for the lookups before it in the queue."
)
WHY = "The reason for the state; null if the state explains itself."


@strawberry.type(description="The result of a lookup for one field of the company profile.")
class EnrichedField:
    name: str = strawberry.field(
        description="The name of the field of CompanyProfile, such as netAssets."
    )
    outcome: FieldOutcomeEnum = strawberry.field(description="The result for the field.")  # type: ignore[valid-type]  # an enum with another name
    source: ValueSourceEnum | None = strawberry.field(  # type: ignore[valid-type]  # see above
        description="The source of the value; null if none was found."
    )


@strawberry.type(description="One lookup of a customer, from the request to its end.")
class EnrichmentRun:
    id: strawberry.ID = strawberry.field(description="The id of the lookup.")
    company_number: str | None = strawberry.field(
        description="The company number looked up; null if the customer had none."
    )
    trigger: EnrichmentTriggerEnum = strawberry.field(  # type: ignore[valid-type]  # an enum with another name
        description="The event that started the lookup."
    )
    status: EnrichmentStatusEnum = strawberry.field(description="The state of the lookup.")  # type: ignore[valid-type]  # see above
    reason: EnrichmentReasonEnum | None = strawberry.field(description=WHY)  # type: ignore[valid-type]  # see above
    attempts: int = strawberry.field(description="The number of attempts made so far.")
    requested_at: datetime = strawberry.field(description="When the lookup was requested, in UTC.")
    finished_at: datetime | None = strawberry.field(
        description="When the lookup ended, in UTC; null if it has not."
    )
    next_attempt_at: datetime | None = strawberry.field(description=NEXT_ATTEMPT)
    fields_read: strawberry.Private[list[dict[str, Any]]]


maps_to(EnrichmentRun, models.EnrichmentRun)


@strawberry.type(description="The lookups of a customer at Companies House.")
class Enrichment:
    status: EnrichmentStatusEnum = strawberry.field(description="The state of the latest lookup.")  # type: ignore[valid-type]  # an enum with another name
    reason: EnrichmentReasonEnum | None = strawberry.field(description=WHY)  # type: ignore[valid-type]  # see above
    attempts: int = strawberry.field(
        description="The number of attempts that the latest lookup made so far."
    )
    requested_at: datetime | None = strawberry.field(
        description="When the latest lookup was requested, in UTC; null if none was."
    )
    finished_at: datetime | None = strawberry.field(
        description="When the latest lookup ended, in UTC; null if it has not, or none was"
        " requested."
    )
    next_attempt_at: datetime | None = strawberry.field(description=NEXT_ATTEMPT)
    fields: list[EnrichedField] = strawberry.field(
        description="The result for each field, from the latest lookup that read any; empty if none"
        " did."
    )
    history: list[EnrichmentRun] = strawberry.field(description="All lookups, newest first.")
    queue: LookupQueuePosition | None = strawberry.field(
        description="The position of the lookup in the queue; null if it does not wait there."
    )

    @classmethod
    def of(
        cls, status: EnrichmentStatus, runs: list[EnrichmentRun], position: QueuePosition | None
    ) -> "Enrichment":
        """Return the enrichment of a customer.

        `runs` are its lookups, newest first; `position` is its place in the queue, or None.
        """
        latest = runs[0] if runs else None
        # If the status was set without a run, the reason of the latest run does not apply to it.
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
    """Convert a Python name to the schema's spelling: `net_assets` to `netAssets`."""
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
    "an address without lines if the customer is a legal individual",
)


@strawberry.type(
    description="A value of the register that differs from the one that a user typed; a user"
    " accepts or rejects it."
)
class Suggestion(Node):
    field: str = computed(
        camel, "field", description="The name of the field of CompanyProfile, such as netAssets."
    )
    value: ProfileValue | None = computed(
        _value,
        "field",
        "entry",
        description="The value of the register; null if it is too large for the schema, or"
        " damaged.",
        masked=VALUE,
    )
    created_at: datetime = strawberry.field(description="When a lookup found the value, in UTC.")


maps_to(Suggestion, models.Suggestion)


@strawberry.type(
    description="A company found by name. The search changes no customer; to choose the company,"
    " save its number with the customer."
)
class CompanyCandidate:
    company_number: str = strawberry.field(
        description="The company number, as the register writes it."
    )
    name: str = strawberry.field(description="The company's name on the register.")
    company_status: str | None = strawberry.field(
        description="The company's status as the register writes it, such as active or dissolved;"
        " null if the register gives none."
    )
    company_type: str | None = strawberry.field(
        description="The company's type as the register writes it, such as ltd or plc; null if the"
        " register gives none."
    )
    incorporated_on: date | None = strawberry.field(
        description="The day of incorporation; null if the register gives none."
    )
    address: str | None = strawberry.field(
        description="The company's address on one line; null if the register gives none."
    )


def _field(read: dict[str, Any]) -> EnrichedField:
    source = read["source"]
    return EnrichedField(
        name=camel(read["name"]),
        outcome=FieldOutcome(read["outcome"]),
        source=None if source is None else ValueSource(source),
    )
