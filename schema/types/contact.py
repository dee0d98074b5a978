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
from schema.types.audit import AUDIT_TRAIL, AuditEntry
from schema.types.document import DocumentEnum

if TYPE_CHECKING:
    from schema.types.customer import Customer

PreferenceKindEnum = described_enum(
    PreferenceKind,
    "PreferenceKind",
    "The kind of an entry in a contact's preference history.",
    {
        "REQUESTED": "The contact was asked by email whether they want documents in full; this"
        " alone releases nothing.",
        "CONFIRMED": "The contact confirmed the preference by the link in that email.",
        "WITHDRAWN": "The contact or staff withdrew the preference, or the request for it.",
        "RESET": "The preference, or the request for it, ended because the contact's email address"
        " changed.",
    },
)
MailFailureCodeEnum = described_enum(
    MailFailureCode,
    "MailFailureCode",
    "The reason why an email could not be sent.",
    {
        "UNREACHABLE": "The mail server, or the directory that emails are written to, could not be"
        " reached.",
        "TOO_SLOW": "The mail server did not answer in time.",
        "BROKE_OFF": "The connection to the mail server was lost while sending.",
        "TURNED_AWAY_FOR_NOW": "The mail server refused the email temporarily.",
        "SIGN_IN_REFUSED": "The mail server refused the platform's user name or password.",
        "NOT_ENCRYPTED": "No trusted encrypted connection to the mail server could be made.",
        "RECIPIENT_REFUSED": "The mail server permanently refused the email address.",
        "MAIL_REFUSED": "The mail server permanently refused the email.",
        "ADDRESS_NOT_SUPPORTED": "The mail server does not support the characters in the email"
        " address.",
        "GAVE_UP": "Sending failed repeatedly for too long, and was given up.",
        "INTERNAL_ERROR": "An error occurred on the platform's side.",
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

    code: MailFailureCodeEnum = strawberry.field(description="The reason, for programs.")  # type: ignore[valid-type]  # an enum with another name
    at: datetime = strawberry.field(description="When sending last failed, in UTC.")
    is_final: bool = strawberry.field(
        description="Whether sending was given up; if false, it is retried automatically."
    )


def _mail_failure(
    code: MailFailureCode | None, at: datetime | None, is_final: bool
) -> MailFailure | None:
    return None if code is None or at is None else MailFailure(code=code, at=at, is_final=is_final)


def _documents(names: Sequence[str]) -> list[Document]:
    return list(in_order(names))


@strawberry.type(description="An entry in a contact's preference history. Entries never change.")
class PreferenceEntry:
    id: strawberry.ID = strawberry.field(description="The id of the entry.")
    kind: PreferenceKindEnum = strawberry.field(description="What the entry records.")  # type: ignore[valid-type]  # see above
    documents: list[DocumentEnum] = computed(  # type: ignore[valid-type]  # see above
        _documents, "documents", description="The documents that the preference covers."
    )
    at: datetime = strawberry.field(description="When the entry took effect, in UTC.")
    by: str = strawberry.field(
        description="The name of the access token or user that made the change; `contact` if the"
        " contact did, by the link in an email."
    )
    by_id: strawberry.ID = strawberry.field(
        description="The id of the access token or user that made the change; the contact's id if"
        " the contact did."
    )


maps_to(PreferenceEntry, models.PreferenceEntry)


@strawberry.type(
    description="A contact's own wish to receive documents in full by email. It applies to this"
    " contact only, and counts only once the contact has confirmed it."
)
class AttachmentPreference:
    """The preference that follows from the preference history now."""

    is_confirmed: bool = strawberry.field(
        description="Whether a confirmed preference is in force; a request alone does not count."
    )
    documents: list[DocumentEnum] = strawberry.field(  # type: ignore[valid-type]  # see above
        description="The documents that the confirmed preference covers; empty if none is in force."
    )
    since: datetime | None = strawberry.field(
        description="When the preference was last confirmed, withdrawn or reset, in UTC; null if"
        " it never was."
    )
    entry: PreferenceEntry | None = strawberry.field(
        description="The history entry that decides this state: the last confirmation, withdrawal"
        " or reset; null if there is none."
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
        description="When the contact confirmed the email address, in UTC; null if they did not,"
        " and again when the email address changes."
    )
    last_mail_failure: MailFailure | None = computed(
        _mail_failure,
        "mail_failure",
        "mail_failed_at",
        "is_mail_given_up",
        description="The reason why the last email to the current email address could not be sent;"
        " null if it was sent, or if there was none.",
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

    @strawberry.field(
        description="The changes made to the contact, newest first, at most 100.",
        metadata=AUDIT_TRAIL,
    )
    def audit_trail(self, info: Info) -> list[AuditEntry]:
        return prefetched(self, info)  # type: ignore[no-any-return]  # prefetched() returns Any


maps_to(Contact, models.Contact)
