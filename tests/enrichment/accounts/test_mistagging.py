"""Known tagging errors: corrected where the right value is certain, and always flagged."""

import pytest

from enrichment.accounts import WarningCode, as_record, read_accounts
from enrichment.accounts.messages import warning
from tests.enrichment.accounts.documents import (
    BALANCE_SHEET,
    bracketed,
    codes,
    employees,
    inline,
    number,
)


@pytest.mark.parametrize(
    ("fact", "expected", "expected_codes"),
    [
        # a percentage of a person
        (employees("2", scale="-2", decimals="2"), 2, ["SCALE_UNDONE"]),
        # a hundred people would be read as one
        (employees("100", scale="-2", decimals="2"), 100, ["SCALE_UNDONE"]),
        (employees("0", scale="-2", decimals="2"), 0, []),
        # a head count with the scale of a table in thousands of pounds
        (employees("61", scale="3", decimals="-3"), 61, ["SCALE_UNDONE"]),
        (employees("1,204", scale="3"), 1204, ["SCALE_UNDONE"]),
        (employees("0", scale="3"), 0, []),
        # thousands of people
        (employees("1.2", scale="3"), 1200, ["SCALE_DOUBTFUL"]),
        # two concepts for the same figure
        (
            employees("6") + number("AverageNumberEmployees", "60", "year", unit="pure"),
            6,
            ["CONFLICTING_VALUES"],
        ),
        (employees("6") + number("EmployeesTotal", "6", "year", unit="pure"), 6, []),
        # a head count with the unit pounds
        (employees("4", unit="GBP"), 4, ["UNIT_IGNORED"]),
        # no such unit
        (employees("4", unit="Number"), 4, []),
        # tagged for an instant instead of the period
        (employees("4", "now"), 4, ["PERIOD_TYPE_WRONG"]),
        # a dash means zero
        (employees("-"), 0, ["DASH_READ_AS_ZERO"]),
        (employees("12.5"), 12.5, ["EMPLOYEES_NOT_WHOLE"]),
        # the precision attribute is ignored
        (employees("317", decimals="INF"), 317, []),
    ],
)
def test_head_counts_are_mended(fact: str, expected: float, expected_codes: list[str]) -> None:
    accounts = read_accounts(inline(fact))
    assert as_record(accounts)["employees"] == expected
    assert codes(accounts) == [(code, "employees") for code in expected_codes]


@pytest.mark.parametrize(
    ("fact", "field", "expected_codes"),
    [
        # not a number in the given format
        (number("FixedAssets", "see note 4"), "fixed_assets", ["VALUE_UNREADABLE"]),
        (number("FixedAssets", "5", format="ixt:unheardof"), "fixed_assets", ["VALUE_UNREADABLE"]),
        (number("FixedAssets", ""), "fixed_assets", ["VALUE_UNREADABLE"]),
        (number("FixedAssets", "1" * 40), "fixed_assets", ["VALUE_UNREADABLE"]),
        # without a currency
        (number("FixedAssets", "5", unit="pure"), "fixed_assets", ["UNIT_NOT_MONEY"]),
        (number("FixedAssets", "5", unit="notmoney"), "fixed_assets", ["UNIT_NOT_MONEY"]),
        (number("FixedAssets", "5", unit="undefined"), "fixed_assets", ["UNIT_NOT_MONEY"]),
        # two values that rounding does not explain
        (
            number("FixedAssets", "5") + number("FixedAssets", "50"),
            "fixed_assets",
            ["CONFLICTING_VALUES"],
        ),
        (employees("5") + employees("50"), "employees", ["CONFLICTING_VALUES"]),
        (employees("-5"), "employees", ["VALUE_UNREADABLE"]),
        # the context of the period is not defined
        (number("FixedAssets", "5", "nowhere"), "fixed_assets", ["CONTEXT_UNDEFINED"]),
        (employees("5", "nowhere"), "employees", ["CONTEXT_UNDEFINED"]),
        # more people than any employer has, and than fits a GraphQL Int
        (employees("10,000,001"), "employees", ["VALUE_UNREADABLE"]),
        (employees("2,147,483,648"), "employees", ["VALUE_UNREADABLE"]),
        # a balance of the period, beside others of its last day
        (
            number("NetAssetsLiabilities", "5", "year") + number("CurrentAssets", "9"),
            "net_assets",
            ["PERIOD_TYPE_WRONG"],
        ),
    ],
)
def test_unreadable_is_not_the_same_as_not_filed(
    fact: str, field: str, expected_codes: list[str]
) -> None:
    accounts = read_accounts(inline(fact))
    assert as_record(accounts)[field] is None
    assert field in accounts.unreadable
    assert [code for code, of in codes(accounts) if of == field] == expected_codes


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        # a footnote mark inside the tag, in any markup
        ("5,000<sup>1</sup>", None),
        ('5,000<span style="vertical-align:super">1</span>', None),
        ("5,000<span>1</span>", None),
        ("5<sup>1</sup>", None),
        ("<b>5,00</b><sup>0</sup>", None),
        ('5,00<a href="#n1">1</a>', None),
        ("<span>12</span><span>3</span>", None),
        ("5,0001", None),
        # digits that only a line break or an element's end keeps apart
        ("240<br/>700", None),
        ("<div>240</div><div>700</div>", None),
        ("<span>2</span>4,000", None),
        ("2<b>4</b>,000", None),
        # digits that the page does not show
        ('<span style="display: none">2</span>,400', None),
        ('<b hidden="hidden">2<i>4</i></b>,000', None),
        ('<i style="font-size:0">24</i>', None),
        # marked as no part of the number, or no digit
        ("5,000<sup><ix:exclude>1</ix:exclude></sup>", 5000),
        ("5,000<ix:exclude><sup>1</sup></ix:exclude>", 5000),
        ("5,000<sup>*</sup>", None),
        # the number alone, in pieces or styled
        ("<span><b>5,000</b></span>", 5000),
        ("<span>5</span><span>,000</span>", 5000),
        ("5,<span/>000", 5000),
        ("<b>1,200</b><i>,000</i>", 1200000),
        ("<div>5,000</div>", 5000),
        ("<span>£</span>5,000", 5000),
    ],
)
def test_a_number_takes_no_digits_of_a_footnote(printed: str, expected: int | None) -> None:
    accounts = read_accounts(inline(number("NetAssetsLiabilities", printed)))
    assert as_record(accounts)["net_assets"] == expected
    assert ("net_assets" in accounts.unreadable) == (expected is None)


