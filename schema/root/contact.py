"""Root fields about contacts of customers."""

import strawberry

from models.tables.access import Scope
from resolvers import contact as contact_resolvers
from schema.base.operation import operation
from schema.base.permissions import Requires
from schema.types.contact_changes import (
    DeleteContactPayload,
    EraseContactPayload,
    RequestAttachmentPreferencePayload,
    RequestEmailVerificationPayload,
    SaveContactPayload,
    WithdrawAttachmentPreferencePayload,
)


@strawberry.type
class ContactMutation:
    save_contact: SaveContactPayload | None = operation(
        contact_resolvers.save_contact,
        Requires(Scope.CONTACTS_WRITE),
        "Create a contact of a customer (without `id`) or change the sent fields of one (with"
        " `id`). A new email address is unverified, and ends the contact's attachment preference.",
    )
    delete_contact: DeleteContactPayload | None = operation(
        contact_resolvers.delete_contact,
        Requires(Scope.CONTACTS_WRITE),
        "Remove a contact from its customer. The contact's history stays, with name and email"
        " address; use `eraseContact` to erase these.",
    )
    erase_contact: EraseContactPayload | None = operation(
        contact_resolvers.erase_contact,
        Requires(Scope.CONTACTS_WRITE),
        "Erase a contact, deleted or not. Name, email address and the reasons given for changes are"
        " erased for good, in the history too; what was done, when and by whom stays on record.",
    )
    request_email_verification: RequestEmailVerificationPayload | None = operation(
        contact_resolvers.request_email_verification,
        Requires(Scope.CONTACTS_WRITE),
        "Email the contact a link by which they confirm that the email address is theirs. The mail"
        " is sent in the background.",
    )
    request_attachment_preference: RequestAttachmentPreferencePayload | None = operation(
        contact_resolvers.request_attachment_preference,
        Requires(Scope.CONTACTS_WRITE),
        "Email the contact a link by which they confirm that they want documents in full. Their"
        " email address must be verified. The mail is sent in the background.",
    )
    withdraw_attachment_preference: WithdrawAttachmentPreferencePayload | None = operation(
        contact_resolvers.withdraw_attachment_preference,
        Requires(Scope.CONTACTS_WRITE),
        "Withdraw a contact's preference for documents in full, or a request for it that they have"
        " not answered.",
    )
