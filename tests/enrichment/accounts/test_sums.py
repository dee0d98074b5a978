"""Sums that fail, differences that rounding explains, and mixed currencies."""

import pytest

from enrichment.accounts import as_record, read_accounts
from enrichment.accounts.record import FIGURES
from tests.enrichment.accounts.documents import BALANCE_SHEET, codes, employees, inline, number

NET_CURRENT, LESS = (
    "NET_CURRENT_ASSETS_MISMATCH",
    "TOTAL_ASSETS_LESS_CURRENT_LIABILITIES_MISMATCH",
)
NET, TOTAL = "NET_ASSETS_MISMATCH", "TOTAL_ASSETS_MISMATCH"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        # a difference of one pound is rounding
        (number("NetCurrentAssetsLiabilities", "301"), {}),
        (
            number("NetCurrentAssetsLiabilities", "444"),
            {
                "current_assets": {NET_CURRENT},
                "fixed_assets": {LESS},
                "total_assets_less_current_liabilities": {LESS},
                "total_assets": {NET_CURRENT, LESS},
            },
        ),
        (
            number("TotalAssetsLessCurrentLiabilities", "1,350"),
            {
                "current_assets": {LESS},
                "fixed_assets": {LESS},
                "total_assets_less_current_liabilities": {LESS},
                "total_assets": {LESS, TOTAL},
            },
        ),
        (number("Equity", "1,400"), {"net_assets": {NET}}),
        (
            number("NetAssetsLiabilities", "1,400") + number("Equity", "1,400"),
            {"net_assets": {NET}, "total_assets_less_current_liabilities": {NET}},
        ),
        (
            number("TotalAssets", "1,600"),
            {"total_assets": {TOTAL}, "fixed_assets": {TOTAL}, "current_assets": {TOTAL}},
        ),
    ],
)
def test_every_figure_in_a_sum_that_fails_has_a_warning(
    change: str, expected: dict[str, set[str]]
) -> None:
    changed = {part.split('"', maxsplit=1)[0] for part in change.split('"c:')[1:]}
    facts = [fact for fact in BALANCE_SHEET if fact.split('"c:')[1].split('"')[0] not in changed]
    accounts = read_accounts(inline(*facts, change))
    figures = ((name, getattr(accounts, name)) for name in FIGURES)
    warned = {
        name: {str(warning.code) for warning in figure.warnings}
        for name, figure in figures
        if figure is not None and figure.warnings
    }
    assert warned == expected
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
    assert "total_assets_less_current_liabilities" not in {field for _, field in codes(accounts)}


@pytest.mark.parametrize("decimals", ["-2", "-3", "-6"])
def test_a_rounding_that_the_value_does_not_show_hides_no_conflict(decimals: str) -> None:
    stated = {"decimals": decimals}
    accounts = read_accounts(
        inline(
            number("FixedAssets", "210", **stated),
            number("FixedAssets", "340", **stated),
            employees("6", **stated),
            employees("48", **stated),
        )
    )
    assert {"fixed_assets", "employees"} <= accounts.unreadable
    assert ("CONFLICTING_VALUES", "fixed_assets") in codes(accounts)
    assert ("CONFLICTING_VALUES", "employees") in codes(accounts)


def test_a_rounding_that_the_value_does_not_show_hides_no_failing_sum() -> None:
    accounts = read_accounts(
        inline(
            number("FixedAssets", "740,000", decimals="-6"),
            number("NetCurrentAssetsLiabilities", "81", decimals="-6"),
            number("TotalAssetsLessCurrentLiabilities", "821", decimals="-6"),
        )
    )
    assert accounts.fixed_assets is not None
    assert [str(warning.code) for warning in accounts.fixed_assets.warnings] == [LESS]


NET_FIELDS = {"net_assets", "total_assets_less_current_liabilities"}
ALL_LINES = {"fixed_assets", "current_assets", "net_assets"}


