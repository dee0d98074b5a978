"""Computes a contact's attachment preference at an instant (R60 to R63). PURE.

A preference is the contact's own confirmed wish to be emailed certain documents in full.
"""

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
"""The kinds that change the preference; a preference that is only requested has no effect (R60)."""


class PreferenceFact(Protocol):
    """The attributes of a preference entry that the rule reads."""

    @property
    def id(self) -> str: ...

    @property
    def kind(self) -> PreferenceKind: ...

    @property
    def at(self) -> datetime:
        """When the entry took effect, as an aware datetime."""

    @property
    def sequence(self) -> int:
        """The number of the entry in the contact's history, from 1."""

    @property
    def documents(self) -> Sequence[str]:
        """The names of the documents that the entry covers."""


@dataclass(frozen=True, slots=True)
class PreferenceState:
    """Whether a contact has a confirmed preference at an instant, and for which documents.

    `entry_id` and `since` are id and time of the entry that confirmed or ended the preference; None
    if there is no such entry.
    """

    is_confirmed: bool = False
    documents: tuple[Document, ...] = ()
    entry_id: str | None = None
    since: datetime | None = None


NO_PREFERENCE = PreferenceState()

NEWEST = datetime.max.replace(tzinfo=UTC)
"""An instant that includes all entries, even those recorded by a clock that was ahead."""


def preference_at(entries: Iterable[PreferenceFact], instant: datetime) -> PreferenceState:
    """Return the preference of a contact at an instant, from their entries in any order.

    The newest entry of a kind in DECISIVE decides; of several at the same time, the one with the
    highest sequence.
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
    """Return the documents with these names, each once, in the order of the `Document` enum."""
    wanted = set(names)
    return tuple(document for document in Document if document in wanted)
