"""The delivery preview: what each contact would be emailed, and why."""

from datetime import datetime
from functools import cache, lru_cache

import strawberry

from models.rules.delivery import (
    FORMS,
    SECTIONS,
    BillSection,
    Decision,
    DeliveryPolicy,
    Step,
    StepRange,
    range_of,
)
from models.rules.delivery_labels import (
    CONTENTS,
    MUTATIONS,
    MY_ACCOUNT,
    instruction_of,
    sentence_of,
)
from models.rules.delivery_rules import VERSION
from models.rules.delivery_situation import (
    Change,
    ContactSituation,
    DeliveryAdvisoryCode,
    Situation,
    advisories_of,
    decisions,
    difference,
    entry_behind,
)
from models.tables.access import Scope
from schema.base.descriptions import described_enum
from schema.base.personal import NULLED, STARRED
from schema.base.restricted import restricted
from schema.types.consent import ConsentBasisEnum
from schema.types.delivery_rules import BillSectionEnum, DeliveryOutcomeEnum, DeliveryReasonEnum
from schema.types.document import DocumentEnum

STEP_DESCRIPTIONS = {step.name: instruction_of(step) for step in Step}
DeliveryStepEnum = described_enum(
    Step, "DeliveryStep", "A step that changes how a document is emailed.", STEP_DESCRIPTIONS
)

StepRangeEnum = described_enum(
    StepRange,
    "DeliveryStepRange",
    "Who is affected by a step.",
    {
        "CONTACT": "Only this contact.",
        "ACCOUNT": "The whole account: all contacts on the bill distribution list.",
    },
)

DeliveryAdvisoryCodeEnum = described_enum(
    DeliveryAdvisoryCode,
    "DeliveryAdvisoryCode",
    "A matter about a delivery that staff should review.",
    {
        "UNVERIFIED_ADDRESS": "Consent for the account releases call detail to an email address"
        " that is not verified."
    },
)


@strawberry.type(description="A section of a bill, and its contents.")
class BillPart:
    section: BillSectionEnum = strawberry.field(description="The section, for programs.")  # type: ignore[valid-type]  # an enum with another name
    contains: str = strawberry.field(
        description="The contents of the section, for people, in English."
    )


@strawberry.type(
    description="A step that changes how a document is emailed, by itself or together with other"
    " steps."
)
class DeliveryRemedy:
    step: DeliveryStepEnum = strawberry.field(description="What to do, for programs.")  # type: ignore[valid-type]  # see above
    instruction: str = strawberry.field(description="What to do, for people, in English.")
    mutation: str = strawberry.field(
        description="The name of the mutation that does it, or starts it."
    )
    applies_to: StepRangeEnum = strawberry.field(  # type: ignore[valid-type]  # see above
        description="Who is affected by the step. Choose CONFIRM_PREFERENCE if only this contact"
        " wants documents in full, and RECORD_CONSENT if all contacts on the bill distribution"
        " list may receive them."
    )
    outcome: DeliveryOutcomeEnum = strawberry.field(  # type: ignore[valid-type]  # see above
        description="The outcome after this step alone. It is the current outcome if one step is"
        " not enough."
    )


@strawberry.type(description="How one document is emailed to one contact, and why.")
class DocumentDelivery:
    document: DocumentEnum = strawberry.field(description="The document.")  # type: ignore[valid-type]  # see above
    outcome: DeliveryOutcomeEnum = strawberry.field(  # type: ignore[valid-type]  # see above
        description="The form in which the document is emailed, or that it is not."
    )
    reason: DeliveryReasonEnum = strawberry.field(  # type: ignore[valid-type]  # see above
        description="The reason for the outcome, for programs."
    )
    sentence: str = strawberry.field(
        description="The outcome and the reason, for people, in English."
    )
    entry_id: strawberry.ID | None = strawberry.field(
        description="The id of the consent or preference entry that the outcome rests on; null if"
        " there is none, or if that is only assumed."
    )
    sections: list[BillPart] = strawberry.field(
        description="The sections of the bill, in order; empty for other documents, and if the"
        " bill is not emailed."
    )
    is_password_needed: bool = strawberry.field(
        description="Whether the contact needs a password to open the document. It is shared by"
        " another way than email, and is never shown here."
    )
    remedies: list[DeliveryRemedy] = strawberry.field(
        description="Steps that would change the outcome: towards the full document if it is"
        " reduced, or away from it if it is full. The `outcome` of each shows its effect alone."
    )


