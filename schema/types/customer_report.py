"""GraphQL types of reports that count customers in groups."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import strawberry

from models.lists.customer_report import Amounts, ReportGroup
from models.rules.report import MAX_DIMENSIONS, CustomerReportDimension
from models.tables.access import Scope
from schema.base.descriptions import described_enum
from schema.base.errors import ErrorCode, RequestRefused
from schema.base.restricted import restricted
from schema.types.customer import Customer, SubscriberKindEnum
from schema.types.customer_class import CustomerClass
from schema.types.enrichment import EnrichmentStatusEnum

Dimension = CustomerReportDimension

DimensionEnum = described_enum(
    CustomerReportDimension,
    "CustomerReportDimension",
    "What a report groups customers by.",
    {
        "CLASS": "The customer class: `classId` and `customerClass` of a row.",
        "RESELLER": "The reseller that customers buy through: `resellerId` and `reseller` of a row."
        " Both are null in the row of customers without a reseller.",
        "LEGAL_STATUS": "Whether PECR treats customers as individuals or as organisations:"
        " `subscriberKind` of a row.",
        "IS_RESELLER": "Whether the customers' class is one for resellers: `isReseller` of a row.",
        "CONSENT": "Whether the customers' consent is given at the time of the report:"
        " `isConsentGiven` of a row.",
        "ENRICHMENT_STATUS": "The status of the customers' latest lookup at Companies House:"
        " `enrichmentStatus` of a row.",
        "COMPANY_STATUS": "The company's status as Companies House writes it: `companyStatus` of a"
        " row, null for customers without one.",
        "CREATED_MONTH": "The month in which customers were created, in UTC: `createdMonthOn` of a"
        " row.",
    },
)


@strawberry.type(
    description="The sum of a number over the customers of a row that have it. Customers without"
    " the number are not in the sum, and not in `customerCount`."
)
class ReportedCount:
    total: Decimal = strawberry.field(description="The sum; 0 if no customer has the number.")
    customer_count: int = strawberry.field(
        description="The number of customers that have the number."
    )


@strawberry.type(
    description="The sum of amounts in one currency over the customers of a row that have one."
    " The amounts may be of different balance sheet dates; amounts in other currencies are not"
    " converted."
)
class ReportedMoney:
    currency: str = strawberry.field(description="The ISO 4217 code of the currency, such as GBP.")
    total: Decimal = strawberry.field(description="The sum of the amounts.")
    customer_count: int = strawberry.field(
        description="The number of customers with an amount in this currency."
    )


@strawberry.type(
    description="The customers of a report with the same keys. Keys of dimensions that the report"
    " does not group by are null."
)
class CustomerReportRow:
    class_id: strawberry.ID | None = strawberry.field(description="The id of the customers' class.")
    customer_class: CustomerClass | None = strawberry.field(description="The customers' class.")
    reseller_id: strawberry.ID | None = strawberry.field(
        description="The id of the reseller that the customers buy through; null without one."
    )
    reseller: Customer | None = strawberry.field(
        description="The reseller that the customers buy through; null without one."
    )
    subscriber_kind: SubscriberKindEnum | None = strawberry.field(  # type: ignore[valid-type]  # an enum with another name
        description="Whether PECR treats the customers as individuals or as organisations."
    )
    is_reseller: bool | None = strawberry.field(
        description="Whether the customers' class is one for resellers."
    )
    is_consent_given: bool | None = strawberry.field(
        description="Whether the customers' consent is given, at the time `at` of the report."
    )
    enrichment_status: EnrichmentStatusEnum | None = strawberry.field(  # type: ignore[valid-type]  # see above
        description="The status of the customers' latest lookup at Companies House."
    )
    company_status: str | None = strawberry.field(
        description="The company's status as Companies House writes it, such as active; null for"
        " customers without one."
    )
    created_month_on: date | None = strawberry.field(
        description="The first day of the month in which the customers were created, in UTC."
    )
    customer_count: int = strawberry.field(description="The number of customers.")
    contact_count: int | None = restricted(
        Scope.CONTACTS_READ,
        description="The number of the customers' contacts, without deleted ones. Null without the"
        " permission contacts:read.",
    )
    employees: ReportedCount = strawberry.field(
        description="The sum of the customers' numbers of employees."
    )
    net_assets: list[ReportedMoney] = strawberry.field(
        description="The sums of the customers' net assets, one for each currency; empty if no"
        " customer has any."
    )

    @classmethod
    def of(
        cls,
        group: ReportGroup,
        classes: Mapping[str, CustomerClass],
        resellers: Mapping[str, Customer],
    ) -> "CustomerReportRow":
        """Return the row of a group; `classes` and `resellers` are by id."""
        keys = group.keys
        class_id, reseller_id = keys.get(Dimension.CLASS), keys.get(Dimension.RESELLER)
        employees = group.employees or Amounts(Decimal(), 0)
        return cls(
            class_id=class_id,
            customer_class=classes.get(class_id or ""),
            reseller_id=reseller_id,
            reseller=resellers.get(reseller_id or ""),
            subscriber_kind=keys.get(Dimension.LEGAL_STATUS),
            is_reseller=keys.get(Dimension.IS_RESELLER),
            is_consent_given=keys.get(Dimension.CONSENT),
            enrichment_status=keys.get(Dimension.ENRICHMENT_STATUS),
            company_status=keys.get(Dimension.COMPANY_STATUS),
            created_month_on=keys.get(Dimension.CREATED_MONTH),
            customer_count=group.customer_count,
            contact_count=group.contact_count,
            employees=ReportedCount(total=employees.total, customer_count=employees.customer_count),
            net_assets=[_money(amounts) for amounts in group.net_assets],
        )


@strawberry.type(description="Customers counted in groups, at one moment.")
class CustomerReport:
    at: datetime = strawberry.field(
        description="The time of the report, in UTC: consent is counted as given or not given then."
    )
    rows: list[CustomerReportRow] = strawberry.field(
        description="A row for each group that has customers, sorted by the keys in the order of"
        " `groupBy`: classes by their display position, resellers by account number, consent that"
        " is given first; rows without a key come last. At most 10,000 rows."
    )
    customer_count: int = strawberry.field(
        description="The number of customers in all groups, also in those that are left out."
    )
    is_truncated: bool = strawberry.field(
        description="Whether there are more than 10,000 groups. The 10,000 groups with the most"
        " customers are then returned."
    )


def checked_dimensions(given: list[Any]) -> list[CustomerReportDimension]:
    """Return the dimensions; raises RequestRefused unless they are one to three different ones."""
    if not 1 <= len(given) <= MAX_DIMENSIONS or len(set(given)) < len(given):
        raise RequestRefused(
            ErrorCode.BAD_USER_INPUT,
            f"`groupBy` must have from 1 to {MAX_DIMENSIONS} different dimensions.",
        )
    return given


def _money(amounts: Amounts) -> ReportedMoney:
    return ReportedMoney(
        currency=str(amounts.currency),
        total=amounts.total,
        customer_count=amounts.customer_count,
    )
