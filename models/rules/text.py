"""Checks text that people type, before anything is stored. PURE."""

import re
import unicodedata

from models.rules.errors import Refusal, RefusalCode, Refused
from models.rules.folding import is_blank

_CONTROLS = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Unicode categories: controls, lone surrogates, and separators of lines and paragraphs."""

_DIRECTION_OVERRIDES = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""They make a name read as another one."""

_EDGES = re.compile("^[\\s\u00ad\u200b\u2060\ufeff]+|[\\s\u00ad\u200b\u2060\ufeff]+\\Z")
"""Blanks, and what is as wide as nothing, around a text."""

_LINE_ENDS = re.compile("\r\n?|[\u0085\u2028\u2029]")


class Checks:
    """Collects everything that is wrong with an input, so that a caller hears it all at once."""

    def __init__(self) -> None:
        self._found: list[Refusal] = []

    def add(self, *refusals: Refusal) -> None:
        """Note refusals found elsewhere."""
        self._found.extend(refusals)

    def refuse(self, code: RefusalCode, message: str, *path: str, hint: str | None = None) -> None:
        """Note a refusal, unless the same input was refused before: one fault is one error."""
        if all(known.path != path for known in self._found):
            self._found.append(Refusal(code, message, path, hint))

    def required_text(self, text: str | None, longest: int, *path: str) -> str:
        """Give the text trimmed; it must not be blank."""
        trimmed = self.optional_text(text, longest, *path)
        if not trimmed:
            self.refuse(RefusalCode.REQUIRED, f"{path[-1]} must not be blank.", *path)
        return trimmed or ""

    def optional_text(
        self, text: str | None, longest: int, *path: str, has_lines: bool = False
    ) -> str | None:
        """Give the text trimmed, or nothing when nobody could see any of it.

        `has_lines` allows tabs and line breaks; every line break is stored as a line feed.
        """
        trimmed = _EDGES.sub("", text or "")
        if trimmed.isascii() and trimmed.isprintable() and len(trimmed) <= longest:
            return trimmed or None  # nothing below is about such characters
        if is_blank(trimmed):
            return None
        plain = trimmed
        if has_lines:
            trimmed = _LINE_ENDS.sub("\n", trimmed)
            plain = trimmed.replace("\n", "").replace("\t", "")
        if len(trimmed) > longest:
            self.refuse(RefusalCode.INVALID, f"{path[-1]} has {longest} characters at most.", *path)
        elif holds_controls(plain):
            self.refuse(RefusalCode.INVALID, f"{path[-1]} holds control characters.", *path)
        return trimmed

    def reason(self, text: str | None, longest: int) -> str:
        """Give a change reason trimmed; it must not be blank (R27)."""
        reason = self.optional_text(text, longest, "reason", has_lines=True)
        if not reason:
            self.refuse(RefusalCode.REASON_REQUIRED, "Say why, in a few words.", "reason")
        return reason or ""

    def settle(self) -> None:
        """Refuse the input if anything was wrong with it."""
        if self._found:
            raise Refused(self._found)


def holds_controls(text: str) -> bool:
    """Tell whether a text holds what is no text: it can't be stored, or reads as another."""
    return any(
        unicodedata.category(character) in _CONTROLS or character in _DIRECTION_OVERRIDES
        for character in text
    )
