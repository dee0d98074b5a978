"""The statement that counts customers in groups, for PostgreSQL and SQLite.

Its innermost part groups customers by columns of the index `idx_customer_report`, so that it reads
no rows of the customer table (ADR 49). The next part derives the keys of the report from these few
groups, such as the legal status from the class. The outer parts keep the largest groups.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from models.lists.customer_list import NOT_ERASED, CustomerFilter
from models.rules.classification import LEGAL_INDIVIDUAL
from models.rules.consent import Matter
from models.rules.report import CustomerReportDimension
from models.rules.report_interval import ReportInterval
from models.storage.report_sql import amount_sums, start_of
from models.storage.sql import Sql, is_postgres, to_database
from models.storage.tenant_scope import current_tenant
from models.tables.consent_entry import ConsentPeriod

Dimension = CustomerReportDimension


@dataclass(frozen=True, slots=True)
class ReportSums:
    """Which sums a report needs; each makes it slower, as it reads more than the index."""

    contacts: bool = False
    employees: bool = False
    net_assets: bool = False


@dataclass(frozen=True, slots=True)
class _Dimension:
    """The SQL of a dimension.

    `column` names a column of `counted`, the innermost part. `key` is the key of the report.
    `sorted_by` has statements, about the row with the id `{key}`, whose values sort the groups.
    """

    column: str
    key: str
    sorted_by: tuple[str, ...] = ()


_DIMENSIONS = {
    Dimension.CLASS: _Dimension(
        "class_id",
        "counted.class_id",
        (
            "SELECT display_position FROM customer_class WHERE id = {key}",
            "SELECT name_key FROM customer_class WHERE id = {key}",
        ),
    ),
    Dimension.RESELLER: _Dimension(
        "reseller_id",
        "counted.reseller_id",
        ("SELECT account_number FROM customer AS reseller WHERE reseller.id = {key}",),
    ),
    Dimension.LEGAL_STATUS: _Dimension(
        "class_id", f"CASE WHEN {LEGAL_INDIVIDUAL} THEN 'INDIVIDUAL' ELSE 'CORPORATE' END"
    ),
    Dimension.IS_RESELLER: _Dimension(
        "class_id", "CASE WHEN of_class.is_reseller THEN 1 ELSE 0 END"
    ),
    Dimension.CONSENT: _Dimension("is_given", "counted.is_given"),
    Dimension.ENRICHMENT_STATUS: _Dimension("status", "counted.status"),
    Dimension.COMPANY_STATUS: _Dimension("company_status", "counted.company_status"),
    Dimension.CREATED_MONTH: _Dimension("month", "counted.month"),
}
_OF_CLASS = " JOIN customer_class AS of_class ON of_class.id = counted.class_id"

_OF_CUSTOMER = [
    "id",
    "customer_class_id",
    "parent_id",
    "enrichment_status",
    "company_status",
    "created_at",
    "employee_count",
    "net_assets",
    "net_assets_currency",
]
"""The columns of customers that reports read: those of the index `idx_customer_report`."""

_GIVEN = (
    f"FROM consent_period WHERE matter = '{Matter.CONSENT.value}' AND from_at <= ?"
    " AND (until_at IS NULL OR until_at > ?)"
)
"""Selects from consent in effect at an instant; a customer has at most one such period."""

_CONTACTS = "FROM contact WHERE deleted_at IS NULL"


@dataclass(frozen=True, slots=True)
class _Source:
    """The customers to count, as SQL: `select` follows SELECT …, and has aliases for columns."""

    is_given: str
    """SQL for whether consent of a customer is given: 1 or 0."""
    contacts: str
    """SQL for the number of a customer's contacts; null for none."""
    select: Sql
    before: tuple[object, ...] = ()
    """The parameters of `is_given`."""


def statement_of(
    dimensions: Sequence[Dimension],
    wanted: CustomerFilter,
    sums: ReportSums,
    now: datetime,
    most: int,
) -> tuple[Sql, list[str]]:
    """Return the statement of a report with at most `most` groups, and the names of its columns.

    `of_group` is the number of customers of a group, and `of_all` that of all groups. `place` is
    the number of a group, which has a row for each currency of its customers' net assets.
    """
    chosen = [_DIMENSIONS[one] for one in dimensions]
    raw = sorted({one.column for one in chosen})
    counted, summed = _counted(raw, wanted, sums, now)
    keys = ", ".join(one.key for one in chosen)
    columns = {f"key_{number}": one.key for number, one in enumerate(chosen)}
    ranked = ", ".join(columns)
    columns["currency"] = "counted.currency" if sums.net_assets else "NULL"
    columns |= {name: f"sum(counted.{name})" for name in summed}
    columns["of_group"] = f"sum(sum(counted.customers)) OVER (PARTITION BY {keys})"
    columns["of_all"] = "sum(sum(counted.customers)) OVER ()"
    joins = _OF_CLASS if {Dimension.LEGAL_STATUS, Dimension.IS_RESELLER} & {*dimensions} else ""
    by = f"{keys}, counted.currency" if sums.net_assets else keys
    sorting = {
        f"sort_{number}_{order}": f"({statement.format(key=f'ranked.key_{number}')})"
        for number, one in enumerate(chosen)
        for order, statement in enumerate(one.sorted_by)
    }
    shown = ", ".join(["ranked.*", *_named(sorting)])
    text = (
        f"SELECT {shown} FROM (SELECT grouped.*,"  # noqa: S608  # no value is spelt out
        f" dense_rank() OVER (ORDER BY of_group DESC, {ranked}) AS place"
        f" FROM (SELECT {', '.join(_named(columns))} FROM ({counted.text}) AS counted{joins}"
        f" GROUP BY {by}) AS grouped) AS ranked WHERE place <= {most:d}"
    )
    return Sql(text, counted.parameters), [*columns, "place", *sorting]


