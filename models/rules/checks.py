"""Checks the fields of an input, and collects all refusals, so that they are told at once. PURE."""

from collections.abc import Awaitable, Sequence
from copy import copy
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, Unpack, cast

from models.rules.errors import Bounds, Refusal, RefusalCode, Refused, StaleVersion
from models.rules.folding import is_blank
from models.rules.text import holds_controls, label_of, subject_of, trimmed, with_line_feeds

Result = TypeVar("Result")


UNFILLED = frozenset({"REQUIRED", "VALUE_NOT_ALLOWED"})  # as text, since none is refused here
"""The codes of faults in whose fields nothing was entered, or nothing that exists was chosen."""


def with_faults(found: Sequence[Refusal], faults: Sequence[Refusal]) -> list[Refusal]:
    """Return the refusals of an input that has faults: each field has one of either kind.

    It is that of `faults` only if the field was not filled, since the others know more.
    """
    unfilled = {one.path for one in faults if one.code in UNFILLED}
    kept = [one for one in found if one.path not in unfilled]
    known = {one.path for one in kept}
    return [*kept, *(one for one in faults if one.path not in known)]


class Checks:
    """Collects the refusals of an input.

    A check of a wrong value adds a refusal and returns a value to go on with, so that the other
    fields are checked too. `raise_refusals` raises the refusals.

    `faults` are refusals that were found before. A refusal of the same field replaces one of them,
    since it knows the bounds of the field, unless nothing was chosen or entered there.
    """

    def __init__(self, faults: Sequence[Refusal] = ()) -> None:
        self._faults = faults
        self._found: list[Refusal] = []
        self._stale: StaleVersion | None = None
        self._current: Any = None

    @property
    def has_found(self) -> bool:
        """Whether any refusal was added."""
        return bool(self._found or self._faults)

    @property
    def found(self) -> tuple[Refusal, ...]:
        """The refusals that were added, without the faults found before."""
        return tuple(self._found)

    def add(self, *refusals: Refusal) -> None:
        """Add refusals that were found elsewhere."""
        self._found.extend(refusals)

    def refuse(
        self,
        code: RefusalCode,
        message: str,
        *path: str,
        hint: str | None = None,
        **bounds: Unpack[Bounds],
    ) -> None:
        """Add a refusal of the field at `path`, unless the field already has a refusal."""
        if not self.is_refused(*path):
            self._found.append(Refusal(code, message, path, hint, bounds=bounds))

    def is_refused(self, *path: str) -> bool:
        """Return whether the field at `path` has a refusal."""
        return any(known.path == path for known in self._found)

    async def attempt(self, work: Awaitable[Result]) -> Result | None:
        """Return the result of `work`; add its refusals and return None if it raises Refused.

        Fields that already have a refusal get no second one. If `work` raises StaleVersion, the
        result is a copy of the row as it is now, so that the other fields can be checked too.
        """
        try:
            return await work
        except StaleVersion as stale:
            self._absorb(stale)
            return cast("Result", copy(stale.current))
        except Refused as refused:
            self._absorb(refused)
            return None

    async def conclude(self, work: Awaitable[Result]) -> Result:
        """Return the result of `work`; raise its refusals together with those added before."""
        done = await self.attempt(work)
        self.raise_refusals()
        return cast("Result", done)

    def expect_version(self, row: Any, expected: int | None) -> None:
        """Add a refusal if a row is at another version than the caller expects (R101).

        `expected` None accepts every version.
        """
        if expected is not None and row.version != expected:
            self._absorb(StaleVersion(row, expected, row.version))

    def refuse_version_of_new(self, expected: int | None) -> None:
        """Refuse `expectedVersion` without an id: the client has probably forgotten the id."""
        if expected is not None:
            self.refuse(
                RefusalCode.NOT_APPLICABLE,
                "A new object has no version yet. To change an object, send its `id` too; to create"
                " one, leave `expectedVersion` out.",
                "expectedVersion",
            )

    def apart(self) -> "Checks":
        """Return checks of a part of the input; the caller adds its refusals with their paths."""
        return Checks()

    def raise_refusals(self) -> None:
        """Raise what `refused` returns if any refusal was added."""
        if self.has_found:
            raise self.refused()

    def refused(self) -> Refused:
        """Return the exception with all refusals; StaleVersion if nothing else is wrong."""
        refusals = with_faults(self._found, self._faults)
        if self._stale is not None and len(refusals) == 1:
            return self._stale
        return Refused(refusals, self._current)

    def required_text(
        self, text: str | None, limit: int, *path: str, has_lines: bool = False
    ) -> str:
        """Return the trimmed text; add a refusal and return an empty text if there is none."""
        checked = self.optional_text(text, limit, *path, has_lines=has_lines)
        if text is None:
            self.refuse(RefusalCode.REQUIRED, f"Enter the {label_of(path[-1])}.", *path)
        elif not checked:
            self.refuse(RefusalCode.BLANK, f"The {label_of(path[-1])} must not be blank.", *path)
        return checked or ""

    def optional_text(
        self, text: str | None, limit: int, *path: str, has_lines: bool = False
    ) -> str | None:
        """Return the trimmed text; None if it has no visible character.

        A text with more than `limit` characters or with control characters is refused. `has_lines`
        allows tabs and line breaks; every line break is stored as a line feed.
        """
        kept = trimmed(text or "")
        if kept.isascii() and kept.isprintable() and len(kept) <= limit:
            return kept or None  # the common case, which needs none of the checks below
        if is_blank(kept):
            return None
        plain = kept
        if has_lines:
            kept = with_line_feeds(kept)
            plain = kept.replace("\n", "").replace("\t", "")
        if len(kept) > limit:
            message = f"The {label_of(path[-1])} may have at most {limit} characters."
            self.refuse(RefusalCode.TOO_LONG, message, *path, limit=limit)
        elif holds_controls(plain):
            message = f"The {label_of(path[-1])} contains control characters; remove them."
            self.refuse(RefusalCode.CONTROL_CHARACTERS, message, *path)
        return kept

    def required_reason(self, text: str | None, limit: int) -> str:
        """Return the trimmed reason for a change; add a refusal if there is none (R27)."""
        return self.required_text(text, limit, "reason", has_lines=True)

    def in_range(self, value: int, minimum: int, limit: int, *path: str) -> int:
        """Return a number; add a refusal if it is not from `minimum` to `limit`."""
        if not minimum <= value <= limit:
            self.refuse(
                RefusalCode.OUT_OF_RANGE,
                f"The {label_of(path[-1])} must be from {minimum:,} to {limit:,}.",
                *path,
                minimum=minimum,
                limit=limit,
            )
        return value

    def instant_between(
        self, value: datetime | None, earliest: datetime, until: datetime, *path: str
    ) -> datetime | None:
        """Return an instant in UTC; None if None or refused.

        It must have an offset from UTC, and not be before `earliest` or from `until` on.
        """
        if value is None:
            return None
        subject = subject_of(path[-1])
        if value.tzinfo is None:
            self.refuse(
                RefusalCode.BAD_FORMAT,
                f"{subject} must have an offset from UTC, as in 2026-03-31T09:30:00Z.",
                *path,
            )
            return None
        if not earliest <= value < until:
            latest = until - timedelta(microseconds=1)
            self.refuse(
                RefusalCode.OUT_OF_RANGE,
                f"{subject} must be in the years {earliest.year} to {latest.year}.",
                *path,
                earliest=earliest.isoformat(),
                latest=latest.isoformat(),
            )
            return None
        return value.astimezone(UTC)

    def list_length(
        self, items: Sequence[object], limit: int, *path: str, minimum: int = 0
    ) -> None:
        """Add a refusal if a list has fewer than `minimum` or more than `limit` items."""
        label = label_of(path[-1])
        if len(items) < minimum:
            message = f"The list of {label} must have at least {minimum} entry."
            self.refuse(RefusalCode.TOO_FEW_ITEMS, message, *path, minimum=minimum)
        if len(items) > limit:
            message = f"The list of {label} may have at most {limit} entries."
            self.refuse(RefusalCode.TOO_MANY_ITEMS, message, *path, limit=limit)

    def _absorb(self, refused: Refused) -> None:
        if isinstance(refused, StaleVersion):
            self._stale = refused
        if refused.current is not None:
            self._current = refused.current
        known = {one.path for one in self._found} - {()}
        self.add(*(one for one in refused.refusals if one.path not in known))
