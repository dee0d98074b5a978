"""Parses the text of a tagged date, by the transformation format of its tag."""

from datetime import date

from enrichment.accounts.values import UnreadableError, format_name

_DAY_FIRST = frozenset(
    {
        "datelonguk", "dateshortuk", "dateslasheu", "datedoteu", "datedaymonthyear",
        "datedaymonthyearen", "datedaymonthnameyearen", "datelongukdaymonthyear",
    }
)  # fmt: skip
_MONTH_FIRST = frozenset(
    {
        "datelongus", "dateshortus", "dateslashus", "datedotus", "datemonthdayyear",
        "datemonthdayyearen", "datemonthnamedayyearen",
    }
)  # fmt: skip
_YEAR_FIRST = frozenset({"dateyearmonthday", "dateyearmonthdayen", "dateyearmonthnamedayen"})
_ORDERS = {
    **dict.fromkeys(_DAY_FIRST, "dmy"),
    **dict.fromkeys(_MONTH_FIRST, "mdy"),
    **dict.fromkeys(_YEAR_FIRST, "ymd"),
}
_MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_FILLERS = frozenset({"st", "nd", "rd", "th", "of", "day", "the"})
_SHORTEST_MONTH = 3
_MAX_TEXT = 1_000
_YEAR_DIGITS = 4
_ISO_LENGTH = len("2025-01-31")
_CENTURY = 2000
_DATE_PARTS = 3


def read_date(text: str, raw_format: str | None) -> date:
    """Return the date in `text`, parsed by `raw_format`, the name of a transformation format.

    Without a format the text is parsed as an ISO date, or else with the day first. A year of two
    digits is of this century, since accounts have been tagged from 2005 on. Raises UnreadableError
    if the format is unknown, or the text does not contain exactly one date.
    """
    if len(text) > _MAX_TEXT:
        raise UnreadableError("The tagged text is too long for a date.")
    name = format_name(raw_format)
    if name is None:
        iso = read_iso(text)
        if iso is not None:
            return iso
    order = "dmy" if name is None else _ORDERS.get(name)
    if order is None:
        raise UnreadableError(f"The tag's date format {name!r} is unknown.")
    words = [word for word in _split(text) if word not in _FILLERS]
    found = {
        day
        for start in range(len(words) - _DATE_PARTS + 1)
        if (day := _assemble(words[start : start + _DATE_PARTS], order)) is not None
    }
    if len(found) != 1:
        raise UnreadableError("The tagged text does not contain exactly one date.")
    return found.pop()


def read_iso(text: str) -> date | None:
    """Return the date of an ISO date or date-time, without time and zone; None for other texts."""
    stripped = text.strip()
    rest = stripped[_ISO_LENGTH:]
    if not stripped.isascii() or not (not rest or rest[0] in "TZ+-"):
        return None
    try:
        return date.fromisoformat(stripped[:_ISO_LENGTH])
    except ValueError:
        return None


def _split(text: str) -> list[str]:
    """Return the runs of digits and the runs of letters in `text`; other characters separate."""
    spaced: list[str] = []
    previous = ""
    for character in text.lower():
        kind = "0" if character.isdigit() else "a" if character.isalpha() else ""
        if kind != previous:
            spaced.append(" ")
        spaced.append(character if kind else " ")
        previous = kind
    return "".join(spaced).split()


def _assemble(words: list[str], order: str) -> date | None:
    parts = dict(zip(order, words, strict=True))
    month = _month(parts["m"])
    day, year = _digits(parts["d"], 2), _year(parts["y"])
    if month is None or day is None or year is None:
        return None
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _digits(word: str, longest: int) -> int | None:
    if not (word.isascii() and word.isdigit() and len(word) <= longest):
        return None
    return int(word)


def _month(word: str) -> int | None:
    if len(word) >= _SHORTEST_MONTH and word.isalpha():
        for number, name in enumerate(_MONTHS, start=1):
            if name.startswith(word) or word == "sept" == name[:4]:
                return number
        return None
    return _digits(word, 2)


def _year(word: str) -> int | None:
    if len(word) == _YEAR_DIGITS:
        return _digits(word, _YEAR_DIGITS)
    return _CENTURY + int(word) if len(word) == 2 and _digits(word, 2) is not None else None  # noqa: PLR2004
