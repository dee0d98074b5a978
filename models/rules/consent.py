"""Whether consent is given, and whether bills without itemisation were asked for. PURE.

Both follow from the entries of a customer's ledger and the instant asked about, in whatever order
the entries arrived (R56). Of those effective by then the latest counts; of several effective at
once the one recorded last, then the one of the highest sequence. A correcting entry takes the place
of the one it corrects, in that order too: mending a document's name never revives a consent that
was withdrawn at the same instant.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum, unique
from typing import Generic, Protocol, TypeVar


@unique
class EntryKind(StrEnum):
    """What an entry of the ledger says."""

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
    """How somebody gave, withdrew or asked."""

    ONLINE = "ONLINE"
    EMAIL = "EMAIL"
    PAPER = "PAPER"
    TELEPHONE = "TELEPHONE"
    IN_PERSON = "IN_PERSON"
    OTHER = "OTHER"


@unique
class Matter(StrEnum):
    """What entries are about; each matter is on or off by itself."""

    CONSENT = "CONSENT"
    NON_ITEMISED = "NON_ITEMISED"


KINDS = {
    Matter.CONSENT: (EntryKind.GRANT, EntryKind.WITHDRAWAL),
    Matter.NON_ITEMISED: (EntryKind.NON_ITEMISED_REQUEST, EntryKind.NON_ITEMISED_WITHDRAWAL),
}
"""The kinds that turn a matter on, and off. An annulment only takes away what it corrects."""

DOCUMENTED = (ConsentBasis.TERMS_ACCEPTED, ConsentBasis.PRIVACY_POLICY_CONSENT)
"""The bases that rest on a document, which must cover sending call records by email (R53)."""


class Entry(Protocol):
    """What the projection needs of an entry."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def sequence(self) -> int:
        """Its number in the ledger of its customer, from 1."""

    @property
    def kind(self) -> EntryKind:
        """What it says."""

    @property
    def basis(self) -> ConsentBasis | None:
        """The basis, of a grant."""

    @property
    def effective_at(self) -> datetime:
        """From when on it counts."""

    @property
    def recorded_at(self) -> datetime:
        """When it was recorded."""

    @property
    def corrects_id(self) -> str | None:
        """The entry whose place it takes, if any."""


AnEntry = TypeVar("AnEntry", bound=Entry)


@dataclass(frozen=True, slots=True)
class ConsentState:
    """The flag at an instant; `since` and `entry_id` are those of the entry that decides."""

    is_given: bool = False
    basis: ConsentBasis | None = None
    since: datetime | None = None
    entry_id: str | None = None


@dataclass(frozen=True, slots=True)
class NonItemisedState:
    """Whether the customer wants bills without itemisation (A16)."""

    is_requested: bool = False
    entry_id: str | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Period(Generic[AnEntry]):
    """A time in which a matter is on, by the entry that decides; no end means until further notice.

    It includes its beginning and excludes its end.
    """

    matter: Matter
    entry: AnEntry
    from_at: datetime
    until_at: datetime | None


def consent_at(entries: Iterable[Entry], instant: datetime) -> ConsentState:
    """Tell whether consent is given at an instant, on what basis, since when and by which entry."""
    return consent_by(deciding(entries, Matter.CONSENT, instant))


def consent_by(entry: Entry | None) -> ConsentState:
    """Tell the same by the entry that decides."""
    if entry is None:
        return ConsentState()
    is_given = entry.kind is EntryKind.GRANT
    return ConsentState(is_given, entry.basis if is_given else None, entry.effective_at, entry.id)


def non_itemised_at(entries: Iterable[Entry], instant: datetime) -> NonItemisedState:
    """Tell whether bills without itemisation are asked for at an instant (A16)."""
    return non_itemised_by(deciding(entries, Matter.NON_ITEMISED, instant))


def non_itemised_by(entry: Entry | None) -> NonItemisedState:
    """Tell the same by the entry that decides."""
    if entry is None:
        return NonItemisedState()
    is_requested = entry.kind is EntryKind.NON_ITEMISED_REQUEST
    return NonItemisedState(is_requested, entry.id, entry.effective_at)


def deciding(entries: Iterable[AnEntry], matter: Matter, instant: datetime) -> AnEntry | None:
    """Give the entry that decides a matter at an instant, if there is one by then."""
    decided = None
    for entry in _in_order(entries, matter):
        if entry.effective_at > instant:
            break
        decided = entry
    return decided


def periods(entries: Iterable[AnEntry]) -> list[Period[AnEntry]]:
    """Give the times in which a matter is on; each renewal begins a period of its own."""
    entries = list(entries)
    found = []
    for matter, (turns_on, _) in KINDS.items():
        ordered = _in_order(entries, matter)
        for place, entry in enumerate(ordered):
            until = ordered[place + 1].effective_at if place + 1 < len(ordered) else None
            if entry.kind is turns_on and until != entry.effective_at:
                found.append(Period(matter, entry, entry.effective_at, until))
    return found


def root_of(entry: AnEntry, by_id: dict[str, AnEntry]) -> AnEntry:
    """Follow corrections back to the entry that was there first."""
    while entry.corrects_id is not None and entry.corrects_id in by_id:
        entry = by_id[entry.corrects_id]
    return entry


def _in_order(entries: Iterable[AnEntry], matter: Matter) -> list[AnEntry]:
    """Give the entries about a matter that nobody has corrected, in the order that they count."""
    by_id = {entry.id: entry for entry in entries}
    corrected = {entry.corrects_id for entry in by_id.values()}

    def place(entry: AnEntry) -> tuple[datetime, datetime, int, int]:
        root = root_of(entry, by_id)
        return (entry.effective_at, root.recorded_at, root.sequence, entry.sequence)

    standing = (
        entry
        for entry in by_id.values()
        if entry.id not in corrected and entry.kind in KINDS[matter]
    )
    return sorted(standing, key=place)
