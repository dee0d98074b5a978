"""The eight characters by which Companies House knows a company: normalised, or refused (R88)."""

import re

ACCEPTED = re.compile(r"[0-9]{8}|R[0-9]{7}|[A-Z]{2}[A-Z0-9]{6}")

_SHORT = re.compile(r"(?P<prefix>[A-Z]{2}|R|)(?P<digits>[0-9]+)")
_ALL_ZEROS = re.compile(r"(?:[A-Z]{2}|R|)0+")
# What copying from a letterhead or a web page leaves between the characters.
_SEPARATORS = re.compile("[\\s.\\-\u00ad\u200b\u200c\u200d\u2010-\u2015\u2060\u2212\ufeff]+")
_LENGTH = 8
_SHOWN = 20


class InvalidCompanyNumber(ValueError):
    """The text can be no company number, whatever the register holds."""

    def __init__(self, text: str) -> None:
        shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
        super().__init__(f"not a company number: {shown!r}")


def normalise(text: str) -> str:
    """Return `text` as the register writes it: 8 characters, upper case, leading zeros kept.

    Spaces, dots and hyphens go; digits are padded on the left to 8 (``R`` to 7, two letters to
    6). Only ASCII is a number: other alphabets' digits and look-alike letters are refused rather
    than guessed at. A number of zeros alone belongs to nobody and is refused too.

    Raises InvalidCompanyNumber for what the register cannot hold: no request is worth making.
    """
    compact = _SEPARATORS.sub("", text)
    if not compact.isascii():
        raise InvalidCompanyNumber(text)
    padded = _pad(compact.upper())
    if not ACCEPTED.fullmatch(padded) or _ALL_ZEROS.fullmatch(padded):
        raise InvalidCompanyNumber(text)
    return padded


def _pad(compact: str) -> str:
    short = _SHORT.fullmatch(compact)
    if short is None:
        return compact
    prefix = short["prefix"]
    return prefix + short["digits"].rjust(_LENGTH - len(prefix), "0")
