"""Checks text that users typed, and collects the refusals of an input. PURE."""

import re
import unicodedata

from models.rules.errors import Refusal, RefusalCode, Refused
from models.rules.folding import is_blank

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
    "careOf": "care-of line",
    "email": "email address",
    "givenBy": "name of the person who gave consent",
    "givenByRole": "role of the person who gave consent",
    "poBox": "PO box",
    "postalCode": "postcode",
    "premises": "building name or number",
}
"""English names of input fields whose own names, split into words, would be unclear."""


class Checks:
    """Collects all refusals of an input, so that the caller gets them in one response."""

    def __init__(self) -> None:
        self._found: list[Refusal] = []

    def add(self, *refusals: Refusal) -> None:
        """Add refusals that were found elsewhere."""
        self._found.extend(refusals)

    def refuse(self, code: RefusalCode, message: str, *path: str, hint: str | None = None) -> None:
        """Add a refusal of the field at `path`, unless the field already has a refusal."""
        if all(known.path != path for known in self._found):
            self._found.append(Refusal(code, message, path, hint))

    def required_text(self, text: str | None, longest: int, *path: str) -> str:
        """Return the trimmed text; add a refusal and return an empty text if it is blank."""
        trimmed = self.optional_text(text, longest, *path)
        if not trimmed:
            self.refuse(RefusalCode.REQUIRED, f"The {label_of(path[-1])} must not be blank.", *path)
        return trimmed or ""

    def optional_text(
        self, text: str | None, longest: int, *path: str, has_lines: bool = False
    ) -> str | None:
        """Return the trimmed text; None if it has no visible character.

        A text with more than `longest` characters or with control characters is refused.
        `has_lines` allows tabs and line breaks; every line break is stored as a line feed.
        """
        trimmed = _EDGES.sub("", text or "")
        if trimmed.isascii() and trimmed.isprintable() and len(trimmed) <= longest:
            return trimmed or None  # the common case, which needs none of the checks below
        if is_blank(trimmed):
            return None
        plain = trimmed
        if has_lines:
            trimmed = _LINE_ENDS.sub("\n", trimmed)
            plain = trimmed.replace("\n", "").replace("\t", "")
        label = label_of(path[-1])
        if len(trimmed) > longest:
            message = f"The {label} may have at most {longest} characters."
            self.refuse(RefusalCode.INVALID, message, *path)
        elif holds_controls(plain):
            message = f"The {label} contains control characters; remove them."
            self.refuse(RefusalCode.INVALID, message, *path)
        return trimmed

    def reason(self, text: str | None, longest: int) -> str:
        """Return the trimmed reason for a change; add a refusal if it is blank (R27)."""
        reason = self.optional_text(text, longest, "reason", has_lines=True)
        if not reason:
            self.refuse(RefusalCode.REASON_REQUIRED, "Enter a reason for the change.", "reason")
        return reason or ""

    def settle(self) -> None:
        """Raise Refused if any refusal was added."""
        if self._found:
            raise Refused(self._found)


def label_of(field: str) -> str:
    """Return the English name of an input field: "account number" for `accountNumber`."""
    return _LABELS.get(field) or _CAPITAL.sub(lambda found: f" {found[0].lower()}", field)


def holds_controls(text: str) -> bool:
    """Return whether a text has control characters or characters that change its direction."""
    return any(
        unicodedata.category(character) in _CONTROLS or character in _DIRECTION_OVERRIDES
        for character in text
    )
