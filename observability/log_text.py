"""Makes untrusted text safe for a log line: one line, short, without control characters. PURE."""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from pathlib import PurePath

MAX_TEXT = 300
"""The maximum number of characters of a text in a log line."""

PLAIN = (date, timedelta, Decimal, PurePath)
"""Types whose text form is safe to log, in addition to numbers."""


def safe_text(text: str) -> str:
    """Return `text` cut to MAX_TEXT characters, with unprintable characters escaped.

    Unprintable are all kinds of line breaks, terminal escapes, marks that change the writing
    direction, and lone surrogates.
    """
    if len(text) > MAX_TEXT:
        text = f"{text[:MAX_TEXT]}…"
    if text.isprintable():
        return text
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode() for one in text
    )


def safe_value(value: object) -> object:
    """Return a value for a log line, with all text in it made safe by `safe_text`."""
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
    # The text of objects of other types, such as exceptions, may repeat what a client sent.
    return safe_text(str(value) if isinstance(value, PLAIN) else type(value).__name__)
