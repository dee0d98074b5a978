"""What a client may assume of a customer, to see what would be emailed then."""

import strawberry

from models.rules.delivery_situation import AssumedContact as Contact
from models.rules.delivery_situation import Assumption, ClassSituation
from models.rules.document import Document
from schema.base.errors import ErrorCode, RequestRefused
from schema.types.document import DocumentEnum

MAX_CONTACTS = 100


@strawberry.input(description="What is assumed of a contact; what is left out stays as it is.")
class AssumedContact:
    """A contact as it might be."""

    contact_id: strawberry.ID = strawberry.field(
        description="A contact that the customer has at that instant."
    )
    is_on_bill_list: bool | None = strawberry.field(
        default=None, description="Put on the bill distribution list, or taken off it."
    )
    is_preference_confirmed: bool | None = strawberry.field(
        default=None,
        description="A preference confirmed, with the address verified as that takes (R61), or"
        " withdrawn.",
    )
    preference_documents: list[DocumentEnum] | None = strawberry.field(  # type: ignore[valid-type]  # an enum with another name
        default=None, description="What a confirmed preference covers; by default all three (A1)."
    )

    @property
    def documents(self) -> frozenset[Document] | None:
        """Give what the assumed preference covers; raises RequestRefused."""
        if self.is_preference_confirmed is None or not self.is_preference_confirmed:
            if self.preference_documents is not None:
                raise RequestRefused(
                    ErrorCode.BAD_USER_INPUT,
                    "preferenceDocuments goes with isPreferenceConfirmed: true.",
                )
            return None if self.is_preference_confirmed is None else frozenset()
        documents = frozenset(self.preference_documents or ())
        if self.preference_documents is not None and not documents:
            raise RequestRefused(
                ErrorCode.BAD_USER_INPUT, "A preference covers at least one document."
            )
        return documents or frozenset(Document)


@strawberry.input(
    description="What is assumed of a customer; what is left out stays. Nothing is written (R79)."
)
class DeliveryAssumption:
    """A customer as it might be."""

    is_consent_given: bool | None = strawberry.field(
        default=None, description="Consent recorded, or withdrawn."
    )
    is_non_itemised_requested: bool | None = strawberry.field(
        default=None, description="Bills without itemisation asked for, or no longer (A16)."
    )
    contacts: list[AssumedContact] | None = strawberry.field(
        default=None,
        description="Contacts that the customer has, each once, 100 at most; none can be made up.",
    )
    class_id: strawberry.ID | None = strawberry.field(
        default=None, description="Moved to this class, which changes nothing (R75)."
    )

    def meant(self, customer_class: ClassSituation | None) -> Assumption:
        """Give what the rules take; raises RequestRefused."""
        contacts = self.contacts or []
        if len(contacts) > MAX_CONTACTS:
            raise RequestRefused(ErrorCode.BAD_USER_INPUT, f"{MAX_CONTACTS} contacts at most.")
        if len({contact.contact_id for contact in contacts}) < len(contacts):
            raise RequestRefused(ErrorCode.BAD_USER_INPUT, "Name each contact once.")
        return Assumption(
            is_consent_given=self.is_consent_given,
            is_non_itemised_requested=self.is_non_itemised_requested,
            contacts=[
                Contact(contact.contact_id, contact.is_on_bill_list, contact.documents)
                for contact in contacts
            ],
            customer_class=customer_class,
        )
