"""Sums that fail, roundings that explain them, and currencies that do not mix."""

import pytest

from enrichment.accounts import as_record, read_accounts
from tests.enrichment.accounts.documents import BALANCE_SHEET, codes, inline, number


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        # one pound of rounding is no failure
        (number("NetCurrentAssetsLiabilities", "301"), []),
        (
            number("NetCurrentAssetsLiabilities", "444"),
            [
                ("NET_CURRENT_ASSETS_MISMATCH", "current_assets"),
                (
                    "TOTAL_ASSETS_LESS_CURRENT_LIABILITIES_MISMATCH",
                    "total_assets_less_current_liabilities",
                ),
            ],
        ),
        (
            number("TotalAssetsLessCurrentLiabilities", "1,300", sign="-"),
            [
                (
                    "TOTAL_ASSETS_LESS_CURRENT_LIABILITIES_MISMATCH",
                    "total_assets_less_current_liabilities",
                )
            ],
        ),
        (number("Equity", "1,400"), [("NET_ASSETS_MISMATCH", "net_assets")]),
        (number("TotalAssets", "1,600"), [("TOTAL_ASSETS_MISMATCH", "total_assets")]),
    ],
)
def test_sums_that_fail_are_warnings(change: str, expected: list[tuple[str, str]]) -> None:
    concept = change.split('"c:')[1].split('"', maxsplit=1)[0]
    facts = [fact for fact in BALANCE_SHEET if f'"c:{concept}"' not in fact]
    accounts = read_accounts(inline(*facts, change))
    assert codes(accounts) == expected
    assert accounts.unreadable == frozenset()


def test_sums_of_figures_in_thousands_may_be_out_by_thousands() -> None:
    in_thousands = {"scale": "3", "decimals": "-3"}
    accounts = read_accounts(
        inline(
            number("FixedAssets", "1,000", **in_thousands),
            number("NetCurrentAssetsLiabilities", "300", **in_thousands),
            number("TotalAssetsLessCurrentLiabilities", "1,301", **in_thousands),
        )
    )
    assert as_record(accounts)["total_assets_less_current_liabilities"] == 1301000
    assert codes(accounts) == []


def test_a_second_currency_is_left_aside_and_flagged() -> None:
    accounts = read_accounts(inline(*BALANCE_SHEET, number("FixedAssets", "1,270", unit="USD")))
    assert accounts.currency == "GBP"
    assert accounts.fixed_assets is not None
    assert accounts.fixed_assets.value == 1000
    assert codes(accounts) == [("CURRENCY_MIXED", "fixed_assets")]
