"""SQL of values that reports group by or add up, for PostgreSQL and SQLite.

Sums are exact on both: SQLite has no decimal numbers, so an amount is added up in three integers.
"""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, cast

from models.rules.report_interval import ReportInterval
from models.storage.sql import is_postgres

_BILLION = 1_000_000_000
_CENT = Decimal("0.01")


def amount_sums(column: str) -> list[str]:
    """Return SQL for the sum of a column of amounts, as parts for `amount_of`.

    On SQLite the amounts are texts with at most 15 digits and 2 decimals.
    """
    if is_postgres():
        return [f"sum({column})"]
    digits = f"ltrim({column}, '-')"
    sign = f"(CASE WHEN {column} LIKE '-%' THEN -1 ELSE 1 END)"
    whole = f"CAST({digits} AS integer)"
    decimals = f"substr({digits}, instr({digits} || '.', '.') + 1)"
    cents = f"CAST(substr({decimals} || '00', 1, 2) AS integer)"
    parts = (f"{whole} / {_BILLION}", f"{whole} % {_BILLION}", cents)
    return [f"sum({sign} * ({part}))" for part in parts]


def amount_of(parts: Sequence[Any]) -> Decimal:
    """Return the sum of which `amount_sums` made the parts, with two decimals."""
    if len(parts) == 1:
        return Decimal(parts[0]).quantize(_CENT)
    billions, ones, cents = (int(part) for part in parts)
    return (billions * _BILLION + ones + cents * _CENT).quantize(_CENT)


def start_of(interval: ReportInterval, column: str) -> str:
    """Return SQL for the start of the interval that an instant is in, in UTC."""
    if is_postgres():
        return f"date_trunc('{interval.lower()}', {column} AT TIME ZONE 'UTC')"
    if interval is ReportInterval.WEEK:
        return f"date(substr({column}, 1, 10), '-6 days', 'weekday 1')"
    return f"substr({column}, 1, {7 if interval is ReportInterval.MONTH else 10})"


def day_from(stored: Any) -> date:
    """Return the first day of an interval that `start_of` found."""
    if not isinstance(stored, str):
        return cast("datetime", stored).date()
    return date.fromisoformat(f"{stored}-01"[:10])
