"""GraphQL types of contacts, their attachment preferences, and the preference history."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

import models
from models.rules.document import Document
from models.rules.mail_failure import MailFailureCode
from models.rules.preference import PreferenceKind, in_order, preference_at
from models.tables.access import Scope
from schema.base.context import Info
from schema.base.descriptions import described_enum
from schema.base.field_mapping import (
    Rows,
    Selection,
    batched,
    computed,
    maps_to,
    prefetched,
    to_many,
    to_one,
)
from schema.base.node import Node
from schema.base.permissions import Requires
from schema.base.personal import NULLED, STARRED, personal
from schema.types.audit_connection import AuditEntryConnection
from schema.types.audit_trail import audit_trail
from schema.types.document import DocumentEnum

if TYPE_CHECKING:
    from schema.types.customer import Customer

PreferenceKindEnum = described_enum(
    PreferenceKind,
    "PreferenceKind",
    "The kind of an entry in a contact's preference history.",
    {
        "REQUESTED": "The contact was asked by email whether they want documents in full (with call"
        " detail); this alone has no effect on deliveries.",
        "CONFIRMED": "The contact confirmed the preference by the link in the email that asked for"
        " it.",
        "WITHDRAWN": "The contact or staff withdrew the preference, or a request for it that was"
        " not confirmed yet.",
        "RESET": "The preference, or a request for it that was not confirmed yet, ended because the"
        " contact's email address changed.",
    },
)
MailFailureCodeEnum = described_enum(
    MailFailureCode,
    "MailFailureCode",
    "The reason why an email could not be sent.",
    {
        "UNREACHABLE": "The platform's mail server, or the directory that emails are written to,"
        " could not be reached.",
        "TOO_SLOW": "The platform's mail server did not answer in time.",
        "BROKE_OFF": "The connection to the platform's mail server was lost while sending.",
        "TEMPORARILY_REFUSED": "The platform's mail server refused the email temporarily.",
        "SIGN_IN_REFUSED": "The platform's mail server refused the user name or password that the"
        " platform signs in with.",
        "NOT_ENCRYPTED": "No trusted encrypted connection to the platform's mail server could be"
        " made.",
        "RECIPIENT_REFUSED": "The platform's mail server permanently refused the contact's email"
        " address.",
        "MAIL_REFUSED": "The platform's mail server permanently refused the email.",
        "ADDRESS_NOT_SUPPORTED": "The platform's mail server does not support the characters in the"
        " contact's email address.",
        "GAVE_UP": "Sending failed repeatedly until the time limit for retries; it is not tried"
        " again.",
        "INTERNAL_ERROR": "A fault in the platform prevented sending.",
    },
)


def _is_set(moment: datetime | None) -> bool:
    return moment is not None


@strawberry.type(
    description="The reason why the last email to a contact's current email address could not be"
    " sent."
)
class MailFailure:
    """Why the last mail could not be sent; cleared as soon as a mail has been sent."""

    code: MailFailureCodeEnum = strawberry.field(  # type: ignore[valid-type]  # an enum with another name
        description="The reason why the email could not be sent, for programs."
    )
    at: datetime = strawberry.field(description="When sending last failed, in UTC.")
    is_final: bool = strawberry.field(
        description="Whether sending was given up; if false, the platform tries again."
    )


def _mail_failure(
    code: MailFailureCode | None, at: datetime | None, is_final: bool
) -> MailFailure | None:
    return None if code is None or at is None else MailFailure(code=code, at=at, is_final=is_final)


def _documents(names: Sequence[str]) -> list[Document]:
    return list(in_order(names))


@strawberry.type(description="An entry in a contact's preference history. Entries never change.")
class PreferenceEntry(Node):
    contact: Annotated["Contact", strawberry.lazy("schema.types.contact")] = to_one(
        "contact", description="The contact whose preference it is."
    )
    kind: PreferenceKindEnum = strawberry.field(description="What the entry records.")  # type: ignore[valid-type]  # see above
    documents: list[DocumentEnum] = computed(  # type: ignore[valid-type]  # see above
        _documents,
        "documents",
        description="The documents that the preference, or the request for it, covers.",
    )
    at: datetime = strawberry.field(
        name="recordedAt", description="When the entry was recorded and took effect, in UTC."
    )
    by: str = strawberry.field(
        name="recordedBy",
        description="The name of the access token or user that requested or withdrew the"
        " preference, or changed the email address; `contact` if the contact confirmed or withdrew"
        " it by the link in an email.",
    )
    by_id: strawberry.ID = strawberry.field(
        name="recordedById",
        description="The id of the access token or user named in `recordedBy`; the contact's id if"
        " `recordedBy` is `contact`.",
    )


maps_to(PreferenceEntry, models.PreferenceEntry)


@strawberry.type(
    description="A contact's own wish to receive documents in full (with call detail) by email. It"
    " applies to this contact only, and counts only once the contact has confirmed it."
)
class AttachmentPreference:
    """The preference that follows from the preference history now."""

    is_confirmed: bool = strawberry.field(
        description="Whether a confirmed preference is in force; a request that the contact has not"
        " confirmed does not count."
    )
    documents: list[DocumentEnum] = strawberry.field(  # type: ignore[valid-type]  # see above
        description="The documents that the confirmed preference covers; empty if none is in force."
    )
    since: datetime | None = strawberry.field(
        description="When the preference was last confirmed, withdrawn or reset, in UTC; null if"
        " it never was."
    )
    entry: PreferenceEntry | None = strawberry.field(
        description="The entry of the contact's preference history that decides whether the"
        " preference is in force: the last confirmation, withdrawal or reset; null if there is"
        " none."
    )

    @classmethod
    def of(cls, entries: Sequence[Any], now: datetime) -> "AttachmentPreference":
        state = preference_at(entries, now)
        return cls(
            is_confirmed=state.is_confirmed,
            documents=list(state.documents),
            since=state.since,
            entry=next((entry for entry in entries if entry.id == state.entry_id), None),
        )


async def _preferences(selection: Selection, contacts: Sequence[Any]) -> list[AttachmentPreference]:
    now = selection.info.context.clock()
    return [AttachmentPreference.of(one.preferences, now) for one in contacts]


PREFERENCES = Rows(
    PreferenceEntry,
    "contact_id",
    "t0.sequence",
    ("sequence", "kind", "at", "documents"),
    ("entry",),
)


@strawberry.type(
    description="A person at a customer, with an email address, who can be sent bills and"
    " correspondence."
)
class Contact(Node):
    name: str = personal(STARRED, description="The contact's name.")
    email: str | None = personal(
        NULLED,
        description="The contact's email address, with an international domain in Unicode; null if"
        " none was entered.",
    )
    external_reference: str | None = strawberry.field(
        description="The contact's own id in the system of the reseller that the customer buys"
        " through, or of the platform; unique among its contacts, null if none was entered."
    )
    receives_bills: bool = strawberry.field(
        description="Whether the contact is on the customer's bill distribution list."
    )
    receives_correspondence: bool = strawberry.field(
        description="Whether the contact receives correspondence."
    )
    is_active: bool = strawberry.field(
        description="Whether the contact is active. An inactive contact is sent nothing."
    )
    is_email_verified: bool = computed(
        _is_set,
        "email_verified_at",
        description="Whether the contact has confirmed that the email address is their own.",
    )
    email_verified_at: datetime | None = strawberry.field(
        description="When the contact confirmed that the current email address is their own, in"
        " UTC; null if they did not."
    )
    last_mail_failure: MailFailure | None = computed(
        _mail_failure,
        "mail_failure",
        "mail_failed_at",
        "is_mail_given_up",
        description="Why the last email to the contact's current email address could not be sent;"
        " null if that email was sent, or none was ever sent.",
    )
    preference_history: list[PreferenceEntry] = to_many(
        "contact_id",
        "t0.sequence",
        description="The history of the contact's attachment preference, oldest first.",
    )
    customer: Annotated["Customer", strawberry.lazy("schema.types.customer")] | None = to_one(
        "customer",
        requires=Requires(Scope.CUSTOMERS_READ),
        description="The customer that the contact belongs to; null without the permission"
        " customers:read.",
    )
    created_at: datetime = strawberry.field(description="When the contact was created, in UTC.")
    last_modified_at: datetime = strawberry.field(
        description="When a user last changed a stored value of the contact, in UTC."
    )
    changed_at: datetime = strawberry.field(
        description="When anything about the contact last changed, in UTC; unlike"
        " `lastModifiedAt` also by the contact, such as a confirmed email address, or because an"
        " email could not be sent. A change appears when it is committed, which may be seconds"
        " after its time."
    )
    version: int = strawberry.field(
        description="The version of the contact. It increases with each edit by a user;"
        " confirmations by the contact do not count. Send it as `expectedVersion` with the next"
        " change."
    )

    preferences: strawberry.Private[list[PreferenceEntry]]

    @strawberry.field(
        description="The contact's attachment preference as it is now.",
        metadata=batched(_preferences, paths=(), rows={"preferences": PREFERENCES}),
    )
    def attachment_preference(self, info: Info) -> AttachmentPreference:
        return prefetched(self, info)  # type: ignore[no-any-return]  # prefetched() returns Any

    audit_trail: AuditEntryConnection | None = audit_trail(
        description="The changes made to the contact."
    )


maps_to(Contact, models.Contact)
