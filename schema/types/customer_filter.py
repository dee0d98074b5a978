"""Filters of lists of customers."""

import strawberry

from models.lists.customer_list import CustomerFilter as Wanted
from models.rules.errors import RefusalCode
from schema.base.context import Info
from schema.types.class_customer_filter import ClassCustomerFilter, matching
from schema.types.customer import LabelEnum, SubscriberKindEnum
from schema.types.filter_values import refused_condition

MAX_CHOICES = 500


@strawberry.input(
    description="Conditions on the customers to list; a customer is listed if it meets all"
    " conditions that are set."
)
class CustomerFilter(ClassCustomerFilter):
    """Conditions on customers and their class; null does not filter, except for `parentId`."""

    class_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Only customers in a class with one of these ids; at most 500."
    )
    class_codes: list[str] | None = strawberry.field(
        default=None,
        description="Only customers in a class that came with the platform and has one of these"
        " codes, such as `COMPANY_UK_LIMITED`; at most 500.",
    )
    labels: list[LabelEnum] | None = strawberry.field(  # type: ignore[valid-type]  # an enum with another name
        default=None, description="Only customers that have all of these labels."
    )
    subscriber_kind: SubscriberKindEnum | None = strawberry.field(  # type: ignore[valid-type]  # see above
        default=None,
        description="Only customers that PECR treats as individuals (INDIVIDUAL), or as"
        " organisations (CORPORATE).",
    )
    is_reseller: bool | None = strawberry.field(
        default=None,
        description="True: only customers in classes for resellers. False: only customers in other"
        " classes.",
    )


def matching_customers(info: Info, given: CustomerFilter | None) -> Wanted:
    """Return the conditions in the form that lists read.

    Raises RequestRefused if there are too many values, or a value that cannot be searched for.
    """
    if given is None:
        return Wanted()
    for name, values in (("classIds", given.class_ids), ("classCodes", given.class_codes)):
        if len(values or ()) > MAX_CHOICES:
            message = f"`classIds` and `classCodes` may each have at most {MAX_CHOICES} values."
            raise refused_condition(name, RefusalCode.TOO_MANY_ITEMS, message, limit=MAX_CHOICES)
    return matching(
        info,
        given,
        class_ids=given.class_ids,
        class_codes=given.class_codes,
        labels=given.labels,
        subscriber_kind=given.subscriber_kind,
        is_reseller=given.is_reseller,
    )
