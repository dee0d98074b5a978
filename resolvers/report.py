"""The queries of reports."""

from datetime import date, timedelta
from typing import Annotated, TypeVar

import strawberry

from models.lists.customer_list import NOT_ERASED, ROWS_AT_ONCE
from models.lists.customer_report import report_customers
from models.lists.customers_over_time import count_over_time
from models.lists.report_statement import ReportSums
from models.rules.report import CustomerMetric, CustomerReportDimension, OverTimeDimension
from models.rules.report_interval import ReportInterval, midnight
from models.storage.sql import ALWAYS, Sql
from models.tables.access import Scope
from schema.base.context import Info
from schema.base.permissions import may
from schema.base.projections import read_by_ids
from schema.base.restricted import show
from schema.base.selections import names_at
from schema.types.customer import Customer
from schema.types.customer_class import CustomerClass
from schema.types.customer_filter import CustomerFilter, matching_customers
from schema.types.customer_report import (
    CustomerReport,
    CustomerReportRow,
    DimensionEnum,
    checked_dimensions,
)
from schema.types.customers_over_time import (
    CustomerSeries,
    IntervalEnum,
    MetricEnum,
    OverTimeEnum,
    checked_metrics,
    checked_starts,
)

Item = TypeVar("Item", CustomerClass, Customer)

ROWS = "rows"
MOMENT = timedelta(microseconds=1)
"""Added to the present time, so that what happened just now is counted."""


async def customer_report(
    info: Info,
    group_by: Annotated[
        list[DimensionEnum],  # type: ignore[valid-type]  # an enum with another name
        strawberry.argument(
            description="What to group the customers by: one to three different dimensions."
        ),
    ],
    filter: Annotated[
        CustomerFilter | None,
        strawberry.argument(
            description="Conditions on the customers to count. Null counts all customers."
        ),
    ] = None,
) -> CustomerReport:
    dimensions = checked_dimensions(group_by)
    wanted, now = matching_customers(info, filter), info.context.clock()
    found = await report_customers(dimensions, wanted, _sums(info), now)
    ids = found.keys_of(CustomerReportDimension.CLASS)
    classes = await _linked(info, CustomerClass, (ROWS, "customerClass"), ids, ALWAYS)
    ids = found.keys_of(CustomerReportDimension.RESELLER)
    resellers = await _linked(info, Customer, (ROWS, "reseller"), ids, NOT_ERASED)
    rows = [CustomerReportRow.of(group, classes, resellers) for group in found.groups]
    show(info, CustomerReportRow, rows)
    return CustomerReport(
        at=now,
        rows=rows,
        customer_count=found.customer_count,
        is_truncated=found.is_truncated,
    )


async def customers_over_time(
    info: Info,
    metrics: Annotated[
        list[MetricEnum],  # type: ignore[valid-type]  # an enum with another name
        strawberry.argument(description="What to count: one or more different metrics."),
    ],
    interval: Annotated[
        IntervalEnum,  # type: ignore[valid-type]  # see above
        strawberry.argument(description="The length of the intervals."),
    ],
    from_on: Annotated[
        date,
        strawberry.argument(
            description="A day of the first interval; the whole interval is counted."
        ),
    ],
    until_on: Annotated[
        date,
        strawberry.argument(
            description="The day before which the last interval begins. At most 400 intervals;"
            " those that have not begun yet are left out."
        ),
    ],
    group_by: Annotated[
        OverTimeEnum | None,  # type: ignore[valid-type]  # see above
        strawberry.argument(
            description="What to group the metric CUSTOMERS by; by default by nothing."
        ),
    ] = None,
) -> list[CustomerSeries]:
    now = info.context.clock()
    kinds = checked_metrics(metrics)
    length: ReportInterval = interval
    starts = checked_starts(length, from_on, until_on, now.date())
    if not starts:
        return []
    days = [*starts, length.after(starts[-1])]
    end = min(midnight(days[-1]), now + MOMENT)
    by_class = group_by is OverTimeDimension.CLASS
    found = await count_over_time(kinds, length, starts, end, by_class=by_class)
    ids = [one.group for one in found if one.group and one.metric is not CustomerMetric.LOOKUPS]
    classes = await _linked(info, CustomerClass, ("customerClass",), ids, ALWAYS)
    return [CustomerSeries.of(one, days, classes) for one in found]


def _sums(info: Info) -> ReportSums:
    """Return which sums to compute: those that are selected, and that the caller may see."""
    selected = names_at(info, (ROWS,))
    return ReportSums(
        contacts="contactCount" in selected and may(info, Scope.CONTACTS_READ),
        employees="employees" in selected,
        net_assets="netAssets" in selected,
    )


async def _linked(
    info: Info, kind: type[Item], path: tuple[str, ...], ids: list[str], living: Sql
) -> dict[str, Item]:
    """Return the objects at a path of fields, by id, with their selected fields."""
    found: dict[str, Item] = {}
    for begin in range(0, len(ids), ROWS_AT_ONCE):
        some = ids[begin : begin + ROWS_AT_ONCE]
        read = await read_by_ids(info, kind, some, *path, within=living)
        found |= {one.id: one for one in read}
    return found
