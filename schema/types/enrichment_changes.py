"""Inputs and payloads of the mutations that start lookups and settle suggestions."""

from datetime import datetime

import strawberry

from schema.base.mutation_fields import dry_run, expected_version, user_errors
from schema.base.user_error import UserError
from schema.types.customer import Customer
from schema.types.enrichment import EnrichmentReasonEnum, EnrichmentStatusEnum, Suggestion


@strawberry.input(
    description="Which customers to look up at Companies House: exactly one of `customerId` and"
    " `classId` must be given."
)
class RequestEnrichmentInput:
    customer_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="The id of one customer. If its lookup waits in the queue already, it moves"
        " forward and never back.",
    )
    class_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="The id of a class: all its customers that have a company number and that you"
        " may see are looked up."
        " Their lookups wait behind those of single customers. The request can be repeated only"
        " after a cool-down, an hour by default.",
    )
    dry_run: bool | None = dry_run()


@strawberry.type(description="The result of requesting lookups.")
class RequestEnrichmentPayload:
    customer: Customer | None = strawberry.field(
        default=None,
        description="The customer, whose position in the queue is `enrichment.queue`; null if the"
        " input has no `customerId`, or after an error.",
    )
    queued_lookup_count: int = strawberry.field(
        default=0,
        description="The number of lookups put into the queue. A lookup that has not ended is not"
        " started again.",
    )
    live_lookup_count: int | None = strawberry.field(
        default=None,
        description="The number of lookups of the class that have not ended, including those just"
        " started, of customers that you may see; 10,001 stands for more than 10,000. Null if the"
        " input has no `classId`.",
    )
    has_more: bool = strawberry.field(
        default=False,
        description="Whether the class has more customers than the 10,000 that one request looks"
        " up. Send the request again for the next ones; no cool-down applies.",
    )
    user_errors: list[UserError] = user_errors()


@strawberry.input(
    description="Conditions for lookups to restart, on the latest lookup of each customer; all that"
    " are given must hold."
)
class RestartEnrichmentsFilter:
    statuses: list[EnrichmentStatusEnum] | None = strawberry.field(  # type: ignore[valid-type]  # an enum with another name
        default=None,
        description="The states that match: FAILED, PARTIAL or NOT_FOUND; by default FAILED only."
        " PARTIAL and NOT_FOUND match only after the cool-down, by default an hour after the lookup"
        " ended.",
    )
    reasons: list[EnrichmentReasonEnum] | None = strawberry.field(  # type: ignore[valid-type]  # see above
        default=None, description="The reasons that match; by default all."
    )
    class_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only customers of this class."
    )
    parent_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only customers that buy through this reseller."
    )
    finished_from_at: datetime | None = strawberry.field(
        default=None, description="Only lookups that ended at this instant or later."
    )
    finished_until_at: datetime | None = strawberry.field(
        default=None, description="Only lookups that ended before this instant."
    )


@strawberry.input(description="Which lookups that have ended to restart.")
class RestartEnrichmentsInput:
    filter: RestartEnrichmentsFilter | None = strawberry.field(
        default=None, description="The conditions; by default all failed lookups are restarted."
    )
    dry_run: bool | None = dry_run()


@strawberry.type(description="The result of restarting lookups.")
class RestartEnrichmentsPayload:
    restarted_lookup_count: int = strawberry.field(
        default=0, description="The number of lookups restarted, at most 10,000."
    )
    has_more: bool = strawberry.field(
        default=False,
        description="Whether more lookups match than one request restarts; send it again for the"
        " next ones.",
    )
    user_errors: list[UserError] = user_errors()


@strawberry.input(description="Which suggestion to accept.")
class AcceptSuggestionInput:
    id: strawberry.ID = strawberry.field(description="The id of the suggestion.")
    expected_version: int | None = expected_version("customer")
    dry_run: bool | None = dry_run()


@strawberry.type(description="The result of accepting a suggestion.")
class AcceptSuggestionPayload:
    suggestion: Suggestion | None = strawberry.field(
        default=None, description="The accepted suggestion; null after an error."
    )
    customer: Customer | None = strawberry.field(
        default=None,
        description="The customer, with the register's value in the profile. After a version"
        " conflict the current customer; null after other errors.",
    )
    user_errors: list[UserError] = user_errors()


@strawberry.input(
    description="Which suggestion to reject. Later lookups do not suggest the same value again."
)
class RejectSuggestionInput:
    id: strawberry.ID = strawberry.field(description="The id of the suggestion.")
    expected_version: int | None = expected_version("customer")
    dry_run: bool | None = dry_run()


@strawberry.type(description="The result of rejecting a suggestion.")
class RejectSuggestionPayload:
    suggestion: Suggestion | None = strawberry.field(
        default=None, description="The rejected suggestion; null after an error."
    )
    customer: Customer | None = strawberry.field(
        default=None,
        description="The customer, with the value that a user typed. After a version conflict the"
        " current customer; null after other errors.",
    )
    user_errors: list[UserError] = user_errors()
