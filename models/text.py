"""Checks text that people type, before anything is stored. PURE."""

import unicodedata

from models.errors import Refusal, RefusalCode, Refused

_CONTROLS = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Unicode categories: controls, lone surrogates, and separators of lines and paragraphs."""

_DIRECTION_OVERRIDES = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""They make a name read as another one."""


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
        """Give the text trimmed, or nothing when it is blank; `has_lines` allows line breaks."""
        trimmed = (text or "").strip()
        if trimmed.isascii() and trimmed.isprintable() and len(trimmed) <= longest:
            return trimmed or None  # nothing below is about such characters
        if not any(unicodedata.category(character) != "Cf" for character in trimmed):
            trimmed = ""  # nothing that anybody could see
        if len(trimmed) > longest:
            self.refuse(RefusalCode.INVALID, f"{path[-1]} has {longest} characters at most.", *path)
        elif holds_controls(trimmed.replace("\n", "") if has_lines else trimmed):
            self.refuse(RefusalCode.INVALID, f"{path[-1]} holds control characters.", *path)
        return trimmed or None

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
