"""Parses numbers in words, such as `two hundred`, or in two units, such as `12 pounds 34 pence`."""

import re
from collections.abc import Iterator
from decimal import Decimal

_ONES = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
    "nineteen",
]  # fmt: skip
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_VALUES = {word: number for number, word in enumerate(_ONES)} | {
    word: 10 * number for number, word in enumerate(_TENS, start=2)
}
_NOTHING = frozenset({"no", "none", "nil", "nought"})
_HUNDRED = 100
_THOUSAND = 1_000
_MULTIPLIERS = {"hundred": _HUNDRED, "thousand": _THOUSAND, "million": 1_000_000}
_LARGEST = 999_999_999
_MAX_WORDS = 20
_TWENTY = 20

_RUN = re.compile(r"\d[\d,]*", re.ASCII)
_WHOLE = re.compile(r"\d{1,3}(,\d{3})+|\d+", re.ASCII)
_HUNDREDTHS = re.compile(r"\d{1,2}", re.ASCII)
_SCALE_WORDS = re.compile(
    r"hundred|thousand|million|billion|trillion|dozen|\b(?:k|m|mn|bn)\b", re.IGNORECASE
)
_MINUS = re.compile(r"[-(\u2010-\u2015\u2212]")


def value_in_words(text: str) -> Decimal | None:
    """Return the number that is written in English words; None for any other text.

    The words must be in the usual order: `five five` is not a number, for example.
    """
    words = text.lower().replace("-", " ").replace(",", " ").split()
    if len(words) == 1 and words[0] in _NOTHING:
        return Decimal(0)
    said = [word for word in words if word != "and"]
    if not said or len(said) > _MAX_WORDS:
        return None
    if said[0] in _MULTIPLIERS:
        said.insert(0, "one")
    value = _sum(said)
    if value is None or value > _LARGEST or list(_spelled(value)) != said:
        return None
    return Decimal(value)


def _sum(words: list[str]) -> int | None:
    total = current = 0
    for word in words:
        if word in _VALUES:
            current += _VALUES[word]
        elif word == "hundred":
            current *= _HUNDRED
        elif word in _MULTIPLIERS:
            total += current * _MULTIPLIERS[word]
            current = 0
        else:
            return None
    return total + current


def _spelled(value: int) -> Iterator[str]:
    """Yield the words of a whole number below a thousand million, without `and`."""
    if not value:
        yield "zero"
    for word in ("million", "thousand"):
        count, value = divmod(value, _MULTIPLIERS[word])
        if count:
            yield from _below_thousand(count)
            yield word
    yield from _below_thousand(value)


def _below_thousand(value: int) -> Iterator[str]:
    hundreds, rest = divmod(value, _HUNDRED)
    if hundreds:
        yield from (_ONES[hundreds], "hundred")
    if rest >= _TWENTY:
        yield _TENS[rest // 10 - 2]
        rest %= 10
    if rest:
        yield _ONES[rest]


def parts_in_two_units(text: str) -> tuple[str, str, bool] | None:
    """Return the digits of the units, those of the hundredths, and whether the amount is negative.

    The digits of the hundredths are empty if there are none. Returns None for a text with other or
    more numbers, or with a word for a scale, such as `thousand`.
    """
    whole, *minor = _RUN.findall(text) or [""]
    rest = _RUN.sub(" ", text)
    is_other = any(c.isdigit() for c in rest) or _SCALE_WORDS.search(rest) is not None
    if is_other or len(minor) > 1 or not _WHOLE.fullmatch(whole):
        return None
    if not all(_HUNDREDTHS.fullmatch(run) for run in minor):
        return None
    is_negative = _MINUS.search(text.partition(whole)[0]) is not None
    return whole.replace(",", ""), "".join(run.zfill(2) for run in minor), is_negative
