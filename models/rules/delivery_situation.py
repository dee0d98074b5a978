"""Gathers the recorded or assumed facts about a customer that the delivery rule needs. PURE."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum, unique

from models.rules.consent import ConsentState, NonItemisedState
from models.rules.delivery import Decision, DeliveryPolicy, DeliveryReason, Facts, decide
from models.rules.document import Document
from models.rules.preference import PreferenceState, in_order


@dataclass(frozen=True, slots=True)
class ContactSituation:
    """The facts about a contact at an instant; after erasure `name` is empty and `email` None."""

    contact_id: str
    name: str
    email: str | None
    has_email: bool
    is_verified: bool
    receives_bills: bool
    is_active: bool
    preference: PreferenceState
    receives_correspondence: bool = False

    @property
    def is_sent_correspondence(self) -> bool:
        """Whether correspondence is emailed; it has no call detail, so it needs no consent."""
        return self.receives_correspondence and self.is_active and self.has_email


@dataclass(frozen=True, slots=True)
class ClassSituation:
    """The class of a customer at an instant, for display; no decision depends on it (R75)."""

    class_id: str
    name: str
    code: str | None


@dataclass(frozen=True, slots=True)
class Situation:
    at: datetime
    consent: ConsentState
    non_itemised: NonItemisedState
    contacts: tuple[ContactSituation, ...]
    customer_class: ClassSituation | None


@dataclass(frozen=True, slots=True)
class AssumedContact:
    """Facts to assume about a contact instead of the recorded ones; None keeps the recorded fact.

    Empty `preference_documents` mean that the contact has no confirmed preference.
    """

    contact_id: str
    receives_bills: bool | None = None
    preference_documents: frozenset[Document] | None = None


@dataclass(frozen=True, slots=True)
class Assumption:
    """Facts to assume about a customer; None keeps the recorded fact."""

    is_consent_given: bool | None = None
    is_non_itemised_requested: bool | None = None
    contacts: Sequence[AssumedContact] = ()
    customer_class: ClassSituation | None = None


@unique
class DeliveryAdvisoryCode(StrEnum):
    """The kinds of advisories on a contact's deliveries."""

    EMAIL_NOT_VERIFIED = "EMAIL_NOT_VERIFIED"


@dataclass(frozen=True, slots=True)
class DeliveryAdvisory:
    """Something about a contact's deliveries that a user should check; it does not change them."""

    code: DeliveryAdvisoryCode
    message: str


@dataclass(frozen=True, slots=True)
class Change:
    """The decisions on a document for a contact, without and with an assumption."""

    contact: ContactSituation
    before: Decision
    after: Decision


class UnknownContact(Exception):
    """An assumption names a contact whom the customer does not have at that instant."""

    def __init__(self, contact_id: str) -> None:
        super().__init__(
            "`contactId` names a contact that the customer does not have at the instant of the"
            " preview."
        )
        self.contact_id = contact_id


def facts_of(situation: Situation, contact: ContactSituation) -> Facts:
    """Return the inputs of the delivery rule for a contact of the situation."""
    return Facts(
        is_consent_given=situation.consent.is_given,
        is_non_itemised_requested=situation.non_itemised.is_requested,
        preference_documents=frozenset(contact.preference.documents),
        receives_bills=contact.receives_bills,
        is_active=contact.is_active,
        has_email=contact.has_email,
        is_email_verified=contact.is_verified,
    )


def decisions(
    situation: Situation, contact: ContactSituation, policy: DeliveryPolicy
) -> list[Decision]:
    """Return the decisions on all documents for a contact."""
    facts = facts_of(situation, contact)
    return [decide(document, facts, policy) for document in Document]


def deciding_entry_id(
    situation: Situation, contact: ContactSituation, reason: DeliveryReason
) -> str | None:
    """Return the id of the consent or preference entry that led to a decision (R78).

    `reason` is that of the decision. For NO_CONSENT, it is the entry that ended the consent or the
    contact's preference. None if there is no such entry, or if an assumption led to the decision.
    """
    if reason is DeliveryReason.ACCOUNT_CONSENT:
        return situation.consent.entry_id
    if reason is DeliveryReason.CONTACT_PREFERENCE:
        return contact.preference.entry_id
    if reason is DeliveryReason.NON_ITEMISED_REQUESTED:
        return situation.non_itemised.entry_id
    if reason is DeliveryReason.NO_CONSENT:
        ended = None if contact.preference.is_confirmed else contact.preference.entry_id
        return situation.consent.entry_id or ended
    return None


def advisories_of(
    situation: Situation, contact: ContactSituation, policy: DeliveryPolicy
) -> list[DeliveryAdvisory]:
    """Return an advisory if the contact is emailed call detail at an unverified address (A13)."""
    is_reached = any(one.is_full for one in decisions(situation, contact, policy))
    if contact.is_verified or not is_reached:
        return []
    message = (
        "Because of the customer's consent, call detail would be emailed to an address that is not"
        " verified; ask the contact to verify their address."
    )
    return [DeliveryAdvisory(DeliveryAdvisoryCode.EMAIL_NOT_VERIFIED, message)]


def assume(situation: Situation, assumption: Assumption) -> Situation:
    """Return a copy of the situation with the assumed facts.

    Raises UnknownContact if the assumption names a contact whom the situation does not have.
    """
    known = {contact.contact_id: contact for contact in situation.contacts}
    for assumed in assumption.contacts:
        if assumed.contact_id not in known:
            raise UnknownContact(assumed.contact_id)
        known[assumed.contact_id] = _assumed_contact(known[assumed.contact_id], assumed)
    consent, requested = situation.consent, situation.non_itemised
    if assumption.is_consent_given not in {None, consent.is_given}:
        consent = ConsentState(is_given=not consent.is_given)
    if assumption.is_non_itemised_requested not in {None, requested.is_requested}:
        requested = NonItemisedState(is_requested=not requested.is_requested)
    return replace(
        situation,
        consent=consent,
        non_itemised=requested,
        contacts=tuple(known.values()),
        customer_class=assumption.customer_class or situation.customer_class,
    )


def difference(before: Situation, after: Situation, policy: DeliveryPolicy) -> Iterator[Change]:
    """Yield the decisions whose outcome or reason differs between two situations."""
    for old, new in zip(before.contacts, after.contacts, strict=True):
        pairs = zip(decisions(before, old, policy), decisions(after, new, policy), strict=True)
        for one, other in pairs:
            if (one.outcome, one.reason) != (other.outcome, other.reason):
                yield Change(new, one, other)


def _assumed_contact(contact: ContactSituation, assumed: AssumedContact) -> ContactSituation:
    if assumed.receives_bills is not None:
        contact = replace(contact, receives_bills=assumed.receives_bills)
    documents = assumed.preference_documents
    if documents is None or documents == frozenset(contact.preference.documents):
        return contact
    # Only verified addresses can confirm a preference, so it implies verification (R61).
    preference = PreferenceState(is_confirmed=bool(documents), documents=in_order(documents))
    return replace(
        contact, preference=preference, is_verified=contact.is_verified or bool(documents)
    )