@strawberry.type(
    description="A matter about a delivery that staff should review. It changes nothing by itself."
)
class DeliveryAdvisory:
    code: DeliveryAdvisoryCodeEnum = strawberry.field(  # type: ignore[valid-type]  # see above
        description="The kind of advisory, for programs."
    )
    message: str = strawberry.field(description="What to review, for people, in English.")


@strawberry.type(description="What a contact would be emailed.")
class ContactDelivery:
    contact_id: strawberry.ID = strawberry.field(description="The id of the contact.")
    is_on_bill_list: bool = strawberry.field(
        description="Whether the contact was on the customer's bill distribution list at that"
        " instant."
    )
    is_on_correspondence_list: bool = strawberry.field(
        description="Whether the contact was marked for correspondence at that instant."
    )
    is_sent_correspondence: bool = strawberry.field(
        description="Whether the contact would be emailed correspondence at that instant: they are"
        " marked for it and active, and have an email address. Correspondence contains no call"
        " detail and needs no consent."
    )
    is_active: bool = strawberry.field(
        description="Whether the contact was active at that instant."
    )
    has_address: bool = strawberry.field(
        description="Whether the contact had an email address at that instant."
    )
    is_address_verified: bool = strawberry.field(
        description="Whether that email address was verified at that instant."
    )
    documents: list[DocumentDelivery] = strawberry.field(
        description="The bill, the CDR ZIP and the usage files, in this order."
    )
    advisories: list[DeliveryAdvisory] = strawberry.field(
        description="Matters about the delivery that staff should review; empty if there are none."
    )
    name: str | None = restricted(
        Scope.CONTACTS_READ,
        description="The contact's name at that instant. Null without the permission"
        " contacts:read.",
        masked=STARRED,
    )
    email: str | None = restricted(
        Scope.CONTACTS_READ,
        description="The contact's email address at that instant; null if there was none, and"
        " without the permission contacts:read.",
        masked=NULLED,
    )


@strawberry.type(
    description="A document that the customer can get in MyAccount, the portal behind the"
    " customer's own sign-in. It never depends on class, consent or preference."
)
class MyAccountDocument:
    document: DocumentEnum = strawberry.field(description="The document.")  # type: ignore[valid-type]  # see above
    outcome: DeliveryOutcomeEnum = strawberry.field(  # type: ignore[valid-type]  # see above
        description="The form of the document, always in full: ITEMISED, PLAIN or SENT."
    )
    is_available: bool = strawberry.field(description="Always true.")
    sections: list[BillPart] = strawberry.field(
        description="All sections of the bill, in order; empty for other documents."
    )
    sentence: str = strawberry.field(
        description="The availability of the document, for people, in English."
    )


@strawberry.type(description="The outcome for a document, and the reason.")
class DeliverySummary:
    outcome: DeliveryOutcomeEnum = strawberry.field(  # type: ignore[valid-type]  # see above
        description="The form in which the document is emailed, or that it is not."
    )
    reason: DeliveryReasonEnum = strawberry.field(description="The reason for the outcome.")  # type: ignore[valid-type]  # see above


@strawberry.type(
    description="A document for a contact whose outcome or reason differs under the assumption."
)
class DeliveryChange:
    contact_id: strawberry.ID = strawberry.field(description="The id of the contact.")
    document: DocumentEnum = strawberry.field(description="The document.")  # type: ignore[valid-type]  # see above
    before: DeliverySummary = strawberry.field(description="The outcome without the assumption.")
    after: DeliverySummary = strawberry.field(description="The outcome with the assumption.")


