"""The delivery rules as a table of all cases, and the enums of their inputs and outcomes."""

from functools import cache

import strawberry

from models.rules.delivery import (
    BillSection,
    DeliveryOutcome,
    DeliveryPolicy,
    DeliveryReason,
)
from models.rules.delivery_rules import VERSION, Case, cases, digest, in_order
from schema.base.descriptions import described_enum
from schema.types.document import DocumentEnum

DeliveryOutcomeEnum = described_enum(
    DeliveryOutcome,
    "DeliveryOutcome",
    "The result of a delivery decision: how a document is emailed to a contact, if at all.",
    {
        "ITEMISED": "Decision for a bill: email it with the list of calls.",
        "SHORT": "Decision for a bill: email it without the list of calls.",
        "PLAIN": "Decision for a CDR ZIP (call data records): email it unencrypted.",
        "PASSWORD_PROTECTED": "Decision for a CDR ZIP (call data records): email it encrypted with"
        " a password, which is shared by another way than email.",
        "SENT": "Decision for usage files: email them.",
        "WITHHELD": "Decision for usage files: do not email them to this contact, who gets the"
        " other documents.",
        "NOT_ADDRESSED": "Decision for any document: do not email it, because this contact is"
        " emailed no documents at all.",
    },
)
DeliveryReasonEnum = described_enum(
    DeliveryReason,
    "DeliveryReason",
    "The reason for the outcome of a delivery decision. The set is closed, so a client can handle"
    " every value.",
    {
        "ACCOUNT_CONSENT": "The customer's consent is in force, for the whole account.",
        "CONTACT_PREFERENCE": "The contact has confirmed an attachment preference that covers the"
        " document.",
        "NO_CONSENT": "The customer's consent is not in force, and no confirmed attachment"
        " preference of the contact covers the document.",
        "EMAIL_NOT_VERIFIED": "The customer's consent or the contact's attachment preference covers"
        " the document, but applies to verified email addresses only, and the contact's is not"
        " verified.",
        "NON_ITEMISED_REQUESTED": "The customer's request for bills without a list of calls is in"
        " force.",
        "CONTACT_INACTIVE": "The contact is not active.",
        "DOES_NOT_RECEIVE_BILLS": "The contact is not on the bill distribution list.",
        "EMAIL_MISSING": "The contact has no email address.",
    },
)
BillSectionEnum = described_enum(
    BillSection,
    "BillSection",
    "A section of a bill.",
    {
        "SUMMARY_TOTALS": "The totals of the bill.",
        "LINE_RENTALS": "The rental of each of the customer's lines.",
        "RECURRING_CHARGES": "The charges that recur with each bill.",
        "FEATURES": "The features of the services that are charged for.",
        "ITEMISED_CALLS": "The list of individual calls.",
    },
)


@strawberry.type(
    description="The inputs of a delivery decision. The customer's class is not among them, because"
    " it makes no difference."
)
class DeliveryCaseFacts:
    is_consent_given: bool = strawberry.field(
        description="Whether the customer's consent is in force, for the whole account."
    )
    is_non_itemised_requested: bool = strawberry.field(
        description="Whether the customer's request for bills without a list of calls is in force."
    )
    preference_documents: list[DocumentEnum] = strawberry.field(  # type: ignore[valid-type]  # an enum with another name
        description="The documents that the contact's confirmed attachment preference covers;"
        " empty if there is none."
    )
    receives_bills: bool = strawberry.field(
        description="Whether the contact is on the bill distribution list."
    )
    is_active: bool = strawberry.field(description="Whether the contact is active.")
    has_email: bool = strawberry.field(description="Whether the contact has an email address.")
    is_email_verified: bool = strawberry.field(
        description="Whether the contact's email address is verified."
    )
    is_verified_email_required: bool = strawberry.field(
        description="Whether the platform applies the account's consent to verified email"
        " addresses only."
    )


@strawberry.type(description="The delivery decision on one document.")
class DeliveryDecision:
    document: DocumentEnum = strawberry.field(description="The kind of document.")  # type: ignore[valid-type]  # see above
    outcome: DeliveryOutcomeEnum = strawberry.field(  # type: ignore[valid-type]  # see above
        description="How the document is emailed to the contact, if at all."
    )
    reason: DeliveryReasonEnum = strawberry.field(description="The reason for the outcome.")  # type: ignore[valid-type]  # see above
    sections: list[BillSectionEnum] = strawberry.field(  # type: ignore[valid-type]  # see above
        description="The sections that the emailed bill has, in order; empty for other documents,"
        " and if the bill is not emailed."
    )
    is_password_needed: bool = strawberry.field(
        description="Whether the contact needs a password to open the document; the password is"
        " shared by another way than email."
    )


@strawberry.type(
    description="A case of the delivery rules: a combination of inputs, and the decisions on the"
    " three documents."
)
class DeliveryCase:
    given: DeliveryCaseFacts = strawberry.field(description="The inputs of the decisions.")
    expected: list[DeliveryDecision] = strawberry.field(
        description="The decisions on the bill, the CDR ZIP and the usage files, in this order."
    )

    @classmethod
    def of(cls, case: Case) -> "DeliveryCase":
        facts = case.facts
        return cls(
            given=DeliveryCaseFacts(
                is_consent_given=facts.is_consent_given,
                is_non_itemised_requested=facts.is_non_itemised_requested,
                preference_documents=in_order(facts.preference_documents),
                receives_bills=facts.receives_bills,
                is_active=facts.is_active,
                has_email=facts.has_email,
                is_email_verified=facts.is_email_verified,
                is_verified_email_required=case.is_verified_email_required,
            ),
            expected=[
                DeliveryDecision(
                    document=decision.document,
                    outcome=decision.outcome,
                    reason=decision.reason,
                    sections=list(decision.sections),
                    is_password_needed=decision.is_password_needed,
                )
                for decision in case.decisions
            ],
        )


@strawberry.type(
    description="The rules by which documents are emailed, as a table of inputs and decisions. The"
    " file docs/delivery-rules.json in the source repository contains the same table."
)
class DeliveryRules:
    version: int = strawberry.field(
        description="The version of the delivery rules. It increases with each change to the table."
    )
    digest: str = strawberry.field(
        description="The SHA-256 hash of the table of delivery rules, in hexadecimal."
    )
    is_verified_email_required: bool = strawberry.field(
        description="Whether this platform applies the account's consent to verified email"
        " addresses only."
    )
    preference_releases: list[DocumentEnum] = strawberry.field(  # type: ignore[valid-type]  # see above
        description="The documents that this platform emails in full because of a contact's"
        " confirmed attachment preference."
    )
    cases: list[DeliveryCase] = strawberry.field(
        description="All cases of the delivery rules. For contacts that are emailed documents,"
        " every combination of inputs is listed. For other contacts, consent, preference and"
        " verification make no difference: such a combination of the remaining inputs is listed"
        " twice, with none and with all of these three."
    )

    @classmethod
    def for_policy(cls, policy: DeliveryPolicy) -> "DeliveryRules":
        """Return the table of all cases, and the settings of `policy` that select among them."""
        return cls(
            version=VERSION,
            digest=digest(),
            is_verified_email_required=policy.needs_verified_email,
            preference_releases=in_order(policy.preference_releases),
            cases=_shown(),
        )


@cache
def _shown() -> list[DeliveryCase]:
    return [DeliveryCase.of(case) for case in cases()]
