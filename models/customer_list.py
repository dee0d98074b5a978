"""Lists of customers: filters, orders, keyset pages and counts (R98)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from models.classification import CustomerLabel, SubscriberKind
from models.customer import Customer
from models.enrichment_status import EnrichmentStatus
from models.reading import Reader
from models.sql import Sql, all_of, among, holding, is_postgres, run, to_database

_IN_CLASSES = "t0.customer_class_id IN (SELECT id FROM customer_class WHERE {})"
_LABELS = {
    CustomerLabel.INDIVIDUAL: "is_personal_customer OR is_sole_trader",
    CustomerLabel.SOLE_TRADER: "is_sole_trader",
    CustomerLabel.RESELLER: "is_reseller",
}
_NOT_ERASED = Sql("t0.erased_at IS NULL")

LARGEST_COUNT = 10_000
"""Lists are counted this far; what is longer is said to be longer."""

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

    def key_of(self, place: Any, row_id: str) -> Key:
        """Give a place in this order as text."""
        return (place.isoformat() if isinstance(place, datetime) else place, row_id)

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

    def condition(self) -> Sql:
        """Give the condition that the filter stands for; deleted customers never meet it."""
        conditions = [_NOT_ERASED]
        if self.class_ids is not None:
            conditions.append(among("t0.customer_class_id", self.class_ids))
        if self.class_codes is not None:
            codes = among("code", self.class_codes)
            conditions.append(Sql(_IN_CLASSES.format(codes.text), codes.parameters))
        if self.labels is not None:
            conditions += [Sql(_IN_CLASSES.format(_LABELS[label])) for label in self.labels]
        if self.subscriber_kind is not None:
            individual = _LABELS[CustomerLabel.INDIVIDUAL]
            is_individual = self.subscriber_kind is SubscriberKind.INDIVIDUAL
            wanted = individual if is_individual else f"NOT ({individual})"
            conditions.append(Sql(_IN_CLASSES.format(wanted)))
        if self.enrichment_statuses is not None:
            conditions.append(among("t0.enrichment_status", self.enrichment_statuses))
        for column in ("parent_id", "company_number", "external_reference"):
            if (value := getattr(self, column)) is not None:
                conditions.append(Sql(f"t0.{column} = ?", (value,)))
        if self.text is not None and self.text.strip():
            conditions.append(holding("t0", self.text.strip().casefold()))
        return all_of(conditions)


async def page(
    reader: Reader,
    wanted: CustomerFilter,
    order: CustomerOrder,
    size: int,
    *,
    beyond: Key | None = None,
    is_backward: bool = False,
) -> tuple[list[Any], bool]:
    """Give a page in list order, and whether there is more in the direction read."""
    is_descending = order.is_descending != is_backward
    condition = wanted.condition()
    if beyond is not None:
        place = to_database(Customer._meta.fields_map[order.column], beyond[0])
        side = "<" if is_descending else ">"
        after = Sql(f"(t0.{order.column}, t0.id) {side} (?, ?)", (place, beyond[1]))
        condition = all_of([condition, after])
    direction = "DESC" if is_descending else "ASC"
    objects, has_more = await reader.read_some(
        condition, f"t0.{order.column} {direction}, t0.id {direction}", size
    )
    if is_backward:
        objects.reverse()
    return objects, has_more


async def count(wanted: CustomerFilter) -> int:
    """Count a list, up to one more than LARGEST_COUNT."""
    condition = wanted.condition()
    text = (
        f"SELECT count(*) FROM (SELECT 1 FROM customer AS t0 WHERE {condition.text}"  # noqa: S608  # no value is spelt out
        f" LIMIT {LARGEST_COUNT + 1}) AS counted"
    )
    ((counted,),) = await run(text, condition.parameters)
    return int(counted)


async def first_of_classes(
    reader: Reader, class_ids: Sequence[str], size: int, beyond: Key | None = None
) -> list[Any]:
    """Give the first customers by name of each of many classes, in one statement for them all."""
    after = "" if beyond is None else "AND (name_key, id) > (?, ?)"
    if is_postgres():
        text = f"""t0.id IN (
            SELECT found.id FROM unnest(?::text[]) AS class(id) CROSS JOIN LATERAL (
              SELECT id FROM customer WHERE customer_class_id = class.id AND erased_at IS NULL
              {after} ORDER BY name_key, id LIMIT {size:d}
            ) AS found)"""  # noqa: S608  # no value is spelt out
        return await reader.read(
            Sql(text, (list(class_ids), *(beyond or ()))), "ORDER BY t0.name_key, t0.id"
        )
    among_classes = among("customer_class_id", class_ids)
    text = f"""t0.id IN (
        SELECT id FROM (
          SELECT id, row_number() OVER (
            PARTITION BY customer_class_id ORDER BY name_key, id
          ) AS place FROM customer WHERE {among_classes.text} AND erased_at IS NULL {after}
        ) WHERE place <= {size:d})"""  # noqa: S608  # no value is spelt out
    return await reader.read(
        Sql(text, (*among_classes.parameters, *(beyond or ()))), "ORDER BY t0.name_key, t0.id"
    )


async def count_of_classes(class_ids: Sequence[str]) -> dict[str, int]:
    """Count the customers of many classes in one statement."""
    condition = all_of([_NOT_ERASED, among("t0.customer_class_id", class_ids)])
    text = (
        "SELECT t0.customer_class_id, count(*) FROM customer AS t0"  # noqa: S608  # no value is spelt out
        f" WHERE {condition.text} GROUP BY t0.customer_class_id"
    )
    counted = dict(tuple(row) for row in await run(text, condition.parameters))
    return {class_id: counted.get(class_id, 0) for class_id in class_ids}
