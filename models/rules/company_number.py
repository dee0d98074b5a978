"""The eight characters by which Companies House knows a company: normalised, or refused (R88)."""

import re

_PREFIXES = (
    "AC|BR|CE|CS|EN|ES|FC|FE|GE|GN|GS|IC|LP|NA|NC|NF|NI|NL|NV|NZ|OC|OE|PC|R0|RC|SA|SC|SE|SF|SG|SI"
    "|SL|SO|SR|SZ|ZC"
)
_OF_SOCIETIES = "IP|NO|NP|NR|RS|SP"
ACCEPTED = re.compile(
    rf"[0-9]{{8}}|(?:{_PREFIXES})[0-9]{{6}}|SL[0-9]{{5}}[A-Z]|(?:{_OF_SOCIETIES})[0-9]{{4}}[0-9A-Z]{{2}}"
)
"""The numbers that the register gives out; a name of eight letters, such as VODAFONE, is none."""

_SHORT = re.compile(r"(?P<prefix>[A-Z]{2}|R|)(?P<digits>[0-9]+)")
_ALL_ZEROS = re.compile(r"(?:[A-Z]{2}|R|)0+")
# What copying from a letterhead or a web page leaves between the characters. Line breaks and tabs
# are not among them: they come between two numbers.
_SEPARATORS = re.compile(
    "(?:[^\\S\t\n\v\f\r]|[\\-\u00ad\u200b\u200c\u200d\u2010-\u2015\u2060\u2212\ufeff])+"
)
_DECIMAL = re.compile(r"(?:[A-Z]{1,2}[0-9]+|[0-9]*)\.[0-9]+")
_DASHES = "[\\-\u00ad\u2010-\u2015\u2212]"
_ODD_DASH = re.compile(rf"{_DASHES}.*|.*{_DASHES}|.*[0-9]\s*{_DASHES}\s*[0-9A-Za-z]", re.DOTALL)
"""A sign, a trailing dash, or a single digit behind a dash, as of a check digit or of decimals."""
_EDGES = re.compile(
    "^[\\s\u00ad\u200b\u200c\u200d\u2060\ufeff]+|[\\s\u00ad\u200b\u200c\u200d\u2060\ufeff]+\\Z"
)
_LENGTH = 8
_SHOWN = 20


class InvalidCompanyNumber(ValueError):
    """The text can be no company number, whatever the register holds."""

    def __init__(self, text: str) -> None:
        shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
        super().__init__(f"not a company number: {shown!r}")


def normalise(text: str) -> str:
    """Return `text` as the register writes it: 8 characters, upper case, leading zeros kept.

    Blanks and dashes go, and dots unless they could be a decimal point: ``9000001.0`` is a number
    that a spreadsheet mangled, and without its dot it would be another company's. So is a single
    digit behind a dash, as in ``9000001-0``, and a dash at either end is no separator. Digits are
    padded on the left to 8 (``R`` to 7, two letters to 6). Only ASCII is a number: other
    alphabets' digits and look-alike letters are refused rather than guessed at. A number of zeros
    alone belongs to nobody and is refused too.

    Raises InvalidCompanyNumber for what the register cannot hold: no request is worth making.
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
