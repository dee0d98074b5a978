"""Parses, checks and formats amounts of money, of at most 15 digits and 2 decimals. PURE."""

from decimal import ROUND_DOWN, Context, Decimal, Inexact, InvalidOperation

DIGITS = 15
PLACES = 2
TOO_MANY_DIGITS = f"The amount may have at most {DIGITS} digits before the decimal point."
TOO_MANY_PLACES = f"The amount may have at most {PLACES} decimal places."

_BOUNDED = Context(DIGITS + PLACES, ROUND_DOWN, traps=[Inexact, InvalidOperation])


class InvalidAmount(ValueError):
    """The number cannot be stored as an amount; the message is for users and says why."""


def parse_decimal(value: object) -> Decimal:
    """Return the decimal number in a text or a JSON number.

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
    """Return a number as an amount with at most 2 decimals; negative zero becomes zero.

    Raises InvalidAmount for more than 15 digits before the decimal point, for non-zero digits after
    the second decimal, and for infinities and NaN.
    """
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int):
        raise InvalidAmount("The amount must be a number.")
    places = min(max(-exponent, 0), PLACES)
    try:
        amount = number.quantize(Decimal((0, (1,), -places)), context=_BOUNDED)
    except Inexact:
        raise InvalidAmount(TOO_MANY_PLACES) from None
    except InvalidOperation:
        raise InvalidAmount(TOO_MANY_DIGITS) from None
    if amount.adjusted() >= DIGITS:
        raise InvalidAmount(TOO_MANY_DIGITS)
    return amount or abs(amount)


def plain(number: Decimal) -> str:
    """Return a number as text without an exponent."""
    return format(number, "f")
