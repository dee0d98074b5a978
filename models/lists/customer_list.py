"""Lists of customers: filters, orders, keyset pages and counts (R98)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Any

from models.lists.customer_scope import (
    MAX_SCANNED,
    MAX_SMALL_SCOPE,
    has_small_scope,
    in_scope_first,
    in_scope_with,
)
from models.lists.row_order import INSTANTS, Period, count_rows, parse_instant
from models.rules.classification import LEGAL_INDIVIDUAL, CustomerLabel, SubscriberKind
from models.rules.enrichment_status import EnrichmentStatus
from models.rules.folding import searchable
from models.storage.row_query import Keep, RowQuery
from models.storage.sql import (
    ALWAYS,
    Sql,
    all_of,
    among,
    is_common,
    listed,
    run,
    search_key_contains,
    to_database,
    without_index,
    without_index_on_sqlite,
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
"""Lists are counted up to this number; a result of MAX_COUNT + 1 means that there are more."""

Key = tuple[Any, ...]


class CustomerOrder(Enum):
    """An order of customers: a column and whether it is descending. The id breaks ties."""

    NAME_ASC = ("name_key", False)
    NAME_DESC = ("name_key", True)
    CREATED_AT_ASC = ("created_at", False)
    CREATED_AT_DESC = ("created_at", True)
    LAST_MODIFIED_AT_ASC = ("last_modified_at", False)
    LAST_MODIFIED_AT_DESC = ("last_modified_at", True)
    CHANGED_AT_ASC = ("changed_at", False)
    CHANGED_AT_DESC = ("changed_at", True)
    ACCOUNT_NUMBER_ASC = ("account_number", False)
    ACCOUNT_NUMBER_DESC = ("account_number", True)

    @property
    def column(self) -> str:
        """The column to sort by."""
        return self.value[0]

    @property
    def is_descending(self) -> bool:
        """Whether the order is descending."""
        return self.value[1]

    @property
    def without_names(self) -> "CustomerOrder":
        """The order to use for callers who see names masked: cursors contain the sort column."""
        by_number = {
            CustomerOrder.NAME_ASC: CustomerOrder.ACCOUNT_NUMBER_ASC,
            CustomerOrder.NAME_DESC: CustomerOrder.ACCOUNT_NUMBER_DESC,
        }
        return by_number.get(self, self)

    def key_of(self, place: Any, row_id: str) -> Key:
        """Return the position of a customer in this order as texts, for a cursor.

        `place` is the customer's value of the sort column, `row_id` the customer's id.
        """
        return (place.isoformat() if isinstance(place, datetime) else place, row_id)

    def parse(self, key: Key) -> Key:
        """Return the position that `key_of` wrote as texts.

        Raises ValueError if it is malformed.
        """
        place, row_id = key
        return (parse_instant(place), row_id) if self.column in INSTANTS else key


@dataclass(frozen=True, slots=True)
class CustomerFilter:
    """Conditions on the customers of a list: a customer must meet all that are given.

    If a condition is a sequence of values, any one of them suffices.
    """

    ids: Sequence[str] | None = None
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
    external_references: Sequence[str] | None = None
    text: str | None = None
    periods: Sequence[Period] = ()
    is_common: bool = False
    """Whether many customers match `text`, so that the query should not first find these."""
    is_small_scope: bool = False
    """Whether the tenant scope has few customers, so that the query should first find these."""
    others: Sequence[Sql] = ()
    """Further SQL conditions, with the customer table named `t0`."""

    def condition(self, *, is_of_class: bool = True) -> Sql:
        """Return the SQL condition of the filter, which leaves out deleted customers.

        With `is_of_class=False`, the conditions on the class are left out.
        """
        of_class = self._of_class() if is_of_class else ()
        reached = [in_scope_first()] if self.is_small_scope and not self._numbers() else ()
        return all_of([NOT_ERASED, *reached, *of_class, *self._of_status(), *self._others()])

    def per_key(self, column: str | None = None) -> TopPerKey | None:
        """Return the wanted classes or statuses as index keys, each to be looked up separately.

        None if the filter has other conditions. With the sort column `column`, None also if the
        index of the keys does not continue with that column.
        """
        if self.is_small_scope or self.one_class() is not None or any(self._others()):
            return None
        classes, statuses = self._classes(), self.enrichment_statuses
        if classes is not None and statuses is None:
            keys = f"SELECT id AS key FROM customer_class WHERE {classes.text}"  # noqa: S608  # no value is spelt out
            return TopPerKey("customer", "customer_class_id", Sql(keys, classes.parameters))
        if classes is None and statuses and column in (None, "name_key"):
            keys = " UNION ALL ".join(f"SELECT {status} AS key" for status in _literals(statuses))
            return TopPerKey("customer", "enrichment_status", Sql(keys))
        return None

    def one_class(self) -> str | None:
        """Return the class id if the filter names exactly one and has no other class condition."""
        others = (self.class_codes, self.labels, self.subscriber_kind, self.is_reseller)
        ids = set(self.class_ids or ())
        return ids.pop() if len(ids) == 1 and all(other is None for other in others) else None

    def _classes(self) -> Sql | None:
        """Return the SQL condition on rows of the class table; None if it is not needed.

        It is not needed without conditions on the class, or if `one_class` returns a class.
        """
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
        """Yield the condition on statuses, as literals so that PostgreSQL can estimate the rows."""
        if self.enrichment_statuses is not None:
            literals = ", ".join(_literals(self.enrichment_statuses))
            column = self._column("enrichment_status")
            yield Sql(f"{column} IN ({literals})") if literals else Sql("1 = 0")

    def _others(self) -> Iterator[Sql]:
        if self.ids is not None:
            yield among(self._column("id"), self.ids)
        for period in self.periods:
            yield period.condition(self._column(period.column))
        if self.parent_id is not None:
            yield Sql("t0.parent_id = ?", (self.parent_id,))
        if self.has_no_parent:
            yield Sql("t0.parent_id IS NULL")
        numbers = self._numbers()
        if numbers and self.is_small_scope:
            yield in_scope_with(numbers)
        else:
            yield from (Sql(f"t0.{name} = ?", (value,)) for name, value in numbers.items())
        if self.external_references is not None:
            column = "t0.external_reference"
            is_scanned = self.is_small_scope
            column = without_index(column) if is_scanned else column
            yield among(column, self.external_references)
        if text := searchable(self.text or ""):
            yield search_key_contains("t0", text, is_common=self.is_common)
        yield from self.others

    def _numbers(self) -> dict[str, str]:
        """Return the wanted company number and external reference, by column, if given.

        Customers out of the tenant scope may have the same ones, which must not be revealed.
        """
        given = {name: getattr(self, name) for name in _NUMBERS}
        return {name: value for name, value in given.items() if value is not None}

    def _column(self, name: str) -> str:
        return without_index_on_sqlite(f"t0.{name}") if self.is_small_scope else f"t0.{name}"

    async def for_planning(self) -> "CustomerFilter":
        """Return a copy with `is_common` and `is_small_scope` set; both determine the SQL."""
        text = searchable(self.text or "")
        most = MAX_SCANNED if self._numbers() else MAX_SMALL_SCOPE
        common, few = await is_common(text), await has_small_scope(most)
        return replace(self, is_common=common, is_small_scope=few) if common or few else self


def _literals(statuses: Sequence[EnrichmentStatus]) -> list[str]:
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
    """Return a page in list order, and whether more customers follow in the direction of reading.

    `beyond` is the position after which the page begins or, with `is_backward`, before which it
    ends; None begins at the start or end of the list.
    """
    wanted = await wanted.for_planning()
    where, by = _page_clauses(wanted, order, size + 1, beyond, is_backward=is_backward)
    objects, has_more = await reader.read_some(where, by, size)
    if is_backward:
        objects.reverse()
    return objects, has_more


def _page_clauses(
    wanted: CustomerFilter,
    order: CustomerOrder,
    size: int,
    beyond: Key | None,
    *,
    is_backward: bool,
) -> tuple[Sql, str]:
    """Return the condition and the ORDER BY list of a page of up to `size` customers."""
    place = _place(order, beyond, is_backward=is_backward)
    each, one_class = wanted.per_key(order.column), wanted.one_class()
    if each is not None:
        return each.first(NOT_ERASED, place, size), place.order()
    if one_class is not None and not wanted.is_small_scope:
        matched, by = place.for_key("customer_class_id", Sql("?", (one_class,)))
        return all_of([matched, wanted.condition(is_of_class=False)]), by
    return all_of([wanted.condition(), place.after()]), place.order()


def _place(order: CustomerOrder, beyond: Key | None, *, is_backward: bool) -> Keyset:
    """Return the direction of reading, from the position `beyond` on."""
    if beyond is not None:
        beyond = (to_database(Customer._meta.fields_map[order.column], beyond[0]), beyond[1])
    direction = "DESC" if order.is_descending != is_backward else "ASC"
    return Keyset((order.column, "id"), direction, beyond)


async def count(wanted: CustomerFilter) -> int:
    """Return the number of customers that match the filter, at most MAX_COUNT + 1."""
    wanted = await wanted.for_planning()
    each = wanted.per_key()
    if each is None:
        return await count_rows("customer", wanted.condition(), MAX_COUNT + 1)
    statement = each.count(NOT_ERASED, MAX_COUNT + 1)
    ((counted,),) = await run(statement.text, statement.parameters)
    return int(counted)


ROWS_AT_ONCE = 500
"""Rows that one statement reads; with this many, SQLite blocks the event loop for milliseconds."""


async def first_of_classes(
    reader: RowQuery,
    class_ids: Sequence[str],
    size: int,
    beyond: Key | None = None,
    order: CustomerOrder = CustomerOrder.NAME_ASC,
    keep: Keep | None = None,
    *,
    wanted: CustomerFilter | None = None,
    is_backward: bool = False,
) -> list[Any]:
    """Return `size` customers of each class in reading order, from the position `beyond` on.

    Only customers that match `wanted` are returned, which has no condition on the class. `keep` can
    drop customers before their related rows are read. Each statement reads up to ROWS_AT_ONCE rows.
    """
    wanted = await (wanted or CustomerFilter()).for_planning()
    place = _place(order, beyond, is_backward=is_backward)
    at_once = max(1, ROWS_AT_ONCE // max(size, 1))
    found: list[Any] = []
    for begin in range(0, len(class_ids), at_once):
        each = _of_classes(class_ids[begin : begin + at_once], wanted)
        source = each.first_of_each(wanted.condition(), place, size)
        found += await reader.read(ALWAYS, f"ORDER BY {place.order()}", source=source, keep=keep)
    return found


async def count_of_classes(
    class_ids: Sequence[str], most: int | None = None, wanted: CustomerFilter | None = None
) -> dict[str, int]:
    """Return the number of customers of each class, by class id, counted by one statement.

    If `most` is given, the customers of a class are counted up to that number. Only customers that
    match `wanted` are counted, which has no condition on the class.
    """
    wanted = await (wanted or CustomerFilter()).for_planning()
    statement = _of_classes(class_ids, wanted).count_of_each(wanted.condition(), most)
    counted = dict(tuple(row) for row in await run(statement.text, statement.parameters))
    return {class_id: counted.get(class_id, 0) for class_id in class_ids}


def _of_classes(class_ids: Sequence[str], wanted: CustomerFilter) -> TopPerKey:
    """Return the classes as index keys, for reading customers that match the filter."""
    return TopPerKey(
        "customer", "customer_class_id", listed(class_ids), is_selective=wanted.is_small_scope
    )
