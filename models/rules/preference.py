"""Which attachment preference of a contact is in force at an instant (R60 to R63). PURE."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum, unique
from typing import Protocol

from models.rules.document import Document


@unique
class PreferenceKind(StrEnum):
    """What an entry of a contact's preference history says."""

    REQUESTED = "REQUESTED"
    CONFIRMED = "CONFIRMED"
    WITHDRAWN = "WITHDRAWN"
    RESET = "RESET"


DECISIVE = frozenset({PreferenceKind.CONFIRMED, PreferenceKind.WITHDRAWN, PreferenceKind.RESET})
"""The kinds that decide: what was only requested never counts (R60)."""


class PreferenceFact(Protocol):
    """What the rule needs to know of an entry; `sequence` counts those of a contact from 1."""

    @property
    def id(self) -> str:
        """Give the id of the entry."""

    @property
    def kind(self) -> PreferenceKind:
        """Give what the entry says."""

    @property
    def at(self) -> datetime:
        """Give when it took effect, an aware instant."""

    @property
    def sequence(self) -> int:
        """Give its place among the contact's entries."""

    @property
    def documents(self) -> Sequence[str]:
        """Give the names of the documents that it covers."""


@dataclass(frozen=True, slots=True)
class PreferenceState:
    """Whether a preference is in force, for which documents, since when, and by which entry.

    After a withdrawal or a reset `entry_id` and `since` are those of the entry that ended it.
    """

    is_confirmed: bool = False
    documents: tuple[Document, ...] = ()
    entry_id: str | None = None
    since: datetime | None = None


NO_PREFERENCE = PreferenceState()

NEWEST = datetime.max.replace(tzinfo=UTC)
"""The instant at which every entry counts: none is dated ahead, but clocks differ."""


def preference_at(entries: Iterable[PreferenceFact], instant: datetime) -> PreferenceState:
    """Give what one contact's entries, in any order, come to at an instant.

    The newest entry that decides does; of entries of one instant, the later in sequence.
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
    """Give documents once each, in the order of the enumeration."""
    wanted = set(names)
    return tuple(document for document in Document if document in wanted)
