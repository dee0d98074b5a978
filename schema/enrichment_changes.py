"""What runs enrichment and settles its suggestions: inputs and payloads."""

import strawberry

from schema.customer import Customer
from schema.enrichment import Suggestion
from schema.user_error import UserError


@strawberry.input(description="Whom to look up at Companies House: one of the two.")
class RequestEnrichmentInput:
    """An input."""

    customer_id: strawberry.ID | None = strawberry.field(default=None, description="One customer.")
    class_id: strawberry.ID | None = strawberry.field(
        default=None, description="All customers of a class that have a company number (R23)."
    )
    dry_run: bool | None = strawberry.field(
        default=False, description="Do everything but keep nothing."
    )


@strawberry.type(description="What a request for enrichment did.")
class RequestEnrichmentPayload:
    """A payload."""

    customer: Customer | None = strawberry.field(
        default=None, description="The customer, when one was named."
    )
    queued_lookup_count: int = strawberry.field(
        default=0, description="Lookups started; those at work already are not counted (R89)."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was changed; empty if it was."
    )


@strawberry.input(description="A suggestion whose register value is to be taken.")
class AcceptSuggestionInput:
    """An input."""

    id: strawberry.ID = strawberry.field(description="The suggestion.")
    expected_version: int | None = strawberry.field(
        default=None, description="Refuse if the customer is at another version."
    )
    dry_run: bool | None = strawberry.field(
        default=False, description="Do everything but keep nothing."
    )


@strawberry.type(description="What accepting a suggestion did.")
class AcceptSuggestionPayload:
    """A payload."""

    suggestion: Suggestion | None = strawberry.field(
        default=None, description="The suggestion, settled now."
    )
    customer: Customer | None = strawberry.field(
        default=None, description="The customer with the register's value."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was changed; empty if it was."
    )


@strawberry.input(description="A suggestion that is not to be made again.")
class RejectSuggestionInput:
    """An input."""

    id: strawberry.ID = strawberry.field(description="The suggestion.")
    expected_version: int | None = strawberry.field(
        default=None, description="Refuse if the customer is at another version."
    )
    dry_run: bool | None = strawberry.field(
        default=False, description="Do everything but keep nothing."
    )


@strawberry.type(description="What rejecting a suggestion did.")
class RejectSuggestionPayload:
    """A payload."""

    suggestion: Suggestion | None = strawberry.field(
        default=None, description="The suggestion, settled now."
    )
    customer: Customer | None = strawberry.field(
        default=None, description="The customer, its own value kept."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was changed; empty if it was."
    )