@pytest.mark.parametrize(
    ("other", "expected_codes"),
    [("2,014", ["CONFLICTING_VALUES"]), ("2,041", []), ("?", ["VALUE_UNREADABLE"])],
)
def test_two_concepts_for_one_total_are_compared(other: str, expected_codes: list[str]) -> None:
    accounts = read_accounts(
        inline(number("NetAssetsLiabilities", "2,041"), number("NetAssets", other))
    )
    assert as_record(accounts)["net_assets"] == 2041
    assert codes(accounts) == [(code, "net_assets") for code in expected_codes]


def test_balances_all_tagged_for_the_period_are_read_and_flagged() -> None:
    facts = [fact.replace('"now"', '"year"') for fact in BALANCE_SHEET if "Creditors" not in fact]
    accounts = read_accounts(inline(*facts))
    assert as_record(accounts)["net_assets"] == 1300
    assert as_record(accounts)["fixed_assets"] == 1000
    assert codes(accounts)[0] == ("PERIOD_TYPE_WRONG", "fixed_assets")
    assert ("PERIOD_TYPE_WRONG", "net_assets") in codes(accounts)


def test_every_warning_has_a_sentence() -> None:
    assert all(warning(code, None).message for code in WarningCode)


def test_the_sums_decide_between_two_values() -> None:
    facts = (number("NetCurrentAssetsLiabilities", "999"), number("NetAssetsLiabilities", "77"))
    accounts = read_accounts(inline(*BALANCE_SHEET, *facts))
    assert as_record(accounts)["net_assets"] == 1300
    assert codes(accounts) == [("CONFLICTING_VALUES", "net_assets")]


def test_one_unreadable_repetition_does_not_hide_a_good_one() -> None:
    accounts = read_accounts(inline(number("FixedAssets", "?"), number("FixedAssets", "5")))
    assert as_record(accounts)["fixed_assets"] == 5
    assert codes(accounts) == [
        ("VALUE_UNREADABLE", "fixed_assets"),
        ("VALUE_UNREADABLE", "total_assets"),
        ("SUBSTITUTE_UNCONFIRMED", "total_assets"),
    ]
    assert accounts.unreadable == frozenset()


def test_equity_stands_for_net_assets_that_are_not_tagged() -> None:
    accounts = read_accounts(inline(number("Equity", "9")))
    assert accounts.net_assets is not None
    assert accounts.net_assets.concept == "Equity"
    assert codes(accounts) == [("SUBSTITUTE_CONCEPT", "net_assets")]


NET_LINES = (
    number("NetCurrentAssetsLiabilities", "300"),
    number("TotalAssetsLessCurrentLiabilities", "1,300"),
)


