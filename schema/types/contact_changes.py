"""Inputs and payloads of the mutations on contacts."""

import strawberry

from schema.base.mutation_fields import (
    MutationPayload,
    customer_external_reference,
    dry_run,
    expected_version,
)
from schema.types.contact import Contact
from schema.types.document import DocumentEnum
from schema.types.on_conflict import OnConflict, OnConflictEnum

SAVED_CONTACT = (
    "The contact to create (without `id`) or to change (with `id`, or with `externalReference` and"
    " `onConflict: UPDATE`). A field left out keeps its value, or its default in a new contact; an"
    " explicit null clears it."
)


@strawberry.input(description=SAVED_CONTACT)
class SaveContactRow:
    id: strawberry.ID | None = strawberry.field(
        default=None,
        description="The id of the contact to change; leave it out to create a contact, or to find"
        " it by `externalReference`.",
    )
    customer_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="The id of the customer that a new contact belongs to; this or"
        " `customerExternalReference` is required to create a contact. A contact can't move to"
        " another customer.",
    )
    customer_external_reference: str | None = customer_external_reference()
    expected_version: int | None = expected_version("contact", " Leave it out to create a contact.")
    name: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The contact's name, 1 to 200 characters; required to create a contact.",
    )
    email: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The contact's email address; only its format is checked. A new email address"
        " is not verified, and the contact's attachment preference ends. If you may not see"
        " personal data, every email address that you send counts as new.",
    )
    receives_bills: bool | None = strawberry.field(
        default=strawberry.UNSET,
        description="Whether the contact is on the customer's bill distribution list; false by"
        " default.",
    )
    receives_correspondence: bool | None = strawberry.field(
        default=strawberry.UNSET,
        description="Whether the contact receives correspondence; false by default.",
    )
    is_active: bool | None = strawberry.field(
        default=strawberry.UNSET,
        description="Whether the contact is active, true by default. An inactive contact is sent"
        " nothing.",
    )
    external_reference: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="Your own id of the contact, up to 200 characters, unique among the contacts of"
        " all customers of a reseller, or of those without one. It ends with the deletion of the"
        " contact, and when the customer gets another reseller.",
    )
    on_conflict: OnConflictEnum = strawberry.field(  # type: ignore[valid-type]  # an enum with another name
        default=OnConflict.REFUSE,
        description="What to do without `id` if there is a contact with the `externalReference`"
        " already: refuse, by default, or update it.",
    )


@strawberry.input(description=SAVED_CONTACT)
class SaveContactInput(SaveContactRow):
    dry_run: bool | None = dry_run()


@strawberry.input(
    description="A contact to save together with its customer: a new one, or with"
    " `onConflict: UPDATE` the customer's contact that has the `externalReference`. A field left"
    " out keeps its value, or its default in a new contact; an explicit null clears it."
)
class CustomerContactInput:
    name: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The contact's name, 1 to 200 characters; required to create a contact.",
    )
    email: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The contact's email address, as in `saveContact`; only its format is checked.",
    )
    receives_bills: bool | None = strawberry.field(
        default=strawberry.UNSET,
        description="Whether the contact is on the customer's bill distribution list; false by"
        " default.",
    )
    receives_correspondence: bool | None = strawberry.field(
        default=strawberry.UNSET,
        description="Whether the contact receives correspondence; false by default.",
    )
    is_active: bool | None = strawberry.field(
        default=strawberry.UNSET,
        description="Whether the contact is active, true by default. An inactive contact is sent"
        " nothing.",
    )
    external_reference: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="Your own id of the contact, up to 200 characters, unique among the contacts of"
        " all customers of a reseller, or of those without one.",
    )
    on_conflict: OnConflictEnum = strawberry.field(  # type: ignore[valid-type]  # an enum with another name
        default=OnConflict.REFUSE,
        description="What to do if there is a contact with the `externalReference` already: refuse,"
        " by default, or update it, if it is the customer's own.",
    )


