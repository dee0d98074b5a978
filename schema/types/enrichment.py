"""GraphQL types of a customer's lookups at Companies House: their status and history."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

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
from models.rules.profile import ProfileField, ValueSource
from models.storage.sql import among
from schema.base.context import Info
from schema.base.descriptions import described_enum
from schema.base.field_mapping import Selection, batched, maps_to, prefetched, to_one
from schema.base.node import Node
from schema.types.lookup_queue import LookupQueuePosition
from schema.types.profile_value import ValueSourceEnum

if TYPE_CHECKING:
    from schema.types.customer import Customer

EnrichmentStatusEnum = described_enum(
    EnrichmentStatus,
    "EnrichmentStatus",
    "The state of the latest lookup of a customer at Companies House.",
    {
        "NOT_APPLICABLE": "The customer's class is not checked at Companies House, or no lookup was"
        " ever requested.",
        "PENDING": "The lookup waits in the queue; see `queue`.",
        "RUNNING": "The lookup is running.",
        "RETRYIN"
        "G": "The last attempt failed for a reason that may be temporary; the lookup tries again,"
        " see `nextAttemptAt` and `queue`.",
        "SUCCEEDED": "The lookup read the company profile and the newest accounts.",
        "PARTIAL": "The lookup read the company profile, but not all figures of the newest"
        " accounts; see `reason`.",
        "NOT_FOUND": "Companies House has no company with the customer's company number.",
        "NEEDS_COMPANY_NUMBER": "There is no lookup, because the customer has no company number;"
        " save one.",
        "FAILED": "The lookup failed and is not tried again; see `reason`. Saving the customer,"
        " `requestEnrichment` and `restartEnrichments` start another lookup.",
        "CANCELLE"
        "D": "The lookup was stopped before it was done, for instance because the customer moved to"
        " another class; see `reason`.",
    },
)

EnrichmentReasonEnum = described_enum(
    EnrichmentReason,
    "EnrichmentReason",
    "The reason for the state of a lookup.",
    {
        "NO_ACCOUNTS_YET": "The company has filed no accounts.",
        "ACCOUNTS_PDF_ONLY": "The company's newest accounts exist only on paper or as PDF.",
        "ACCOUNTS_UNAVAILABLE": "Companies House does not provide the company's newest accounts.",
        "ACCOUNTS_UNREADABLE": "The company's newest accounts could not be read safely.",
        "IDENTITY_MISMATCH": "The filed accounts belong to another company.",
        "EMPLOYEES_NOT_DISCLOSED": "The company's newest accounts do not give the number of"
        " employees.",
        "FIGURES_NOT_TAGGED": "The company's newest accounts have no asset figure that a program"
        " can read.",
        "NOT_LIMITED_OR_PLC": "According to Companies House, the company is neither a limited"
        " company nor a PLC.",
        "UNKNOWN_COMPANY_NUMBER": "Companies House has no company with the customer's company"
        " number.",
        "BLOCKED": "Companies House refuses the platform's API key; all lookups wait until an"
        " operator of the platform has solved this.",
        "REFUSED_BY_REGISTER": "Companies House refuses the lookup's request permanently, so the"
        " lookup is not tried again.",
        "RATE_LIMITED": "The platform has used up the number of requests that Companies House"
        " allows at present.",
        "REGISTER_UNAVAILABLE": "Companies House does not answer, or answers with an error.",
        "GAVE_UP": "All attempts failed until the time limit for repeating them; the lookup is not"
        " tried again.",
        "INTERNAL_ERROR": "The attempt failed because of a fault in the platform, which was"
        " logged.",
        "CLASS_CHANGED": "The customer moved to a class that is not checked at Companies House, or"
        " the check of its class was turned off.",
        "COMPANY_NUMBER_CHANGED": "The customer's company number changed, so a lookup of the new"
        " number replaced this one.",
        "CUSTOMER_DELETED": "The customer was deleted.",
        "DISCARDED": "An operator of the platform ended the lookup. It can be requested again.",
    },
)

FieldOutcomeEnum = described_enum(
    FieldOutcome,
    "FieldOutcome",
    "The result of a lookup for one field of the company profile.",
    {
        "FOUND": "The field was filled from Companies House.",
        "NOT_FILED": "Neither the company's data at Companies House nor its newest accounts have a"
        " value for the field.",
        "UNREADABLE": "The company filed a value for the field in a form that a program cannot"
        " read.",
        "KEPT_USER_VALUE": "The value that a user typed was kept; a different value from Companies"
        " House becomes a suggestion.",
    },
)

ProfileFieldEnum = described_enum(
    ProfileField,
    "ProfileField",
    "A field of the company profile that lookups fill and users may edit.",
    {
        "REGISTERED_ADDRESS": "The field `registeredAddress`.",
        "INCORPORATED_ON": "The field `incorporatedOn`.",
        "EMPLOYEES": "The field `employees`.",
        "FIXED_ASSETS": "The field `fixedAssets`.",
        "CURRENT_ASSETS": "The field `currentAssets`.",
        "TOTAL_ASSETS": "The field `totalAssets`.",
        "TOTAL_ASSETS_LESS_CURRENT_LIABILITIES": "The field `totalAssetsLessCurrentLiabilities`.",
        "NET_ASSETS": "The field `netAssets`.",
    },
)

EnrichmentTriggerEnum = described_enum(
    EnrichmentTrigger,
    "EnrichmentTrigger",
    "The event that started a lookup.",
    {
        "SAVE": "The customer was saved.",
        "CLASS_CHANGE": "The customer was moved to a class that is checked at Companies House, or"
        " the check of its class was turned on again.",
        "RETIREMENT": "The customer's class was retired and replaced by a class that is checked at"
        " Companies House.",
        "REQUEST": "A user called `requestEnrichment` or `restartEnrichments`.",
        "REFRESH": "A timer: the company's next accounts were due, or its data had grown old.",
    },
)


NEXT_ATTEMPT = (
    "The earliest time of the lookup's next attempt, in UTC, never in the past; null if the lookup"
    " runs, has ended, or waits only for the lookups before it in the queue."
)
WHY = "The reason for the state in `status`; null if the state needs no explanation."


@strawberry.type(description="The result of a lookup for one field of the company profile.")
class EnrichedField:
    field: ProfileFieldEnum = strawberry.field(description="The field.")  # type: ignore[valid-type]  # an enum with another name
    outcome: FieldOutcomeEnum = strawberry.field(description="What the lookup found for the field.")  # type: ignore[valid-type]  # an enum with another name
    source: ValueSourceEnum | None = strawberry.field(  # type: ignore[valid-type]  # see above
        description="The source of the field's value; null if no value was found."
    )


async def _next_attempts(selection: Selection, runs: Sequence[Any]) -> list[datetime | None]:
    now = selection.info.context.clock()
    return [upcoming_attempt(run.row_status, run.row_next_attempt_at, now) for run in runs]


@strawberry.type(description="One lookup of a customer, from the request to its end.")
class EnrichmentRun(Node):
    customer: Annotated["Customer", strawberry.lazy("schema.types.customer")] = to_one(
        "customer", description="The customer that is looked up."
    )
    company_number: str | None = strawberry.field(
        description="The company number that was looked up; null if the customer had none."
    )
    trigger: EnrichmentTriggerEnum = strawberry.field(  # type: ignore[valid-type]  # an enum with another name
        description="The event that started the lookup."
    )
    status: EnrichmentStatusEnum = strawberry.field(description="The state of the lookup.")  # type: ignore[valid-type]  # see above
    reason: EnrichmentReasonEnum | None = strawberry.field(description=WHY)  # type: ignore[valid-type]  # see above
    attempts: int = strawberry.field(
        description="The number of attempts that the lookup has made so far."
    )
    requested_at: datetime = strawberry.field(description="When the lookup was requested, in UTC.")
    finished_at: datetime | None = strawberry.field(
        description="When the lookup ended, in UTC; null if it has not."
    )
    fields_read: strawberry.Private[list[dict[str, Any]]]

    @strawberry.field(
        description=NEXT_ATTEMPT,
        metadata=batched(_next_attempts, "status", "next_attempt_at", paths=()),
    )
    def next_attempt_at(self, info: Info) -> datetime | None:
        return prefetched(self, info)  # type: ignore[no-any-return]  # prefetched() returns Any


maps_to(EnrichmentRun, models.EnrichmentRun)


@strawberry.type(description="The lookups of a customer at Companies House.")
class Enrichment:
    status: EnrichmentStatusEnum = strawberry.field(description="The state of the latest lookup.")  # type: ignore[valid-type]  # an enum with another name
    reason: EnrichmentReasonEnum | None = strawberry.field(description=WHY)  # type: ignore[valid-type]  # see above
    attempts: int = strawberry.field(
        description="The number of attempts that the latest lookup has made so far."
    )
    requested_at: datetime | None = strawberry.field(
        description="When the latest lookup was requested, in UTC; null if no lookup was ever"
        " requested."
    )
    finished_at: datetime | None = strawberry.field(
        description="When the latest lookup ended, in UTC; null if it has not ended, or no lookup"
        " was ever requested."
    )
    next_attempt_at: datetime | None = strawberry.field(description=NEXT_ATTEMPT)
    fields: list[EnrichedField] = strawberry.field(
        description="The result for each field of the company profile, from the latest lookup that"
        " read any field; empty if no lookup did."
    )
    history: list[EnrichmentRun] = strawberry.field(
        description="All lookups of the customer, newest first."
    )
    queue: LookupQueuePosition | None = strawberry.field(
        description="The position of the latest lookup in the queue; null if it does not wait"
        " there."
    )

    @classmethod
    def of(
        cls,
        status: EnrichmentStatus,
        runs: Sequence[Any],
        position: QueuePosition | None,
        now: datetime,
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
            next_attempt_at=upcoming_attempt(latest.status, latest.next_attempt_at, now)
            if latest
            else None,
            fields=[_field(read) for read in ended.fields_read] if ended else [],
            history=list(runs),
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
        runs[run.customer_id].append(run)
    positions: Mapping[str, QueuePosition] = {}
    if QUEUE in selection.fields:
        waiting = [one.id for one in customers if one.row_enrichment_status in WAITING]
        positions = await context.lookups.positions(waiting)
    return [
        Enrichment.of(one.row_enrichment_status, runs[one.id], positions.get(one.id), now)
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


def _field(read: dict[str, Any]) -> EnrichedField:
    source = read["source"]
    return EnrichedField(
        field=ProfileField(read["name"]),
        outcome=FieldOutcome(read["outcome"]),
        source=None if source is None else ValueSource(source),
    )
