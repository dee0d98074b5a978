"""Root fields about contacts of customers."""

from collections.abc import AsyncGenerator

import strawberry

from models.tables.access import Scope
from resolvers import contact as contact_resolvers
from resolvers import node as node_resolvers
from resolvers import subscription as subscription_resolvers
from schema.base.operation import operation, subscription
from schema.base.permissions import Requires
from schema.types.bulk_changes import SaveContactsPayload
from schema.types.contact import Contact
from schema.types.contact_changes import (
    DeleteContactPayload,
    EraseContactPayload,
    RequestAttachmentPreferencePayload,
    RequestEmailVerificationPayload,
    SaveContactPayload,
    WithdrawAttachmentPreferencePayload,
)
from schema.types.contact_connection import ContactConnection


@strawberry.type
class ContactQuery:
    contact: Contact | None = operation(
        node_resolvers.contact,
        Requires(Scope.CONTACTS_READ),
        "One contact by id or external reference; null if there is none that you may see, or it was"
        " deleted.",
    )
    contacts: ContactConnection | None = operation(
        contact_resolvers.contacts,
        Requires(Scope.CONTACTS_READ),
        "Contacts of all customers that you may see, without deleted ones.",
    )


@strawberry.type
class ContactMutation:
    save_contact: SaveContactPayload | None = operation(
        contact_resolvers.save_contact,
        Requires(Scope.CONTACTS_WRITE),
        "Create a contact of a customer (without `id`) or change the sent fields of one (with"
        " `id`). A new email address is not verified, and ends the contact's attachment"
        " preference.",
    )
    save_contacts: SaveContactsPayload | None = operation(
        contact_resolvers.save_many_contacts,
        Requires(Scope.CONTACTS_WRITE),
        "Create or change up to 200 contacts, of any customers, in one transaction.",
    )
    delete_contact: DeleteContactPayload | None = operation(
        contact_resolvers.delete_contact,
        Requires(Scope.CONTACTS_WRITE),
        "Remove a contact from its customer. The contact's history stays, with the contact's"
        " personal data; use `eraseContact` to erase it.",
    )
    erase_contact: EraseContactPayload | None = operation(
        contact_resolvers.erase_contact,
        Requires(Scope.CONTACTS_WRITE),
        "Erase a contact, deleted or not. The contact's personal data and the reasons given for"
        " changes are erased for good, in the history too; what was done, when and by whom stays on"
        " record.",
    )
    request_email_verification: RequestEmailVerificationPayload | None = operation(
        contact_resolvers.request_email_verification,
        Requires(Scope.CONTACTS_WRITE),
        "Email a contact a link by which they confirm that the email address is their own. The"
        " email is sent in the background.",
    )
    request_attachment_preference: RequestAttachmentPreferencePayload | None = operation(
        contact_resolvers.request_attachment_preference,
        Requires(Scope.CONTACTS_WRITE),
        "Email a contact a link by which they confirm that they want documents in full (with call"
        " detail) by email. Their email address must be verified. The email is sent in the"
        " background.",
    )
    withdraw_attachment_preference: WithdrawAttachmentPreferencePayload | None = operation(
        contact_resolvers.withdraw_attachment_preference,
        Requires(Scope.CONTACTS_WRITE),
        "Withdraw a contact's attachment preference (the wish for documents in full), or a request"
        " for it that the contact has not confirmed.",
    )


@strawberry.type
class ContactSubscription:
    contact_confirmed: AsyncGenerator[Contact | None, None] = subscription(
        subscription_resolvers.contact_confirmed,
        Requires(Scope.CONTACTS_READ),
        "The contact, each time a contact of the customers confirms something by the link in an"
        " email: that the email address is theirs, or that they want documents in full.",
    )
