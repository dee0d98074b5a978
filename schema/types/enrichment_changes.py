"""Inputs and payloads of the mutations that start lookups."""

from datetime import datetime

import strawberry

from schema.base.mutation_fields import MutationPayload, dry_run
from schema.types.customer import Customer
from schema.types.enrichment import EnrichmentReasonEnum, EnrichmentStatusEnum


@strawberry.input(
    one_of=True,
    description="Which customers to look up at Companies House: one customer, or those of a class.",
)
class EnrichmentTarget:
    customer_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="The id of the customer to look up. If a lookup of the customer already waits"
        " in the queue, it moves forward, never back.",
    )
    class_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="The id of a class: all its customers that have a company number and that you"
        " may see are looked up. Their lookups wait behind those of single customers. The same"
        " class can be requested again only after a cool-down, an hour by default.",
    )


@strawberry.input(description="The customers to look up at Companies House.")
class RequestEnrichmentInput:
    target: EnrichmentTarget = strawberry.field(
        description="The customer to look up, or the class whose customers to look up."
    )
    dry_run: bool | None = dry_run()


@strawberry.type(description="The result of requesting lookups.")
class RequestEnrichmentPayload(MutationPayload):
    customer: Customer | None = strawberry.field(
        default=None,
        description="The customer; `enrichment.queue` is the position of its lookup in the queue."
        " Null if the target is a class, and after an error.",
    )
    queued_lookup_count: int = strawberry.field(
        default=0,
        description="The number of lookups that were put into the queue. Customers whose lookup has"
        " not ended do not count, because their lookup is not started again.",
    )
    live_lookup_count: int | None = strawberry.field(
        default=None,
        description="The number of lookups that have not ended, including those just started, of"
        " the customers of the class that you may see. 10,001 stands for more than 10,000. Null if"
        " the target is a customer.",
    )
    has_more: bool = strawberry.field(
        default=False,
        description="Whether the class has more customers than the 10,000 that one request looks"
        " up. To look up the next ones, send the request again; no cool-down applies then.",
    )


@strawberry.input(
    description="Conditions on the lookups to restart: the latest lookup of a customer is restarted"
    " if it meets all conditions that are set."
)
class RestartEnrichmentsFilter:
    statuses: list[EnrichmentStatusEnum] | None = strawberry.field(  # type: ignore[valid-type]  # an enum with another name
        default=None,
        description="Only lookups in one of these states: FAILED, PARTIAL or NOT_FOUND; by default"
        " FAILED. A lookup with PARTIAL or NOT_FOUND is restarted only after a cool-down, by"
        " default an hour after it ended.",
    )
    reasons: list[EnrichmentReasonEnum] | None = strawberry.field(  # type: ignore[valid-type]  # see above
        default=None,
        description="Only lookups with one of these reasons for their state; by default with any or"
        " no reason.",
    )
    class_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only lookups of customers in the class with this id."
    )
    parent_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="Only lookups of customers that buy through the reseller with this id.",
    )
    finished_from_at: datetime | None = strawberry.field(
        default=None,
        description="Only lookups that ended at or after this date and time, which must have an"
        " offset from UTC.",
    )
    finished_until_at: datetime | None = strawberry.field(
        default=None,
        description="Only lookups that ended before this date and time, which must have an offset"
        " from UTC.",
    )


@strawberry.input(description="The ended lookups to restart, chosen by a filter.")
class RestartEnrichmentsInput:
    filter: RestartEnrichmentsFilter | None = strawberry.field(
        default=None,
        description="The conditions on the lookups to restart; by default all failed lookups are"
        " restarted.",
    )
    dry_run: bool | None = dry_run()


@strawberry.type(description="The result of restarting lookups.")
class RestartEnrichmentsPayload(MutationPayload):
    restarted_lookup_count: int = strawberry.field(
        default=0,
        description="The number of lookups that were restarted. One request restarts at most"
        " 10,000; see `hasMore`.",
    )
    has_more: bool = strawberry.field(
        default=False,
        description="Whether more lookups meet the conditions than one request restarts. To restart"
        " the next ones, send the request again.",
    )
