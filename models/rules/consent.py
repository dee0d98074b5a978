"""Whether consent is given, and whether bills without itemisation are requested. PURE.

Both are computed from the entries of a customer's ledger for a given instant, whatever the order
in which the entries arrived (R56). The latest entry effective by then decides; of several effective
at the same time the one recorded last, then the one with the highest sequence. A correcting entry
replaces the corrected one and takes its place in this order: correcting a document's name does not
restore a consent that was withdrawn at the same instant.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum, unique
from typing import Generic, Protocol, TypeVar


@unique
class EntryKind(StrEnum):
    """The kinds of entries of the ledger."""

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
    """The two matters that entries are about; each is on or off independently."""

    CONSENT = "CONSENT"
    NON_ITEMISED = "NON_ITEMISED"


KINDS = {
    Matter.CONSENT: (EntryKind.GRANT, EntryKind.WITHDRAWAL),
    Matter.NON_ITEMISED: (EntryKind.NON_ITEMISED_REQUEST, EntryKind.NON_ITEMISED_WITHDRAWAL),
}
"""The kinds that turn a matter on and off. An annulment only removes the entry it corrects."""

DOCUMENTED = (ConsentBasis.TERMS_ACCEPTED, ConsentBasis.PRIVACY_POLICY_CONSENT)
"""The bases that need a document, which must cover sending call records by email (R53)."""


class Entry(Protocol):
    """The attributes of an entry that the rules read."""

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
        """The id of the entry that this one replaces, if any."""


AnEntry = TypeVar("AnEntry", bound=Entry)


@dataclass(frozen=True, slots=True)
class ConsentState:
    """The consent flag at an instant; `since` and `entry_id` are from the entry that decides."""

    is_given: bool = False
    basis: ConsentBasis | None = None
    since: datetime | None = None
    entry_id: str | None = None


@dataclass(frozen=True, slots=True)
class NonItemisedState:
    """Whether the customer requests bills without itemisation (A16)."""

    is_requested: bool = False
    entry_id: str | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Period(Generic[AnEntry]):
    """A period in which a matter is on, because of `entry`.

    It includes `from_at` and excludes `until_at`, which is None while the period has no end.
    """

    matter: Matter
    entry: AnEntry
    from_at: datetime
    until_at: datetime | None


def consent_at(entries: Iterable[Entry], instant: datetime) -> ConsentState:
    """Return whether consent is given at an instant, its basis, its start and its entry."""
    return consent_by(deciding(entries, Matter.CONSENT, instant))


def consent_by(entry: Entry | None) -> ConsentState:
    """Return the consent state that follows from the deciding entry, None if there is none."""
    if entry is None:
        return ConsentState()
    is_given = entry.kind is EntryKind.GRANT
    return ConsentState(is_given, entry.basis if is_given else None, entry.effective_at, entry.id)


def non_itemised_at(entries: Iterable[Entry], instant: datetime) -> NonItemisedState:
    """Return whether bills without itemisation are requested at an instant (A16)."""
    return non_itemised_by(deciding(entries, Matter.NON_ITEMISED, instant))


def non_itemised_by(entry: Entry | None) -> NonItemisedState:
    """Return the state that follows from the deciding entry, None if there is none."""
    if entry is None:
        return NonItemisedState()
    is_requested = entry.kind is EntryKind.NON_ITEMISED_REQUEST
    return NonItemisedState(is_requested, entry.id, entry.effective_at)


def deciding(entries: Iterable[AnEntry], matter: Matter, instant: datetime) -> AnEntry | None:
    """Return the entry that decides a matter at an instant; None if none is effective yet."""
    decided = None
    for entry in _in_order(entries, matter):
        if entry.effective_at > instant:
            break
        decided = entry
    return decided


def periods(entries: Iterable[AnEntry]) -> list[Period[AnEntry]]:
    """Return the periods in which matters are on; each renewal starts a new period."""
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
    """Follow corrections back to the first entry."""
    while entry.corrects_id is not None and entry.corrects_id in by_id:
        entry = by_id[entry.corrects_id]
    return entry


def _in_order(entries: Iterable[AnEntry], matter: Matter) -> list[AnEntry]:
    """Return the uncorrected entries about a matter, sorted so that a later one overrides."""
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
