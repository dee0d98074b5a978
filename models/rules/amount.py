"""Parses, checks and formats amounts of money, of at most 15 digits and 2 decimals. PURE."""

from decimal import ROUND_DOWN, Context, Decimal, Inexact, InvalidOperation

from models.rules.checks import Checks
from models.rules.errors import RefusalCode

DIGITS = 15
PLACES = 2

_BOUNDED = Context(DIGITS + PLACES, ROUND_DOWN, traps=[Inexact, InvalidOperation])


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


def checked_amount(checks: Checks, number: Decimal, *path: str) -> Decimal:
    """Return a number as an amount with at most 2 decimals; negative zero becomes zero.

    More than 15 digits before the decimal point, non-zero digits after the second decimal,
    infinities and NaN are refused; then the amount is zero.
    """
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int):
        checks.refuse(RefusalCode.BAD_FORMAT, "The amount must be a number.", *path)
        return Decimal()
    places = min(max(-exponent, 0), PLACES)
    try:
        amount = number.quantize(Decimal((0, (1,), -places)), context=_BOUNDED)
    except Inexact:
        message = f"The amount may have at most {PLACES} decimal places."
        checks.refuse(RefusalCode.TOO_PRECISE, message, *path, limit=PLACES)
        return Decimal()
    except InvalidOperation:
        amount = None
    if amount is None or amount.adjusted() >= DIGITS:
        message = f"The amount may have at most {DIGITS} digits before the decimal point."
        checks.refuse(RefusalCode.TOO_MANY_DIGITS, message, *path, limit=DIGITS)
        return Decimal()
    return amount or abs(amount)


def plain(number: Decimal) -> str:
    """Return a number as text without an exponent."""
    return format(number, "f")
