"""Numbers and dates under every transformation format."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrichment.accounts import as_record, read_accounts
from enrichment.accounts.dates import read_date
from enrichment.accounts.values import UnreadableError, read_number, shifted
from tests.enrichment.accounts.documents import inline, number


@pytest.mark.parametrize(
    ("text", "format_", "expected"),
    [
        ("1234567", None, "1234567"),
        ("1,234,567", None, "1234567"),
        ("1,234,567.89", "ixt:numcommadot", "1234567.89"),
        ("1,234,567.89", "ixt2:numdotdecimal", "1234567.89"),
        ("1,234,567.89", "ixt4:num-dot-decimal", "1234567.89"),
        ("12,34,567.8", "ixt3:numdotdecimalin", "1234567.8"),
        ("1 234 567.89", "ixt:numspacedot", "1234567.89"),
        ("1'234'567.89", "ixt5:num-dot-decimal-apos", "1234567.89"),
        ("1.234.567,89", "ixt:numdotcomma", "1234567.89"),
        ("1 234 567,89", "ixt:numspacecomma", "1234567.89"),
        ("1234567,89", "ixt:numcomma", "1234567.89"),
        ("1.234.567,89", "ixt2:numcommadecimal", "1234567.89"),
        ("1.234.567,89", "ixt5:num-comma-decimal", "1234567.89"),
        ("12 pounds 5 pence", "ixt2:numunitdecimal", "12.05"),
        ("12 pounds", "ixt4:num-unit-decimal", "12"),
        ("-", "ixt:numdash", "0"),
        ("\u2014", "ixt2:zerodash", "0"),
        ("nil", "ixt4:fixed-zero", "0"),
        ("None", "ixt-sec:numwordsen", "0"),
        ("two", "ixt-sec:num-words-en", "2"),
        ("one thousand, two hundred and thirty-four", "ixt-sec:numwordsen", "1234"),
        ("nine hundred and ninety-nine million", "ixt-sec:numwordsen", "999000000"),
        ("hundred and six", "ixt-sec:numwordsen", "106"),
        ("(1,012 pounds 5 pence)", "ixt2:numunitdecimal", "-1012.05"),
        ("\u22127 pounds", "ixt2:numunitdecimal", "-7"),
        # spaces of every width
        (" 1\u00a0234\u2009567\u202f\n", "ixt:numspacedot", "1234567"),
        # the currency sign inside the tag
        ("£1,234", "ixt:numdotdecimal", "1234"),
        ("£ -", "ixt:numdotdecimal", "0"),
        # signs inside the tag
        ("(1,234)", "ixt:numdotdecimal", "-1234"),
        ("\u22121,234", "ixt:numdotdecimal", "-1234"),
        ("-5", None, "-5"),
        ("+5", None, "5"),
        (".50", "ixt:numdotdecimal", "0.50"),
        ("000", "ixt:numdotdecimal", "0"),
        # a dash in a format for numbers
        ("\u2013", "ixt:numdotdecimal", "0"),
    ],
)
def test_a_number_is_read_by_its_format(text: str, format_: str | None, expected: str) -> None:
    found = read_number(text, format_)
    assert found is not None
    assert found.value == Decimal(expected)


@pytest.mark.parametrize(
    ("text", "format_"),
    [
        ("", None),
        ("1,23", None),
        ("1e5", None),
        ("1E5", "ixt:numdotdecimal"),
        ("NaN", None),
        ("Infinity", None),
        ("0x10", None),
        ("1_000", None),
        ("\u0661\u0662", "ixt:numdotdecimal"),
        ("\u00b2", "ixt:numdotdecimal"),
        ("1.2.3", "ixt:numdotdecimal"),
        ("5%", "ixt:numdotdecimal"),
        ("see note 4", "ixt:numdotdecimal"),
        ("()", "ixt:numdotdecimal"),
        ("9" * 16, "ixt:numdotdecimal"),
        ("0." + "1" * 13, "ixt:numdotdecimal"),
        ("1" * 10_000, "ixt:numdotdecimal"),
        ("12", "ixt2:zerodash"),
        ("lots", "ixt-sec:numwordsen"),
        ("1 2 3", "ixt2:numunitdecimal"),
        # more than one number, or a number and the digits of a footnote
        ("7 2,400", "ixt:numdotdecimal"),
        ("7 24,000", "ixt:numdotdecimal"),
        ("2,400 7", "ixt:numspacedot"),
        ("240 7", None),
        ("3 4", None),
        ("2'400'7", "ixt:numdotdecimal"),
        ("2 400'700", "ixt:numdotdecimal"),
        ("2.400 7,0", "ixt:numdotcomma"),
        ("1,2,400", "ixt:numdotdecimal"),
        ("12,34,567", "ixt:numdotdecimal"),
        ("1234,567", "ixt:numdotdecimal"),
        ("240\f700", "ixt:numspacedot"),
        # an amount although the format means zero
        ("2,400", "ixt4:fixed-zero"),
        ("2,400", "ixt2:nocontent"),
        # words in an order that is not a number
        ("six six", "ixt-sec:numwordsen"),
        ("ten thousand million", "ixt-sec:numwordsen"),
        ("three hundred thousand million", "ixt-sec:numwordsen"),
        ("twenty fourteen", "ixt-sec:numwordsen"),
        ("nil nil", "ixt-sec:numwordsen"),
        # words such as million that multiply the number
        ("3 million 20 thousand pounds", "ixt2:numunitdecimal"),
        ("3m pounds", "ixt2:numunitdecimal"),
        ("1,2 pounds", "ixt2:numunitdecimal"),
        ("5", "ixt:datelonguk"),
        ("5", "ixt:unheardof"),
    ],
)
def test_a_text_that_is_not_a_number_in_its_format_is_unreadable(
    text: str, format_: str | None
) -> None:
    with pytest.raises(UnreadableError):
        read_number(text, format_)


@pytest.mark.parametrize("format_", ["ixt2:nocontent", "ixt4:fixed-empty"])
def test_formats_without_content_have_no_value(format_: str) -> None:
    assert read_number("x", format_) is None


JAN_31 = date(2025, 1, 31)


@pytest.mark.parametrize(
    ("text", "format_", "expected"),
    [
        ("2025-01-31", None, JAN_31),
        ("\n2025-01-31T00:00:00Z ", None, JAN_31),
        ("31 January 2025", None, JAN_31),
        ("31/01/2025", "ixt:dateslasheu", JAN_31),
        ("01/31/2025", "ixt:dateslashus", JAN_31),
        ("31.01.2025", "ixt:datedoteu", JAN_31),
        ("01.31.25", "ixt:datedotus", JAN_31),
        ("31 January 2025", "ixt:datelonguk", JAN_31),
        ("31 Jan 25", "ixt:dateshortuk", JAN_31),
        ("January 31, 2025", "ixt:datelongus", JAN_31),
        ("Jan 31, 2025", "ixt:dateshortus", JAN_31),
        ("31.1.25", "ixt2:datedaymonthyear", JAN_31),
        ("31st January 2025", "ixt2:datedaymonthyearen", JAN_31),
        ("30th day of Sept, 2024", "ixt2:datedaymonthyearen", date(2024, 9, 30)),
        ("31 01 2025", "ixt4:date-day-month-year", JAN_31),
        ("31\u00a0JANUARY\u00a02025", "ixt4:date-day-monthname-year-en", JAN_31),
        ("January 31 2025", "ixt4:date-monthname-day-year-en", JAN_31),
        ("2025.1.31", "ixt4:date-year-month-day", JAN_31),
        ("for the year ended 31 January 2025 (audited)", "ixt:datelonguk", JAN_31),
        ("29 February 2024", "ixt:datelonguk", date(2024, 2, 29)),
    ],
)
def test_a_date_is_read_by_its_format(text: str, format_: str | None, expected: date) -> None:
    assert read_date(text, format_) == expected


@pytest.mark.parametrize(
    ("text", "format_"),
    [
        ("", None),
        ("29 February 2025", "ixt:datelonguk"),
        ("31 janvier 2025", "ixt2:datedaymonthyearen"),
        ("31/01/2025", "ixt:dateslashus"),
        ("1 April 2023 to 31 March 2024", "ixt:datelonguk"),
        ("31 January 2025", "ixt3:datedaymonthyearfr"),
        ("31 January", "ixt:datedaymonthen"),
        ("0000-00-00", None),
        ("1 2 3 " * 1000, "ixt:datelonguk"),
    ],
)
def test_a_text_that_is_not_a_date_in_its_format_is_unreadable(
    text: str, format_: str | None
) -> None:
    with pytest.raises(UnreadableError):
        read_date(text, format_)


STYLES = {
    None: ("", "."),
    "ixt:numcommadot": (",", "."),
    "ixt2:numdotdecimal": (",", "."),
    "ixt4:num-dot-decimal": ("\u00a0", "."),
    "ixt:numspacedot": (" ", "."),
    "ixt:numdotcomma": (".", ","),
    "ixt:numspacecomma": (" ", ","),
    "ixt2:numcommadecimal": (".", ","),
    "ixt4:num-comma-decimal": ("\u2009", ","),
    "ixt:numcomma": ("", ","),
}


@given(
    value=st.decimals(
        min_value=Decimal("-9e14"), max_value=Decimal("9e14"), places=2, allow_nan=False
    ),
    format_=st.sampled_from(list(STYLES)),
    scale=st.integers(min_value=-6, max_value=6),
)
def test_a_rendered_number_reads_back_exactly(
    value: Decimal, format_: str | None, scale: int
) -> None:
    group, point = STYLES[format_]
    printed = f"{abs(shifted(value, -scale)):,f}"
    printed = printed.replace(",", "g").replace(".", point).replace("g", group)
    sign = {"sign": "-"} if value < 0 else {}
    accounts = read_accounts(
        inline(number("NetAssetsLiabilities", printed, format=format_, scale=str(scale), **sign))
    )
    figure = accounts.net_assets
    whole, _, fraction = printed.partition(point)
    is_too_long = len(fraction) > 12 or sum(c.isdigit() for c in whole.lstrip("0.,")) > 15
    if figure is None:
        assert is_too_long
        assert accounts.unreadable == {"net_assets"}
    else:
        assert figure.value == value


@given(st.dates(min_value=date(2000, 1, 1), max_value=date(2099, 12, 31)))
def test_a_rendered_date_reads_back(day: date) -> None:
    assert read_date(day.isoformat(), None) == day
    assert read_date(f"{day.day} {day:%B %Y}", "ixt:datelonguk") == day
    assert read_date(f"{day:%d/%m/%Y}", "ixt:dateslasheu") == day
    assert read_date(f"{day:%m/%d/%y}", "ixt:dateslashus") == day
    assert read_date(f"{day.day}.{day.month}.{day:%y}", "ixt2:datedaymonthyear") == day


@given(text=st.text(max_size=60), format_=st.one_of(st.none(), st.text(max_size=20)))
def test_no_text_breaks_the_readers(text: str, format_: str | None) -> None:
    for read in (read_number, read_date):
        try:
            read(text, format_)
        except UnreadableError:
            continue


def test_a_record_writes_whole_numbers_as_integers() -> None:
    record = as_record(read_accounts(inline(number("FixedAssets", "5.00"))))
    assert repr(record["fixed_assets"]) == "5"
