"""Parses the text of a tag as a number or a flag, by its transformation format.

All versions of the XBRL International transformation registry (ixt to ixt-5) are supported. Formats
are compared by their local names without hyphens: `num-dot-decimal` equals `numdotdecimal`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import partial

from enrichment.accounts.number_words import parts_in_two_units, value_in_words

MAX_SCALE = 12
MAX_WHOLE_DIGITS = 15
MAX_PLACES = 12
_MAX_TEXT = 200
_LARGEST = Decimal((0, (1,), MAX_WHOLE_DIGITS))

_POINT_FORMATS = frozenset({"numdotdecimal", "numcommadot", "numspacedot", "numdotdecimalapos"})
_INDIAN_FORMATS = frozenset({"numdotdecimalin"})
_COMMA_FORMATS = frozenset(
    {"numcommadecimal", "numdotcomma", "numspacecomma", "numcomma", "numcommadecimalapos"}
)
_UNIT_FORMATS = frozenset({"numunitdecimal", "numunitdecimalin"})
_DASH_FORMATS = frozenset({"zerodash", "numdash"})
_ZERO_FORMATS = frozenset({"fixedzero"})
_EMPTY_FORMATS = frozenset({"nocontent", "fixedempty"})
_WORD_FORMATS = frozenset({"numwordsen"})
_TRUE_FORMATS = frozenset({"booleantrue", "fixedtrue"})
_FALSE_FORMATS = frozenset({"booleanfalse", "fixedfalse"})

_DASHES = "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"
_APOSTROPHES = "'\u2019\u02b9\u2032`"
_CURRENCY_SIGNS = "£€$"
_BLANKS = " \t\r\n\u00a0\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
LINE_BREAK = "\f"
"""Marks a line break within the text of a tag; XML itself cannot contain this character.

