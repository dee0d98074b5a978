"""Reading the figures of correctly tagged accounts."""

import json
from datetime import date
from decimal import Decimal

import pytest

from enrichment.accounts import as_record, read_accounts
from tests.enrichment.accounts.documents import (
    BALANCE_SHEET,
    CONTEXTS,
    DAY,
    NAME,
    NUMBER,
    PRIOR,
    employees,
    inline,
    instant,
    number,
    period,
    text,
)

FIGURES = (
    "employees",
    "fixed_assets",
    "current_assets",
    "total_assets",
    "total_assets_less_current_liabilities",
    "net_assets",
)


def test_a_tidy_balance_sheet_reads_in_full() -> None:
    accounts = read_accounts(inline(*BALANCE_SHEET), company_number=NUMBER)
    record = as_record(accounts)
    assert record == {
        "company_number": NUMBER,
        "company_name": NAME,
        "balance_sheet_date": DAY,
        "period_start": "2024-01-01",
        "currency": "GBP",
        "is_dormant": None,
        "is_group": False,
        "employees": 7,
        "fixed_assets": 1000,
        "current_assets": 500,
        "total_assets": 1500,
        "total_assets_less_current_liabilities": 1300,
        "net_assets": 1300,
        "total_assets_is_derived": True,
        "unreadable": [],
        "warnings": [],
    }
    assert accounts.fixed_assets is not None
    assert accounts.fixed_assets.period_end == date(2024, 12, 31)
    assert accounts.fixed_assets.currency == "GBP"
    assert accounts.fixed_assets.concept == "FixedAssets"
    assert accounts.total_assets is not None
    assert accounts.total_assets.concept == "FixedAssets + CurrentAssets"
    assert accounts.employees is not None
    assert accounts.employees.currency is None
    assert json.loads(json.dumps(record)) == record


@pytest.mark.parametrize(
    ("facts", "field", "expected"),
    [
        # the prior year's figure is tagged too, before or after
        ((number("FixedAssets", "9", "then"), number("FixedAssets", "5")), "fixed_assets", 5),
        ((number("FixedAssets", "5"), number("FixedAssets", "9", "then")), "fixed_assets", 5),
        # a part of the total is tagged with a dimension
        ((number("Equity", "100", "share-capital"), number("Equity", "7")), "net_assets", 7),
        # only a part is tagged: not filed
        ((number("Equity", "100", "share-capital"),), "net_assets", None),
        # a nil fact has no value
        ((number("FixedAssets", "", **{"xsi:nil": "true"}),), "fixed_assets", None),
        # nor has a fact in the format nocontent
        ((number("FixedAssets", "x", format="ixt2:nocontent"),), "fixed_assets", None),
        # the same fact is tagged three times
        ((number("FixedAssets", "5"),) * 3, "fixed_assets", 5),
        # the same fact in thousands and in full
        (
            (number("FixedAssets", "1,234"), number("FixedAssets", "1", scale="3", decimals="-3")),
            "fixed_assets",
            1234,
        ),
        # a minus sign by attribute
        ((number("NetAssetsLiabilities", "5", sign="-"),), "net_assets", -5),
        # zero is a valid figure
        ((number("FixedAssets", "-", format="ixt2:zerodash"),), "fixed_assets", 0),
        # tagged in millions
        ((number("CurrentAssets", "1.5", scale="6"),), "current_assets", 1500000),
        # a tag nested in another
        ((number("FixedAssets", number("CurrentAssets", "8")),), "fixed_assets", 8),
        ((number("FixedAssets", number("CurrentAssets", "8")),), "current_assets", 8),
        # concepts of older taxonomies
        (
            (number("NetAssetsLiabilitiesIncludingPensionAssetLiability", "3"),),
            "net_assets",
            3,
        ),
        ((number("Non-currentAssets", "4"),), "fixed_assets", 4),
        ((number("NoncurrentAssets", "4"),), "fixed_assets", 4),
        # an average for the year; the previous period is eighteen months long
        ((employees("2"), employees("3", "last-year")), "employees", 2),
        ((employees("3", "last-year"), employees("2")), "employees", 2),
        ((employees("3", "last-year"),), "employees", None),
        ((employees("no", format="ixt-sec:numwordsen"),), "employees", 0),
        # total assets are tagged themselves
        ((number("TotalAssets", "90"), number("CurrentAssets", "90")), "total_assets", 90),
        ((number("EquityAndLiabilities", "90"),), "total_assets", None),
        # items that are added to fixed and current assets
        (
            (
                number("CurrentAssets", "10"),
                number("CalledUpShareCapitalNotPaidNotExpressedAsCurrentAsset", "2"),
                number("PrepaymentsAccruedIncomeNotExpressedWithinCurrentAssetSubtotal", "3"),
            ),
            "total_assets",
            15,
        ),
    ],
)
def test_each_figure_is_chosen(facts: tuple[str, ...], field: str, expected: int | None) -> None:
    assert as_record(read_accounts(inline(*facts)))[field] == expected


