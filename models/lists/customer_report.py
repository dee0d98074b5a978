"""Counts customers in groups by class, reseller, consent and other dimensions (R97)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from models.lists.customer_list import CustomerFilter
from models.lists.report_statement import ReportSums, sort_columns, statement_of
from models.rules.classification import SubscriberKind
from models.rules.enrichment_status import EnrichmentStatus
from models.rules.report import MAX_GROUPS, CustomerReportDimension
from models.storage.report_sql import amount_of, day_from
from models.storage.sql import run

Dimension = CustomerReportDimension


@dataclass(frozen=True, slots=True)
class Amounts:
    """The sum of a figure over those customers of a group who have it, and their number."""

    total: Decimal
    customer_count: int
    currency: str | None = None
    """The currency of the figure; None if it is no money."""


@dataclass(slots=True)
class ReportGroup:
    """The customers with the same keys: `keys` has a value for each dimension of the report.

    Sums are None if they were not asked for.
    """

    keys: Mapping[Dimension, Any]
    order: tuple[Any, ...]
    """The group's position among all groups, as a sort key."""
    customer_count: int = 0
    contact_count: int | None = None
    employees: Amounts | None = None
    net_assets: list[Amounts] = field(default_factory=list)
    """The sums of net assets, one for each currency."""


@dataclass(frozen=True, slots=True)
class CustomerReport:
    """The groups of a report, sorted by their keys, and the number of customers in all groups.

    If there are more than MAX_GROUPS groups, the smallest are missing, and `is_truncated` is true.
    """

    groups: Sequence[ReportGroup]
    customer_count: int
    is_truncated: bool

    def keys_of(self, dimension: Dimension) -> list[Any]:
        """Return the different keys of a dimension, without None; none of one not grouped by."""
        keys = dict.fromkeys(group.keys.get(dimension) for group in self.groups)
        return [key for key in keys if key is not None]


async def report_customers(
    dimensions: Sequence[Dimension], wanted: CustomerFilter, sums: ReportSums, now: datetime
) -> CustomerReport:
    """Return the report of the customers that match `wanted`, with their consent at `now`."""
    wanted = await wanted.for_planning()
    statement, names = statement_of(dimensions, wanted, sums, now, MAX_GROUPS + 1)
    rows = await run(statement.text, statement.parameters)
    return _report(dimensions, sums, [dict(zip(names, row, strict=True)) for row in rows])


def _report(
    dimensions: Sequence[Dimension], sums: ReportSums, rows: Sequence[Mapping[str, Any]]
) -> CustomerReport:
    """Return the report in the rows of its statement: a row for each group, and each currency."""
    groups: dict[int, ReportGroup] = {}
    for row in rows:
        group = groups.get(row["place"])
        if group is None:
            group = groups[row["place"]] = _new_group(dimensions, sums, row)
        _add(group, sums, row)
    shown = [groups[place] for place in sorted(groups)[:MAX_GROUPS]]
    return CustomerReport(
        sorted(shown, key=lambda group: group.order),
        int(rows[0]["of_all"]) if rows else 0,
        len(groups) > MAX_GROUPS,
    )


def _new_group(
    dimensions: Sequence[Dimension], sums: ReportSums, row: Mapping[str, Any]
) -> ReportGroup:
    keys = {one: _value(one, row[f"key_{number}"]) for number, one in enumerate(dimensions)}
    order = [_order(one, number, key, row) for number, (one, key) in enumerate(keys.items())]
    return ReportGroup(
        keys,
        tuple(order),
        contact_count=0 if sums.contacts else None,
        employees=Amounts(Decimal(), 0) if sums.employees else None,
    )


def _value(dimension: Dimension, stored: Any) -> Any:
    if dimension is Dimension.LEGAL_STATUS:
        return SubscriberKind(stored)
    if dimension is Dimension.ENRICHMENT_STATUS:
        return EnrichmentStatus(stored)
    if dimension is Dimension.CREATED_MONTH:
        return day_from(stored)
    return bool(stored) if dimension in (Dimension.IS_RESELLER, Dimension.CONSENT) else stored


def _order(dimension: Dimension, number: int, key: Any, row: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the sort key of a group in one dimension; groups without a key come last."""
    if key is None:
        return (True,)
    # A class or reseller may have been deleted since the rows were counted.
    places = [(row[name] is None, row[name]) for name in sort_columns(dimension, number)]
    if isinstance(key, bool):
        return (False, not key)
    return (False, *places, list(type(key)).index(key) if isinstance(key, Enum) else key)


def _add(group: ReportGroup, sums: ReportSums, row: Mapping[str, Any]) -> None:
    """Add the numbers of a row to its group."""
    group.customer_count += int(row["customers"])
    if group.contact_count is not None:
        group.contact_count += int(row["contacts"])
    if group.employees is not None and row["employee_values"]:
        total = group.employees.total + Decimal(row["employees"])
        number = group.employees.customer_count + int(row["employee_values"])
        group.employees = Amounts(total, number)
    if sums.net_assets and row["currency"] is not None:
        parts = [row[name] for name in row if name.startswith("assets_")]
        number = int(row["asset_values"])
        group.net_assets.append(Amounts(amount_of(parts), number, row["currency"]))
        group.net_assets.sort(key=lambda amounts: str(amounts.currency))
