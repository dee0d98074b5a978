"""Amounts of money: parsing, the stored form, and refusals."""

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.rules.amount import checked_amount, parse_decimal, plain
from models.rules.checks import Checks
from models.rules.errors import Bounds, Refusal, RefusalCode, Refused

DIGITS = Refusal(
    RefusalCode.TOO_MANY_DIGITS,
    "The amount may have at most 15 digits before the decimal point.",
    ("value",),
    bounds=Bounds(limit=15),
)
DECIMALS = Refusal(
    RefusalCode.TOO_PRECISE,
    "The amount may have at most 2 decimal places.",
    ("value",),
    bounds=Bounds(limit=2),
)
NO_NUMBER = Refusal(RefusalCode.BAD_FORMAT, "The amount must be a number.", ("value",))

# fmt: off
STORED = (
    ("0", "0"),
    ("-0", "0"),
    ("-0.00", "0.00"),
    ("12", "12"),
    ("12.5", "12.5"),
    ("12.50", "12.50"),
    ("12.500", "12.50"),  # no more decimals than an amount may have
    (" +12.50 ", "12.50"),
    ("1e3", "1000"),
    ("1.5E+2", "150"),
    ("0E-1000000", "0.00"),  # not stored as a million zeros
    ("0E+1000000", "0"),
    ("0." + "0" * 41, "0.00"),
    ("1." + "0" * 10_000, "1.00"),
    ("0" * 100 + "7", "7"),
    ("999999999999999.99", "999999999999999.99"),
    ("-999999999999999.99", "-999999999999999.99"),
)
REFUSED = (
    ("1000000000000000", DIGITS),
    ("1e15", DIGITS),
    ("1e1000000", DIGITS),
    ("-1E+999999", DIGITS),
    ("NaN", NO_NUMBER),
    ("sNaN", NO_NUMBER),
    ("-sNaN123", NO_NUMBER),
    ("Infinity", NO_NUMBER),
    ("0.001", DECIMALS),
    ("1e-1000000", DECIMALS),
    ("999999999999999.999", DECIMALS),
)
# fmt: on


def checked(number: Decimal) -> Decimal:
    """Return the number as an amount; raises Refused."""
    checks = Checks()
    amount = checked_amount(checks, number, "value")
    checks.raise_refusals()
    return amount


@pytest.mark.parametrize(("typed", "stored"), STORED)
def test_an_amount_is_stored_in_plain_digits(typed: str, stored: str) -> None:
    """R86."""
    assert plain(checked(parse_decimal(typed))) == stored


@pytest.mark.parametrize(("typed", "why"), REFUSED)
def test_what_is_too_large_too_exact_or_no_number_is_refused(typed: str, why: Refusal) -> None:
    """R86."""
    with pytest.raises(Refused) as refused:
        checked(parse_decimal(typed))
    assert refused.value.refusals == (why,)


@pytest.mark.parametrize(
    "value",
    ["", " ", "abc", "1,000", "1_000", "\uff11\uff12", "\u0661", "0x1", "1e", True, None, [], {}],
)
def test_what_is_no_number_is_told_apart(value: object) -> None:
    with pytest.raises(ValueError, match="not a decimal number"):
        parse_decimal(value)


@pytest.mark.parametrize(("value", "stored"), [(7, "7"), (0.1, "0.1"), (Decimal("1.10"), "1.10")])
def test_a_number_of_json_is_read_too(value: object, stored: str) -> None:
    assert plain(checked(parse_decimal(value))) == stored


@given(st.decimals(allow_nan=True, allow_infinity=True))
def test_whatever_is_stored_is_short_and_the_same_amount(number: Decimal) -> None:
    try:
        amount = checked(number)
    except Refused:
        return
    assert amount == number
    assert re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]{1,2})?", plain(amount))
