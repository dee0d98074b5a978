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
    "The form in which a document is emailed, or that it is not.",
    {
        "ITEMISED": "The bill is emailed with the list of calls.",
        "SHORT": "The bill is emailed without the list of calls.",
        "PLAIN": "The CDR ZIP is emailed unencrypted.",
        "PASSWORD_PROTECTED": "The CDR ZIP is emailed, protected by a password that is shared by"
        " another way than email.",
        "SENT": "The usage files are emailed.",
        "WITHHELD": "The usage files are not emailed.",
        "NOT_ADDRESSED": "Nothing is emailed to this contact.",
    },
)
DeliveryReasonEnum = described_enum(
    DeliveryReason,
    "DeliveryReason",
    "The reason for the outcome of a delivery decision. The set is closed, so a client can handle"
    " every value.",
    {
        "ACCOUNT_CONSENT": "Consent is recorded for the whole account.",
        "CONTACT_PREFERENCE": "The contact has confirmed an attachment preference that covers the"
        " document.",
        "NO_CONSENT": "No consent is recorded for the account, and no confirmed preference of the"
        " contact covers the document.",
        "UNVERIFIED_ADDRESS": "Consent or a preference covers the document, but applies only to a"
        " verified email address.",
        "NON_ITEMISED_REQUESTED": "The customer requested bills without a list of calls.",
        "CONTACT_INACTIVE": "The contact is not active.",
        "NOT_ON_BILL_LIST": "The contact is not on the bill distribution list.",
        "NO_EMAIL": "The contact has no email address.",
    },
)
BillSectionEnum = described_enum(
    BillSection,
    "BillSection",
    "A section of a bill.",
    {
        "SUMMARY_TOTALS": "The totals of the bill.",
        "LINE_RENTALS": "The rental of each line.",
        "RECURRING_CHARGES": "The charges that recur with each bill.",
        "FEATURES": "The features that are charged for.",
        "ITEMISED_CALLS": "The list of individual calls.",
    },
)


@strawberry.type(
    description="The inputs of a delivery decision. The customer's class is not among them: it"
    " makes no difference."
)
class DeliveryCaseFacts:
    is_consent_given: bool = strawberry.field(
        description="Whether consent is recorded for the account."
    )
    is_non_itemised_requested: bool = strawberry.field(
        description="Whether the customer requested bills without a list of calls."
    )
    preference_documents: list[DocumentEnum] = strawberry.field(  # type: ignore[valid-type]  # an enum with another name
        description="The documents that the contact's confirmed attachment preference covers;"
        " empty if there is none."
    )
    is_on_bill_list: bool = strawberry.field(
        description="Whether the contact is on the bill distribution list."
    )
    is_active: bool = strawberry.field(description="Whether the contact is active.")
    has_address: bool = strawberry.field(description="Whether the contact has an email address.")
    is_address_verified: bool = strawberry.field(
        description="Whether that email address is verified."
    )
    is_verified_address_required: bool = strawberry.field(
        description="Whether the platform applies the account's consent to verified email"
        " addresses only."
    )


@strawberry.type(description="The delivery decision on one document.")
class DeliveryVerdict:
    document: DocumentEnum = strawberry.field(description="The document.")  # type: ignore[valid-type]  # see above
    outcome: DeliveryOutcomeEnum = strawberry.field(  # type: ignore[valid-type]  # see above
        description="The form in which the document is emailed, or that it is not."
    )
    reason: DeliveryReasonEnum = strawberry.field(description="The reason for the outcome.")  # type: ignore[valid-type]  # see above
    sections: list[BillSectionEnum] = strawberry.field(  # type: ignore[valid-type]  # see above
        description="The sections of the bill, in order; empty for other documents, and if the"
        " bill is not emailed."
    )
    is_password_needed: bool = strawberry.field(
        description="Whether the contact needs a password to open the document; it is shared by"
        " another way than email."
    )


@strawberry.type(description="A combination of inputs, and the decisions on the three documents.")
class DeliveryCase:
    given: DeliveryCaseFacts = strawberry.field(description="The inputs.")
    expected: list[DeliveryVerdict] = strawberry.field(
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
                is_on_bill_list=facts.is_on_bill_list,
                is_active=facts.is_active,
                has_address=facts.has_address,
                is_address_verified=facts.is_address_verified,
                is_verified_address_required=case.is_verified_address_required,
            ),
            expected=[
                DeliveryVerdict(
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
        description="The version of the table. It increases with each change."
    )
    digest: str = strawberry.field(description="The SHA-256 hash of the table, in hexadecimal.")
    is_verified_address_required: bool = strawberry.field(
        description="Whether this platform applies the account's consent to verified email"
        " addresses only."
    )
    preference_releases: list[DocumentEnum] = strawberry.field(  # type: ignore[valid-type]  # see above
        description="The documents that a contact's confirmed preference can release on this"
        " platform."
    )
    cases: list[DeliveryCase] = strawberry.field(
        description="Every combination of inputs for a contact that is emailed something. Where"
        " nothing is emailed, consent, preference and verification make no difference: such a"
        " combination is listed twice, with none of these and with all of them."
    )

    @classmethod
    def under(cls, policy: DeliveryPolicy) -> "DeliveryRules":
        """Return the table of all cases, and the settings of `policy` that select among them."""
        return cls(
            version=VERSION,
            digest=digest(),
            is_verified_address_required=policy.needs_verified_address,
            preference_releases=in_order(policy.preference_releases),
            cases=_shown(),
        )


@cache
def _shown() -> list[DeliveryCase]:
    return [DeliveryCase.of(case) for case in cases()]
