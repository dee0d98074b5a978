"""From the text inside a tag to a number, a date or a flag, by its transformation format.

Covers every version of the XBRL International transformation registry (ixt to ixt-5): a format
is known by its local name without hyphens, so `num-dot-decimal` is `numdotdecimal`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

MAX_SCALE = 12
MAX_WHOLE_DIGITS = 15
MAX_PLACES = 12
_MAX_TEXT = 200
_LARGEST = Decimal((0, (1,), MAX_WHOLE_DIGITS))

_POINT_FORMATS = frozenset(
    {
        "numdotdecimal", "numcommadot", "numspacedot", "numdotdecimalin", "numdotdecimalapos",
    }
)  # fmt: skip
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
_INVISIBLE = "\u00ad\u200b\u200c\u200d\u2060\ufeff"

_ONES = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
sixteen seventeen eighteen nineteen
"""
_TENS = """
twenty thirty forty fifty sixty seventy eighty ninety
"""
_WORDS = (
    {word: number for number, word in enumerate(_ONES.split())}
    | {word: 10 * number for number, word in enumerate(_TENS.split(), start=2)}
    | {"no": 0, "none": 0, "nil": 0, "nought": 0}
)
_MULTIPLIERS = {"hundred": 100, "thousand": 1_000, "million": 1_000_000}
_MAX_WORDS = 20

_HUNDRED = 100


class UnreadableError(ValueError):
    """The text is not what its format says it is."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number as printed: its value, the decimal places printed, and what was odd about it."""

    value: Decimal
    places: int
    is_negative_inside: bool = False
    is_bare_dash: bool = False


def format_name(raw: str | None) -> str | None:
    """Return the format's local name, lower case and without hyphens; null when there is none."""
    if raw is None or not raw.strip():
        return None
    return raw.strip().rpartition(":")[2].replace("-", "").lower()


def read_number(text: str, raw_format: str | None) -> Number | None:
    """Return the number in `text`, before scale and sign; null where the format has no value.

    Raises UnreadableError when the format is unknown or the text does not follow it.
    """
    if len(text) > _MAX_TEXT:
        raise UnreadableError("The number is too long.")
    name = format_name(raw_format)
    if name in _EMPTY_FORMATS:
        return None
    if name in _ZERO_FORMATS:
        return Number(Decimal(0), 0)
    read = _READERS.get(name)
    if read is None:
        raise UnreadableError(f"The number format {name!r} is unknown.")
    return read(text)


def _compact(text: str) -> str:
    """Drop blanks of every width, which only separate thousands."""
    return "".join(c for c in text if not c.isspace() and c not in _INVISIBLE)


def _dash(text: str) -> Number:
    compact = _compact(text).strip(_CURRENCY_SIGNS)
    if compact.strip(_DASHES) in ("", "0"):
        return Number(Decimal(0), 0)
    raise UnreadableError("A dash is expected.")


def _formatless(text: str) -> Number:
    return _point_number(_checked_groups(text))


def _point_number(text: str) -> Number:
    return _plain_number(text, point=".", groups=",")


def _comma_number(text: str) -> Number:
    return _plain_number(text, point=",", groups=".")


def _plain_number(text: str, *, point: str, groups: str) -> Number:
    compact = _compact(text)
    if compact and not compact.strip(_CURRENCY_SIGNS).strip(_DASHES):
        return Number(Decimal(0), 0, is_bare_dash=True)
    digits = compact.strip("()" + _CURRENCY_SIGNS + _DASHES)
    outside = compact.replace(digits, "", 1) if digits else compact
    is_negative = any(c in "()" + _DASHES for c in outside)
    if compact.startswith("+"):
        digits = digits.removeprefix("+")
    digits = "".join(c for c in digits if c not in _APOSTROPHES)
    whole, _, fraction = digits.partition(point)
    if groups in whole and len(whole.rpartition(groups)[2]) != len("000"):
        raise UnreadableError("The last group of digits does not have three.")
    return _number(whole.replace(groups, ""), fraction, is_negative)


