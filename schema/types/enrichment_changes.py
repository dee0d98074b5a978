"""Inputs and payloads of the mutations that start lookups and settle suggestions."""

from datetime import datetime

import strawberry

from schema.base.user_error import UserError
from schema.types.customer import Customer
from schema.types.enrichment import EnrichmentReasonEnum, EnrichmentStatusEnum, Suggestion

DRY_RUN = "Validate and return the result, but do not save."
USER_ERRORS = "Errors that the user can fix; empty on success."


@strawberry.input(
    description="Which customers to look up at Companies House: exactly one of `customerId` and"
    " `classId` must be given."
)
class RequestEnrichmentInput:
    """An input."""

    customer_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="One customer. If its lookup waits already, it moves forward in the queue, and"
        " never back.",
    )
    class_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="All customers of this class that have a company number and that you may see."
        " Their lookups wait behind those of single customers. The request can be repeated only"
        " after a cool-down, an hour by default.",
    )
    dry_run: bool | None = strawberry.field(default=False, description=DRY_RUN)


@strawberry.type(description="The result of a request for lookups.")
class RequestEnrichmentPayload:
    """A payload."""

    customer: Customer | None = strawberry.field(
        default=None,
        description="The customer, if one was named; `enrichment.queue` tells its position.",
    )
    queued_lookup_count: int = strawberry.field(
        default=0,
        description="The lookups started. A lookup that has not ended is not started again.",
    )
    live_lookup_count: int | None = strawberry.field(
        default=None,
        description="The lookups of the class that have not ended, those just started included, of"
        " the customers that you may see; 10,001 stands for more than 10,000. Null if no class was"
        " named.",
    )
    has_more: bool = strawberry.field(
        default=False,
        description="Whether the class has more customers than the 10,000 of one request. Send the"
        " request again to go on with these; there is no cool-down in between.",
    )
    user_errors: list[UserError] = strawberry.field(default_factory=list, description=USER_ERRORS)


@strawberry.input(
    description="Which ended lookups to restart, by the latest lookup of each customer: all"
    " conditions given must hold."
)
class RestartEnrichmentsFilter:
    """A filter."""

    statuses: list[EnrichmentStatusEnum] | None = strawberry.field(  # type: ignore[valid-type]  # an enum with another name
        default=None,
        description="How the lookup ended, any of FAILED, PARTIAL and NOT_FOUND; by default FAILED"
        " only. Lookups that are PARTIAL or NOT_FOUND match only if they ended before the"
        " cool-down of repeated requests, an hour ago by default.",
    )
    reasons: list[EnrichmentReasonEnum] | None = strawberry.field(  # type: ignore[valid-type]  # see above
        default=None, description="Any of these reasons."
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


@strawberry.input(description="Which ended lookups to restart.")
class RestartEnrichmentsInput:
    """An input."""

    filter: RestartEnrichmentsFilter | None = strawberry.field(
        default=None, description="The conditions; by default all failed lookups are restarted."
    )
    dry_run: bool | None = strawberry.field(default=False, description=DRY_RUN)


@strawberry.type(description="The result of restarting lookups.")
class RestartEnrichmentsPayload:
    """A payload."""

    restarted_lookup_count: int = strawberry.field(
        default=0, description="The lookups restarted, 10,000 at most."
    )
    has_more: bool = strawberry.field(
        default=False,
        description="Whether more lookups match than one request restarts; send it again for the"
        " rest.",
    )
    user_errors: list[UserError] = strawberry.field(default_factory=list, description=USER_ERRORS)


@strawberry.input(description="Which suggestion to accept.")
class AcceptSuggestionInput:
    """An input."""

    id: strawberry.ID = strawberry.field(description="The suggestion.")
    expected_version: int | None = strawberry.field(
        default=None, description="Refuse if the customer is at another version."
    )
    dry_run: bool | None = strawberry.field(default=False, description=DRY_RUN)


@strawberry.type(description="The result of accepting a suggestion.")
class AcceptSuggestionPayload:
    """A payload."""

    suggestion: Suggestion | None = strawberry.field(
        default=None, description="The accepted suggestion."
    )
    customer: Customer | None = strawberry.field(
        default=None, description="The customer with the register's value."
    )
    user_errors: list[UserError] = strawberry.field(default_factory=list, description=USER_ERRORS)


@strawberry.input(description="Which suggestion to reject.")
class RejectSuggestionInput:
    """An input."""

    id: strawberry.ID = strawberry.field(description="The suggestion.")
    expected_version: int | None = strawberry.field(
        default=None, description="Refuse if the customer is at another version."
    )
    dry_run: bool | None = strawberry.field(default=False, description=DRY_RUN)


@strawberry.type(description="The result of rejecting a suggestion.")
class RejectSuggestionPayload:
    """A payload."""

    suggestion: Suggestion | None = strawberry.field(
        default=None, description="The rejected suggestion."
    )
    customer: Customer | None = strawberry.field(
        default=None, description="The customer, which keeps its own value."
    )
    user_errors: list[UserError] = strawberry.field(default_factory=list, description=USER_ERRORS)
