"""GraphQL types of the history of a company profile: what changed at Companies House."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import strawberry

import models
from models.lists.personal_data import IDENTITY, MASK, PERSONAL_ENTRIES
from models.lists.profile_change_list import change_pages, count_changes
from models.rules.profile import ValueSource
from models.rules.profile_change import ChangedField
from schema.base.connection import BoundedConnection, PagesPerKey
from schema.base.descriptions import described_enum
from schema.base.field_mapping import Selection, batched, computed, maps_to
from schema.base.pagination import CONNECTION, COUNTS, ROWS, page_arguments
from schema.base.personal import Masked
from schema.types.profile_value import ValueSourceEnum

ChangedFieldEnum = described_enum(
    ChangedField,
    "ChangedProfileField",
    "A field of the company profile whose changes at Companies House are kept.",
    {
        "REGISTERED_ADDRESS": "The field `registeredAddress`; the lines separated by commas.",
        "INCORPORATED_ON": "The field `incorporatedOn`.",
        "EMPLOYEES": "The field `employees`.",
        "FIXED_ASSETS": "The field `fixedAssets`, with its currency.",
        "CURRENT_ASSETS": "The field `currentAssets`, with its currency.",
        "TOTAL_ASSETS": "The field `totalAssets`, with its currency.",
        "TOTAL_ASSETS_LESS_CURRENT_LIABILITIES": "The field `totalAssetsLessCurrentLiabilities`,"
        " with its currency.",
        "NET_ASSETS": "The field `netAssets`, with its currency.",
        "COMPANY_NAME": "The field `companyName`.",
        "COMPANY_TYPE": "The field `companyType`.",
        "COMPANY_SUBTYPE": "A finer type of the company, such as community-interest-company.",
        "COMPANY_STATUS": "The field `companyStatus`.",
        "COMPANY_STATUS_DETAIL": "The field `companyStatusDetail`.",
        "CEASED_ON": "The day on which the company was dissolved or closed.",
        "JURISDICTION": "The field `jurisdiction`.",
        "SIC_CODES": "The field `sicCodes`; the codes separated by commas.",
        "ACCOUNTS_PERIOD_END_ON": "The field `accountsPeriodEndOn`: newer accounts were filed.",
    },
)
FLAGS = ("customer.customer_class.is_personal_customer", "customer.customer_class.is_sole_trader")
HIDDEN = PERSONAL_ENTRIES.union(IDENTITY)


def _shown(text: str | None) -> str | None:
    return text


def _masked(text: str | None, field: str, *flags: bool) -> str | None:
    return MASK if text is not None and field in HIDDEN and any(flags) else text


def _value(column: str, description: str) -> Any:
    note = f"`{MASK}` for names and addresses of a private individual or sole trader"
    return computed(
        _shown,
        column,
        description=description,
        masked=Masked((column, "field", *FLAGS), _masked, note),
    )


@strawberry.type(
    description="A value from Companies House that a later lookup found changed. Values that users"
    " typed are not part of it: see `auditTrail`."
)
class ProfileChange:
    field: ChangedFieldEnum = computed(  # type: ignore[valid-type]  # an enum with another name
        ChangedField, "field", description="The field that changed."
    )
    before: str | None = _value(
        "before", "The value before, as text: dates as 2026-12-31; null if there was none."
    )
    after: str | None = _value("after", "The value after, as text; null if there is none any more.")
    changed_at: datetime = strawberry.field(
        description="When the lookup that found the change ended, in UTC."
    )
    source: ValueSourceEnum = computed(  # type: ignore[valid-type]  # see above
        ValueSource, "source", description="Where the value after is from."
    )
    filing_id: str | None = strawberry.field(
        description="The id of the filing of accounts at Companies House that the value after is"
        " from; null if it is not from accounts."
    )


maps_to(ProfileChange, models.ProfileChange)


@strawberry.type(description="A page of the changes of a company profile, newest first.")
class ProfileChangeConnection(BoundedConnection[ProfileChange]):
    # Repeated from the base class: projections need the concrete type, not a type variable.
    nodes: list[ProfileChange] = strawberry.field(description="The changes of the page.")


async def _changes(
    selection: Selection, customers: Sequence[Any], **page: Any
) -> list[ProfileChangeConnection]:
    """Return a page of changes for each customer; one statement reads all pages."""
    arguments = page_arguments("profile-changes", (str,), **page)
    keys = list(dict.fromkeys(one.id for one in customers))
    pages = PagesPerKey(keys, lambda change: change.customer_id, arguments)
    if keys and selection.fields & ROWS:
        await change_pages(
            selection.reader,
            keys,
            arguments.size + 1,
            beyond=arguments.beyond,
            is_backward=arguments.is_backward,
            keep=pages.keep,
        )
    counts = dict.fromkeys(keys, 0)
    if keys and selection.fields & COUNTS:
        counts |= await count_changes(keys)
    return [
        ProfileChangeConnection(
            nodes=pages.of(one.id),
            key_of=lambda change: (change.id,),
            arguments=arguments,
            has_more=one.id in pages.with_more,
            counted=counts[one.id],
        )
        for one in customers
    ]


PROFILE_CHANGES = batched(_changes, paths=CONNECTION, extra=("customer_id",), places=("id",))
