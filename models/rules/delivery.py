"""The delivery rule: decides which documents a contact is emailed, in which form, and why. PURE.

A document in full form has call detail: the list of calls, unencrypted call records, or usage
files. The reduced form has none. The module implements R68 to R78. The rule is the same for
persons, companies and resellers, so the customer's class is not an input (R75, R76). It does not
cover MyAccount, the customers' portal, which always shows all documents in full (R74).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum, unique
from functools import lru_cache

from models.rules.document import Document


@unique
class DeliveryOutcome(StrEnum):
    """The form in which a document is emailed.

    WITHHELD and NOT_ADDRESSED mean that it is not emailed at all.
    """

    ITEMISED = "ITEMISED"
    SHORT = "SHORT"
    PLAIN = "PLAIN"
    PASSWORD_PROTECTED = "PASSWORD_PROTECTED"  # noqa: S105  # a form, no secret
    SENT = "SENT"
    WITHHELD = "WITHHELD"
    NOT_ADDRESSED = "NOT_ADDRESSED"


@unique
class DeliveryReason(StrEnum):
    """The reason for an outcome. Clients may rely on this set of values (R78)."""

    ACCOUNT_CONSENT = "ACCOUNT_CONSENT"
    CONTACT_PREFERENCE = "CONTACT_PREFERENCE"
    NO_CONSENT = "NO_CONSENT"
    EMAIL_NOT_VERIFIED = "EMAIL_NOT_VERIFIED"
    NON_ITEMISED_REQUESTED = "NON_ITEMISED_REQUESTED"
    CONTACT_INACTIVE = "CONTACT_INACTIVE"
    DOES_NOT_RECEIVE_BILLS = "DOES_NOT_RECEIVE_BILLS"
    EMAIL_MISSING = "EMAIL_MISSING"


@unique
class BillSection(StrEnum):
    """The sections of a bill, in their order on the bill (R72)."""

    SUMMARY_TOTALS = "SUMMARY_TOTALS"
    LINE_RENTALS = "LINE_RENTALS"
    RECURRING_CHARGES = "RECURRING_CHARGES"
    FEATURES = "FEATURES"
    ITEMISED_CALLS = "ITEMISED_CALLS"


@dataclass(frozen=True, slots=True)
class Forms:
    """The outcomes for a document: `full` if call detail may be emailed, `reduced` if not."""

    full: DeliveryOutcome
    reduced: DeliveryOutcome


FORMS = {
    Document.BILL: Forms(DeliveryOutcome.ITEMISED, DeliveryOutcome.SHORT),
    Document.CDR_ZIP: Forms(DeliveryOutcome.PLAIN, DeliveryOutcome.PASSWORD_PROTECTED),
    Document.USAGE_FILES: Forms(DeliveryOutcome.SENT, DeliveryOutcome.WITHHELD),
}
"""The outcomes for each document, from the table of defaults in the requirements (R68, R69)."""

AUTHORITIES = frozenset({DeliveryReason.ACCOUNT_CONSENT, DeliveryReason.CONTACT_PREFERENCE})
"""The reasons that permit emailing call detail; all other reasons prevent it."""

PREFERENCE_RELEASES = frozenset(Document)
"""The documents that a contact's confirmed preference can release in full (A1).

