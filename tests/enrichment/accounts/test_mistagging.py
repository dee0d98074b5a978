"""Every known way in which software tags accounts wrongly: mended where certain, always flagged."""

import pytest

from enrichment.accounts import WarningCode, as_record, read_accounts
from enrichment.accounts.messages import warning
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
            (bracketed("NetAssetsLiabilities", "5"), bracketed("Equity", "5", sign="-")),
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


def signed(concept: str, printed: str, context: str = "now") -> str:
    """Tag a number as negative that the page prints as a plain one."""
    return f"<tr><td>Line</td><td>{number(concept, printed, context, sign='-')}</td></tr>"


def hidden(fact: str) -> str:
    return f"<ix:hidden>{fact}</ix:hidden>"


EQUITY = number("Equity", "1,300")
SHEET = {
    "FixedAssets": "1,000",
    "CurrentAssets": "500",
    "NetCurrentAssetsLiabilities": "300",
    "TotalAssetsLessCurrentLiabilities": "1,300",
    "NetAssetsLiabilities": "1,300",
}
CREDITORS = bracketed("Creditors", "200", "within")
VALUES = {"fixed_assets": 1000, "current_assets": 500, "total_assets": 1500} | dict.fromkeys(
    ("total_assets_less_current_liabilities", "net_assets"), 1300
)


@pytest.mark.parametrize(
    "facts",
    [
        # every asset line, plain on the page
        [signed(*line) for line in SHEET.items()] + [CREDITORS, EQUITY],
        # one total alone, on the page or hidden
        *(
            [signed(*line) if line[0] == wrong else number(*line) for line in SHEET.items()]
            + [CREDITORS, EQUITY]
            for wrong in SHEET
        ),
        *(
            [
                hidden(number(*line, sign="-")) if line[0] == wrong else number(*line)
                for line in SHEET.items()
            ]
            + [CREDITORS, EQUITY]
            for wrong in SHEET
        ),
    ],
)
def test_a_sign_that_page_or_sums_contradict_is_mended_and_flagged(facts: list[str]) -> None:
    accounts = read_accounts(inline(*facts))
    record = as_record(accounts)
    assert {name: record[name] for name in VALUES} == VALUES
    if not any("NetCurrentAssets" in fact and 'sign="-"' in fact for fact in facts):
        assert "SIGN_INFERRED" in {code for code, _ in codes(accounts)}


@pytest.mark.parametrize(
    ("facts", "field", "expected", "expected_codes"),
    [
        # an asset that page and tag call negative is none
        ([bracketed("FixedAssets", "5", sign="-")], "fixed_assets", None, ["SIGN_DOUBTFUL"]),
        ([hidden(number("CurrentAssets", "5", sign="-"))], "current_assets", None,
         ["SIGN_DOUBTFUL"]),
        # a label may say that the plain number is negative: the sums confirm it
        (
            [number("CurrentAssets", "5"), number("Creditors", "9", "within"),
             signed("NetCurrentAssetsLiabilities", "4"), signed("NetAssetsLiabilities", "4")],
            "net_assets", -4, [],
        ),
        # nothing confirms it
        ([signed("NetAssetsLiabilities", "4")], "net_assets", -4, ["SIGN_DOUBTFUL"]),
        # brackets and tag agree: a total that the sums contradict stays, with a warning
        (
            [*(number(*line) for line in SHEET.items() if "Less" not in line[0]), CREDITORS,
             bracketed("TotalAssetsLessCurrentLiabilities", "1,300", sign="-")],
            "total_assets_less_current_liabilities", -1300,
            ["TOTAL_ASSETS_LESS_CURRENT_LIABILITIES_MISMATCH", "NET_ASSETS_MISMATCH"],
        ),
        # labels that say liabilities, and no sign anywhere
        (
            [number("FixedAssets", "100"), number("CurrentAssets", "50"),
             number("Creditors", "450", "within"), number("NetCurrentAssetsLiabilities", "400"),
             number("TotalAssetsLessCurrentLiabilities", "300"),
             number("NetAssetsLiabilities", "300")],
            "net_assets", -300, ["SIGN_INFERRED"],
        ),
        # long-term debts that are not tagged, as large as twice the net liabilities
        (
            [number("CurrentAssets", "9"), number("Creditors", "4", "within"),
             number("TotalAssetsLessCurrentLiabilities", "5"),
             hidden(number("NetAssetsLiabilities", "5", sign="-")),
             hidden(number("Equity", "5", sign="-"))],
            "net_assets", -5, ["NET_ASSETS_MISMATCH"],
        ),
    ],
)  # fmt: skip
def test_a_doubtful_sign_is_flagged(
    facts: list[str], field: str, expected: int | None, expected_codes: list[str]
) -> None:
    accounts = read_accounts(inline(*facts))
    assert as_record(accounts)[field] == expected
    assert [code for code, of in codes(accounts) if of == field] == expected_codes
    assert (expected is None) == (field in accounts.unreadable)


@pytest.mark.parametrize(
    ("less", "total"),
    [
        ("51,300", 51500),  # unpaid capital is a line of its own
        ("1,300", 1500),  # it is part of debtors
    ],
)
def test_unpaid_capital_counts_where_the_sums_say_so(less: str, total: int) -> None:
    accounts = read_accounts(
        inline(
            number("CalledUpShareCapitalNotPaid", "50,000"),
            number("FixedAssets", "1,000"),
            number("CurrentAssets", "500"),
            CREDITORS,
            number("TotalAssetsLessCurrentLiabilities", less),
        )
    )
    assert as_record(accounts)["total_assets"] == total
    assert codes(accounts) == []


NET = "NetAssetsLiabilities"


