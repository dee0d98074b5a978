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
    deciding_entry_id,
    decisions,
    difference,
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
    Step,
    "DeliveryStep",
    "A step by which a user can change how a document is emailed to a contact.",
    STEP_DESCRIPTIONS,
)

StepRangeEnum = described_enum(
    StepRange,
    "DeliveryStepRange",
    "The contacts that a step affects.",
    {
        "CONTACT": "The step affects one contact only.",
        "ACCOUNT": "The step affects the whole account: all contacts on the bill distribution"
        " list.",
    },
)

DeliveryAdvisoryCodeEnum = described_enum(
    DeliveryAdvisoryCode,
    "DeliveryAdvisoryCode",
    "The kinds of advisories on a delivery: matters that staff should review.",
    {
        "EMAIL_NOT_VERIFIED": "Because of the account's consent, call detail would be emailed to an"
        " email address that is not verified."
    },
)


@strawberry.type(description="A section of a bill, and its contents.")
class BillPart:
    section: BillSectionEnum = strawberry.field(description="The section, for programs.")  # type: ignore[valid-type]  # an enum with another name
    contains: str = strawberry.field(
        description="The contents of the section, for people, in English."
    )


@strawberry.type(
    description="A step by which a user can change how a document is emailed, by itself or together"
    " with other steps."
)
class DeliveryRemedy:
    step: DeliveryStepEnum = strawberry.field(description="What to do, for programs.")  # type: ignore[valid-type]  # see above
    instruction: str = strawberry.field(description="What to do, for people, in English.")
    mutation: str = strawberry.field(
        description="The name of the mutation that takes or starts the step."
    )
    applies_to: StepRangeEnum = strawberry.field(  # type: ignore[valid-type]  # see above
        description="The contacts that the step affects. Choose CONFIRM_PREFERENCE if only this"
        " contact wants documents in full, and RECORD_CONSENT if all contacts on the bill"
        " distribution list may receive documents in full."
    )
    outcome: DeliveryOutcomeEnum = strawberry.field(  # type: ignore[valid-type]  # see above
        description="The outcome for the document if only this step is taken: the same as now if"
        " other steps are needed too."
    )


@strawberry.type(description="How one document is emailed to one contact, and why.")
class DocumentDelivery:
    document: DocumentEnum = strawberry.field(description="The kind of document.")  # type: ignore[valid-type]  # see above
    outcome: DeliveryOutcomeEnum = strawberry.field(  # type: ignore[valid-type]  # see above
        description="How the document is emailed to the contact, if at all."
    )
    reason: DeliveryReasonEnum = strawberry.field(  # type: ignore[valid-type]  # see above
        description="The reason for the outcome, for programs."
    )
    sentence: str = strawberry.field(
        description="The outcome for the document and the reason for it, for people, in English."
    )
    entry_id: strawberry.ID | None = strawberry.field(
        description="The id of the consent or preference entry that the outcome rests on; null if"
        " there is no such entry, or if the preview only assumes the consent or preference."
    )
    sections: list[BillPart] = strawberry.field(
        description="The sections that the emailed bill has, in order; empty for other documents,"
        " and if the bill is not emailed."
    )
    is_password_needed: bool = strawberry.field(
        description="Whether the contact needs a password to open the document. The password is"
        " shared by another way than email, and is never shown here."
    )
    remedies: list[DeliveryRemedy] = strawberry.field(
        description="Steps that would change the outcome: towards the full document (with call"
        " detail) if it is not emailed in full, or away from it if it is. The `outcome` of each"
        " step shows the effect of this step alone."
    )


@strawberry.type(
    description="A matter about a delivery that staff should review. It changes nothing by itself."
)
class DeliveryAdvisory:
    code: DeliveryAdvisoryCodeEnum = strawberry.field(  # type: ignore[valid-type]  # see above
        description="The kind of advisory, for programs."
    )
    message: str = strawberry.field(description="What to review, for people, in English.")


@strawberry.type(
    description="What a contact would be emailed at the instant of a delivery preview."
)
class ContactDelivery:
    contact_id: strawberry.ID = strawberry.field(description="The id of the contact.")
    receives_bills: bool = strawberry.field(
        description="Whether the contact is on the customer's bill distribution list at the instant"
        " of the preview."
    )
    receives_correspondence: bool = strawberry.field(
        description="Whether the contact is marked to receive correspondence at the instant of the"
        " preview."
    )
    is_sent_correspondence: bool = strawberry.field(
        description="Whether the contact would be emailed correspondence at the instant of the"
        " preview: they are marked to receive it, active, and have an email address. Correspondence"
        " contains no call detail and needs no consent."
    )
    is_active: bool = strawberry.field(
        description="Whether the contact is active at the instant of the preview. An inactive"
        " contact is sent nothing."
    )
    has_email: bool = strawberry.field(
        description="Whether the contact has an email address at the instant of the preview."
    )
    is_email_verified: bool = strawberry.field(
        description="Whether the contact's email address is verified at the instant of the preview."
    )
    documents: list[DocumentDelivery] = strawberry.field(
        description="How each document is emailed to the contact: the bill, the CDR ZIP (call data"
        " records) and the usage files, in this order."
    )
    advisories: list[DeliveryAdvisory] = strawberry.field(
        description="Matters about deliveries to the contact that staff should review; empty if"
        " there are none."
    )
    name: str | None = restricted(
        Scope.CONTACTS_READ,
        description="The contact's name at the instant of the preview. Null without the permission"
        " contacts:read.",
        masked=STARRED,
    )
    email: str | None = restricted(
        Scope.CONTACTS_READ,
        description="The contact's email address at the instant of the preview; null if there is"
        " none, and without the permission contacts:read.",
        masked=NULLED,
    )


