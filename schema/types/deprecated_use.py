"""The GraphQL type of uses of deprecated parts of the schema."""

from datetime import date, datetime

import strawberry

import models
from schema.base.deprecation import removal_day
from schema.base.field_mapping import computed, maps_to


@strawberry.type(
    description="How often a credential has used a deprecated part of this schema on a day."
)
class DeprecatedUse:
    coordinate: str = strawberry.field(
        description="The deprecated part, such as `Customer.name` for a field or an input field,"
        " `Query.customers(first:)` for an argument, or `ClassStatus.ACTIVE` for an enum value."
    )
    reason: str = strawberry.field(
        description="What to use instead, and from when the part is gone, as the schema said it at"
        " the last use; at most 500 characters."
    )
    removed_on: date | None = computed(
        removal_day,
        "reason",
        description="The first day on which the part may be gone; null if the reason names none.",
    )
    credential_id: strawberry.ID = strawberry.field(
        description="The id of the access token that was used, or of the user whom an identity"
        " provider signed in."
    )
    user_id: strawberry.ID | None = strawberry.field(
        description="The id of the user to whom the credential belongs; null if to none."
    )
    reseller_id: strawberry.ID | None = strawberry.field(
        description="The id of the reseller that the credential is bound to; null if to none."
    )
    used_on: date = computed(
        date.fromisoformat, "used_on", description="The day of the uses, in UTC."
    )
    use_count: int = strawberry.field(
        description="The number of operations of that day that used the part. It is updated every"
        " half minute, and may be a little too low after a failure of the server."
    )
    last_used_at: datetime = strawberry.field(description="When the part was last used, in UTC.")


maps_to(DeprecatedUse, models.DeprecatedUse)


@strawberry.input(
    description="Conditions on the uses to list; a use is listed if it meets all conditions that"
    " are set."
)
class DeprecatedUseFilter:
    """Conditions on uses; null does not filter."""

    coordinate: str | None = strawberry.field(
        default=None, description="Only uses of this part, such as `Customer.name`."
    )
    credential_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only uses by the credential with this id."
    )
    reseller_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="Only uses by credentials that are bound to the reseller with this customer"
        " id.",
    )
    from_on: date | None = strawberry.field(
        default=None, description="Only uses on this day or later."
    )
