"""Inputs and payloads of the mutations on contacts."""

import strawberry

from schema.base.mutation_fields import dry_run, expected_version, user_errors
from schema.base.user_error import UserError
from schema.types.contact import Contact
from schema.types.document import DocumentEnum


@strawberry.input(
    description="The contact to create (without `id`) or to change (with `id`). A field left out"
    " keeps its value, or its default in a new contact; an explicit null clears it."
)
class SaveContactInput:
    id: strawberry.ID | None = strawberry.field(
        default=None,
        description="The id of the contact to change; leave it out to create a contact.",
    )
    customer_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="The id of the customer that a new contact belongs to; required to create one."
        " A contact can't move to another customer.",
    )
    expected_version: int | None = expected_version("contact", " Leave it out to create a contact.")
    name: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The contact's name, 1 to 200 characters; required to create one.",
    )
    email: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The contact's email address; only its format is checked. A different email"
        " address is not verified, and has no attachment preference; this applies to every email"
        " address set by a caller who may not see personal data.",
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
    dry_run: bool | None = dry_run()


@strawberry.type(description="The result of saving a contact.")
class SaveContactPayload:
    contact: Contact | None = strawberry.field(
        default=None,
        description="The saved contact; after a version conflict, the current contact.",
    )
    user_errors: list[UserError] = user_errors()


@strawberry.input(description="The contact to delete.")
class DeleteContactInput:
    id: strawberry.ID = strawberry.field(description="The id of the contact.")
    expected_version: int | None = expected_version("contact")
    dry_run: bool | None = dry_run()


@strawberry.type(description="The result of deleting a contact.")
class DeleteContactPayload:
    deleted_id: strawberry.ID | None = strawberry.field(
        default=None, description="The id of the deleted contact; null on failure."
    )
    contact: Contact | None = strawberry.field(
        default=None, description="The current contact after a version conflict; otherwise null."
    )
    user_errors: list[UserError] = user_errors()


@strawberry.input(description="The contact whose personal data to erase.")
class EraseContactInput:
    id: strawberry.ID = strawberry.field(
        description="The id of the contact; it may be deleted already."
    )
    expected_version: int | None = expected_version(
        "contact", " A contact that is erased already is accepted at any version."
    )
    dry_run: bool | None = dry_run()


@strawberry.type(description="The result of erasing a contact.")
class EraseContactPayload:
    erased_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="The id of the erased contact, also if it was erased before; null on failure.",
    )
    contact: Contact | None = strawberry.field(
        default=None,
        description="The current contact after a version conflict; null if it is deleted.",
    )
    user_errors: list[UserError] = user_errors()


@strawberry.input(description="The contact to ask, by email, to verify their email address.")
class RequestEmailVerificationInput:
    contact_id: strawberry.ID = strawberry.field(description="The id of the contact.")
    expected_version: int | None = expected_version("contact")
    dry_run: bool | None = dry_run(", and send no email")


@strawberry.type(
    description="The result of requesting an email verification. The email is sent in the"
    " background."
)
class RequestEmailVerificationPayload:
    contact: Contact | None = strawberry.field(
        default=None, description="The contact; after a version conflict, the current contact."
    )
    user_errors: list[UserError] = user_errors()


@strawberry.input(
    description="The contact to ask, by email, whether they want documents in full, and which"
    " documents."
)
class RequestAttachmentPreferenceInput:
    contact_id: strawberry.ID = strawberry.field(description="The id of the contact.")
    documents: list[DocumentEnum] | None = strawberry.field(  # type: ignore[valid-type]  # an enum with another name
        default=None,
        description="The documents that the contact is asked to receive in full; all three by"
        " default.",
    )
    expected_version: int | None = expected_version("contact")
    dry_run: bool | None = dry_run(", and send no email")


@strawberry.type(
    description="The result of requesting an attachment preference. The email is sent in the"
    " background."
)
class RequestAttachmentPreferencePayload:
    contact: Contact | None = strawberry.field(
        default=None,
        description="The contact with the request in the preference history; after a version"
        " conflict, the current contact.",
    )
    user_errors: list[UserError] = user_errors()


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
class WithdrawAttachmentPreferencePayload:
    contact: Contact | None = strawberry.field(
        default=None,
        description="The contact after the withdrawal; after a version conflict, the current"
        " contact.",
    )
    user_errors: list[UserError] = user_errors()
