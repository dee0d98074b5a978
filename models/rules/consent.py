"""Computes from a ledger whether consent is given or non-itemised bills are requested. PURE.

Both are computed for a given instant, from entries in any order (R56). The entry with the latest
effective time up to the instant decides; of several with the same effective time, the entry that
was recorded last, then the entry with the highest sequence. A correcting entry replaces the
corrected entry and keeps its place in this order: correcting a document's name does not restore a
consent that was withdrawn at the same instant.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum, unique
from typing import Generic, Protocol, TypeVar


@unique
class EntryKind(StrEnum):
    """The kinds of entries of the consent ledger."""

    GRANT = "GRANT"
    WITHDRAWAL = "WITHDRAWAL"
    ANNULMENT = "ANNULMENT"
    NON_ITEMISED_REQUEST = "NON_ITEMISED_REQUEST"
    NON_ITEMISED_WITHDRAWAL = "NON_ITEMISED_WITHDRAWAL"


@unique
class ConsentBasis(StrEnum):
    """The lawful basis that a grant records (R50)."""

    TERMS_ACCEPTED = "TERMS_ACCEPTED"
    PRIVACY_POLICY_CONSENT = "PRIVACY_POLICY_CONSENT"
    WRITTEN_OPT_IN = "WRITTEN_OPT_IN"


@unique
class ConsentMethod(StrEnum):
    """The way in which a person gave or withdrew consent, or made a request."""

    ONLINE = "ONLINE"
    EMAIL = "EMAIL"
    PAPER = "PAPER"
    TELEPHONE = "TELEPHONE"
    IN_PERSON = "IN_PERSON"
    OTHER = "OTHER"


@unique
class Matter(StrEnum):
    """What a ledger entry is about: consent, or a request for non-itemised bills.

    Each of the two is in effect ("on") or not, independently of the other.
    """

    CONSENT = "CONSENT"
    NON_ITEMISED = "NON_ITEMISED"


KINDS = {
    Matter.CONSENT: (EntryKind.GRANT, EntryKind.WITHDRAWAL),
    Matter.NON_ITEMISED: (EntryKind.NON_ITEMISED_REQUEST, EntryKind.NON_ITEMISED_WITHDRAWAL),
}
"""By matter, the kind of entry that puts it in effect, and the kind that ends it.

An annulment only removes the entry that it corrects.
"""

DOCUMENTED = (ConsentBasis.TERMS_ACCEPTED, ConsentBasis.PRIVACY_POLICY_CONSENT)
"""The lawful bases for which a document must be named that covers emailing call records (R53)."""


class Entry(Protocol):
    """The attributes of a ledger entry that the rules read."""

    @property
    def id(self) -> str: ...

    @property
    def sequence(self) -> int:
        """The number of the entry in the customer's ledger, from 1."""

    @property
    def kind(self) -> EntryKind: ...

    @property
    def basis(self) -> ConsentBasis | None:
        """The basis of a grant; None for other kinds."""

    @property
    def effective_at(self) -> datetime:
        """When the entry takes effect; may be in the future."""

    @property
    def recorded_at(self) -> datetime: ...

    @property
    def corrects_id(self) -> str | None:
        """The id of the entry that this entry corrects; None if it corrects none."""


AnEntry = TypeVar("AnEntry", bound=Entry)


@dataclass(frozen=True, slots=True)
class ConsentState:
    """Whether consent is given at an instant.

    `since` and `entry_id` are the effective time and the id of the entry that decides; None if no
    entry is effective yet.
    """

    is_given: bool = False
    basis: ConsentBasis | None = None
    since: datetime | None = None
    entry_id: str | None = None


@dataclass(frozen=True, slots=True)
class NonItemisedState:
    """Whether non-itemised bills (without the list of calls) are requested at an instant (A16).

    `since` and `entry_id` are the effective time and the id of the entry that decides; None if no
    entry is effective yet.
    """

    is_requested: bool = False
    entry_id: str | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Period(Generic[AnEntry]):
    """A period in which consent, or the request for non-itemised bills, is in effect by `entry`.

    `matter` says which of the two. The period includes `from_at` and excludes `until_at`, which is
    None while the period has no end.
    """

    matter: Matter
    entry: AnEntry
    from_at: datetime
    until_at: datetime | None


def consent_at(entries: Iterable[Entry], instant: datetime) -> ConsentState:
    """Return the consent state at an instant."""
    return consent_by(deciding_entry(entries, Matter.CONSENT, instant))


def consent_by(entry: Entry | None) -> ConsentState:
    """Return the consent state if `entry` decides; None if no entry is effective."""
    if entry is None:
        return ConsentState()
    is_given = entry.kind is EntryKind.GRANT
    return ConsentState(is_given, entry.basis if is_given else None, entry.effective_at, entry.id)


def non_itemised_at(entries: Iterable[Entry], instant: datetime) -> NonItemisedState:
    """Return whether non-itemised bills are requested at an instant (A16)."""
    return non_itemised_by(deciding_entry(entries, Matter.NON_ITEMISED, instant))


def non_itemised_by(entry: Entry | None) -> NonItemisedState:
    """Return the state of the request if `entry` decides; None if no entry is effective."""
    if entry is None:
        return NonItemisedState()
    is_requested = entry.kind is EntryKind.NON_ITEMISED_REQUEST
    return NonItemisedState(is_requested, entry.id, entry.effective_at)


def deciding_entry(entries: Iterable[AnEntry], matter: Matter, instant: datetime) -> AnEntry | None:
    """Return the entry that decides about `matter` at an instant; None if none is effective yet."""
    decided = None
    for entry in _in_order(entries, matter):
        if entry.effective_at > instant:
            break
        decided = entry
    return decided


def periods(entries: Iterable[AnEntry]) -> list[Period[AnEntry]]:
    """Return the periods in which consent, or the request for non-itemised bills, is in effect.

    Each renewal starts a new period.
    """
    entries = list(entries)
    found = []
    for matter, (turns_on, _) in KINDS.items():
        ordered = _in_order(entries, matter)
        for place, entry in enumerate(ordered):
            until = ordered[place + 1].effective_at if place + 1 < len(ordered) else None
            if entry.kind is turns_on and until != entry.effective_at:
                found.append(Period(matter, entry, entry.effective_at, until))
    return found


def original_entry(entry: AnEntry, by_id: dict[str, AnEntry]) -> AnEntry:
    """Return the original entry, which `entry` corrects directly or through other corrections."""
    while entry.corrects_id is not None and entry.corrects_id in by_id:
        entry = by_id[entry.corrects_id]
    return entry


def _in_order(entries: Iterable[AnEntry], matter: Matter) -> list[AnEntry]:
    """Return the entries about `matter` that were not corrected; the last one overrides."""
    by_id = {entry.id: entry for entry in entries}
    corrected = {entry.corrects_id for entry in by_id.values()}

    def place(entry: AnEntry) -> tuple[datetime, datetime, int, int]:
        root = original_entry(entry, by_id)
        return (entry.effective_at, root.recorded_at, root.sequence, entry.sequence)

    standing = (
        entry
        for entry in by_id.values()
        if entry.id not in corrected and entry.kind in KINDS[matter]
    )
    return sorted(standing, key=place)