@strawberry.type(
    description="What each contact of a customer would be emailed at an instant, according to all"
    " that is on record now. Nothing is saved or sent."
)
class DeliveryPreview:
    at: datetime = strawberry.field(description="The instant of the preview, in UTC.")
    is_consent_given: bool = strawberry.field(
        description="Whether the customer's consent is given at that instant."
    )
    consent_basis: ConsentBasisEnum | None = strawberry.field(  # type: ignore[valid-type]  # see above
        description="The lawful basis of the consent; null if consent is not given, or is only"
        " assumed."
    )
    is_non_itemised_requested: bool = strawberry.field(
        description="Whether the customer's request for bills without a list of calls is in force"
        " at that instant."
    )
    class_id: strawberry.ID | None = strawberry.field(
        description="The id of the class that the customer was in at that instant; null if the"
        " customer did not exist yet. The class has no effect on what is emailed."
    )
    class_code: str | None = strawberry.field(
        description="The code of that class, if it is a shipped class; otherwise null."
    )
    class_name: str | None = strawberry.field(
        description="The current name of that class; null if there is no class."
    )
    contacts: list[ContactDelivery] = strawberry.field(
        description="Every contact that the customer had at that instant, oldest first."
    )
    my_account: list[MyAccountDocument] = strawberry.field(
        description="The documents that the customer can get in MyAccount: always all of them, in"
        " full."
    )
    difference: list[DeliveryChange] = strawberry.field(
        description="The outcomes that the assumption changes; empty without an assumption."
    )
    rules_version: int = strawberry.field(
        description="The version of the delivery rules used; see the query `deliveryRules`."
    )

    @classmethod
    def of(
        cls, situation: Situation, policy: DeliveryPolicy, before: Situation | None = None
    ) -> "DeliveryPreview":
        """Return the preview for a situation under a policy.

        `before` is the situation without the assumption; None if nothing is assumed.
        """
        customer_class = situation.customer_class
        changes = [] if before is None else list(difference(before, situation, policy))
        return cls(
            at=situation.at,
            is_consent_given=situation.consent.is_given,
            consent_basis=situation.consent.basis,
            is_non_itemised_requested=situation.non_itemised.is_requested,
            class_id=None if customer_class is None else strawberry.ID(customer_class.class_id),
            class_code=None if customer_class is None else customer_class.code,
            class_name=None if customer_class is None else customer_class.name,
            contacts=[_contact(situation, contact, policy) for contact in situation.contacts],
            my_account=_my_account(),
            difference=[_change(change) for change in changes],
            rules_version=VERSION,
        )


def _contact(
    situation: Situation, contact: ContactSituation, policy: DeliveryPolicy
) -> ContactDelivery:
    return ContactDelivery(
        contact_id=strawberry.ID(contact.contact_id),
        is_on_bill_list=contact.is_on_bill_list,
        is_on_correspondence_list=contact.is_on_correspondence_list,
        is_sent_correspondence=contact.is_sent_correspondence,
        is_active=contact.is_active,
        has_address=contact.has_address,
        is_address_verified=contact.is_verified,
        documents=[
            _document(decision, entry_behind(situation, contact, decision.reason))
            for decision in decisions(situation, contact, policy)
        ],
        advisories=[
            DeliveryAdvisory(code=one.code, message=one.message)
            for one in advisories_of(situation, contact, policy)
        ],
        name=contact.name,
        email=contact.email,
    )


@lru_cache(maxsize=10_000)
def _document(decision: Decision, entry_id: str | None) -> DocumentDelivery:
    return DocumentDelivery(
        document=decision.document,
        outcome=decision.outcome,
        reason=decision.reason,
        sentence=sentence_of(decision),
        entry_id=None if entry_id is None else strawberry.ID(entry_id),
        sections=_parts(decision.sections),
        is_password_needed=decision.is_password_needed,
        remedies=_remedies(decision),
    )


@lru_cache(maxsize=10_000)
def _remedies(decision: Decision) -> list[DeliveryRemedy]:
    return [
        DeliveryRemedy(
            step=remedy.step,
            instruction=instruction_of(remedy.step),
            mutation=MUTATIONS[remedy.step],
            applies_to=range_of(remedy.step),
            outcome=remedy.outcome,
        )
        for remedy in decision.remedies
    ]


@cache
def _parts(sections: tuple[BillSection, ...]) -> list[BillPart]:
    return [BillPart(section=section, contains=CONTENTS[section]) for section in sections]


@cache
def _my_account() -> list[MyAccountDocument]:
    return [
        MyAccountDocument(
            document=document,
            outcome=forms.full,
            is_available=True,
            sections=_parts(SECTIONS.get(forms.full, ())),
            sentence=MY_ACCOUNT[document],
        )
        for document, forms in FORMS.items()
    ]


def _change(change: Change) -> DeliveryChange:
    return DeliveryChange(
        contact_id=strawberry.ID(change.contact.contact_id),
        document=change.before.document,
        before=DeliverySummary(outcome=change.before.outcome, reason=change.before.reason),
        after=DeliverySummary(outcome=change.after.outcome, reason=change.after.reason),
    )
