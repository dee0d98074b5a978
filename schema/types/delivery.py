"""The delivery preview as clients see it: what each contact would be emailed, and why."""

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
    Step, "DeliveryStep", "What somebody can do that changes an outcome.", STEP_DESCRIPTIONS
)

StepRangeEnum = described_enum(
    StepRange,
    "DeliveryStepRange",
    "Whom a step is for.",
    {
        "CONTACT": "This contact alone.",
        "ACCOUNT": "The whole account: every address on the bill distribution list.",
    },
)

DeliveryAdvisoryCodeEnum = described_enum(
    DeliveryAdvisoryCode,
    "DeliveryAdvisoryCode",
    "What to look at about a delivery.",
    {"UNVERIFIED_ADDRESS": "Account consent sends detail to an address that is not verified."},
)


@strawberry.type(description="A part of a bill, and what it contains (R72).")
class BillPart:
    """A section."""

    section: BillSectionEnum = strawberry.field(description="Which part, for programs.")  # type: ignore[valid-type]  # an enum with another name
    contains: str = strawberry.field(description="What it contains, for people, in English.")


@strawberry.type(description="One step that would change an outcome, or that leads to it.")
class DeliveryRemedy:
    """A remedy."""

    step: DeliveryStepEnum = strawberry.field(description="What to do, for programs.")  # type: ignore[valid-type]  # see above
    instruction: str = strawberry.field(description="What to do, for people, in English.")
    mutation: str = strawberry.field(description="The mutation that does it, or begins it.")
    applies_to: StepRangeEnum = strawberry.field(  # type: ignore[valid-type]  # see above
        description="Whom the step is for. Choose CONFIRM_PREFERENCE where one recipient wants the"
        " detail, and RECORD_CONSENT where every address on the bill distribution list may have it."
    )
    outcome: DeliveryOutcomeEnum = strawberry.field(  # type: ignore[valid-type]  # see above
        description="The outcome that this step alone would lead to."
    )


@strawberry.type(description="What happens to one document for one contact.")
class DocumentDelivery:
    """A decision."""

    document: DocumentEnum = strawberry.field(description="The document.")  # type: ignore[valid-type]  # see above
    outcome: DeliveryOutcomeEnum = strawberry.field(description="Its form, if it goes out.")  # type: ignore[valid-type]  # see above
    reason: DeliveryReasonEnum = strawberry.field(description="Why, for programs (R78).")  # type: ignore[valid-type]  # see above
    sentence: str = strawberry.field(description="What happens and why, for people, in English.")
    entry_id: strawberry.ID | None = strawberry.field(
        description="The consent or preference entry behind it; null where there is none, and for"
        " what is only assumed (R78)."
    )
    sections: list[BillPart] = strawberry.field(
        description="What a bill contains, in order; empty for everything else (R72)."
    )
    is_password_needed: bool = strawberry.field(
        description="Whether the contact needs a password, which goes out of band and is never"
        " shown here (R73)."
    )
    remedies: list[DeliveryRemedy] = strawberry.field(
        description="Steps towards another outcome: what leads to the full form, or away from it."
        " Each says what it alone leads to: where two things stand in the way, or two let detail"
        " out, that is what it is now."
    )


@strawberry.type(description="Something about a delivery that somebody should look at.")
class DeliveryAdvisory:
    """An advisory."""

    code: DeliveryAdvisoryCodeEnum = strawberry.field(description="What it is, for programs.")  # type: ignore[valid-type]  # see above
    message: str = strawberry.field(description="What it is, for people, in English.")


