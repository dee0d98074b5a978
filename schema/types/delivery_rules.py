"""The delivery rules as clients see them: what there is to decide, and the table of all cases."""

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
    "The form in which a document goes out by email, if it does (R68, R69).",
    {
        "ITEMISED": "The bill, with its list of calls.",
        "SHORT": "The bill without its list of calls (R72).",
        "PLAIN": "The CDR ZIP, unencrypted.",
        "PASSWORD_PROTECTED": "The CDR ZIP under a password, which is shared out of band (R73).",
        "SENT": "The usage files.",
        "WITHHELD": "No usage files: they go out on authority only.",
        "NOT_ADDRESSED": "Nothing is emailed to this contact (R77).",
    },
)
DeliveryReasonEnum = described_enum(
    DeliveryReason,
    "DeliveryReason",
    "Why an outcome is what it is; a closed set (R78).",
    {
        "ACCOUNT_CONSENT": "Consent is recorded for the whole account (R65, R69).",
        "CONTACT_PREFERENCE": "The contact has confirmed a preference for it (R64, R70).",
        "NO_CONSENT": "Neither of them covers it (R68).",
        "UNVERIFIED_ADDRESS": "One of them covers it, but needs a verified address (R61, A13).",
        "NON_ITEMISED_REQUESTED": "The customer asked for bills that are not itemised (A16).",
        "CONTACT_INACTIVE": "The contact is not active (R77).",
        "NOT_ON_BILL_LIST": "The contact is not on the bill distribution list (R77, A14).",
        "NO_EMAIL": "The contact has no email address (R77).",
    },
)
BillSectionEnum = described_enum(
    BillSection,
    "BillSection",
    "A part of a bill (R72).",
    {
        "SUMMARY_TOTALS": "The totals of the bill.",
        "LINE_RENTALS": "The rental of each line.",
        "RECURRING_CHARGES": "The charges that recur with each bill.",
        "FEATURES": "The features that are charged for.",
        "ITEMISED_CALLS": "The list of the individual calls.",
    },
)


@strawberry.type(
    description="What is the case: all that the rule looks at. No class is in it (R75)."
)
class DeliveryCaseFacts:
    """The inputs of a case."""

    is_consent_given: bool = strawberry.field(description="Whether consent is recorded.")
    is_non_itemised_requested: bool = strawberry.field(
        description="Whether the customer asked for bills that are not itemised (A16)."
    )
    preference_documents: list[DocumentEnum] = strawberry.field(  # type: ignore[valid-type]  # an enum with another name
        description="What the contact's confirmed preference covers; empty without one (R60)."
    )
    is_on_bill_list: bool = strawberry.field(
        description="Whether the contact is on the bill distribution list."
    )
    is_active: bool = strawberry.field(description="Whether the contact is active.")
    has_address: bool = strawberry.field(description="Whether the contact has an email address.")
    is_address_verified: bool = strawberry.field(description="Whether that address is verified.")
    is_verified_address_required: bool = strawberry.field(
        description="Whether the platform lets consent reach verified addresses only (A13)."
    )


@strawberry.type(description="What the rule says of a document.")
class DeliveryVerdict:
    """The output of a case."""

    document: DocumentEnum = strawberry.field(description="The document.")  # type: ignore[valid-type]  # see above
    outcome: DeliveryOutcomeEnum = strawberry.field(description="Its form, if it goes out.")  # type: ignore[valid-type]  # see above
    reason: DeliveryReasonEnum = strawberry.field(description="Why.")  # type: ignore[valid-type]  # see above
    sections: list[BillSectionEnum] = strawberry.field(  # type: ignore[valid-type]  # see above
        description="What a bill contains, in order; empty for everything else (R72)."
    )
    is_password_needed: bool = strawberry.field(
        description="Whether the contact needs a password, which goes out of band (R73)."
    )


@strawberry.type(description="One line of the table.")
class DeliveryCase:
    """A case and its outcomes."""

    given: DeliveryCaseFacts = strawberry.field(description="What is the case.")
    expected: list[DeliveryVerdict] = strawberry.field(
        description="What happens to each of the three documents."
    )

    @classmethod
    def of(cls, case: Case) -> "DeliveryCase":
        """Project a case."""
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
    description="The rules by which documents are emailed, as a table made from the rule itself;"
    " docs/delivery-rules.json publishes the same."
)
class DeliveryRules:
    """The table and its version."""

    version: int = strawberry.field(description="Rises with each change of the table.")
    digest: str = strawberry.field(description="The SHA-256 of the table, in hexadecimal.")
    is_verified_address_required: bool = strawberry.field(
        description="Whether this platform lets consent reach verified addresses only (A13)."
    )
    preference_releases: list[DocumentEnum] = strawberry.field(  # type: ignore[valid-type]  # see above
        description="What a contact's confirmed preference may release here (A1)."
    )
    cases: list[DeliveryCase] = strawberry.field(
        description="Every case of a contact who is sent something; of every other, the two ends."
    )

    @classmethod
    def under(cls, policy: DeliveryPolicy) -> "DeliveryRules":
        """Show the table, and which part of it is in force."""
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
