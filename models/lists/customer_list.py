"""Lists of customers: filters, orders, keyset pages and counts (R98)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from models.lists.customer_scope import (
    MAX_EXAMINED,
    MAX_FEW,
    among_reached,
    reached_with,
    reaches_few,
)
from models.rules.classification import LEGAL_INDIVIDUAL, CustomerLabel, SubscriberKind
from models.rules.enrichment_status import EnrichmentStatus
from models.rules.folding import searchable
from models.storage.row_query import Keep, RowQuery
from models.storage.sql import (
    ALWAYS,
    Sql,
    all_of,
    among,
    holding,
    is_common,
    listed,
    not_looked_up,
    run,
    to_database,
)
from models.storage.top_n_per_key import Keyset, TopPerKey
from models.tables.customer import Customer

_LABELS = {
    CustomerLabel.INDIVIDUAL: LEGAL_INDIVIDUAL,
    CustomerLabel.SOLE_TRADER: "is_sole_trader",
    CustomerLabel.RESELLER: "is_reseller",
}
_NUMBERS = ("company_number", "external_reference")
NOT_ERASED = Sql("t0.erased_at IS NULL")

MAX_COUNT = 10_000
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
        """Whether the order runs backwards."""
        return self.value[1]

    @property
    def without_names(self) -> "CustomerOrder":
        """The order that stands in for one whose cursors would tell names."""
        by_number = {
            CustomerOrder.NAME_ASC: CustomerOrder.ACCOUNT_NUMBER_ASC,
            CustomerOrder.NAME_DESC: CustomerOrder.ACCOUNT_NUMBER_DESC,
        }
        return by_number.get(self, self)

    def key_of(self, place: Any, row_id: str) -> Key:
        """Return a place in this order as text."""
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
    is_reseller: bool | None = None
    parent_id: str | None = None
    has_no_parent: bool = False
    company_number: str | None = None
    external_reference: str | None = None
    text: str | None = None
    is_common: bool = False
    """Whether the text is known to be held by many."""
    is_few: bool = False
    """Whether few customers are reached at all."""
    others: Sequence[Sql] = ()
    """Conditions of other topics, on the customer as t0."""

    def condition(self, *, is_of_class: bool = True) -> Sql:
        """Return the condition that the filter stands for; deleted customers never meet it.

        The part on classes may be left out.
        """
        of_class = self._of_class() if is_of_class else ()
        reached = [among_reached()] if self.is_few and not self._numbers() else ()
        return all_of([NOT_ERASED, *reached, *of_class, *self._of_status(), *self._others()])

    def each(self, column: str | None = None) -> TopPerKey | None:
        """Return the keys of which a list consists, if nothing else is asked for.

        Only those with an index that goes on in the order of a column, if there is one.
        """
        if self.is_few or self.one_class() is not None or any(self._others()):
            return None
        classes, statuses = self._classes(), self.enrichment_statuses
        if classes is not None and statuses is None:
            keys = f"SELECT id AS key FROM customer_class WHERE {classes.text}"  # noqa: S608  # no value is spelt out
            return TopPerKey("customer", "customer_class_id", Sql(keys, classes.parameters))
        if classes is None and statuses and column in (None, "name_key"):
            keys = " UNION ALL ".join(f"SELECT {status} AS key" for status in _spelt(statuses))
            return TopPerKey("customer", "enrichment_status", Sql(keys))
        return None

    def one_class(self) -> str | None:
        """Give the id of the class, if a single one is named and nothing else asked of classes."""
        others = (self.class_codes, self.labels, self.subscriber_kind, self.is_reseller)
        ids = set(self.class_ids or ())
        return ids.pop() if len(ids) == 1 and all(other is None for other in others) else None

    def _classes(self) -> Sql | None:
        """Return the condition on classes, unless there is none, or a class is named."""
        conditions = []
        if self.class_ids is not None and self.one_class() is None:
            conditions.append(among("id", self.class_ids))
        if self.class_codes is not None:
            conditions.append(among("code", self.class_codes))
        if self.labels is not None:
            conditions += [Sql(_LABELS[label]) for label in self.labels]
        if self.is_reseller is not None:
            reseller = _LABELS[CustomerLabel.RESELLER]
            conditions.append(Sql(reseller if self.is_reseller else f"NOT {reseller}"))
        if self.subscriber_kind is not None:
            individual = _LABELS[CustomerLabel.INDIVIDUAL]
            is_individual = self.subscriber_kind is SubscriberKind.INDIVIDUAL
            conditions.append(Sql(individual if is_individual else f"NOT ({individual})"))
        return all_of(conditions) if conditions else None

    def _of_class(self) -> Iterator[Sql]:
        column = self._column("customer_class_id")
        if (one_class := self.one_class()) is not None:
            yield Sql(f"{column} = ?", (one_class,))
        if (classes := self._classes()) is not None:
            keys = f"SELECT id FROM customer_class WHERE {classes.text}"  # noqa: S608  # no value is spelt out
            yield Sql(f"{column} IN ({keys})", classes.parameters)

    def _of_status(self) -> Iterator[Sql]:
        """Spell the statuses out, for PostgreSQL to know how many customers have them."""
        if self.enrichment_statuses is not None:
            spelt = ", ".join(_spelt(self.enrichment_statuses))
            column = self._column("enrichment_status")
            yield Sql(f"{column} IN ({spelt})") if spelt else Sql("1 = 0")

    def _others(self) -> Iterator[Sql]:
        if self.parent_id is not None:
            yield Sql("t0.parent_id = ?", (self.parent_id,))
        if self.has_no_parent:
            yield Sql("t0.parent_id IS NULL")
        numbers = self._numbers()
        if numbers and self.is_few:
            yield reached_with(numbers)
        else:
            yield from (Sql(f"t0.{name} = ?", (value,)) for name, value in numbers.items())
        if text := searchable(self.text or ""):
            yield holding("t0", text, is_common=self.is_common)
        yield from self.others

    def _numbers(self) -> dict[str, str]:
        """Return the columns that hold for others too what is asked for, with its values."""
        given = {name: getattr(self, name) for name in _NUMBERS}
        return {name: value for name, value in given.items() if value is not None}

    def _column(self, name: str) -> str:
        return not_looked_up(f"t0.{name}") if self.is_few else f"t0.{name}"

    async def examined(self) -> "CustomerFilter":
        """Find out what the statement has to be chosen by."""
        text = searchable(self.text or "")
        most = MAX_EXAMINED if self._numbers() else MAX_FEW
        common, few = await is_common(text), await reaches_few(most)
        return replace(self, is_common=common, is_few=few) if common or few else self


def _spelt(statuses: Sequence[EnrichmentStatus]) -> list[str]:
    return [f"'{status.value}'" for status in sorted(set(statuses))]


async def page(
    reader: RowQuery,
    wanted: CustomerFilter,
    order: CustomerOrder,
    size: int,
    *,
    beyond: Key | None = None,
    is_backward: bool = False,
) -> tuple[list[Any], bool]:
    """Return a page in list order, and whether there is more in the direction read."""
    wanted = await wanted.examined()
    where, by = _placed(wanted, order, size + 1, beyond, is_backward=is_backward)
    objects, has_more = await reader.read_some(where, by, size)
    if is_backward:
        objects.reverse()
    return objects, has_more


def _placed(
    wanted: CustomerFilter,
    order: CustomerOrder,
    size: int,
    beyond: Key | None,
    *,
    is_backward: bool,
) -> tuple[Sql, str]:
    """Return the condition and the order of a page."""
    if beyond is not None:
        beyond = (to_database(Customer._meta.fields_map[order.column], beyond[0]), beyond[1])
    direction = "DESC" if order.is_descending != is_backward else "ASC"
    place = Keyset((order.column, "id"), direction, beyond)
    each, one_class = wanted.each(order.column), wanted.one_class()
    if each is not None:
        return each.first(NOT_ERASED, place, size), place.order()
    if one_class is not None and not wanted.is_few:
        matched, by = place.under("customer_class_id", Sql("?", (one_class,)))
        return all_of([matched, wanted.condition(is_of_class=False)]), by
    return all_of([wanted.condition(), place.after()]), place.order()


async def count(wanted: CustomerFilter) -> int:
    """Count a list, up to one more than MAX_COUNT."""
    wanted = await wanted.examined()
    most = MAX_COUNT + 1
    each = wanted.each()
    if each is None:
        condition = wanted.condition()
        text = (
            f"SELECT count(*) FROM (SELECT 1 FROM customer AS t0 WHERE {condition.text}"  # noqa: S608  # no value is spelt out
            f" LIMIT {most}) AS counted"
        )
        statement = Sql(text, condition.parameters)
    else:
        statement = each.count(NOT_ERASED, most)
    ((counted,),) = await run(statement.text, statement.parameters)
    return int(counted)


ROWS_AT_ONCE = 500
"""Of one statement: SQLite's run in the event loop, and so many rows take some milliseconds."""


