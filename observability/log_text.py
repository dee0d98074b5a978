"""Makes untrusted text safe for a log line: one line, no control characters, cut. PURE."""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from pathlib import PurePath

MAX_TEXT = 300
"""Characters of one text that a log line shows."""

PLAIN = (date, timedelta, Decimal, PurePath)
"""Types, beside numbers, whose text form is safe to log."""


def safe_text(text: str) -> str:
    """Return the text with unprintable characters escaped, cut to MAX_TEXT.

    Line breaks of any alphabet, terminal escapes, marks that change the writing direction, and lone
    surrogates are unprintable.
    """
    if len(text) > MAX_TEXT:
        text = f"{text[:MAX_TEXT]}…"
    if text.isprintable():
        return text
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode() for one in text
    )


def safe_value(value: object) -> object:
    """Return a value of a log line with all text in it made safe."""
    if isinstance(value, str):
        return safe_text(value)
    if isinstance(value, bytes):
        return safe_text(value.decode("latin-1"))
    if isinstance(value, Mapping):
        return {safe_value(key): safe_value(below) for key, below in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [safe_value(below) for below in value]
    if value is None or isinstance(value, int | float):
        return value
    # The text of other types, such as exceptions, may repeat what a client sent.
    return safe_text(str(value) if isinstance(value, PLAIN) else type(value).__name__)
