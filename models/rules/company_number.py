"""Company numbers of Companies House: normalised to eight characters, or refused (R88). PURE."""

import re

_PREFIXES = (
    "AC|BR|CE|CS|EN|ES|FC|FE|GE|GN|GS|IC|LP|NA|NC|NF|NI|NL|NV|NZ|OC|OE|PC|R0|RC|SA|SC|SE|SF|SG|SI"
    "|SL|SO|SR|SZ|ZC"
)
_OF_SOCIETIES = "IP|NO|NP|NR|RS|SP"
ACCEPTED = re.compile(
    rf"[0-9]{{8}}|(?:{_PREFIXES})[0-9]{{6}}|SL[0-9]{{5}}[A-Z]|(?:{_OF_SOCIETIES})[0-9]{{4}}[0-9A-Z]{{2}}"
)
"""The forms of numbers that the register issues; eight letters, as in VODAFONE, are no number."""

_SHORT = re.compile(r"(?P<prefix>[A-Z]{2}|R|)(?P<digits>[0-9]+)")
_ALL_ZEROS = re.compile(r"(?:[A-Z]{2}|R|)0+")
# Characters that text copied from a letterhead or a web page has inside a number. Line breaks and
# tabs are excluded, because they separate two numbers.
_SEPARATORS = re.compile(
    "(?:[^\\S\t\n\v\f\r]|[\\-\u00ad\u200b\u200c\u200d\u2010-\u2015\u2060\u2212\ufeff])+"
)
_DECIMAL = re.compile(r"(?:[A-Z]{1,2}[0-9]+|[0-9]*)\.[0-9]+")
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

    Blanks and dashes are removed, and dots unless one could be a decimal point: ``9000001.0`` was
    changed by a spreadsheet, and without its dot it would be another company's number. Digits are
    padded with zeros on the left, to 8 digits (7 after ``R``, 6 after two letters).

    Raises InvalidCompanyNumber for texts that are no number of the register: other forms, other
    characters than ASCII, and zeros only.
    """
    compact = _SEPARATORS.sub("", text.strip())
    if not compact.isascii() or _DECIMAL.fullmatch(compact.upper()):
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