def _counted(
    raw: Sequence[str], wanted: CustomerFilter, sums: ReportSums, now: datetime
) -> tuple[Sql, list[str]]:
    """Return the innermost part, and the names of the numbers in it.

    It groups customers by the columns `raw`, and by the currency of their net assets if these are
    added up.
    """
    is_joined = is_postgres() and not wanted.is_small_scope
    joined = {"given": "is_given" in raw, "people": sums.contacts}
    source = (_joined if is_joined else _looked_up)(wanted, now, joined)
    expressions = {
        "class_id": "t0.customer_class_id",
        "reseller_id": "t0.parent_id",
        "status": "t0.enrichment_status",
        "company_status": "t0.company_status",
        "month": start_of(ReportInterval.MONTH, "t0.created_at"),
        "is_given": source.is_given,
    }
    keys = {name: expressions[name] for name in raw}
    if sums.net_assets:
        keys["currency"] = "t0.net_assets_currency"
    numbers = {"customers": "count(*)"}
    if sums.contacts:
        numbers["contacts"] = f"coalesce(sum({source.contacts}), 0)"
    if sums.employees:
        numbers["employees"] = "sum(t0.employee_count)"
        numbers["employee_values"] = "count(t0.employee_count)"
    if sums.net_assets:
        numbers["asset_values"] = "count(t0.net_assets)"
        numbers |= {f"assets_{n}": part for n, part in enumerate(amount_sums("t0.net_assets"))}
    text = (
        f"SELECT {', '.join(_named(keys | numbers))} FROM {source.select.text}"  # noqa: S608  # no value is spelt out
        f" GROUP BY {', '.join(str(number + 1) for number in range(len(keys)))}"
    )
    return Sql(text, (*source.before, *source.select.parameters)), list(numbers)


def _joined(wanted: CustomerFilter, now: datetime, joined: Mapping[str, bool]) -> _Source:
    """Return the customers joined with all consent and contacts.

    Customers are read in the order of their ids, so that PostgreSQL merges them with the index of
    consent. It would make a hash of all consent otherwise, which is slower and needs more memory.
    """
    condition, joins = wanted.condition(), ""
    parameters = condition.parameters
    if joined["given"]:
        given = f"SELECT customer_id, 1 AS is_given {_GIVEN}"
        joins += f" LEFT JOIN ({given}) AS given ON given.customer_id = t0.id"
        parameters = (*parameters, *_instants(now))
    if joined["people"]:
        number = f"SELECT customer_id, count(*) AS number {_CONTACTS} GROUP BY customer_id"
        joins += f" LEFT JOIN ({number}) AS people ON people.customer_id = t0.id"
    columns = ", ".join(f"t0.{name}" for name in _OF_CUSTOMER)
    text = f"customer AS t0 WHERE {condition.text}"
    if joins:
        text = f"(SELECT {columns} FROM {text} ORDER BY t0.id) AS t0{joins}"  # noqa: S608  # no value is spelt out
    return _Source("coalesce(given.is_given, 0)", "people.number", Sql(text, parameters))


def _looked_up(wanted: CustomerFilter, now: datetime, joined: Mapping[str, bool]) -> _Source:
    """Return the customers, whose consent and contacts are looked up one by one.

    To count all customers, SQLite would choose an index that it has to read their rows with.
    """
    condition = wanted.condition()
    is_whole = current_tenant() is None and condition.text == f"({NOT_ERASED.text})"
    hint = " INDEXED BY idx_customer_report" if is_whole and not is_postgres() else ""
    return _Source(
        f"CASE WHEN EXISTS (SELECT 1 {_GIVEN} AND customer_id = t0.id) THEN 1 ELSE 0 END",
        f"(SELECT count(*) {_CONTACTS} AND customer_id = t0.id)",
        Sql(f"customer AS t0{hint} WHERE {condition.text}", condition.parameters),
        _instants(now) if joined["given"] else (),
    )


def _instants(now: datetime) -> tuple[object, object]:
    instant = to_database(ConsentPeriod._meta.fields_map["from_at"], now)
    return (instant, instant)


def _named(columns: Mapping[str, str]) -> list[str]:
    return [f"{expression} AS {name}" for name, expression in columns.items()]


def sort_columns(dimension: Dimension, number: int) -> list[str]:
    """Return the names of the columns by whose values the groups of a dimension are sorted."""
    return [f"sort_{number}_{order}" for order in range(len(_DIMENSIONS[dimension].sorted_by))]