@strawberry.type(description="The result of saving a contact.")
class SaveContactPayload(MutationPayload):
    contact: Contact | None = strawberry.field(
        default=None,
        description="The saved contact. After the error VERSION_CONFLICT, the contact as stored;"
        " null after other errors.",
    )


@strawberry.input(
    description="The contact to delete. Its history keeps the contact's personal data;"
    " `eraseContact` erases it."
)
class DeleteContactInput:
    id: strawberry.ID = strawberry.field(description="The id of the contact.")
    expected_version: int | None = expected_version("contact")
    dry_run: bool | None = dry_run()


@strawberry.type(description="The result of deleting a contact.")
class DeleteContactPayload(MutationPayload):
    deleted_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="The id of the deleted contact; null in a dry run and after an error.",
    )
    contact: Contact | None = strawberry.field(
        default=None,
        description="After the error VERSION_CONFLICT, the contact as stored; otherwise null.",
    )


@strawberry.input(
    description="The contact to erase: the contact's personal data and the reasons given for"
    " changes are erased for good."
)
class EraseContactInput:
    id: strawberry.ID = strawberry.field(
        description="The id of the contact; it may be deleted already."
    )
    expected_version: int | None = expected_version(
        "contact", " A contact that is erased already is accepted at any version."
    )
    dry_run: bool | None = dry_run()


@strawberry.type(description="The result of erasing a contact.")
class EraseContactPayload(MutationPayload):
    erased_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="The id of the erased contact, also if the contact was erased before; null"
        " in a dry run and after an error.",
    )
    contact: Contact | None = strawberry.field(
        default=None,
        description="After the error VERSION_CONFLICT, the contact as stored, unless it is deleted;"
        " otherwise null.",
    )


@strawberry.input(description="The contact to ask, by email, to verify their email address.")
class RequestEmailVerificationInput:
    contact_id: strawberry.ID = strawberry.field(description="The id of the contact.")
    expected_version: int | None = expected_version("contact")
    dry_run: bool | None = dry_run(", and send no email")


@strawberry.type(
    description="The result of requesting an email verification. The email is sent in the"
    " background."
)
class RequestEmailVerificationPayload(MutationPayload):
    contact: Contact | None = strawberry.field(
        default=None,
        description="The contact that is asked to verify their email address. After the error"
        " VERSION_CONFLICT, the contact as stored; null after other errors.",
    )


@strawberry.input(
    description="The contact to ask, by email, whether they want documents in full (with call"
    " detail), and which documents."
)
class RequestAttachmentPreferenceInput:
    contact_id: strawberry.ID = strawberry.field(description="The id of the contact.")
    documents: list[DocumentEnum] | None = strawberry.field(  # type: ignore[valid-type]  # an enum with another name
        default=None,
        description="The documents that the contact is offered in full; by default the bill, the"
        " CDR ZIP and the usage files.",
    )
    expected_version: int | None = expected_version("contact")
    dry_run: bool | None = dry_run(", and send no email")


@strawberry.type(
    description="The result of requesting an attachment preference. The email is sent in the"
    " background."
)
class RequestAttachmentPreferencePayload(MutationPayload):
    contact: Contact | None = strawberry.field(
        default=None,
        description="The contact, with the request in the preference history. After the error"
        " VERSION_CONFLICT, the contact as stored; null after other errors.",
    )


@strawberry.input(description="The contact whose attachment preference to withdraw.")
class WithdrawAttachmentPreferenceInput:
    contact_id: strawberry.ID = strawberry.field(description="The id of the contact.")
    reason: str | None = strawberry.field(
        default=None,
        description="Why the preference is withdrawn, up to 1000 characters; kept in the audit"
        " trail.",
    )
    expected_version: int | None = expected_version("contact")
    dry_run: bool | None = dry_run()


@strawberry.type(
    description="The result of withdrawing an attachment preference. Nothing changes if the"
    " contact has neither a preference nor an open request."
)
class WithdrawAttachmentPreferencePayload(MutationPayload):
    contact: Contact | None = strawberry.field(
        default=None,
        description="The contact after the withdrawal. After the error VERSION_CONFLICT, the"
        " contact as stored; null after other errors.",
    )
