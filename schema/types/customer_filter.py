"""How lists of customers are filtered and ordered."""

import strawberry

from models.lists.customer_list import CustomerOrder
from schema.base.descriptions import described_enum
from schema.types.advisory import ConsentAdvisoryCodeEnum
from schema.types.customer import LabelEnum, SubscriberKindEnum
from schema.types.enrichment import EnrichmentStatusEnum

CustomerSort = described_enum(
    CustomerOrder,
    "CustomerSort",
    "An order of customers; the id breaks ties.",
    {
        "NAME_ASC": "By name, whatever the case.",
        "NAME_DESC": "By name, backwards.",
        "CREATED_AT_ASC": "Oldest first. To follow new customers, use auditTrail with the operation"
        " `customer.created`: a customer can be committed after a younger one was listed.",
        "CREATED_AT_DESC": "Newest first.",
        "ACCOUNT_NUMBER_ASC": "By account number.",
        "ACCOUNT_NUMBER_DESC": "By account number, backwards.",
    },
)


@strawberry.input(
    description="Which customers a list holds; all that is given must hold for each of them."
)
class CustomerFilter:
    """A filter; null means no condition, but for `parentId`."""

    class_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="In any of these classes."
    )
    class_codes: list[str] | None = strawberry.field(
        default=None, description="In any of these shipped classes."
    )
    labels: list[LabelEnum] | None = strawberry.field(  # type: ignore[valid-type]  # an enum with another name
        default=None, description="Carrying all of these labels."
    )
    subscriber_kind: SubscriberKindEnum | None = strawberry.field(  # type: ignore[valid-type]  # see above
        default=None, description="Natural persons only, or organisations only."
    )
    enrichment_statuses: list[EnrichmentStatusEnum] | None = strawberry.field(  # type: ignore[valid-type]  # see above
        default=None, description="In any of these states of enrichment."
    )
    is_reseller: bool | None = strawberry.field(
        default=None, description="In a reseller class, or in another one."
    )
    parent_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="Buying through this reseller; null for customers without a parent. Leave the"
        " field out for no condition.",
    )
    company_number: str | None = strawberry.field(
        default=None, description="With this company number, written in any way."
    )
    external_reference: str | None = strawberry.field(
        default=None, description="With exactly this external reference."
    )
    text: str | None = strawberry.field(
        default=None,
        description="Whose name, account number, company number or external reference holds this"
        " text, whatever the case.",
    )
    is_consent_given: bool | None = strawberry.field(
        default=None, description="With consent given now, or without (R97)."
    )
    is_non_itemised: bool | None = strawberry.field(
        default=None, description="Wanting bills without itemisation now, or not (A16)."
    )
    advisories: list[ConsentAdvisoryCodeEnum] | None = strawberry.field(  # type: ignore[valid-type]  # see above
        default=None, description="With any of these advisories on consent now."
    )
