"""Filters and orders of lists of customers."""

import strawberry

from models.lists.customer_list import CustomerOrder
from schema.base.descriptions import described_enum
from schema.types.advisory import ConsentAdvisoryCodeEnum
from schema.types.customer import LabelEnum, SubscriberKindEnum
from schema.types.enrichment import EnrichmentStatusEnum

CustomerSort = described_enum(
    CustomerOrder,
    "CustomerSort",
    "The order of a list of customers; customers that are equal in it are ordered by id.",
    {
        "NAME_ASC": "By name, A to Z, regardless of case.",
        "NAME_DESC": "By name, Z to A, regardless of case.",
        "CREATED_AT_ASC": "By time of creation, oldest first. Do not use it to wait for new"
        " customers, because a customer can appear after a younger one was listed; read"
        " `auditTrail` with the operation `customer.created` instead.",
        "CREATED_AT_DESC": "By time of creation, newest first.",
        "ACCOUNT_NUMBER_ASC": "By account number, ascending.",
        "ACCOUNT_NUMBER_DESC": "By account number, descending.",
    },
)


@strawberry.input(
    description="Conditions on customers; a customer is listed if it meets all that are given."
)
class CustomerFilter:
    """Conditions on customers; null does not filter, except for `parentId`."""

    class_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Only customers in a class with one of these ids; at most 500."
    )
    class_codes: list[str] | None = strawberry.field(
        default=None,
        description="Only customers in a shipped class with one of these codes, such as"
        " `COMPANY_UK_LIMITED`; at most 500.",
    )
    labels: list[LabelEnum] | None = strawberry.field(  # type: ignore[valid-type]  # an enum with another name
        default=None, description="Only customers that carry all of these labels."
    )
    subscriber_kind: SubscriberKindEnum | None = strawberry.field(  # type: ignore[valid-type]  # see above
        default=None, description="Only customers of this kind: individuals or organisations."
    )
    enrichment_statuses: list[EnrichmentStatusEnum] | None = strawberry.field(  # type: ignore[valid-type]  # see above
        default=None,
        description="Only customers whose Companies House lookup has one of these statuses.",
    )
    is_reseller: bool | None = strawberry.field(
        default=None,
        description="Only customers in reseller classes (true), or only others (false).",
    )
    parent_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="Only customers that buy through the reseller with this id; an explicit null"
        " lists customers without a parent. Leave it out for no condition.",
    )
    company_number: str | None = strawberry.field(
        default=None,
        description="Only customers with this company number; spaces, dashes and missing leading"
        " zeros are corrected.",
    )
    external_reference: str | None = strawberry.field(
        default=None, description="Only customers with exactly this external reference."
    )
    text: str | None = strawberry.field(
        default=None,
        description="Only customers whose name, account number, company number or external"
        " reference contains this text, regardless of case; up to 200 characters. Refused for"
        " callers who may not see personal data.",
    )
    is_consent_given: bool | None = strawberry.field(
        default=None,
        description="Only customers whose consent is given now (true), or is not (false).",
    )
    is_non_itemised: bool | None = strawberry.field(
        default=None,
        description="Only customers whose request for bills without a list of calls is in force"
        " now (true), or is not (false).",
    )
    advisories: list[ConsentAdvisoryCodeEnum] | None = strawberry.field(  # type: ignore[valid-type]  # see above
        default=None,
        description="Only customers that now have at least one of these advisories on consent.",
    )