@strawberry.type(
    description="A document that the customer can get in MyAccount, the portal behind the"
    " customer's own sign-in. It never depends on class, consent or preference."
)
class MyAccountDocument:
    document: DocumentEnum = strawberry.field(description="The kind of document.")  # type: ignore[valid-type]  # see above
    outcome: DeliveryOutcomeEnum = strawberry.field(  # type: ignore[valid-type]  # see above
        description="The form in which MyAccount shows the document, which is always in full:"
        " ITEMISED, PLAIN or SENT."
    )
    is_available: bool = strawberry.field(
        description="Whether the customer can get the document in MyAccount; always true."
    )
    sections: list[BillPart] = strawberry.field(
        description="All sections of the bill, in order; empty for other documents."
    )
    sentence: str = strawberry.field(
        description="A sentence on the availability of the document in MyAccount, for people, in"
        " English."
    )


@strawberry.type(
    description="The outcome of the delivery decision on a document, and the reason for it."
)
class DeliveryOutcomeWithReason:
    outcome: DeliveryOutcomeEnum = strawberry.field(  # type: ignore[valid-type]  # see above
        description="How the document is emailed to the contact, if at all."
    )
    reason: DeliveryReasonEnum = strawberry.field(description="The reason for the outcome.")  # type: ignore[valid-type]  # see above
    sentence: str = strawberry.field(description="Outcome and reason, for people, in English.")


@strawberry.type(
    description="A difference that the assumptions of a delivery preview make: a document whose"
    " outcome or reason for one contact differs."
)
class DeliveryChange:
    contact_id: strawberry.ID = strawberry.field(description="The id of the contact.")
    document: DocumentEnum = strawberry.field(description="The kind of document.")  # type: ignore[valid-type]  # see above
    before: DeliveryOutcomeWithReason = strawberry.field(
        description="The outcome and its reason without the assumptions."
    )
    after: DeliveryOutcomeWithReason = strawberry.field(
        description="The outcome and its reason with the assumptions."
    )
    contact_name: str | None = restricted(
        Scope.CONTACTS_READ,
        description="The contact's name at the instant of the preview. Null without the permission"
        " contacts:read.",
        masked=STARRED,
    )


@strawberry.type(
    description="What each contact of a customer would be emailed at an instant, according to all"
    " data that is on record now. Nothing is saved or sent."
)
class DeliveryPreview:
    at: datetime = strawberry.field(description="The instant of the preview, in UTC.")
    is_consent_given: bool = strawberry.field(
        description="Whether the customer's consent to documents in full by email is in force at"
        " the instant of the preview. It covers all contacts of the customer."
    )
    consent_basis: ConsentBasisEnum | None = strawberry.field(  # type: ignore[valid-type]  # see above
        description="The lawful basis of the consent; null if consent is not given, or the preview"
        " only assumes it."
    )
    is_non_itemised_requested: bool = strawberry.field(
        description="Whether the customer's request for bills without a list of calls is in force"
        " at the instant of the preview."
    )
    class_id: strawberry.ID | None = strawberry.field(
        description="The id of the class that the customer is in at the instant of the preview;"
        " null if the customer did not exist yet. The class has no effect on what is emailed."
    )
    class_code: str | None = strawberry.field(
        description="The code of the class in `classId`, if the class came with the platform;"
        " otherwise null."
    )
    class_name: str | None = strawberry.field(
        description="The current name of the class in `classId`; null if there is no class."
    )
    contacts: list[ContactDelivery] = strawberry.field(
        description="Every contact that the customer has at the instant of the preview, oldest"
        " first."
    )
    my_account: list[MyAccountDocument] = strawberry.field(
        description="The documents that the customer can get in MyAccount, the customer's own"
        " portal: always all documents, in full."
    )
    difference: list[DeliveryChange] = strawberry.field(
        description="The delivery decisions that the assumptions change; empty without assumptions."
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
        receives_bills=contact.receives_bills,
        receives_correspondence=contact.receives_correspondence,
        is_sent_correspondence=contact.is_sent_correspondence,
        is_active=contact.is_active,
        has_email=contact.has_email,
        is_email_verified=contact.is_verified,
        documents=[
            _document(decision, deciding_entry_id(situation, contact, decision.reason))
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
    before, after = (
        DeliveryOutcomeWithReason(outcome=one.outcome, reason=one.reason, sentence=sentence_of(one))
        for one in (change.before, change.after)
    )
    return DeliveryChange(
        contact_id=strawberry.ID(change.contact.contact_id),
        document=change.before.document,
        before=before,
        after=after,
        contact_name=change.contact.name,
    )