A number with a line break within its digits is unreadable.
"""
_INVISIBLE = "\u00ad\u200b\u200c\u200d\u2060\ufeff"

_GROUPS_OF_THREE = re.compile(r"\d{1,3}(,\d{3})+", re.ASCII)
_INDIAN_GROUPS = re.compile(r"\d{1,3}(,\d{2})*,\d{3}", re.ASCII)


class UnreadableError(ValueError):
    """The text of a tag does not follow the tag's format, or the format is unknown."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number as printed, before the scale and the sign of its tag are applied.

    `places` is the number of decimal places. `is_negative_inside` means that a minus or brackets
    are within the tag, and `is_bare_dash` that only a dash was printed, which is read as zero.
    """

    value: Decimal
    places: int
    is_negative_inside: bool = False
    is_bare_dash: bool = False


def format_name(raw: str | None) -> str | None:
    """Return the local name of a format, in lower case without hyphens; None without a format."""
    if raw is None or not raw.strip():
        return None
    return raw.strip().rpartition(":")[2].replace("-", "").lower()


def read_number(text: str, raw_format: str | None) -> Number | None:
    """Return the number in `text`, parsed by `raw_format`, before scale and sign are applied.

    None if the format means that there is no value. Raises UnreadableError if the format is
    unknown, or the text does not follow it.
    """
    if len(text) > _MAX_TEXT:
        raise UnreadableError("The tagged text is too long for a number.")
    name = format_name(raw_format)
    if name in _EMPTY_FORMATS | _ZERO_FORMATS and has_amount(text):
        raise UnreadableError(
            "The tag's number format says that there is no amount, but the tagged text contains"
            " one."
        )
    if name in _EMPTY_FORMATS:
        return None
    if name in _ZERO_FORMATS:
        return Number(Decimal(0), 0)
    read = _READERS.get(name)
    if read is None:
        raise UnreadableError(f"The tag's number format {name!r} is unknown.")
    return read(text)


def has_amount(text: str) -> bool:
    """Return whether the text contains a digit other than zero."""
    return any(c.isdigit() and c != "0" for c in text)


def _dash(text: str) -> Number:
    shown = "".join(c for c in text if not c.isspace() and c not in _INVISIBLE)
    if shown.strip(_CURRENCY_SIGNS).strip(_DASHES) in ("", "0"):
        return Number(Decimal(0), 0)
    raise UnreadableError("The tag's number format needs a dash, but the tagged text is not one.")


def _plain_number(
    text: str, *, point: str, groups: str, pattern: re.Pattern[str] = _GROUPS_OF_THREE
) -> Number:
    """Parse a number with separators, and a sign, brackets or a currency sign around it.

    `point` is the decimal point, `groups` the characters that may separate groups of digits, and
    `pattern` matches allowed groups (of three digits, for example), separated by commas.
    """
    shown = "".join(c for c in text if c not in _INVISIBLE).strip()
    digits = shown.strip("()" + _CURRENCY_SIGNS + _DASHES + _BLANKS + LINE_BREAK)
    before, _, after = shown.partition(digits) if digits else (shown, "", "")
    outside = before + after
    if not digits and outside and not outside.strip(_CURRENCY_SIGNS + _DASHES + _BLANKS):
        return Number(Decimal(0), 0, is_bare_dash=True)
    is_negative = any(c in "()" + _DASHES for c in outside)
    if shown.startswith("+"):
        digits = digits.removeprefix("+").lstrip()
    whole, _, fraction = digits.partition(point)
    return _number(_without_groups(whole, groups, pattern), fraction, is_negative)


def _without_groups(whole: str, groups: str, pattern: re.Pattern[str]) -> str:
    """Return the digits of `whole` without the separators of thousands.

    Raises UnreadableError if the groups do not fit `pattern`, or for two kinds of separators, as in
    `3 5,000`: that may be two numbers, such as the number of a note and an amount.
    """
    separators = {c for c in whole if not (c.isascii() and c.isdigit())}
    if not separators:
        return whole
    is_one_kind = (
        separators == {groups}
        or separators <= frozenset(_APOSTROPHES)
        or separators <= frozenset(_BLANKS)
    )
    plain = "".join("," if c in separators else c for c in whole)
    if not is_one_kind or not pattern.fullmatch(plain):
        raise UnreadableError(
            "The digits of the tagged number are not in groups of three, or the groups have"
            " different separators."
        )
    return plain.replace(",", "")


def _number(whole: str, fraction: str, is_negative: bool) -> Number:
    """Return the number; raises UnreadableError for digits other than 0 to 9, or too many."""
    digits = whole + fraction
    if not (digits.isascii() and digits.isdigit()):
        raise UnreadableError("The tagged text is not a number.")
    if len(whole.lstrip("0")) > MAX_WHOLE_DIGITS or len(fraction) > MAX_PLACES:
        raise UnreadableError("The tagged number has more digits than the accounts of any company.")
    value = Decimal((int(is_negative), tuple(int(c) for c in digits), -len(fraction)))
    return Number(value or abs(value), len(fraction), is_negative_inside=is_negative)


def _unit_number(text: str) -> Number:
    parts = parts_in_two_units(text)
    if parts is None:
        raise UnreadableError(
            "The tagged text is not an amount in two units, as its number format says."
        )
    return _number(*parts)


def _words(text: str) -> Number:
    value = value_in_words(text)
    if value is None:
        raise UnreadableError(
            "The tagged text is not a number in words, as its number format says."
        )
    return Number(value, 0)


_point_number = partial(_plain_number, point=".", groups=",")
_READERS: dict[str | None, Callable[[str], Number]] = {
    None: _point_number,
    **dict.fromkeys(_POINT_FORMATS, _point_number),
    **dict.fromkeys(_INDIAN_FORMATS, partial(_point_number, pattern=_INDIAN_GROUPS)),
    **dict.fromkeys(_COMMA_FORMATS, partial(_plain_number, point=",", groups=".")),
    **dict.fromkeys(_UNIT_FORMATS, _unit_number),
    **dict.fromkeys(_DASH_FORMATS, _dash),
    **dict.fromkeys(_WORD_FORMATS, _words),
}


def read_whole(raw: str | None) -> int | None:
    """Return the whole number in an attribute such as `scale` or `decimals`; None if absent.

    Raises UnreadableError if it is not a whole number. A number of more than three digits is
    returned as just beyond MAX_SCALE, so a caller must check the range.
    """
    if raw is None or not raw.strip():
        return None
    text = raw.strip().removeprefix("+")
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()):
        raise UnreadableError(
            "An attribute of the tag, such as `scale` or `decimals`, is not a whole number."
        )
    if len(digits.lstrip("0")) > 3:  # noqa: PLR2004
        return MAX_SCALE + 1 if text == digits else -MAX_SCALE - 1
    return int(text)


def shifted(value: Decimal, places: int) -> Decimal:
    """Return `value` times 10 to the power of `places`, exactly.

    The precision of the decimal context does not matter.
    """
    sign, digits, exponent = value.as_tuple()
    moved = int(exponent) + places
    if moved > 0:
        digits, moved = digits + (0,) * moved, 0
    return Decimal((sign, digits, moved))


def is_sane(value: Decimal) -> bool:
    """Return whether `value` is so small that sums of such values are exact with 28 digits."""
    return abs(value) < _LARGEST and int(value.as_tuple().exponent) >= -MAX_PLACES


def read_flag(text: str, raw_format: str | None) -> bool | None:
    """Return whether the text of a flag means yes; None if it means neither yes nor no."""
    name = format_name(raw_format)
    if name in _TRUE_FORMATS or name in _FALSE_FORMATS:
        return name in _TRUE_FORMATS
    word = text.strip().lower()
    if word in ("true", "1", "yes"):
        return True
    return False if word in ("false", "0", "no") else None
