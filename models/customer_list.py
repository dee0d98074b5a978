"""Lists of customers: filters, orders, keyset pages and counts (R98)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from tortoise.connection import get_connection
from tortoise.expressions import Q
from tortoise.functions import Count
from tortoise.queryset import QuerySet

from models.classification import CustomerLabel, SubscriberKind
from models.customer import Customer
from models.customer_class import name_key
from models.database import dialect_of
from models.enrichment_status import EnrichmentStatus

_LABEL_FILTERS = {
    CustomerLabel.INDIVIDUAL: Q(customer_class__is_personal_customer=True)
    | Q(customer_class__is_sole_trader=True),
    CustomerLabel.SOLE_TRADER: Q(customer_class__is_sole_trader=True),
    CustomerLabel.RESELLER: Q(customer_class__is_reseller=True),
}

Key = tuple[Any, ...]


class CustomerOrder(Enum):
    """An order of customers: the column, and whether it runs backwards. The id breaks ties."""

    NAME_ASC = ("name_key", False)
    NAME_DESC = ("name_key", True)
    CREATED_AT_ASC = ("created_at", False)
    CREATED_AT_DESC = ("created_at", True)
    ACCOUNT_NUMBER_ASC = ("account_number", False)
    ACCOUNT_NUMBER_DESC = ("account_number", True)

    @property
    def column(self) -> str:
        """Name the column."""
        return self.value[0]

    @property
    def is_descending(self) -> bool:
        """Tell whether the order runs backwards."""
        return self.value[1]

    def key_of(self, customer: Customer) -> Key:
        """Give a customer's place in this order, as text."""
        place = getattr(customer, self.column)
        return (place.isoformat() if isinstance(place, datetime) else place, customer.id)

    def parse(self, key: Key) -> Key:
        """Turn the text of a place back into values; raises ValueError for what is none."""
        place, row_id = key
        if self.column != "created_at":
            return key
        at = datetime.fromisoformat(place)
        if at.utcoffset() != timedelta(0):
            raise ValueError("a place in time is written in UTC")
        return (at, row_id)


@dataclass(frozen=True, slots=True)
class CustomerFilter:
    """Which customers a list holds: all that is given must hold, and any of a sequence may."""

    class_ids: Sequence[str] | None = None
    class_codes: Sequence[str] | None = None
    labels: Sequence[CustomerLabel] | None = None
    subscriber_kind: SubscriberKind | None = None
    enrichment_statuses: Sequence[EnrichmentStatus] | None = None
    parent_id: str | None = None
    company_number: str | None = None
    external_reference: str | None = None
    text: str | None = None

    def query(self) -> QuerySet[Customer]:
        """Give the customers that the filter lets through; deleted ones never pass."""
        conditions = [Q(erased_at__isnull=True)]
        if self.class_ids is not None:
            conditions.append(Q(customer_class_id__in=list(self.class_ids)))
        if self.class_codes is not None:
            conditions.append(Q(customer_class__code__in=list(self.class_codes)))
        if self.labels is not None:
            conditions += [_LABEL_FILTERS[label] for label in self.labels]
        if self.subscriber_kind is not None:
            is_individual = _LABEL_FILTERS[CustomerLabel.INDIVIDUAL]
            wanted = self.subscriber_kind is SubscriberKind.INDIVIDUAL
            conditions.append(is_individual if wanted else ~is_individual)
        if self.enrichment_statuses is not None:
            conditions.append(Q(enrichment_status__in=list(self.enrichment_statuses)))
        for column in ("parent_id", "company_number", "external_reference"):
            if (wanted_value := getattr(self, column)) is not None:
                conditions.append(Q(**{column: wanted_value}))
        if self.text is not None and self.text.strip():
            conditions.append(_text_query(self.text.strip()))
        return Customer.filter(*conditions)


async def page(
    wanted: CustomerFilter,
    order: CustomerOrder,
    size: int,
    *,
    beyond: Key | None = None,
    is_backward: bool = False,
) -> tuple[list[Customer], bool]:
    """Give a page in list order, and whether there is more in the direction read."""
    is_descending = order.is_descending != is_backward
    query = wanted.query()
    if beyond is not None:
        query = query.filter(_beyond(order.column, beyond, is_descending=is_descending))
    sign = "-" if is_descending else ""
    rows = await query.order_by(f"{sign}{order.column}", f"{sign}id").limit(size + 1)
    kept = rows[:size]
    if is_backward:
        kept.reverse()
    return kept, len(rows) > size


async def first_of_classes(
    class_ids: Sequence[str], size: int, beyond: Key | None = None
) -> dict[str, list[Customer]]:
    """Give the first customers of many classes by name, in two queries however many they are."""
    after = "" if beyond is None else "AND (name_key, id) > ({0}, {1})"
    connection = get_connection("default")
    parameters: list[Any]
    if dialect_of(connection) == "postgres":
        parameters = [list(class_ids), *(beyond or ())]
        statement = f"""
            SELECT found.id FROM unnest($1::text[]) AS class(id) CROSS JOIN LATERAL (
              SELECT id FROM customer WHERE customer_class_id = class.id AND erased_at IS NULL
              {after.format("$2", "$3")} ORDER BY name_key, id LIMIT {int(size)}
            ) AS found"""  # noqa: S608  # no value is spelt out
    else:
        parameters = [*class_ids, *(beyond or ())]
        marks = ", ".join("?" * len(class_ids))
        statement = f"""
            SELECT id FROM (
              SELECT id, row_number() OVER (
                PARTITION BY customer_class_id ORDER BY name_key, id
              ) AS place FROM customer
              WHERE customer_class_id IN ({marks}) AND erased_at IS NULL {after.format("?", "?")}
            ) WHERE place <= {int(size)}"""  # noqa: S608  # no value is spelt out
    found = await connection.execute_query_dict(statement, parameters)
    rows = await Customer.filter(id__in=[row["id"] for row in found]).order_by("name_key", "id")
    by_class: dict[str, list[Customer]] = {class_id: [] for class_id in class_ids}
    for row in rows:
        by_class[row.customer_class_id].append(row)
    return by_class


async def count_of_classes(class_ids: Sequence[str]) -> dict[str, int]:
    """Count the customers of many classes in one query."""
    counted = (
        await Customer.filter(customer_class_id__in=list(class_ids), erased_at__isnull=True)
        .annotate(customers=Count("id"))
        .group_by("customer_class_id")
        .values("customer_class_id", "customers")
    )
    counts = {row["customer_class_id"]: row["customers"] for row in counted}
    return {class_id: counts.get(class_id, 0) for class_id in class_ids}


def _beyond(column: str, key: Key, *, is_descending: bool) -> Q:
    place, row_id = key
    side = "lt" if is_descending else "gt"
    # The first condition is implied by the rest, but lets the database seek in the index.
    return Q(**{f"{column}__{side}e": place}) & (
        Q(**{f"{column}__{side}": place}) | Q(**{f"id__{side}": row_id})
    )


def _text_query(text: str) -> Q:
    return (
        Q(name_key__contains=name_key(text))
        | Q(account_number__icontains=text)
        | Q(company_number__icontains=text)
        | Q(external_reference__icontains=text)
    )
