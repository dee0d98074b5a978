"""Every known way in which software tags accounts wrongly: mended where certain, always flagged."""

import pytest

from enrichment.accounts import as_record, read_accounts
from tests.enrichment.accounts.documents import (
    BALANCE_SHEET,
    codes,
    employees,
    inline,
    number,
)


def bracketed(concept: str, printed: str, context: str = "now", **attributes: str) -> str:
    """Print brackets outside of the tag, as the register's own template does."""
    tag = number(concept, printed, context, **attributes)
    return f'<td><div>\n(£{tag}<span class="endnegmark">)</span></div></td>'


INSOLVENT = (
    number("FixedAssets", "33,192"),
    number("CurrentAssets", "65"),
    bracketed("Creditors", "50,797", "within"),
    bracketed("NetCurrentAssetsLiabilities", "50,732"),
    bracketed("TotalAssetsLessCurrentLiabilities", "17,540"),
    bracketed("NetAssetsLiabilities", "17,540"),
    bracketed("Equity", "17,540"),
)


def test_brackets_outside_the_tag_mean_a_negative_that_the_sums_confirm() -> None:
    accounts = read_accounts(inline(*INSOLVENT))
    record = as_record(accounts)
    assert record["net_assets"] == -17540
    assert record["total_assets_less_current_liabilities"] == -17540
    assert record["fixed_assets"] == 33192
    assert record["total_assets"] == 33257
    assert codes(accounts) == [
        ("SIGN_INFERRED", "total_assets_less_current_liabilities"),
        ("SIGN_INFERRED", "net_assets"),
    ]


@pytest.mark.parametrize(
    ("facts", "expected", "code"),
    [
        # no sum to ask: the literal value, flagged
        ((bracketed("NetAssetsLiabilities", "5"),), 5, "SIGN_DOUBTFUL"),
        # two brackets that only agree with each other tell nothing
        (
            (bracketed("NetAssetsLiabilities", "5"), bracketed("Equity", "5")),
            5,
            "SIGN_DOUBTFUL",
        ),
        # the equity carries the sign: the sum tells
        (
            (bracketed("NetAssetsLiabilities", "5"), number("Equity", "5", sign="-")),
            -5,
            "SIGN_INFERRED",
        ),
        # a bracketed credit in a note, tagged rightly, and the plain total beside it
        ((bracketed("NetAssetsLiabilities", "5"), number("NetAssetsLiabilities", "5")), 5, None),
        # the sums say that it is positive
        (
            (
                number("CurrentAssets", "5"),
                number("TotalAssetsLessCurrentLiabilities", "5"),
                bracketed("NetAssetsLiabilities", "5"),
            ),
            5,
            "SIGN_DOUBTFUL",
        ),
        # brackets and a sign say the same thing once
        ((bracketed("NetAssetsLiabilities", "5", sign="-"),), -5, None),
        # brackets inside the tag, with and without the sign
        ((number("NetAssetsLiabilities", "(5)"),), -5, "SIGN_INFERRED"),
        ((number("NetAssetsLiabilities", "(5)", sign="-"),), -5, "SIGN_INFERRED"),
        ((number("NetAssetsLiabilities", "\u22125"),), -5, "SIGN_INFERRED"),
        # an opening bracket of the sentence before is none
        (("(see note " + number("NetAssetsLiabilities", "5") + ")",), 5, None),
    ],
)
def test_a_bracketed_total_is_decided_by_the_sums(
    facts: tuple[str, ...], expected: int, code: str | None
) -> None:
    accounts = read_accounts(inline(*facts))
    assert as_record(accounts)["net_assets"] == expected
    assert [c for c, field in codes(accounts) if field == "net_assets"] == ([code] if code else [])


def test_brackets_around_other_lines_change_nothing() -> None:
    accounts = read_accounts(inline(bracketed("FixedAssets", "5"), bracketed("CurrentAssets", "6")))
    assert as_record(accounts)["total_assets"] == 11
    assert codes(accounts) == []


@pytest.mark.parametrize(
    ("fact", "expected", "expected_codes"),
    [
        # a percentage of a person
        (employees("2", scale="-2", decimals="2"), 2, ["SCALE_UNDONE"]),
        # a hundred people would read as one
        (employees("100", scale="-2", decimals="2"), 100, ["SCALE_UNDONE"]),
        (employees("0", scale="-2", decimals="2"), 0, []),
        # people in pounds
        (employees("4", unit="GBP"), 4, ["UNIT_IGNORED"]),
        # no such unit
        (employees("4", unit="Number"), 4, []),
        # tagged at a day instead of over the period
        (employees("4", "now"), 4, ["PERIOD_TYPE_WRONG"]),
        # a dash is nobody
        (employees("-"), 0, ["DASH_READ_AS_ZERO"]),
        (employees("12.5"), 12.5, ["EMPLOYEES_NOT_WHOLE"]),
        # precision does not matter
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
        # not a number in its format
        (number("FixedAssets", "see note 4"), "fixed_assets", ["VALUE_UNREADABLE"]),
        (number("FixedAssets", "5", format="ixt:unheardof"), "fixed_assets", ["VALUE_UNREADABLE"]),
        (number("FixedAssets", ""), "fixed_assets", ["VALUE_UNREADABLE"]),
        (number("FixedAssets", "1" * 40), "fixed_assets", ["VALUE_UNREADABLE"]),
        # no currency
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
        # a period that is not defined
        (number("FixedAssets", "5", "nowhere"), "fixed_assets", ["CONTEXT_UNDEFINED"]),
        (employees("5", "nowhere"), "employees", ["CONTEXT_UNDEFINED"]),
    ],
)
def test_unreadable_is_not_the_same_as_not_filed(
    fact: str, field: str, expected_codes: list[str]
) -> None:
    accounts = read_accounts(inline(fact))
    assert as_record(accounts)[field] is None
    assert field in accounts.unreadable
    assert [code for code, of in codes(accounts) if of == field] == expected_codes


def test_the_sums_decide_between_two_values() -> None:
    facts = (number("NetCurrentAssetsLiabilities", "999"), number("NetAssetsLiabilities", "77"))
    accounts = read_accounts(inline(*BALANCE_SHEET, *facts))
    assert as_record(accounts)["net_assets"] == 1300
    assert codes(accounts) == [("CONFLICTING_VALUES", "net_assets")]


def test_one_unreadable_repetition_does_not_hide_a_good_one() -> None:
    accounts = read_accounts(inline(number("FixedAssets", "?"), number("FixedAssets", "5")))
    assert as_record(accounts)["fixed_assets"] == 5
    assert codes(accounts) == [("VALUE_UNREADABLE", "fixed_assets")]
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
        # one line, and the sums agree
        (
            (number("PropertyPlantEquipment", "1,000"), *NET_LINES),
            "fixed_assets",
            1000,
            ["SUBSTITUTE_CONCEPT"],
        ),
        # one line, and no sum to ask
        (
            (number("PropertyPlantEquipment", "1,000"),),
            "fixed_assets",
            1000,
            ["SUBSTITUTE_CONCEPT", "SUBSTITUTE_UNCONFIRMED"],
        ),
        # one line that the sums contradict: something else is not tagged
        (
            (number("PropertyPlantEquipment", "400"), *NET_LINES),
            "fixed_assets",
            None,
            ["SUBSTITUTE_UNCONFIRMED"],
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
        # two lines and no sum to ask
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
        # a dormant company: cash is all there is
        (
            (number("CashBankInHand", "1"), number("ShareholderFunds", "1")),
            "current_assets",
            1,
            ["SUBSTITUTE_CONCEPT"],
        ),
        # cash is only a part
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
