"""The contact as clients see it, with its attachment preference and what became of it."""

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
    "What an entry of a preference history says.",
    {
        "REQUESTED": "The contact was asked by mail; this alone never counts (R60).",
        "CONFIRMED": "The contact confirmed by the link in the mail.",
        "WITHDRAWN": "The contact or staff withdrew it, or the request for it (R63).",
        "RESET": "It ended as the contact's address changed (R62).",
    },
)
MailFailureCodeEnum = described_enum(
    MailFailureCode,
    "MailFailureCode",
    "Why a mail did not go out.",
    {
        "UNREACHABLE": "The mail server, or the disk of the mailbox, can't be reached.",
        "TOO_SLOW": "The mail server did not answer in time.",
        "BROKE_OFF": "The connection was lost in the middle.",
        "TURNED_AWAY_FOR_NOW": "The mail server said to come again later.",
        "SIGN_IN_REFUSED": "The mail server refused our user or password.",
        "NOT_ENCRYPTED": "No trustworthy encrypted connection could be made.",
        "RECIPIENT_REFUSED": "The mail server refuses this address for good.",
        "MAIL_REFUSED": "The mail server refuses this mail for good.",
        "ADDRESS_NOT_SUPPORTED": "The mail server can't write to addresses with such characters.",
        "GAVE_UP": "It failed for too long.",
        "INTERNAL_ERROR": "Something is wrong on our side.",
    },
)


def _is_set(moment: datetime | None) -> bool:
    return moment is not None


@strawberry.type(description="Why the last mail to a contact's present address did not go out.")
class MailFailure:
    """A failure, gone once a mail went out."""

    code: MailFailureCodeEnum = strawberry.field(description="Why.")  # type: ignore[valid-type]  # an enum with another name
    at: datetime = strawberry.field(description="When it last failed, in UTC.")
    is_final: bool = strawberry.field(
        description="Whether it was given up; otherwise it is tried again by itself."
    )


def _mail_failure(
    code: MailFailureCode | None, at: datetime | None, is_final: bool
) -> MailFailure | None:
    return None if code is None or at is None else MailFailure(code=code, at=at, is_final=is_final)


def _documents(names: Sequence[str]) -> list[Document]:
    return list(in_order(names))


@strawberry.type(description="One row of a contact's preference history; rows never change (R63).")
class PreferenceEntry:
    """An entry."""

    id: strawberry.ID = strawberry.field(description="The id of the entry.")
    kind: PreferenceKindEnum = strawberry.field(description="What it says.")  # type: ignore[valid-type]  # see above
    documents: list[DocumentEnum] = computed(  # type: ignore[valid-type]  # see above
        _documents, "documents", description="The documents that it covers."
    )
    at: datetime = strawberry.field(description="When it took effect, in UTC.")
    by: str = strawberry.field(
        description="Who did it, by name; `contact` for the contact itself, by a link."
    )
    by_id: strawberry.ID = strawberry.field(
        description="Who did it: the id of the credential, or of the contact."
    )


maps_to(PreferenceEntry, models.PreferenceEntry)


@strawberry.type(description="Whether a contact gets documents in full on its own wish (R60).")
class AttachmentPreference:
    """The projection of the history to now."""

    is_confirmed: bool = strawberry.field(
        description="Whether a confirmed preference is in force; asking alone does not count."
    )
    documents: list[DocumentEnum] = strawberry.field(  # type: ignore[valid-type]  # see above
        description="The documents that it covers; none unless it is in force."
    )
    since: datetime | None = strawberry.field(
        description="Since when it has been so, in UTC; null if nothing was ever confirmed or"
        " withdrawn."
    )
    entry: PreferenceEntry | None = strawberry.field(
        description="The entry behind it: the confirmation, or what ended it."
    )

    @classmethod
    def of(cls, entries: Sequence[Any], now: datetime) -> "AttachmentPreference":
        """Show what the entries of a contact come to."""
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


@strawberry.type(description="A person of a customer, and what that person receives (R59).")
class Contact(Node):
    """A contact."""

    name: str = personal(STARRED, description="Its name.")
    email: str | None = personal(
        NULLED, description="Its address; international domains are written in Unicode."
    )
    receives_bills: bool = strawberry.field(
        description="Whether it is on the customer's bill distribution list (R59)."
    )
    receives_correspondence: bool = strawberry.field(
        description="Whether it receives correspondence (R59)."
    )
    is_active: bool = strawberry.field(
        description="Whether it receives anything at all; an inactive contact does not (R77)."
    )
    is_email_verified: bool = computed(
        _is_set,
        "email_verified_at",
        description="Whether the contact has confirmed that the address is its own (R60).",
    )
    email_verified_at: datetime | None = strawberry.field(
        description="When it did, in UTC; null again when the address changes (R62)."
    )
    last_mail_failure: MailFailure | None = computed(
        _mail_failure,
        "mail_failure",
        "mail_failed_at",
        "is_mail_given_up",
        description="Why the last mail to this address did not go out; null if it did.",
    )
    preference_history: list[PreferenceEntry] = to_many(
        "contact_id",
        "t0.sequence",
        description="All that became of its preference, oldest first (R63).",
    )
    customer: Annotated["Customer", strawberry.lazy("schema.types.customer")] | None = to_one(
        "customer",
        requires=Requires(Scope.CUSTOMERS_READ),
        description="Whose contact it is.",
    )
    created_at: datetime = strawberry.field(description="When it was created, in UTC.")
    last_modified_at: datetime = strawberry.field(
        description="When a user last changed a stored value, in UTC."
    )
    version: int = strawberry.field(
        description="Rises with each change by a user, not with what the contact confirms; send it"
        " back as expectedVersion (R101)."
    )

    preferences: strawberry.Private[list[PreferenceEntry]]

    @strawberry.field(
        description="Its attachment preference as it is now (R60 to R63).",
        metadata=batched(_preferences, paths=(), rows={"preferences": PREFERENCES}),
    )
    def attachment_preference(self, info: Info) -> AttachmentPreference:
        """Give what its history comes to."""
        return prefetched(self, info)  # type: ignore[no-any-return]  # of that type

    @strawberry.field(
        description="What was done to it, newest first, 100 entries at most (R96).",
        metadata=AUDIT_TRAIL,
    )
    def audit_trail(self, info: Info) -> list[AuditEntry]:
        """Give its audit entries."""
        return prefetched(self, info)  # type: ignore[no-any-return]  # of that type


maps_to(Contact, models.Contact)
