"""Fields that the inputs and payloads of mutations have in common."""

from typing import Any

import strawberry

from schema.base.user_error import UserError


def expected_version(name: str, more: str = "") -> Any:
    """Declare the input field `expectedVersion`.

    `name` is what the description calls the object to change; `more` is added to the description.
    """
    return strawberry.field(
        default=None,
        description=f"The version that the {name} must have; with another version, the change is"
        f" refused (VERSION_CONFLICT). By default any version is accepted.{more}",
    )


def customer_id() -> Any:
    """Declare the input field `customerId`, beside `customerExternalReference`."""
    return strawberry.field(
        default=None,
        description="The id of the customer; this or `customerExternalReference` is required.",
    )


def customer_external_reference() -> Any:
    """Declare the input field `customerExternalReference`, beside `customerId`."""
    return strawberry.field(
        default=None,
        description="Instead of `customerId`, or of the same customer: your own external reference"
        " of the customer. For partners (callers bound to a reseller) it is that of a customer of"
        " their reseller, for others that of a customer without a reseller.",
    )


def dry_run(more: str = "") -> Any:
    """Declare the input field `dryRun`; `more` says what a dry run leaves out besides saving."""
    return strawberry.field(
        default=False, description=f"Validate and return the result, but do not save{more}."
    )


@strawberry.interface(description="What every mutation returns.")
class MutationPayload:
    is_dry_run: bool = strawberry.field(
        default=False,
        description="Whether the mutation was a dry run (`dryRun`), which stored nothing. All ids"
        " in the payload then begin with `dryrun:`, also in `before` and `after` of audit entries,"
        " so that no cache takes its objects for stored ones; an input with such an id is refused."
        " Cursors are not marked. Each `version` is the stored one, or 1 for a new object.",
    )
    is_replayed: bool = strawberry.field(
        default=False,
        description="Whether this request repeats an earlier one with the same idempotency key. If"
        " so, it changed nothing, and the payload shows what the earlier request changed, as it is"
        " now: an object is null if it was deleted since, or if you may no longer see it.",
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Errors that the user can fix; empty on success."
    )
