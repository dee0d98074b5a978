"""Computes exposures: periods in which a contact would have been emailed call detail. PURE.

The queried time is divided at each change in the customer's history; between two changes, the
result of the delivery rule is constant. Adjacent parts with equal results are joined.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from models.rules.consent import ConsentBasis, ConsentState, Entry, consent_at, non_itemised_at
from models.rules.delivery import DeliveryPolicy, DeliveryReason
from models.rules.delivery_situation import (
    ContactSituation,
    Situation,
    deciding_entry_id,
    decisions,
)
from models.rules.document import Document
from models.rules.preference import PreferenceFact, preference_at


class StateRow(Protocol):
    """The state of a contact from `at` until the contact's next row."""

    contact_id: str
    at: datetime
    name: str
    email: str | None
    has_email: bool
    is_verified: bool
    receives_bills: bool
    receives_correspondence: bool
    is_active: bool
    is_deleted: bool


@dataclass(frozen=True, slots=True)
class History:
    """A customer's consent entries, states of contacts, and preference entries.

    `states` are in the order of recording.
    """

    entries: Sequence[Entry]
    states: Sequence[StateRow]
    preferences: Sequence["ContactPreferenceFact"]


class ContactPreferenceFact(PreferenceFact, Protocol):
    """An entry of a contact's preference history, with the contact's id."""

    @property
    def contact_id(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Exposure:
    """A period in which a contact would have been emailed documents in full, for one reason.

    It includes `from_at` and excludes `until_at`, which is at most the end of the queried time.
    """

    customer_id: str
    contact_id: str
    name: str
    email: str | None
    documents: tuple[Document, ...]
    reason: DeliveryReason
    basis: ConsentBasis | None
    entry_id: str | None
    from_at: datetime
    until_at: datetime

    @property
    def authority(self) -> tuple[object, ...]:
        """All attributes but the times; adjacent exposures that equal in these are joined."""
        return (self.email, self.documents, self.reason, self.basis, self.entry_id)

    @property
    def key(self) -> tuple[str, str, datetime]:
        """The values by which exposures are sorted: customer, contact and start."""
        return (self.customer_id, self.contact_id, self.from_at)


def contact_at(
    state: StateRow, preferences: Sequence[PreferenceFact], instant: datetime
) -> ContactSituation:
    """Return the facts about a contact at an instant, from the state then and all preferences."""
    return ContactSituation(
        contact_id=state.contact_id,
        name=state.name,
        email=state.email,
        has_email=state.has_email,
        is_verified=state.is_verified,
        receives_bills=state.receives_bills,
        is_active=state.is_active,
        preference=preference_at(preferences, instant),
        receives_correspondence=state.receives_correspondence,
    )


def exposures(
    customer_id: str,
    history: History,
    from_at: datetime,
    until_at: datetime,
    policy: DeliveryPolicy,
) -> list[Exposure]:
    """Return a customer's exposures within [from_at, until_at), sorted by contact and time."""
    cuts = _cuts(history, from_at, until_at)
    accounts = [
        (cut, consent_at(history.entries, cut), non_itemised_at(history.entries, cut).is_requested)
        for cut in cuts
    ]
    # Without consent and preferences, no call detail is sent, so the contacts need not be checked.
    if not history.preferences and not any(
        consent.is_given and not requested for _, consent, requested in accounts
    ):
        return []
    situations = [
        Situation(cut, consent, non_itemised_at(history.entries, cut), (), None)
        for cut, consent, _ in accounts
    ]
    found: list[Exposure] = []
    for contact_id in sorted({state.contact_id for state in history.states}):
        states = [state for state in history.states if state.contact_id == contact_id]
        own = [entry for entry in history.preferences if entry.contact_id == contact_id]
        found += _joined(_of_contact(customer_id, situations, states, own, until_at, policy))
    return found


def _cuts(history: History, from_at: datetime, until_at: datetime) -> list[datetime]:
    instants = {entry.effective_at for entry in history.entries}
    instants |= {state.at for state in history.states}
    instants |= {entry.at for entry in history.preferences}
    return sorted({from_at} | {one for one in instants if from_at < one < until_at})


def _of_contact(
    customer_id: str,
    situations: Sequence[Situation],
    states: Sequence[StateRow],
    preferences: Sequence[PreferenceFact],
    until_at: datetime,
    policy: DeliveryPolicy,
) -> Iterator[Exposure]:
    ends = [situation.at for situation in situations[1:]] + [until_at]
    for situation, end in zip(situations, ends, strict=True):
        past = [state for state in states if state.at <= situation.at]
        if not past or past[-1].is_deleted:
            continue
        contact = contact_at(past[-1], preferences, situation.at)
        full = [one for one in decisions(situation, contact, policy) if one.is_full]
        if not full:
            continue
        reason = full[0].reason
        yield Exposure(
            customer_id=customer_id,
            contact_id=contact.contact_id,
            name=contact.name,
            email=contact.email,
            documents=tuple(one.document for one in full),
            reason=reason,
            basis=_basis(situation.consent, reason),
            entry_id=deciding_entry_id(situation, contact, reason),
            from_at=situation.at,
            until_at=end,
        )


def _basis(consent: ConsentState, reason: DeliveryReason) -> ConsentBasis | None:
    return consent.basis if reason is DeliveryReason.ACCOUNT_CONSENT else None


def _joined(found: Iterator[Exposure]) -> list[Exposure]:
    """Join exposures if one begins when the other ends and `authority` is equal."""
    joined: list[Exposure] = []
    for one in found:
        last = joined[-1] if joined else None
        if last and last.until_at == one.from_at and last.authority == one.authority:
            joined[-1] = replace(last, until_at=one.until_at)
        else:
            joined.append(one)
    return joined
