"""Assumptions about a customer, for a delivery preview."""

import strawberry

from models.rules.delivery_situation import AssumedContact as Contact
from models.rules.delivery_situation import Assumption, ClassSituation
from models.rules.document import Document
from schema.base.errors import ErrorCode, RequestRefused
from schema.types.document import DocumentEnum

MAX_CONTACTS = 100


@strawberry.input(
    description="Changes to assume about a contact in a delivery preview. A field left out stays as"
    " it is on record."
)
class AssumedContact:
    contact_id: strawberry.ID = strawberry.field(
        description="The id of a contact that the customer has at the instant of the preview."
    )
    receives_bills: bool | None = strawberry.field(
        default=None,
        description="Whether to assume that the contact is on the bill distribution list (true), or"
        " is not (false).",
    )
    is_preference_confirmed: bool | None = strawberry.field(
        default=None,
        description="Whether to assume that the contact has confirmed an attachment preference."
        " True also assumes that the email address is verified; false assumes that there is no"
        " preference.",
    )
    preference_documents: list[DocumentEnum] | None = strawberry.field(  # type: ignore[valid-type]  # an enum with another name
        default=None,
        description="The documents that the assumed preference covers, at least one; by default the"
        " bill, the CDR ZIP and the usage files. Allowed only if `isPreferenceConfirmed` is true.",
    )

    @property
    def documents(self) -> frozenset[Document] | None:
        """Return the assumed preference's documents; empty for no preference, None for no change.

        Raises RequestRefused for contradictory input.
        """
        if self.is_preference_confirmed is None or not self.is_preference_confirmed:
            if self.preference_documents is not None:
                raise RequestRefused(
                    ErrorCode.BAD_USER_INPUT,
                    "`preferenceDocuments` is allowed only if `isPreferenceConfirmed` is true.",
                )
            return None if self.is_preference_confirmed is None else frozenset()
        documents = frozenset(self.preference_documents or ())
        if self.preference_documents is not None and not documents:
            raise RequestRefused(
                ErrorCode.BAD_USER_INPUT, "`preferenceDocuments` must name at least one document."
            )
        return documents or frozenset(Document)


@strawberry.input(
    description="Changes to assume about a customer in a delivery preview. A field left out stays"
    " as it is on record. Nothing is saved."
)
class DeliveryAssumption:
    is_consent_given: bool | None = strawberry.field(
        default=None,
        description="Whether to assume that the customer's consent is given (true), or is not"
        " (false).",
    )
    is_non_itemised_requested: bool | None = strawberry.field(
        default=None,
        description="Whether to assume that the customer's request for bills without a list of"
        " calls is in force (true), or is not (false).",
    )
    contacts: list[AssumedContact] | None = strawberry.field(
        default=None,
        description="Changes to assume about the customer's contacts, each contact at most once; at"
        " most 100.",
    )
    class_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="The id of an active class to assume for the customer. The class has no effect"
        " on what is emailed.",
    )

    def to_assumption(self, customer_class: ClassSituation | None) -> Assumption:
        """Convert the input to an Assumption; raises RequestRefused if it contradicts itself."""
        contacts = self.contacts or []
        if len(contacts) > MAX_CONTACTS:
            raise RequestRefused(
                ErrorCode.BAD_USER_INPUT, f"`contacts` may name at most {MAX_CONTACTS} contacts."
            )
        if len({contact.contact_id for contact in contacts}) < len(contacts):
            raise RequestRefused(
                ErrorCode.BAD_USER_INPUT,
                "`contacts` names a contact more than once; name each contact once.",
            )
        return Assumption(
            is_consent_given=self.is_consent_given,
            is_non_itemised_requested=self.is_non_itemised_requested,
            contacts=[
                Contact(contact.contact_id, contact.receives_bills, contact.documents)
                for contact in contacts
            ],
            customer_class=customer_class,
        )