@pytest.mark.parametrize(
    ("page", "code"),
    [
        ("[{}]", "SIGN_DOUBTFUL"),
        ("\uff08{}\uff09", "SIGN_DOUBTFUL"),
        ("(GBP {})", "SIGN_DOUBTFUL"),
        ("({} GBP)", "SIGN_DOUBTFUL"),
        ("<td>[</td><td>{}</td><td>]</td>", "SIGN_DOUBTFUL"),
        ("<td>-{}</td>", "SIGN_DOUBTFUL"),
        ("<td>- {}</td>", "SIGN_DOUBTFUL"),
        ("<td>Net liabilities \u2212£{}</td>", "SIGN_DOUBTFUL"),
        ("<td><b>-</b>{}</td>", "SIGN_DOUBTFUL"),
        ("<td>({}</td>", "SIGN_DOUBTFUL"),
        ("<td>{}-</td>", "SIGN_DOUBTFUL"),
        ("<td>{} -</td>", "SIGN_DOUBTFUL"),
        # dashes that part, and those of other cells
        ("<td>Net assets - {}</td>", None),
        ("<td>Net assets \u2013 £{}</td>", None),
        ("<td>2023-{}</td>", None),
        ("<tr><td>-</td><td>{}</td><td>-</td></tr>", None),
        ("<td>{} - as restated</td>", None),
        ("<td>{}</td><td>(7)</td>", None),
        ("<p>(see note 7: {})</p>", None),
        ("<p>(restated) {}</p>", None),
    ],
)
def test_a_negative_that_only_the_page_prints_is_flagged(page: str, code: str | None) -> None:
    accounts = read_accounts(inline(page.format(number(NET, "2,400"))))
    assert as_record(accounts)["net_assets"] == 2400
    assert codes(accounts) == ([(code, "net_assets")] if code else [])


@pytest.mark.parametrize("page", ["-{}", "[{}]", "{}-"])
def test_the_sums_of_all_lines_confirm_a_negative_of_the_page(page: str) -> None:
    accounts = read_accounts(
        inline(
            number("FixedAssets", "30"),
            number("CurrentAssets", "15"),
            number("Creditors", "100", "within"),
            number("Creditors", "5", "after"),
            f"<td>{page.format(number(NET, '60'))}</td>",
        )
    )
    assert as_record(accounts)["net_assets"] == -60
    assert as_record(accounts)["total_assets"] == 45
    assert codes(accounts) == [("SIGN_INFERRED", "net_assets")]


@pytest.mark.parametrize(
    ("facts", "flagged"),
    [
        # nothing says whether the page or the tag is right
        ((bracketed("FixedAssets", "5"), number("CurrentAssets", "6")), {"fixed_assets"}),
        # the page: current assets less the bracketed amount are net assets
        (
            (bracketed("FixedAssets", "30"), number("CurrentAssets", "90"), number(NET, "60")),
            {"fixed_assets"},
        ),
        # the tag: the sums hold
        (
            (
                bracketed("FixedAssets", "1,000"),
                number("NetCurrentAssetsLiabilities", "300"),
                number("TotalAssetsLessCurrentLiabilities", "1,300"),
            ),
            set(),
        ),
    ],
)
def test_an_asset_printed_in_brackets_is_flagged_unless_sums_confirm_it(
    facts: tuple[str, ...], flagged: set[str]
) -> None:
    found = codes(read_accounts(inline(*facts)))
    totals = {"total_assets"} if flagged else set()
    assert {field for code, field in found if code == "SIGN_DOUBTFUL"} == flagged | totals


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
        # more people than any employer has, and than a GraphQL Int holds
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
        # a footnote mark inside the tag, however it is marked up
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


FACT = number("NetAssetsLiabilities", "5")
IN_DOLLARS = number("NetAssetsLiabilities", "5", unit="USD")


@pytest.mark.parametrize(
    ("page", "is_doubtful"),
    [
        (f"<p>Net assets ${FACT}</p>", True),
        (f"<p>Net assets $ ({FACT})</p>", True),
        (f"<p>Net assets <b>$</b>{FACT}</p>", True),
        (f"<p>Net assets €{FACT}</p>", True),
        (f"<table><tr>\n<td>Net</td>\n<td>$</td>\n<td>{FACT}</td></tr></table>", True),
        (number("NetAssetsLiabilities", "$5"), True),
        (f"<table><tr><th>US$</th></tr><tr><td>Net</td><td>{FACT}</td></tr></table>", True),
        (f"<p>Net assets £{IN_DOLLARS}</p>", True),
        (f"<p>Net assets £{FACT}</p>", False),
        (f"<p>Net assets {FACT}</p>", False),
        (f"<p>Net assets ${IN_DOLLARS}</p>", False),
        (f"<table><tr><th>£</th></tr><tr><td>Net</td><td>{FACT}</td></tr></table>", False),
        # a column each
        (f"<table><tr><th>£</th><th>$</th></tr><tr><td>{FACT}</td></tr></table>", False),
        # the sum before it is in dollars, this one is not
        (f"<p>Loan of $3. Net assets {FACT}</p>", False),
    ],
)
def test_a_sign_of_another_currency_is_flagged(page: str, is_doubtful: bool) -> None:
    accounts = read_accounts(inline(page))
    assert as_record(accounts)["net_assets"] == 5
    assert (("CURRENCY_DOUBTFUL", "net_assets") in codes(accounts)) == is_doubtful


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
        # one line of several, the others not tagged: the totals tell the sum of all
        (
            (number("PropertyPlantEquipment", "400"), *NET_LINES),
            "fixed_assets",
            1000,
            ["DERIVED_FROM_OTHER_LINES"],
        ),
        # one line that is more than the totals leave for it
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
        # all that is tagged is less than net assets: some line is not
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
