"""The attachment preference of a contact that is valid at an instant (R60 to R63). PURE."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum, unique
from typing import Protocol

from models.rules.document import Document


@unique
class PreferenceKind(StrEnum):
    """The kinds of entries in a contact's preference history."""

    REQUESTED = "REQUESTED"
    CONFIRMED = "CONFIRMED"
    WITHDRAWN = "WITHDRAWN"
    RESET = "RESET"


DECISIVE = frozenset({PreferenceKind.CONFIRMED, PreferenceKind.WITHDRAWN, PreferenceKind.RESET})
"""The kinds that decide; a preference that is only requested does not count (R60)."""


class PreferenceFact(Protocol):
    """The attributes of an entry that the rule reads."""

    @property
    def id(self) -> str: ...

    @property
    def kind(self) -> PreferenceKind: ...

    @property
    def at(self) -> datetime:
        """When the entry took effect, as an aware datetime."""

    @property
    def sequence(self) -> int:
        """The number of the entry among those of the contact, from 1."""

    @property
    def documents(self) -> Sequence[str]:
        """The names of the documents that the entry covers."""


@dataclass(frozen=True, slots=True)
class PreferenceState:
    """Whether a confirmed preference is valid, its documents, its start, and its entry.

    After a withdrawal or a reset `entry_id` and `since` are from the entry that ended it.
    """

    is_confirmed: bool = False
    documents: tuple[Document, ...] = ()
    entry_id: str | None = None
    since: datetime | None = None


NO_PREFERENCE = PreferenceState()

NEWEST = datetime.max.replace(tzinfo=UTC)
"""An instant at which all entries count, even those of a clock that is ahead."""


def preference_at(entries: Iterable[PreferenceFact], instant: datetime) -> PreferenceState:
    """Return the preference that results from one contact's entries, in any order.

    The newest decisive entry counts; of several at one instant, that with the highest sequence.
    """
    newest: PreferenceFact | None = None
    for entry in entries:
        if entry.kind not in DECISIVE or entry.at > instant:
            continue
        if newest is None or (entry.at, entry.sequence) > (newest.at, newest.sequence):
            newest = entry
    if newest is None:
        return NO_PREFERENCE
    is_confirmed = newest.kind is PreferenceKind.CONFIRMED
    return PreferenceState(
        is_confirmed,
        in_order(newest.documents) if is_confirmed else (),
        newest.id,
        newest.at,
    )


def in_order(names: Iterable[str]) -> tuple[Document, ...]:
    """Return the documents with these names, each once, in the order of the enum."""
    wanted = set(names)
    return tuple(document for document in Document if document in wanted)