@strawberry.type(description="What a contact would be emailed.")
class ContactDelivery:
    """A contact in a preview."""

    contact_id: strawberry.ID = strawberry.field(description="The id of the contact.")
    is_on_bill_list: bool = strawberry.field(
        description="Whether it was on the bill distribution list at that instant."
    )
    is_on_correspondence_list: bool = strawberry.field(
        description="Whether the contact was marked for correspondence at that instant."
    )
    is_sent_correspondence: bool = strawberry.field(
        description="Whether the contact was emailed correspondence: marked for it, active, and"
        " with an email address. Correspondence holds no call detail, so consent does not matter."
    )
    is_active: bool = strawberry.field(description="Whether it was active at that instant.")
    has_address: bool = strawberry.field(description="Whether it had an email address then.")
    is_address_verified: bool = strawberry.field(description="Whether that was verified then.")
    documents: list[DocumentDelivery] = strawberry.field(
        description="The bill, the CDR ZIP and the usage files, in that order."
    )
    advisories: list[DeliveryAdvisory] = strawberry.field(
        description="What somebody should look at; it changes nothing (A13)."
    )
    name: str | None = restricted(
        Scope.CONTACTS_READ, description="Its name at that instant.", masked=STARRED
    )
    email: str | None = restricted(
        Scope.CONTACTS_READ, description="Its email address at that instant.", masked=NULLED
    )


@strawberry.type(description="What the customer finds in MyAccount, always (R74).")
class MyAccountDocument:
    """A document behind the customer's own sign-in."""

    document: DocumentEnum = strawberry.field(description="The document.")  # type: ignore[valid-type]  # see above
    outcome: DeliveryOutcomeEnum = strawberry.field(  # type: ignore[valid-type]  # see above
        description="Always the full form: ITEMISED, PLAIN, SENT."
    )
    is_available: bool = strawberry.field(description="Always true.")
    sections: list[BillPart] = strawberry.field(description="What the bill contains: all of it.")
    sentence: str = strawberry.field(description="The same for people, in English.")


@strawberry.type(description="What the rule says of a document, in short.")
class DeliverySummary:
    """An outcome and its reason."""

    outcome: DeliveryOutcomeEnum = strawberry.field(description="Its form, if it goes out.")  # type: ignore[valid-type]  # see above
    reason: DeliveryReasonEnum = strawberry.field(description="Why.")  # type: ignore[valid-type]  # see above


@strawberry.type(description="One document for one contact, where the assumption changes it.")
class DeliveryChange:
    """A difference."""

    contact_id: strawberry.ID = strawberry.field(description="The contact.")
    document: DocumentEnum = strawberry.field(description="The document.")  # type: ignore[valid-type]  # see above
    before: DeliverySummary = strawberry.field(description="Without the assumption.")
    after: DeliverySummary = strawberry.field(description="With it.")


@strawberry.type(
    description="What would be emailed to whom at an instant, by all that is on record now. Nothing"
    " is written or sent (R79)."
)
class DeliveryPreview:
    """A preview."""

    at: datetime = strawberry.field(description="As of which instant, in UTC (R80).")
    is_consent_given: bool = strawberry.field(description="Whether consent is given then.")
    consent_basis: ConsentBasisEnum | None = strawberry.field(  # type: ignore[valid-type]  # see above
        description="On what basis; null without consent, and for one that is assumed."
    )
    is_non_itemised_requested: bool = strawberry.field(
        description="Whether bills without itemisation are asked for then (A16)."
    )
    class_id: strawberry.ID | None = strawberry.field(
        description="The class that it was in then, if any. It decides nothing (R75)."
    )
    class_code: str | None = strawberry.field(description="The code of that class, if shipped.")
    class_name: str | None = strawberry.field(description="The name of that class, as it is now.")
    contacts: list[ContactDelivery] = strawberry.field(
        description="Every contact that it had then, by age."
    )
    my_account: list[MyAccountDocument] = strawberry.field(
        description="What the customer finds after signing in: everything, always (R74)."
    )
    difference: list[DeliveryChange] = strawberry.field(
        description="What the assumption changes; empty without one."
    )
    rules_version: int = strawberry.field(description="The version of deliveryRules that decided.")

    @classmethod
    def of(
        cls, situation: Situation, policy: DeliveryPolicy, before: Situation | None = None
    ) -> "DeliveryPreview":
        """Decide about a situation, and compare it with the one before an assumption."""
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