@pytest.mark.parametrize(
    ("facts", "code", "flagged"),
    [
        # debts due after one year are not subtracted
        (
            (number("TotalAssetsLessCurrentLiabilities", "85"), number("Creditors", "30", "after"),
             number("NetAssetsLiabilities", "85")),
            NET, NET_FIELDS,
        ),
        (
            (number("TotalAssetsLessCurrentLiabilities", "85"),
             number("ProvisionsForLiabilitiesBalanceSheetSubtotal", "30"),
             number("NetAssetsLiabilities", "60")),
            NET, NET_FIELDS,
        ),
        # more is subtracted than is tagged
        (
            (number("TotalAssetsLessCurrentLiabilities", "85"), number("Creditors", "30", "after"),
             number("NetAssetsLiabilities", "51")),
            NET, NET_FIELDS,
        ),
        # a debt is not tagged, because equity is equal
        (
            (number("TotalAssetsLessCurrentLiabilities", "85"), number("Creditors", "30", "after"),
             number("NetAssetsLiabilities", "51"), number("Equity", "51")),
            NET, set(),
        ),
        (
            (number("TotalAssetsLessCurrentLiabilities", "85"), number("Creditors", "30", "after"),
             number("NetAssetsLiabilities", "55")),
            NET, set(),
        ),
        # accruals in the note are already included in creditors
        (
            (number("TotalAssetsLessCurrentLiabilities", "85"),
             number("AccrualsDeferredIncome", "30"), number("NetAssetsLiabilities", "85")),
            NET, set(),
        ),
        # one tag for all creditors
        (
            (number("TotalAssetsLessCurrentLiabilities", "85"), number("Creditors", "30"),
             number("NetAssetsLiabilities", "85")),
            NET, set(),
        ),
        # more than all assets, although no total shows it
        (
            (number("FixedAssets", "15"), number("CurrentAssets", "25"),
             number("NetAssetsLiabilities", "4,100")),
            NET, ALL_LINES,
        ),
        (
            (number("FixedAssets", "15"), number("CurrentAssets", "25"),
             number("Creditors", "10", "within"), number("NetAssetsLiabilities", "40")),
            NET, ALL_LINES | {"total_assets"},
        ),
        (
            (number("FixedAssets", "15"), number("NetCurrentAssetsLiabilities", "25"),
             number("NetAssetsLiabilities", "4,100")),
            NET, {"fixed_assets", "net_assets"},
        ),
        (
            (number("FixedAssets", "15"), number("CurrentAssets", "25"),
             number("TotalAssetsLessCurrentLiabilities", "4,100")),
            LESS, {"fixed_assets", "current_assets", "total_assets_less_current_liabilities"},
        ),
        # debts within one year that are not tagged
        (
            (number("FixedAssets", "15"), number("CurrentAssets", "25"),
             number("TotalAssetsLessCurrentLiabilities", "30"),
             number("NetAssetsLiabilities", "12")),
            NET, set(),
        ),
        # less than the lines imply
        (
            (number("FixedAssets", "150"), number("CurrentAssets", "250"),
             number("Creditors", "100", "within"), number("NetAssetsLiabilities", "30")),
            NET, ALL_LINES | {"total_assets"},
        ),
        # a part that is larger than the total
        (
            (number("TotalAssets", "40"), number("CurrentAssets", "400")),
            TOTAL, {"total_assets", "current_assets"},
        ),
    ],
)  # fmt: skip
def test_no_figure_exceeds_what_it_is_a_part_of(
    facts: tuple[str, ...], code: str, flagged: set[str]
) -> None:
    found = codes(read_accounts(inline(*facts)))
    assert {field for of, field in found if of == code} == flagged


def test_a_nil_tag_around_an_amount_is_unreadable() -> None:
    accounts = read_accounts(inline(number("FixedAssets", "31", **{"xsi:nil": "true"})))
    assert "fixed_assets" in accounts.unreadable


def test_a_second_currency_is_left_aside_and_flagged() -> None:
    accounts = read_accounts(inline(*BALANCE_SHEET, number("FixedAssets", "1,270", unit="USD")))
    assert accounts.currency == "GBP"
    assert accounts.fixed_assets is not None
    assert accounts.fixed_assets.value == 1000
    assert codes(accounts) == [
        ("CURRENCY_MIXED", "fixed_assets"),
        ("CURRENCY_MIXED", "total_assets"),
    ]