def _checked_groups(text: str) -> str:
    """Without a format a comma may part thousands, nothing else: `1,23` could be 1.23."""
    groups = _compact(text).partition(".")[0].split(",")
    if any(sum(c.isdigit() for c in group) != len("000") for group in groups[1:]):
        raise UnreadableError("The number has no format, and its commas are ambiguous.")
    return text


def _number(whole: str, fraction: str, is_negative: bool) -> Number:
    """Build the exact number; only ASCII digits count, and never more than any accounts hold."""
    digits = whole + fraction
    if not (digits.isascii() and digits.isdigit()):
        raise UnreadableError("The text is not a number.")
    if len(whole.lstrip("0")) > MAX_WHOLE_DIGITS or len(fraction) > MAX_PLACES:
        raise UnreadableError("The number has more digits than any accounts.")
    value = Decimal((int(is_negative), tuple(int(c) for c in digits), -len(fraction)))
    return Number(value or abs(value), len(fraction), is_negative_inside=is_negative)


def _unit_number(text: str) -> Number:
    """Read `12 pounds 34 pence`: the first run of digits is whole, the second hundredths."""
    runs = "".join(c if c.isdigit() else " " for c in text.replace(",", "")).split()
    if not runs or len(runs) > 2 or (len(runs) == 2 and len(runs[1]) > 2):  # noqa: PLR2004
        raise UnreadableError("The text is not a sum in two units.")
    return _number(runs[0], runs[1].zfill(2) if len(runs) > 1 else "", is_negative=False)


def _words(text: str) -> Number:
    words = text.lower().replace("-", " ").replace(",", " ").split()
    if not words or len(words) > _MAX_WORDS:
        raise UnreadableError("The text is not a number in words.")
    total = 0
    current = 0
    for word in words:
        if word in _WORDS:
            current += _WORDS[word]
        elif word == "hundred":
            current = max(current, 1) * _HUNDRED
        elif word in _MULTIPLIERS:
            total += max(current, 1) * _MULTIPLIERS[word]
            current = 0
        elif word != "and":
            raise UnreadableError("The text is not a number in words.")
    return Number(Decimal(total + current), 0)


_READERS: dict[str | None, Callable[[str], Number]] = {
    None: _formatless,
    **dict.fromkeys(_POINT_FORMATS, _point_number),
    **dict.fromkeys(_COMMA_FORMATS, _comma_number),
    **dict.fromkeys(_UNIT_FORMATS, _unit_number),
    **dict.fromkeys(_DASH_FORMATS, _dash),
    **dict.fromkeys(_WORD_FORMATS, _words),
}


def read_whole(raw: str | None) -> int | None:
    """Return the small whole number in an attribute (`scale`, `decimals`); null when absent.

    Raises UnreadableError when it is not one. Its size is the caller's to bound.
    """
    if raw is None or not raw.strip():
        return None
    text = raw.strip().removeprefix("+")
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()):
        raise UnreadableError("A whole number is expected.")
    if len(digits.lstrip("0")) > 3:  # noqa: PLR2004
        return MAX_SCALE + 1 if text == digits else -MAX_SCALE - 1
    return int(text)


def shifted(value: Decimal, places: int) -> Decimal:
    """Return value x 10^places exactly, whatever the precision of the decimal context."""
    sign, digits, exponent = value.as_tuple()
    moved = int(exponent) + places
    if moved > 0:
        digits, moved = digits + (0,) * moved, 0
    return Decimal((sign, digits, moved))


def is_sane(value: Decimal) -> bool:
    """Tell whether sums of such values stay exact in 28 digits."""
    return abs(value) < _LARGEST and int(value.as_tuple().exponent) >= -MAX_PLACES


def read_flag(text: str, raw_format: str | None) -> bool | None:
    """Return the yes or no of a flag; null when it says neither."""
    name = format_name(raw_format)
    if name in _TRUE_FORMATS or name in _FALSE_FORMATS:
        return name in _TRUE_FORMATS
    word = text.strip().lower()
    if word in ("true", "1", "yes"):
        return True
    return False if word in ("false", "0", "no") else None
