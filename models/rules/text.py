"""Cleans text that users typed, and names input fields in English. PURE."""

import re
import unicodedata
from collections.abc import Iterable
from difflib import get_close_matches

_CONTROLS = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Unicode categories: controls, lone surrogates, and separators of lines and paragraphs."""

_DIRECTION_OVERRIDES = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that change the order in which a text is displayed, so that it can mislead."""

_EDGES = re.compile("^[\\s\u00ad\u200b\u2060\ufeff]+|[\\s\u00ad\u200b\u2060\ufeff]+\\Z")
"""Matches white space and invisible characters at the start and end of a text."""

_LINE_ENDS = re.compile("\r\n?|[\u0085\u2028\u2029]")

_CAPITAL = re.compile("[A-Z]")

_LABELS = {
    "addressLine1": "first address line",
    "addressLine2": "second address line",
    "askedBy": "name of the person who asked",
    "addUserIds": "users to add",
    "careOf": "care-of line",
    "changedFromAt": "earliest date of change",
    "changedUntilAt": "latest date of change",
    "createdFromAt": "earliest date of creation",
    "createdUntilAt": "latest date of creation",
    "effectiveAt": "effective date",
    "email": "email address",
    "employees": "number of employees",
    "evidenceSha256": "SHA-256 of the evidence",
    "givenBy": "name of the person who gave consent",
    "givenByRole": "role of the person who gave consent",
    "fromAt": "start of the period",
    "fromOn": "first day of the period",
    "finishedFromAt": "start of the period",
    "finishedUntilAt": "end of the period",
    "incorporatedOn": "date of incorporation",
    "lastModifiedFromAt": "earliest date of change",
    "lastModifiedUntilAt": "latest date of change",
    "lifetimeDays": "lifetime in days",
    "onConflict": "action on a conflict",
    "overlapHours": "overlap in hours",
    "periodEndOn": "balance sheet date",
    "poBox": "PO box",
    "postalCode": "postcode",
    "premises": "building name or number",
    "removeUserIds": "users to remove",
    "scopes": "permissions",
    "untilAt": "end of the period",
    "url": "URL",
    "value": "amount",
}
"""English names of input fields whose own names, split into words, would be unclear."""


def label_of(field: str) -> str:
    """Return the English name of an input field: "account number" for `accountNumber`."""
    return _LABELS.get(field) or _CAPITAL.sub(lambda found: f" {found[0].lower()}", field)


def subject_of(field: str) -> str:
    """Return how a sentence about an input field begins: "The account number", or "`fromAt`"."""
    if field.endswith("At") and field not in _LABELS:
        return f"`{field}`"
    return f"The {label_of(field)}"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is most like `name`, regardless of case; None if none is."""
    by_lower = {one.lower(): one for one in known}
    found = get_close_matches(name.lower(), by_lower, 1)
    return by_lower[found[0]] if found else None


def trimmed(text: str) -> str:
    """Return a text without white space and invisible characters at its start and end."""
    return _EDGES.sub("", text)


def with_line_feeds(text: str) -> str:
    """Return a text in which every line break is a line feed."""
    return _LINE_ENDS.sub("\n", text)


def holds_controls(text: str) -> bool:
    """Return whether a text has control characters, or characters that change writing direction."""
    return any(_is_control(character) for character in text)


def without_controls(text: str, keep: str = "") -> str:
    """Return a text in which U+FFFD stands for those that `holds_controls` finds, except `keep`."""
    if text.isprintable():
        return text
    return "".join(
        "\ufffd" if _is_control(character) and character not in keep else character
        for character in text
    )


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in _CONTROLS or character in _DIRECTION_OVERRIDES
