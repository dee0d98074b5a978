"""Computes which contacts would have been emailed call detail in a period, and why. PURE.

The period is divided at each change in the customer's history; between two changes, the result of
the delivery rule is constant. Adjacent parts with equal results are joined.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from models.rules.consent import ConsentBasis, ConsentState, Entry, consent_at, non_itemised_at
from models.rules.delivery import DeliveryPolicy, DeliveryReason
from models.rules.delivery_situation import ContactSituation, Situation, decisions, entry_behind
from models.rules.document import Document
from models.rules.preference import PreferenceFact, preference_at


class StateRow(Protocol):
    """The state of a contact from `at` until the next row of the contact."""

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
    """An entry of a preference history, with the contact that it belongs to."""

    @property
    def contact_id(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Exposure:
    """A period in which a contact would have been emailed documents in full, for one reason.

    It includes `from_at` and excludes `until_at`, which is at most the end of the queried period.
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
        """All values except the time; adjacent exposures with equal values are joined."""
        return (self.email, self.documents, self.reason, self.basis, self.entry_id)

    @property
    def key(self) -> tuple[str, str, datetime]:
        """The sort key of the exposure."""
        return (self.customer_id, self.contact_id, self.from_at)


def contact_at(
    state: StateRow, preferences: Sequence[PreferenceFact], instant: datetime
) -> ContactSituation:
    """Return a contact's situation at an instant, from the row valid then and all preferences."""
    return ContactSituation(
        contact_id=state.contact_id,
        name=state.name,
        email=state.email,
        has_address=state.has_email,
        is_verified=state.is_verified,
        is_on_bill_list=state.receives_bills,
        is_active=state.is_active,
        preference=preference_at(preferences, instant),
        is_on_correspondence_list=state.receives_correspondence,
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
    # No detail is sent without account consent and preferences, so contacts need no check.
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
            entry_id=entry_behind(situation, contact, reason),
            from_at=situation.at,
            until_at=end,
        )


def _basis(consent: ConsentState, reason: DeliveryReason) -> ConsentBasis | None:
    return consent.basis if reason is DeliveryReason.ACCOUNT_CONSENT else None


def _joined(found: Iterator[Exposure]) -> list[Exposure]:
    """Join adjacent exposures with the same authority."""
    joined: list[Exposure] = []
    for one in found:
        last = joined[-1] if joined else None
        if last and last.until_at == one.from_at and last.authority == one.authority:
            joined[-1] = replace(last, until_at=one.until_at)
        else:
            joined.append(one)
    return joined
