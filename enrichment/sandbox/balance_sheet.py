"""Generates consistent figures for made-up accounts from the number of a company."""

import hashlib
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class BalanceSheet:
    """One year's balance sheet in whole pounds; creditors are positive.

    `employees` is the number of employees; None if it is not disclosed.
    """

    fixed_assets: int
    current_assets: int
    creditors_within_one_year: int
    creditors_after_one_year: int = 0
    employees: int | None = None

    @property
    def net_current_assets(self) -> int:
        """Current assets less creditors within one year; may be negative."""
        return self.current_assets - self.creditors_within_one_year

    @property
    def total_assets_less_current_liabilities(self) -> int:
        """Fixed assets and net current assets together."""
        return self.fixed_assets + self.net_current_assets

    @property
    def net_assets(self) -> int:
        """Total assets less all liabilities; equal to the equity."""
        return self.total_assets_less_current_liabilities - self.creditors_after_one_year


DORMANT = BalanceSheet(fixed_assets=0, current_assets=100, creditors_within_one_year=0)


def sheet_of(number: str, year: int, *, scale: int = 1) -> BalanceSheet:
    """Return a balance sheet that is always the same for a company number, a year and a scale.

    `scale` multiplies the amounts.
    """
    draw = hashlib.sha256(f"{number}/{year}".encode()).digest()
    fixed, current, due, later = (
        int.from_bytes(draw[start : start + 4], "big") for start in range(0, 16, 4)
    )
    current_assets = (5_000 + current % 400_000) * scale
    return BalanceSheet(
        fixed_assets=(1_000 + fixed % 250_000) * scale,
        current_assets=current_assets,
        creditors_within_one_year=current_assets * (10 + due % 80) // 100,
        creditors_after_one_year=(later % 20_000) * scale,
        employees=(1 + draw[16] % 40) * min(scale, 25),
    )


def without_employees(sheet: BalanceSheet) -> BalanceSheet:
    """Return a balance sheet without its number of employees."""
    return replace(sheet, employees=None)
