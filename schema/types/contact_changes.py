"""What changes contacts: inputs and payloads."""

import strawberry

from schema.base.user_error import UserError
from schema.types.contact import Contact
from schema.types.document import DocumentEnum


@strawberry.input(description="A contact to create (no id), or what to change of one (id).")
class SaveContactInput:
    """Fields left out stay as they are; an explicit null clears."""

    id: strawberry.ID | None = strawberry.field(
        default=None, description="The contact to change; absent to create one."
    )
    customer_id: strawberry.ID | None = strawberry.field(
        default=None, description="Whose contact a new one is; a contact stays with its customer."
    )
    expected_version: int | None = strawberry.field(
        default=None, description="Refuse the change if the contact is at another version."
    )
    name: str | None = strawberry.field(
        default=strawberry.UNSET, description="1 to 200 characters."
    )
    email: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="Its address, checked by its form. Another one than before is unverified, and"
        " has no preference (R62).",
    )
    receives_bills: bool | None = strawberry.field(
        default=strawberry.UNSET, description="Put it on the bill distribution list; else false."
    )
    receives_correspondence: bool | None = strawberry.field(
        default=strawberry.UNSET, description="Let it receive correspondence; else false."
    )
    is_active: bool | None = strawberry.field(
        default=strawberry.UNSET, description="Let it receive anything at all; true unless told."
    )
    dry_run: bool | None = strawberry.field(
        default=False, description="Do everything but keep nothing."
    )


@strawberry.type(description="What saving a contact did.")
class SaveContactPayload:
    """A payload."""

    contact: Contact | None = strawberry.field(
        default=None, description="The contact as it is now, or as it stands after a conflict."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was changed; empty if it was."
    )


@strawberry.input(description="A contact to delete.")
class DeleteContactInput:
    """An input."""

    id: strawberry.ID = strawberry.field(description="The contact.")
    expected_version: int | None = strawberry.field(
        default=None, description="Refuse if the contact is at another version."
    )
    dry_run: bool | None = strawberry.field(
        default=False, description="Do everything but keep nothing."
    )


@strawberry.type(description="What deleting a contact did.")
class DeleteContactPayload:
    """A payload."""

    deleted_id: strawberry.ID | None = strawberry.field(
        default=None, description="The id of the contact that is gone."
    )
    contact: Contact | None = strawberry.field(
        default=None, description="The contact as it stands, when it could not be deleted."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was changed; empty if it was."
    )


@strawberry.input(description="A contact to erase.")
class EraseContactInput:
    """An input."""

    id: strawberry.ID = strawberry.field(description="The contact; it may be deleted already.")
    expected_version: int | None = strawberry.field(
        default=None,
        description="Refuse if the contact is at another version, unless it is erased already.",
    )
    dry_run: bool | None = strawberry.field(
        default=False, description="Do everything but keep nothing."
    )


@strawberry.type(description="The result of erasing a contact.")
class EraseContactPayload:
    """A payload."""

    erased_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="The id of the contact that is erased, now or before; null on failure.",
    )
    contact: Contact | None = strawberry.field(
        default=None,
        description="The current contact after a version conflict; null if it is deleted.",
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Errors that the user can fix; empty on success."
    )


@strawberry.input(description="Whose address is to be verified.")
class RequestEmailVerificationInput:
    """An input."""

    contact_id: strawberry.ID = strawberry.field(description="The contact.")
    expected_version: int | None = strawberry.field(
        default=None, description="Refuse if the contact is at another version."
    )
    dry_run: bool | None = strawberry.field(
        default=False, description="Do everything but keep nothing; no mail is sent."
    )


@strawberry.type(description="What asking did; the mail goes out in the background.")
class RequestEmailVerificationPayload:
    """A payload."""

    contact: Contact | None = strawberry.field(
        default=None, description="The contact as it is now, or as it stands after a conflict."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was changed; empty if it was."
    )


@strawberry.input(description="Whom to ask, and for which documents.")
class RequestAttachmentPreferenceInput:
    """An input."""

    contact_id: strawberry.ID = strawberry.field(description="The contact.")
    documents: list[DocumentEnum] | None = strawberry.field(  # type: ignore[valid-type]  # an enum with another name
        default=None, description="What the contact is to get in full; all three unless told (A1)."
    )
    expected_version: int | None = strawberry.field(
        default=None, description="Refuse if the contact is at another version."
    )
    dry_run: bool | None = strawberry.field(
        default=False, description="Do everything but keep nothing; no mail is sent."
    )


@strawberry.type(description="What asking did; the mail goes out in the background.")
class RequestAttachmentPreferencePayload:
    """A payload."""

    contact: Contact | None = strawberry.field(
        default=None, description="The contact as it is now, or as it stands after a conflict."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was changed; empty if it was."
    )


@strawberry.input(description="Whose preference is to be withdrawn, and why.")
class WithdrawAttachmentPreferenceInput:
    """An input."""

    contact_id: strawberry.ID = strawberry.field(description="The contact.")
    reason: str | None = strawberry.field(
        default=None, description="Why, up to 1000 characters; kept in the audit trail."
    )
    expected_version: int | None = strawberry.field(
        default=None, description="Refuse if the contact is at another version."
    )
    dry_run: bool | None = strawberry.field(
        default=False, description="Do everything but keep nothing; no mail is sent."
    )


@strawberry.type(description="What a withdrawal did; nothing if no preference was there.")
class WithdrawAttachmentPreferencePayload:
    """A payload."""

    contact: Contact | None = strawberry.field(
        default=None, description="The contact as it is now, or as it stands after a conflict."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was changed; empty if it was."
    )
