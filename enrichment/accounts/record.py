"""Converts accounts to a dictionary that any JSON encoder writes without loss."""

from decimal import Decimal

from enrichment.accounts.model import Accounts, Figure

FIGURES = (
    "employees",
    "fixed_assets",
    "current_assets",
    "total_assets",
    "total_assets_less_current_liabilities",
    "net_assets",
)


def as_record(accounts: Accounts) -> dict[str, object]:
    """Return the accounts as a dictionary, with dates as ISO 8601 texts and exact numbers."""
    figures = {name: _number(getattr(accounts, name)) for name in FIGURES}
    total = accounts.total_assets
    return {
        "company_number": accounts.company_number,
        "company_name": accounts.company_name,
        "balance_sheet_date": accounts.balance_sheet_date.isoformat(),
        "period_start": accounts.period_start.isoformat() if accounts.period_start else None,
        "currency": accounts.currency,
        "is_dormant": accounts.is_dormant,
        "is_group": accounts.is_group,
        **figures,
        "total_assets_is_derived": total is not None and total.is_derived,
        "unreadable": sorted(accounts.unreadable),
        "warnings": [
            {"code": str(warning.code), "field": warning.field, "message": warning.message}
            for warning in accounts.warnings
        ],
    }


def _number(figure: Figure | None) -> int | float | str | None:
    """Return the exact value of a figure: an integer, a float, or text if a float would round."""
    if figure is None:
        return None
    value = figure.value
    if value == value.to_integral_value():
        return int(value)
    rounded = float(value)
    return rounded if Decimal(repr(rounded)) == value else str(value)
