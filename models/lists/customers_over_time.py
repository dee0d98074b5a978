"""Counts customers, consent and lookups by day, week or month, from their histories (R97).

A number at the end of an interval, such as that of customers, is the sum of all changes before:
each change adds or removes one.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from models.lists.customer_scope import has_small_scope, of_customers_in_scope
from models.rules.consent import Matter
from models.rules.enrichment_status import EnrichmentStatus
from models.rules.report import CustomerMetric
from models.rules.report_interval import ReportInterval, midnight
from models.storage.report_sql import day_from, start_of
from models.storage.sql import Sql, run, to_database
from models.tables.customer import Customer

Metric = CustomerMetric


@dataclass(frozen=True, slots=True)
class _Changes:
    """The changes that a metric counts: rows of `table` by the instant in `at`.

    `group` is the SQL of their group, `condition` a further condition, and `step` what each adds.
    """

    table: str
    at: str
    condition: str = "1 = 1"
    group: str = "NULL"
    step: int = 1
    customer: str = "t0.customer_id"


_OF_CUSTOMERS = "customer AS t0"
# Living and erased customers are in indexes of their own.
_IS_ERASED = "t0.erased_at IS NOT NULL"
_CREATED = (
    _Changes(_OF_CUSTOMERS, "t0.created_at", "t0.erased_at IS NULL", customer="t0.id"),
    _Changes(_OF_CUSTOMERS, "t0.created_at", _IS_ERASED, customer="t0.id"),
)
_DELETED = _Changes(_OF_CUSTOMERS, "t0.erased_at", _IS_ERASED, customer="t0.id")
_IS_CONSENT = f"t0.matter = '{Matter.CONSENT.value}'"
_ADJACENT = (
    "NOT EXISTS (SELECT 1 FROM consent_period AS other WHERE other.customer_id = t0.customer_id"
    " AND other.matter = t0.matter AND {same})"
)
"""The condition that no other period of consent begins or ends at the same instant."""

_CHANGES: Mapping[Metric, tuple[_Changes, ...]] = {
    Metric.CUSTOMERS: (*_CREATED, replace(_DELETED, step=-1)),
    Metric.CUSTOMERS_CREATED: _CREATED,
    Metric.CUSTOMERS_DELETED: (_DELETED,),
    Metric.CONSENT_GIVEN: (
        _Changes(
            "consent_period AS t0",
            "t0.from_at",
            f"{_IS_CONSENT} AND {_ADJACENT.format(same='other.until_at = t0.from_at')}",
        ),
    ),
    Metric.CONSENT_WITHDRAWN: (
        _Changes(
            "consent_period AS t0",
            "t0.until_at",
            f"{_IS_CONSENT} AND {_ADJACENT.format(same='other.from_at = t0.until_at')}",
        ),
    ),
    Metric.LOOKUPS: (_Changes("enrichment_run AS t0", "t0.finished_at", group="t0.status"),),
}
_BY_CLASS = (
    _Changes("class_change AS t0", "t0.changed_at", group="t0.to_class_id"),
    _Changes(
        "class_change AS t0",
        "t0.changed_at",
        "t0.from_class_id IS NOT NULL",
        group="t0.from_class_id",
        step=-1,
    ),
    replace(_DELETED, group="t0.customer_class_id", step=-1),
)
"""The changes of the number of customers in each class."""


@dataclass(frozen=True, slots=True)
class Series:
    """The numbers of a metric, and of a group, in consecutive intervals.

    `group` is the id of a class, or the status of lookups; None if the metric is not grouped.
    """

    metric: Metric
    group: str | None
    counts: Sequence[int]


async def count_over_time(
    metrics: Iterable[Metric],
    interval: ReportInterval,
    starts: Sequence[date],
    end: datetime,
    *,
    by_class: bool = False,
) -> list[Series]:
    """Return the numbers of each metric in the intervals that begin on the days `starts`.

    Changes from `end` on are not counted. With `by_class`, there is a series of CUSTOMERS for each
    class that has, or had, customers. LOOKUPS has a series for each status in which lookups ended.
    """
    is_small = await has_small_scope()
    found = []
    for metric in metrics:
        is_grouped = by_class and metric is Metric.CUSTOMERS
        changes = _BY_CLASS if is_grouped else _CHANGES[metric]
        is_stock = metric is Metric.CUSTOMERS
        since = None if is_stock else midnight(starts[0])
        steps: dict[str | None, dict[date, int]] = defaultdict(lambda: defaultdict(int))
        if not is_grouped and metric is not Metric.LOOKUPS:
            steps[None] = defaultdict(int)
        for one in changes:
            statement = _statement(one, interval, since, end, is_small=is_small)
            for day, group, number in await run(statement.text, statement.parameters):
                steps[group][day_from(day)] += one.step * int(number)
        found += [
            Series(metric, group, _counts(steps[group], starts, is_stock=is_stock))
            for group in sorted(steps, key=lambda group: _place(metric, group))
        ]
    return found


def _statement(
    changes: _Changes,
    interval: ReportInterval,
    since: datetime | None,
    end: datetime,
    *,
    is_small: bool,
) -> Sql:
    column = Customer._meta.fields_map["created_at"]  # as are all instants
    conditions, parameters = [changes.condition, f"{changes.at} < ?"], [to_database(column, end)]
    if since is not None:
        conditions.append(f"{changes.at} >= ?")
        parameters.append(to_database(column, since))
    if is_small:
        conditions.append(of_customers_in_scope(changes.customer))
    text = (
        f"SELECT {start_of(interval, changes.at)} AS start, {changes.group} AS grp, count(*)"  # noqa: S608  # no value is spelt out
        f" FROM {changes.table} WHERE {' AND '.join(conditions)} GROUP BY 1, 2"
    )
    return Sql(text, tuple(parameters))


def _counts(steps: Mapping[date, int], starts: Sequence[date], *, is_stock: bool) -> list[int]:
    """Return the steps of each interval; for a stock, with all steps before added."""
    if not is_stock:
        return [steps.get(start, 0) for start in starts]
    total = sum(step for day, step in steps.items() if day < starts[0])
    counts = []
    for start in starts:
        total += steps.get(start, 0)
        counts.append(total)
    return counts


def _place(metric: Metric, group: str | None) -> tuple[int, str]:
    statuses: list[Any] = list(EnrichmentStatus)
    return (statuses.index(group) if metric is Metric.LOOKUPS else 0, group or "")