@pytest.mark.parametrize(
    ("facts", "field", "expected", "expected_codes"),
    [
        # one line, and the sums confirm it
        (
            (number("PropertyPlantEquipment", "1,000"), *NET_LINES),
            "fixed_assets",
            1000,
            ["SUBSTITUTE_CONCEPT"],
        ),
        # one line, and no sum to check it with
        (
            (number("PropertyPlantEquipment", "1,000"),),
            "fixed_assets",
            1000,
            ["SUBSTITUTE_CONCEPT", "SUBSTITUTE_UNCONFIRMED"],
        ),
        # one tagged line of several: the sum of all follows from the totals
        (
            (number("PropertyPlantEquipment", "400"), *NET_LINES),
            "fixed_assets",
            1000,
            ["DERIVED_FROM_OTHER_LINES"],
        ),
        # one line that is larger than the totals allow
        (
            (number("PropertyPlantEquipment", "1,400"), *NET_LINES),
            "fixed_assets",
            None,
            ["SUBSTITUTE_UNCONFIRMED"],
        ),
        # no line is tagged
        (NET_LINES, "fixed_assets", 1000, ["DERIVED_FROM_OTHER_LINES"]),
        (
            (number("Creditors", "45", "within", sign="-"), *NET_LINES),
            "current_assets",
            345,
            ["DERIVED_FROM_OTHER_LINES"],
        ),
        (
            (
                number("FixedAssets", "1,000"),
                number("Creditors", "45", "within"),
                number("TotalAssetsLessCurrentLiabilities", "1,300"),
            ),
            "current_assets",
            345,
            ["DERIVED_FROM_OTHER_LINES"],
        ),
        # there are none, only creditors
        (
            (
                number("Creditors", "300", "within"),
                number("NetCurrentAssetsLiabilities", "300", sign="-"),
            ),
            "current_assets",
            None,
            [],
        ),
        # the tagged lines are less than net assets, so a line is not tagged
        (
            (number("PropertyPlantEquipment", "40"), number("Equity", "90")),
            "fixed_assets",
            None,
            ["SUBSTITUTE_CONCEPT", "SUBSTITUTE_UNCONFIRMED"],
        ),
        (
            (number("FixedAssets", "40"), number("Equity", "90")),
            "total_assets",
            None,
            ["TOTAL_ASSETS_MISMATCH"],
        ),
        # two lines that add up
        (
            (
                number("PropertyPlantEquipment", "400"),
                number("InvestmentsFixedAssets", "600"),
                *NET_LINES,
            ),
            "fixed_assets",
            1000,
            ["SUBSTITUTE_CONCEPT"],
        ),
        # two lines, and no sum to check them with
        (
            (number("PropertyPlantEquipment", "400"), number("IntangibleAssets", "6")),
            "fixed_assets",
            None,
            ["SUBSTITUTE_UNCONFIRMED"],
        ),
        # cash alone, less creditors
        (
            (
                number("CashBankOnHand", "53"),
                number("Creditors", "44", "within"),
                number("NetCurrentAssetsLiabilities", "9"),
            ),
            "current_assets",
            53,
            ["SUBSTITUTE_CONCEPT"],
        ),
        # a dormant company, which has only cash
        (
            (number("CashBankInHand", "1"), number("ShareholderFunds", "1")),
            "current_assets",
            1,
            ["SUBSTITUTE_CONCEPT"],
        ),
        # cash is only a part of the assets
        (
            (number("CashBankOnHand", "53"), number("NetCurrentAssetsLiabilities", "90")),
            "current_assets",
            None,
            ["SUBSTITUTE_UNCONFIRMED"],
        ),
    ],
)
def test_lines_stand_for_a_total_that_is_not_tagged(
    facts: tuple[str, ...], field: str, expected: int | None, expected_codes: list[str]
) -> None:
    accounts = read_accounts(inline(*facts))
    assert as_record(accounts)[field] == expected
    assert [code for code, of in codes(accounts) if of == field] == expected_codes
    assert (expected is None and bool(expected_codes)) == (field in accounts.unreadable)


def test_a_doubtful_total_makes_total_assets_no_smaller() -> None:
    accounts = read_accounts(
        inline(
            number("CurrentAssets", "20,087"),
            number("Creditors", "11,229", "within"),
            number("NetCurrentAssetsLiabilities", "8,858"),
            bracketed("TotalAssetsLessCurrentLiabilities", "8,858", sign="-"),
        )
    )
    assert as_record(accounts)["total_assets"] == 20087
    assert ("TOTAL_ASSETS_MISMATCH", "total_assets") in codes(accounts)


def test_an_untagged_asset_shows_from_the_liabilities_side() -> None:
    accounts = read_accounts(
        inline(
            number("CurrentAssets", "70"),
            number("Creditors", "20", "within"),
            number("TotalAssetsLessCurrentLiabilities", "1,000"),
        )
    )
    assert accounts.total_assets is not None
    assert accounts.total_assets.value == 1020
    assert accounts.total_assets.is_derived
    assert codes(accounts) == [("TOTAL_ASSETS_MISMATCH", "total_assets")]
