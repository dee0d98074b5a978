"""Signs that differ between tag, page and sums: corrected where certain, always flagged."""

import pytest

from enrichment.accounts import as_record, read_accounts
from tests.enrichment.accounts.documents import bracketed, codes, inline, number

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
        # no sum to check with: the literal value, flagged
        ((bracketed("NetAssetsLiabilities", "5"),), 5, "SIGN_DOUBTFUL"),
        # two bracketed amounts do not confirm each other
        (
            (bracketed("NetAssetsLiabilities", "5"), bracketed("Equity", "5")),
            5,
            "SIGN_DOUBTFUL",
        ),
        # the sum shows that equity has the sign
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
        # brackets and a sign together mean one minus
        ((bracketed("NetAssetsLiabilities", "5", sign="-"),), -5, None),
        # brackets inside the tag, with and without the sign
        ((number("NetAssetsLiabilities", "(5)"),), -5, "SIGN_INFERRED"),
        ((number("NetAssetsLiabilities", "(5)", sign="-"),), -5, "SIGN_INFERRED"),
        ((number("NetAssetsLiabilities", "\u22125"),), -5, "SIGN_INFERRED"),
        # an opening bracket in the sentence before is ignored
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
    """Return a fact that is tagged as negative but printed without a sign."""
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
        # every asset line is printed without a sign
        [signed(*line) for line in SHEET.items()] + [CREDITORS, EQUITY],
        # only one total, visible or hidden
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
        # an asset that page and tag show as negative is not corrected
        ([bracketed("FixedAssets", "5", sign="-")], "fixed_assets", None, ["SIGN_DOUBTFUL"]),
        ([hidden(number("CurrentAssets", "5", sign="-"))], "current_assets", None,
         ["SIGN_DOUBTFUL"]),
        # the label may mean that the number is negative: the sums confirm it
        (
            [number("CurrentAssets", "5"), number("Creditors", "9", "within"),
             signed("NetCurrentAssetsLiabilities", "4"), signed("NetAssetsLiabilities", "4")],
            "net_assets", -4, [],
        ),
        # nothing confirms the sign
        ([signed("NetAssetsLiabilities", "4")], "net_assets", -4, ["SIGN_DOUBTFUL"]),
        # brackets and tag agree: a total that the sums contradict stays, with a warning
        (
            [*(number(*line) for line in SHEET.items() if "Less" not in line[0]), CREDITORS,
             bracketed("TotalAssetsLessCurrentLiabilities", "1,300", sign="-")],
            "total_assets_less_current_liabilities", -1300,
            ["TOTAL_ASSETS_LESS_CURRENT_LIABILITIES_MISMATCH", "NET_ASSETS_MISMATCH"],
        ),
        # labels that say liabilities, and no signs
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
        ("1,300", 1500),  # it is included in debtors
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
EXCLUDED = number(NET, "<ix:exclude>(</ix:exclude>2,400<ix:exclude>)</ix:exclude>")


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
        ("<td>-<b>{}</b></td>", "SIGN_DOUBTFUL"),
        ("<td><b>{}</b>-</td>", "SIGN_DOUBTFUL"),
        ("<td>({}</td>", "SIGN_DOUBTFUL"),
        ("<td><ix:exclude>(</ix:exclude>{}</td>", "SIGN_DOUBTFUL"),
        ("<td>{}-</td>", "SIGN_DOUBTFUL"),
        ("<td>{} -</td>", "SIGN_DOUBTFUL"),
        # inside the tag, but not part of the number
        (f"<td>{EXCLUDED}</td>", "SIGN_DOUBTFUL"),
        # dashes as separators, and dashes in other cells
        ("<td>Net assets - {}</td>", None),
        ("<td>Net assets \u2013 £{}</td>", None),
        ("<td>2023-{}</td>", None),
        ("<tr><td>-</td><td>{}</td><td>-</td></tr>", None),
        ("<td>{} - as restated</td>", None),
        ("<p><span>Net assets</span> <span>{}</span> <span>-</span></p>", None),
        ("<p><span>-</span> <span>{}</span> <span>7</span></p>", None),
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
        # nothing shows whether the page or the tag is right
        ((bracketed("FixedAssets", "5"), number("CurrentAssets", "6")), {"fixed_assets"}),
        # the page is right: current assets less the bracketed amount are net assets
        (
            (bracketed("FixedAssets", "30"), number("CurrentAssets", "90"), number(NET, "60")),
            {"fixed_assets"},
        ),
        # the tag is right: the sums hold
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