def test_what_is_not_printed_stays_null() -> None:
    record = as_record(read_accounts(inline(employees("0"))))
    assert {name: record[name] for name in FIGURES} == dict.fromkeys(FIGURES) | {"employees": 0}
    assert record["unreadable"] == []


@pytest.mark.parametrize("place", ["segment", "scenario"])
def test_a_dimension_hides_a_fact_wherever_it_stands(place: str) -> None:
    contexts = CONTEXTS + instant("part", DAY, "SomeDimension=SomeMember", place=place)
    accounts = read_accounts(
        inline(number("FixedAssets", "5", "part"), employees("1"), contexts=contexts)
    )
    assert accounts.fixed_assets is None


def test_a_typed_dimension_hides_a_fact_too() -> None:
    typed = instant("part", DAY, "X=Y").replace("explicitMember", "typedMember")
    accounts = read_accounts(
        inline(number("FixedAssets", "5", "part"), employees("1"), contexts=CONTEXTS + typed)
    )
    assert accounts.fixed_assets is None


def test_contexts_are_judged_by_their_dates_and_not_by_their_names() -> None:
    contexts = instant("prior", DAY) + instant("current", PRIOR) + period("year", "2024-01-01", DAY)
    accounts = read_accounts(
        inline(
            number("FixedAssets", "1", "prior"),
            number("FixedAssets", "2", "current"),
            contexts=contexts,
            dated=text("BalanceSheetDate", DAY, "year"),
        )
    )
    assert accounts.fixed_assets is not None
    assert accounts.fixed_assets.value == 1


@pytest.mark.parametrize("moment", ["2024-12-31T00:00:00", "2025-01-01T00:00:00"])
def test_midnight_may_end_the_day_or_begin_it(moment: str) -> None:
    contexts = instant("now", moment) + period("year", "2024-01-01", DAY)
    accounts = read_accounts(inline(number("FixedAssets", "5"), contexts=contexts))
    assert accounts.fixed_assets is not None


def test_group_accounts_give_the_company_figures_and_say_group() -> None:
    contexts = (
        CONTEXTS
        + instant("group", DAY, "GroupCompanyDataDimension=Consolidated")
        + period(
            "scope", "2024-01-01", DAY, "ScopeAccountsDimension=ConsolidatedGroupCompanyAccounts"
        )
    )
    accounts = read_accounts(
        inline(
            number("FixedAssets", "900", "group"),
            number("FixedAssets", "5"),
            text("ScopeAccounts", "", "scope"),
            employees("3"),
            contexts=contexts,
        )
    )
    assert accounts.is_group
    assert accounts.fixed_assets is not None
    assert accounts.fixed_assets.value == 5


def test_international_group_accounts_keep_the_company_apart() -> None:
    separate = "ConsolidatedAndSeparateFinancialStatementsAxis=SeparateMember"
    contexts = CONTEXTS + instant("own", DAY, separate)
    fact = number("Equity", "900").replace("c:Equity", "i:Equity")
    own = number("Equity", "5", "own").replace("c:Equity", "i:Equity")
    accounts = read_accounts(inline(fact, own, contexts=contexts))
    assert accounts.is_group
    assert accounts.net_assets is not None
    assert accounts.net_assets.value == 5


def test_international_accounts_that_name_no_scope_are_flagged() -> None:
    accounts = read_accounts(inline(number("Assets", "9").replace("c:Assets", "i:Assets")))
    assert [(w.code, w.field) for w in accounts.warnings] == [("SCOPE_UNCERTAIN", "total_assets")]


def test_pence_survive_and_huge_sums_are_exact() -> None:
    accounts = read_accounts(
        inline(
            number("FixedAssets", "999,999,999,999,999.99", decimals="2"),
            number("CurrentAssets", "0.01", decimals="2"),
        )
    )
    assert accounts.total_assets is not None
    assert accounts.total_assets.value == Decimal("1000000000000000.00")
    record = as_record(accounts)
    assert record["current_assets"] == 0.01
    assert record["fixed_assets"] == "999999999999999.99"