The general rule in the requirements names all three documents. The section on single contacts
names only two, as examples. If these two are the complete list, remove USAGE_FILES here.
"""


@dataclass(frozen=True, slots=True)
class DeliveryPolicy:
    """Choices that the requirements leave open.

    `preference_releases` are the documents that a contact's confirmed preference can release in
    full (A1). With `needs_verified_email`, the account's consent covers only contacts whose
    email address is verified (A13).
    """

    preference_releases: frozenset[Document] = PREFERENCE_RELEASES
    needs_verified_email: bool = False


POLICY = DeliveryPolicy()


@dataclass(frozen=True, slots=True)
class Facts:
    """The inputs of the delivery rule for a contact at one instant.

    `preference_documents` are the documents that the contact has confirmed to want in full. It is
    empty without a confirmation: a preference that is only requested does not count (R60).
    """

    is_consent_given: bool = False
    is_non_itemised_requested: bool = False
    preference_documents: frozenset[Document] = frozenset()
    receives_bills: bool = True
    is_active: bool = True
    has_email: bool = True
    is_email_verified: bool = True


@unique
class Step(StrEnum):
    """Something that a user can do to change an outcome."""

    ACTIVATE_CONTACT = "ACTIVATE_CONTACT"
    SET_RECEIVES_BILLS = "SET_RECEIVES_BILLS"
    ADD_EMAIL = "ADD_EMAIL"
    VERIFY_EMAIL = "VERIFY_EMAIL"
    RECORD_CONSENT = "RECORD_CONSENT"
    CONFIRM_PREFERENCE = "CONFIRM_PREFERENCE"
    WITHDRAW_NON_ITEMISED_REQUEST = "WITHDRAW_NON_ITEMISED_REQUEST"
    REQUEST_NON_ITEMISED_BILLS = "REQUEST_NON_ITEMISED_BILLS"
    WITHDRAW_CONSENT = "WITHDRAW_CONSENT"
    WITHDRAW_PREFERENCE = "WITHDRAW_PREFERENCE"


@unique
class StepRange(StrEnum):
    """Whether a step changes outcomes for one contact, or for the whole bill distribution list."""

    CONTACT = "CONTACT"
    ACCOUNT = "ACCOUNT"


ACCOUNT_STEPS = frozenset(
    {
        Step.RECORD_CONSENT,
        Step.WITHDRAW_CONSENT,
        Step.REQUEST_NON_ITEMISED_BILLS,
        Step.WITHDRAW_NON_ITEMISED_REQUEST,
    }
)
"""The steps that affect all contacts on the bill distribution list (R64, R65)."""


def range_of(step: Step) -> StepRange:
    return StepRange.ACCOUNT if step in ACCOUNT_STEPS else StepRange.CONTACT


@dataclass(frozen=True, slots=True)
class Remedy:
    """A step, and the outcome that a document would have if only this step were taken."""

    step: Step
    outcome: DeliveryOutcome


@dataclass(frozen=True, slots=True)
class Decision:
    """The result of the delivery rule for one document and one contact."""

    document: Document
    outcome: DeliveryOutcome
    reason: DeliveryReason
    remedies: tuple[Remedy, ...]

    @property
    def is_full(self) -> bool:
        """Whether the document is emailed with call detail."""
        return self.outcome is FORMS[self.document].full

    @property
    def is_password_needed(self) -> bool:
        """Whether the contact needs a password to open the document; it is never emailed (R73)."""
        return self.outcome is DeliveryOutcome.PASSWORD_PROTECTED

    @property
    def sections(self) -> tuple[BillSection, ...]:
        """The sections of the bill, in order; empty for other documents (R72)."""
        return SECTIONS.get(self.outcome, ())


SECTIONS = {
    DeliveryOutcome.ITEMISED: tuple(BillSection),
    DeliveryOutcome.SHORT: tuple(
        section for section in BillSection if section is not BillSection.ITEMISED_CALLS
    ),
}


@lru_cache(maxsize=20_000)
def decide(document: Document, facts: Facts, policy: DeliveryPolicy = POLICY) -> Decision:
    """Apply the delivery rule to a document; results are cached, as there are few arguments."""
    outcome, reason = _outcome_of(document, facts, policy)
    return Decision(
        document,
        outcome,
        reason,
        tuple(
            Remedy(step, _outcome_of(document, after(step, document, facts), policy)[0])
            for step in _steps(document, facts, policy, reason)
        ),
    )


def after(step: Step, document: Document, facts: Facts) -> Facts:
    """Return the facts as they would be after the step was taken for a document."""
    return _EFFECTS[step](document, facts)


def _outcome_of(
    document: Document, facts: Facts, policy: DeliveryPolicy
) -> tuple[DeliveryOutcome, DeliveryReason]:
    obstacle = _obstacle(facts)
    if obstacle is not None:
        return DeliveryOutcome.NOT_ADDRESSED, obstacle
    reason = _reason(document, facts, policy)
    forms = FORMS[document]
    return (forms.full if reason in AUTHORITIES else forms.reduced), reason


def _obstacle(facts: Facts) -> DeliveryReason | None:
    """Return why the contact is sent nothing at all; None if they are sent documents (R77, A14).

    If there are several reasons, the most general one is returned.
    """
    if not facts.is_active:
        return DeliveryReason.CONTACT_INACTIVE
    if not facts.receives_bills:
        return DeliveryReason.DOES_NOT_RECEIVE_BILLS
    return None if facts.has_email else DeliveryReason.EMAIL_MISSING


def _reason(document: Document, facts: Facts, policy: DeliveryPolicy) -> DeliveryReason:
    """Return the reason that permits the full form, or the reason that prevents it.

    A missing consent only reduces the form and never blocks the delivery (R71).
    """
    if facts.is_non_itemised_requested:
        return DeliveryReason.NON_ITEMISED_REQUESTED
    is_verified = facts.is_email_verified
    if facts.is_consent_given and (is_verified or not policy.needs_verified_email):
        return DeliveryReason.ACCOUNT_CONSENT
    is_preferred = _is_preferred(document, facts, policy)
    if is_preferred and is_verified:
        return DeliveryReason.CONTACT_PREFERENCE
    if facts.is_consent_given or is_preferred:
        return DeliveryReason.EMAIL_NOT_VERIFIED
    return DeliveryReason.NO_CONSENT


def _is_preferred(document: Document, facts: Facts, policy: DeliveryPolicy) -> bool:
    return document in facts.preference_documents and document in policy.preference_releases


def _steps(
    document: Document, facts: Facts, policy: DeliveryPolicy, reason: DeliveryReason
) -> list[Step]:
    """Return the steps after which a contact gets more call detail; if they get all, less."""
    if _obstacle(facts) is not None:
        missing = {
            Step.ACTIVATE_CONTACT: not facts.is_active,
            Step.SET_RECEIVES_BILLS: not facts.receives_bills,
            Step.ADD_EMAIL: not facts.has_email,
        }
    elif reason in AUTHORITIES:
        missing = {
            Step.WITHDRAW_CONSENT: facts.is_consent_given,
            Step.WITHDRAW_PREFERENCE: _is_preferred(document, facts, policy),
            Step.REQUEST_NON_ITEMISED_BILLS: True,
        }
    else:
        requested = facts.is_non_itemised_requested
        without = _reason(document, replace(facts, is_non_itemised_requested=False), policy)
        has_none = without is DeliveryReason.NO_CONSENT
        missing = {
            Step.WITHDRAW_NON_ITEMISED_REQUEST: requested,
            Step.VERIFY_EMAIL: without is DeliveryReason.EMAIL_NOT_VERIFIED,
            Step.RECORD_CONSENT: has_none,
            Step.CONFIRM_PREFERENCE: has_none and document in policy.preference_releases,
        }
    return [step for step, is_missing in missing.items() if is_missing]


_EFFECTS: dict[Step, Callable[[Document, Facts], Facts]] = {
    Step.ACTIVATE_CONTACT: lambda _, facts: replace(facts, is_active=True),
    Step.SET_RECEIVES_BILLS: lambda _, facts: replace(facts, receives_bills=True),
    # The added email address is not verified and has no confirmed preference (R62).
    Step.ADD_EMAIL: lambda _, facts: replace(
        facts, has_email=True, is_email_verified=False, preference_documents=frozenset()
    ),
    Step.VERIFY_EMAIL: lambda _, facts: replace(facts, is_email_verified=True),
    Step.RECORD_CONSENT: lambda _, facts: replace(facts, is_consent_given=True),
    Step.WITHDRAW_CONSENT: lambda _, facts: replace(facts, is_consent_given=False),
    # A preference can be confirmed only for a verified email address (R61).
    Step.CONFIRM_PREFERENCE: lambda document, facts: replace(
        facts,
        preference_documents=facts.preference_documents | {document},
        is_email_verified=True,
    ),
    Step.WITHDRAW_PREFERENCE: lambda _, facts: replace(facts, preference_documents=frozenset()),
    Step.WITHDRAW_NON_ITEMISED_REQUEST: lambda _, facts: replace(
        facts, is_non_itemised_requested=False
    ),
    Step.REQUEST_NON_ITEMISED_BILLS: lambda _, facts: replace(
        facts, is_non_itemised_requested=True
    ),
}