async def first_of_classes(
    reader: RowQuery,
    class_ids: Sequence[str],
    size: int,
    beyond: Key | None = None,
    order: CustomerOrder = CustomerOrder.NAME_ASC,
    keep: Keep | None = None,
) -> list[Any]:
    """Give the first customers of each of many classes: in one statement, unless they are many."""
    place = Keyset((order.column, "id"), beyond=beyond)
    is_few, at_once = await reaches_few(), max(1, ROWS_AT_ONCE // max(size, 1))
    found: list[Any] = []
    for begin in range(0, len(class_ids), at_once):
        each, living = _of_classes(class_ids[begin : begin + at_once], is_few=is_few)
        source = each.first_of_each(living, place, size)
        found += await reader.read(ALWAYS, f"ORDER BY {place.order()}", source=source, keep=keep)
    return found


async def count_of_classes(class_ids: Sequence[str], most: int | None = None) -> dict[str, int]:
    """Count the customers of many classes in one statement, as far as `most`."""
    each, living = _of_classes(class_ids, is_few=await reaches_few())
    statement = each.count_of_each(living, most)
    counted = dict(tuple(row) for row in await run(statement.text, statement.parameters))
    return {class_id: counted.get(class_id, 0) for class_id in class_ids}


async def count_listed(class_ids: Sequence[str]) -> dict[str, int]:
    """Count the customers of many classes, each up to one more than MAX_COUNT."""
    return await count_of_classes(class_ids, MAX_COUNT + 1)


def _of_classes(class_ids: Sequence[str], *, is_few: bool) -> tuple[TopPerKey, Sql]:
    """Return the keys of which such a list consists, and what else its customers meet."""
    each = TopPerKey("customer", "customer_class_id", listed(class_ids), is_few=is_few)
    return each, all_of([NOT_ERASED, among_reached()]) if is_few else NOT_ERASED
