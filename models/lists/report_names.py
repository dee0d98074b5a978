"""Reads the names of the classes and resellers in a report, for its CSV file."""

from dataclasses import dataclass
from typing import Any

from models.lists.customer_report import CustomerReport
from models.lists.personal_data import masked_name
from models.rules.report import CustomerReportDimension
from models.storage.sql import among, run

CLASSES = "SELECT id, code, name FROM customer_class WHERE {condition}"
RESELLERS = (
    "SELECT t0.id, t0.account_number, t0.name, of_class.is_personal_customer,"
    " of_class.is_sole_trader FROM customer AS t0"
    " JOIN customer_class AS of_class ON of_class.id = t0.customer_class_id WHERE {condition}"
)


@dataclass(frozen=True, slots=True)
class ReportName:
    """The code of a class or the account number of a reseller, and its name."""

    code: str | None
    name: str


async def class_names(report: CustomerReport) -> dict[str, ReportName]:
    """Return the classes of the groups, by id."""
    rows = await _read(CLASSES, "id", report.keys_of(CustomerReportDimension.CLASS))
    return {row_id: ReportName(code, name) for row_id, code, name in rows}


async def reseller_names(report: CustomerReport, *, is_masked: bool) -> dict[str, ReportName]:
    """Return the resellers of the groups, by id; names of individuals are masked if `is_masked`."""
    rows = await _read(RESELLERS, "t0.id", report.keys_of(CustomerReportDimension.RESELLER))
    return {
        row_id: ReportName(number, masked_name(name, *map(bool, flags)) if is_masked else name)
        for row_id, number, name, *flags in rows
    }


async def _read(statement: str, column: str, ids: list[str]) -> list[Any]:
    if not ids:
        return []
    condition = among(column, ids)
    rows = await run(statement.format(condition=condition.text), condition.parameters)
    return list(rows)
