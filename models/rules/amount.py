"""Amounts of money: bounded, exact, and written without an exponent. PURE."""

from decimal import ROUND_DOWN, Context, Decimal, Inexact, InvalidOperation

DIGITS = 15
PLACES = 2

_BOUNDED = Context(DIGITS + PLACES, ROUND_DOWN, traps=[Inexact, InvalidOperation])


class InvalidAmount(ValueError):
    """The number is no amount that can be stored; the message says why, to people."""


def parse_decimal(value: object) -> Decimal:
    """Read a decimal number from text or from a JSON number.

    Raises ValueError for anything else, such as digits of other alphabets or `1_000`. The result
    may be too large to be an amount, or no number at all (`NaN`): `checked_amount` decides.
    """
    text = str(value).strip()
    if not text.isascii() or "_" in text:
        raise ValueError("not a decimal number")
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ValueError("not a decimal number") from None


def checked_amount(number: Decimal) -> Decimal:
    """Return the same amount with at most 2 decimals, and never as a negative zero.

    Raises InvalidAmount for more than 15 digits before the point, for more than 2 decimals other
    than zeros, and for what is no finite number.
    """
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int):  # neither a number nor finite
        raise InvalidAmount("An amount must be a finite number.")
    places = min(max(-exponent, 0), PLACES)
    try:
        amount = number.quantize(Decimal((0, (1,), -places)), context=_BOUNDED)
    except Inexact:
        raise InvalidAmount("An amount has 2 decimals at most.") from None
    except InvalidOperation:
        raise InvalidAmount("An amount has 15 digits at most.") from None
    if amount.adjusted() >= DIGITS:
        raise InvalidAmount("An amount has 15 digits at most.")
    return amount or abs(amount)


def plain(number: Decimal) -> str:
    """Write a number without an exponent."""
    return format(number, "f")
