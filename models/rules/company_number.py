"""Checks and normalises company numbers of Companies House (R88). PURE."""

import re

_PREFIXES = (
    "AC|BR|CE|CS|EN|ES|FC|FE|GE|GN|GS|IC|LP|NA|NC|NF|NI|NL|NV|NZ|OC|OE|PC|R0|RC|SA|SC|SE|SF|SG|SI"
    "|SL|SO|SR|SZ|ZC"
)
_OF_SOCIETIES = "IP|NO|NP|NR|RS|SP"
ACCEPTED = re.compile(
    rf"[0-9]{{8}}|(?:{_PREFIXES})[0-9]{{6}}|SL[0-9]{{5}}[A-Z]|(?:{_OF_SOCIETIES})[0-9]{{4}}[0-9A-Z]{{2}}"
)
"""Matches the forms of company numbers that Companies House issues; all have digits."""

_SHORT = re.compile(r"(?P<prefix>[A-Z]{2}|R|)(?P<digits>[0-9]+)")
_ALL_ZEROS = re.compile(r"(?:[A-Z]{2}|R|)0+")
# Matches blanks and dashes inside a number that was copied from a letterhead or a web page. Line
# breaks and tabs do not match, because they separate two numbers.
_SEPARATORS = re.compile(
    "(?:[^\\S\t\n\v\f\r]|[\\-\u00ad\u200b\u200c\u200d\u2010-\u2015\u2060\u2212\ufeff])+"
)
_DECIMAL = re.compile(r"(?:[A-Z]{1,2}[0-9]+|[0-9]*)\.[0-9]+")
_DASHES = "[\\-\u00ad\u2010-\u2015\u2212]"
_ODD_DASH = re.compile(rf"{_DASHES}.*|.*{_DASHES}|.*[0-9]\s*{_DASHES}\s*[0-9A-Za-z]", re.DOTALL)
"""Matches a dash at either end, or before a single character, such as a check digit."""
_EDGES = re.compile(
    "^[\\s\u00ad\u200b\u200c\u200d\u2060\ufeff]+|[\\s\u00ad\u200b\u200c\u200d\u2060\ufeff]+\\Z"
)
_LENGTH = 8
_SHOWN = 20


class InvalidCompanyNumber(ValueError):
    """The text does not have the form of a company number; the message is for users."""

    def __init__(self, text: str) -> None:
        start = "".join(one if one.isprintable() else " " for one in text[:_SHOWN])
        shown = start if len(text) <= _SHOWN else f"{start}…"
        super().__init__(f"“{shown}” is not a UK company number.")


def normalise(text: str) -> str:
    """Return the number as the register writes it: 8 characters, upper case, with leading zeros.

    Blanks, dashes and dots are removed. A dot that could be a decimal point is refused instead:
    ``9000001.0`` was changed by a spreadsheet, and without its dot would be another company's
    number. A dash before the last character (``9000001-0``) or at either end is refused too. Digits
    are padded with zeros on the left, to 8 digits (7 after ``R``, 6 after two letters).

    Raises InvalidCompanyNumber for texts in no form that Companies House issues, with characters
    outside ASCII, or with only zeros.
    """
    trimmed = _EDGES.sub("", text)
    compact = _SEPARATORS.sub("", trimmed)
    if _ODD_DASH.fullmatch(trimmed) or not compact.isascii() or _DECIMAL.fullmatch(compact.upper()):
        raise InvalidCompanyNumber(text)
    padded = _pad(compact.upper().replace(".", ""))
    if not ACCEPTED.fullmatch(padded) or _ALL_ZEROS.fullmatch(padded):
        raise InvalidCompanyNumber(text)
    return padded


def _pad(compact: str) -> str:
    short = _SHORT.fullmatch(compact)
    if short is None:
        return compact
    prefix = short["prefix"]
    return prefix + short["digits"].rjust(_LENGTH - len(prefix), "0")
