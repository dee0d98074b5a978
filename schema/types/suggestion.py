"""The GraphQL type of suggestions: register values for fields that users typed."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

import models
from models.rules.profile import FIGURES, Profile, ProfileEntry, ProfileField
from models.storage.fault_log import report
from models.tables.enrichment import SuggestionStatus
from schema.base.descriptions import described_enum
from schema.base.field_mapping import computed, maps_to, to_one
from schema.base.node import Node
from schema.base.personal import Masked
from schema.types.enrichment import ProfileFieldEnum
from schema.types.profile_value import (
    ProfileValue,
    address_value,
    count_value,
    date_value,
    money_value,
)

if TYPE_CHECKING:
    from schema.types.customer import Customer

SuggestionStatusEnum = described_enum(
    SuggestionStatus,
    "SuggestionStatus",
    "What became of a suggestion.",
    {
        "OPEN": "Nobody has decided on the suggestion yet.",
        "ACCEPTED": "A user accepted it: the value from Companies House replaced the user's.",
        "REJECTED": "A user rejected it: the user's value stayed.",
        "WITHDRAWN": "A later lookup withdrew it, because the values no longer differ, or Companies"
        " House has another value.",
    },
)

FLAGS = ("customer.customer_class.is_personal_customer", "customer.customer_class.is_sole_trader")
NO_LINES = "an address without lines if the customer is a private individual or sole trader"


def _shown(name: str, entry: ProfileEntry, profile: Profile) -> ProfileValue | None:
    """Return the value of an entry; None if it is too large for the schema, or damaged."""
    try:
        if name == ProfileField.REGISTERED_ADDRESS:
            return address_value(entry, profile.get("details", {}))
        if name == ProfileField.INCORPORATED_ON:
            return date_value(entry)
        return money_value(entry) if name in FIGURES else count_value(entry)
    except (ArithmeticError, ValueError) as error:
        report("suggestion_unreadable", error, field=name)
        return None


def _suggested(name: str, stored: dict[str, Any]) -> ProfileValue | None:
    return _shown(name, ProfileEntry(**stored), {})  # type: ignore[typeddict-item]  # written by us


def _current(name: str, profile: Profile) -> ProfileValue | None:
    entry = profile.get(name)
    return None if entry is None else _shown(name, entry, profile)


def _masked_suggested(name: str, stored: dict[str, Any], *flags: bool) -> ProfileValue | None:
    return _suggested(name, _without_lines(name, stored, flags))


def _masked_current(name: str, profile: Profile, *flags: bool) -> ProfileValue | None:
    entry = profile.get(name)
    return None if entry is None else _shown(name, _without_lines(name, entry, flags), profile)


def _without_lines(name: str, entry: Any, flags: tuple[bool, ...]) -> Any:
    return (
        {**entry, "value": {}} if name == ProfileField.REGISTERED_ADDRESS and any(flags) else entry
    )


@strawberry.type(
    description="A value from Companies House that differs from the value that a user typed in a"
    " customer's company profile. Users accept or reject it."
)
class Suggestion(Node):
    field: ProfileFieldEnum = computed(  # type: ignore[valid-type]  # an enum with another name
        ProfileField, "field", description="The field that the value is for."
    )
    value: ProfileValue | None = computed(
        _suggested,
        "field",
        "entry",
        description="The value from Companies House; null if it is too large for its GraphQL type,"
        " or damaged.",
        masked=Masked(("field", "entry", *FLAGS), _masked_suggested, NO_LINES),
    )
    current: ProfileValue | None = computed(
        _current,
        "field",
        "customer.profile",
        description="The value that the customer's profile has now: while the suggestion is open,"
        " the one that a user typed. Null if the profile has none.",
        masked=Masked(("field", "customer.profile", *FLAGS), _masked_current, NO_LINES),
    )
    status: SuggestionStatusEnum = strawberry.field(  # type: ignore[valid-type]  # an enum with another name
        description="What became of the suggestion."
    )
    customer: Annotated["Customer", strawberry.lazy("schema.types.customer")] = to_one(
        "customer", description="The customer whose profile the suggestion is about."
    )
    created_at: datetime = strawberry.field(description="When a lookup found the value, in UTC.")


maps_to(Suggestion, models.Suggestion)
