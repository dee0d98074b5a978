"""Currencies and scales that the page or other lines show, but the tag does not."""

import pytest

from enrichment.accounts import as_record, read_accounts
from tests.enrichment.accounts.documents import codes, employees, inline, number

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
        (f"<p>Net assets ¥{FACT}</p>", True),
        (f"<p>Net assets EUR {FACT}</p>", True),
        (f"<table><tr><th>2024 USD</th></tr><tr><td>Net</td><td>{FACT}</td></tr></table>", True),
        # the heading or a sentence of the page
        (f"<h2>EUR</h2><p>Net assets {FACT}</p>", True),
        (f"<h2>All amounts are in US dollars</h2><p>Net assets {FACT}</p>", True),
        (f"<p>These accounts are presented in euros.</p><p>Net assets {FACT}</p>", True),
        (f"<h2>In USD'000</h2><p>Net assets {FACT}</p>", True),
        (f"<p>The accounts are presented in sterling (£).</p><p>Net {FACT}</p>", False),
        (f"<p>Amounts denominated in US dollars are translated.</p><p>Net {FACT}</p>", False),
        (f"<p>The accounts are prepared in accordance with FRS 105.</p><p>Net {FACT}</p>", False),
        (f"<h2>Amounts are in USD</h2><table><tr><th>£</th><td>{FACT}</td></tr></table>", False),
        (f"<table><tr><td>A loan in EUR</td></tr><tr><td>{FACT}</td></tr></table>", False),
        (f"<p>Net assets GBP {FACT}</p>", False),
        (f"<p>Net assets £{FACT}</p>", False),
        (f"<p>Net assets {FACT}</p>", False),
        (f"<p>Net assets ${IN_DOLLARS}</p>", False),
        (f"<table><tr><th>£</th></tr><tr><td>Net</td><td>{FACT}</td></tr></table>", False),
        # one column per currency
        (f"<table><tr><th>£</th><th>$</th></tr><tr><td>{FACT}</td></tr></table>", False),
        # the sum before it is in dollars, this one is not
        (f"<p>Loan of $3. Net assets {FACT}</p>", False),
    ],
)
def test_a_sign_of_another_currency_is_flagged(page: str, is_doubtful: bool) -> None:
    accounts = read_accounts(inline(page))
    assert as_record(accounts)["net_assets"] == 5
    assert (("CURRENCY_DOUBTFUL", "net_assets") in codes(accounts)) == is_doubtful


def table(heading: str, *facts: str) -> str:
    rows = "".join(f"<tr><td>Line</td><td>{fact}</td></tr>" for fact in facts)
    return f"<table><tr><th/><th>{heading}</th></tr>{rows}</table>"


def doubtful_scales(*facts: str) -> set[str | None]:
    found = codes(read_accounts(inline(*facts)))
    return {field for code, field in found if code == "SCALE_DOUBTFUL"}


NET = "NetAssetsLiabilities"
IN_POUNDS = number(NET, "7,300")
IN_THOUSANDS = number(NET, "7,300", scale="3")


@pytest.mark.parametrize(
    ("page", "is_doubtful"),
    [
        # the heading of the table
        (table("£'000", IN_POUNDS), True),
        (table("£000s", IN_POUNDS), True),
        (table("2024 £\u2019000", IN_POUNDS), True),
        (table("£<br/>'000", IN_POUNDS), True),
        (table("£m", IN_POUNDS), True),
        (table("£m", IN_THOUSANDS), True),
        (table("£'000", IN_THOUSANDS), False),
        (table("£", IN_POUNDS), False),
        (table("£</th><th>£'000", IN_POUNDS), False),
        (table("over £5,000", IN_POUNDS), False),
        (table("£'000", number(NET, "0")), False),
        # the heading of a page without tables
        (f"<div>£'000</div><div>{IN_POUNDS}</div>", True),
        (f"<div>All figures are in £'000</div><div>{IN_POUNDS}</div>", True),
        (f"<div>£'000</div>{table('', IN_POUNDS)}", True),
        (f"<div>£'000</div>{table('£', IN_POUNDS)}", False),
        # a word after the number
        (f"<p>£{number(NET, '7.3')}m</p>", True),
        (f"<p>£{number(NET, '7.3')} million</p>", True),
        (f"<p>£{number(NET, '7.3')}k</p>", True),
        (f"<p>£{number(NET, '7.3', scale='6')}m</p>", False),
        (f"<p>£{number(NET, '7.3', scale='3')}m</p>", True),
        (f"<p>{number(NET, '73')} m</p>", False),
        (f"<p>{number(NET, '73')} millions of units</p>", True),
        (f"<p>{number(NET, '73')}made</p>", False),
        # a fraction of the printed number
        (number(NET, "7,300", scale="-2"), True),
        # a point separates thousands
        (number(NET, "7.300"), True),
        (number(NET, "7.30"), False),
        (number(NET, "7.300", scale="6"), False),
    ],
)
def test_a_scale_that_page_and_tag_do_not_agree_on_is_flagged(page: str, is_doubtful: bool) -> None:
    assert doubtful_scales(page) == ({"net_assets"} if is_doubtful else set())


def test_a_head_count_in_a_table_of_thousands_is_one() -> None:
    accounts = read_accounts(inline(table("£'000", IN_THOUSANDS, employees("61"))))
    assert as_record(accounts)["employees"] == 61
    assert codes(accounts) == []


FIXED = number("FixedAssets", "210", scale="3")


@pytest.mark.parametrize(
    ("facts", "flagged"),
    [
        # one line is not in thousands
        (
            (FIXED, number("CurrentAssets", "6,040"), IN_THOUSANDS),
            {"current_assets"},
        ),
        # only one is in thousands
        (
            (number("FixedAssets", "210"), number("CurrentAssets", "6,040", scale="3"), IN_POUNDS),
            {"current_assets", "total_assets"},
        ),
        # either may be wrong
        ((FIXED, IN_POUNDS), {"fixed_assets", "total_assets", "net_assets"}),
        # the sums hold exactly
        (
            (
                FIXED,
                number("NetCurrentAssetsLiabilities", "40,000"),
                number("TotalAssetsLessCurrentLiabilities", "250", scale="3"),
            ),
            set(),
        ),
        # zero is zero in any scale
        ((FIXED, number("CurrentAssets", "0"), IN_THOUSANDS), set()),
        # the same amount is tagged in full as well
        ((FIXED, IN_THOUSANDS, number("FixedAssets", "210,000")), set()),
    ],
)
def test_a_line_in_another_scale_than_the_rest_is_flagged(
    facts: tuple[str, ...], flagged: set[str]
) -> None:
    assert doubtful_scales(*facts) == flagged
