"""Confirmations, for which contacts are asked by mail, and the links in these mails (R60, R67).

A confirmation asks one question about one email address. Its links are created when its mail is
sent, and their tokens are stored as hashes. If the mail is sent again, it has new links. The links
of all these mails work, but a contact can confirm only once.
"""

import base64
import hashlib
import re
import secrets
from datetime import datetime
from enum import StrEnum, unique

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from models.rules.confirmation_link import ConfirmationKind, VoidReason
from models.rules.email_address import EMAIL_LENGTH
from models.rules.mail_failure import MailFailureCode
from models.storage.id_field import IdField
from models.storage.identifiers import ID_LENGTH, new_confirmation_id
from models.tables.contact import Contact
from models.tables.customer_class import NAME_LENGTH

TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
"""The form of a link's token: 256 random bits in URL-safe base64."""


@unique
class LinkPurpose(StrEnum):
    """What a link in a confirmation mail is for."""

    CONFIRM = "CONFIRM"
    WITHDRAW = "WITHDRAW"


@unique
class MailState(StrEnum):
    """The state of a confirmation's mail."""

    QUEUED = "QUEUED"
    RETRYING = "RETRYING"
    SENT = "SENT"
    UNDELIVERABLE = "UNDELIVERABLE"
    CANCELLED = "CANCELLED"


class Confirmation(Model):
    """A question to a contact by mail: is this email address yours, or do you want these documents.

    A confirmation counts only for the email address to which it was sent. `entry_id` is the
    preference entry that the contact's answer added. `held_at` is when the mail was first held back
    because the recipient's mailbox gets too many mails; partners must not see that. Erasing the
    contact or the customer removes the email address.
    """

    id = IdField(max_length=ID_LENGTH, primary_key=True, default=new_confirmation_id)
    kind = fields.CharEnumField(ConfirmationKind, max_length=24)
    contact: fields.ForeignKeyRelation[Contact] = fields.ForeignKeyField(
        "models.Contact", related_name=False, on_delete=fields.RESTRICT
    )
    contact_id: str
    customer_id = IdField(max_length=ID_LENGTH)
    email = fields.CharField(max_length=EMAIL_LENGTH, null=True)
    email_key = fields.CharField(max_length=EMAIL_LENGTH * 3, null=True)
    documents: list[str] = fields.JSONField(default=list)
    requested_at = fields.DatetimeField()
    requested_by_id = IdField(max_length=ID_LENGTH)
    requested_by = fields.CharField(max_length=NAME_LENGTH)
    is_requester_masked = fields.BooleanField(db_default=False)
    """Whether the requester sees personal data masked; then the mail and its pages hide names."""
    used_at = fields.DatetimeField(null=True)
    voided_at = fields.DatetimeField(null=True)
    void_reason: VoidReason | None = fields.CharEnumField(  # type: ignore[assignment]  # null=True
        VoidReason, max_length=20, null=True
    )
    entry_id = IdField(max_length=ID_LENGTH, null=True)
    mail_state = fields.CharEnumField(MailState, max_length=16, default=MailState.QUEUED)
    mail_failure: MailFailureCode | None = fields.CharEnumField(  # type: ignore[assignment]  # null=True
        MailFailureCode, max_length=32, null=True
    )
    mail_sent_at = fields.DatetimeField(null=True)
    held_at = fields.DatetimeField(null=True)

    class Meta:
        table = "confirmation"
        indexes = (
            Index(fields=("contact_id", "requested_at")),
            Index(fields=("email_key", "requested_at")),
            Index(fields=("customer_id",)),
        )


class ConfirmationToken(Model):
    """A link in a confirmation mail, stored as the hash of the link's token."""

    id = fields.BigIntField(primary_key=True)
    confirmation: fields.ForeignKeyRelation[Confirmation] = fields.ForeignKeyField(
        "models.Confirmation", related_name=False, on_delete=fields.RESTRICT, db_index=True
    )
    confirmation_id: str
    purpose = fields.CharEnumField(LinkPurpose, max_length=12)
    hash = fields.CharField(max_length=64, unique=True)
    expires_at = fields.DatetimeField()
    used_at = fields.DatetimeField(null=True)

    class Meta:
        table = "confirmation_token"


def hash_of(token: str) -> str:
    """Return the SHA-256 digest of a link's token in hexadecimal.

    A token holds 256 random bits, so no slow hash is needed.
    """
    return hashlib.sha256(token.encode()).hexdigest()


def token_to_withdraw(confirming: str) -> str:
    """Return the token of the link to withdraw that the page shows after a confirmation.

    It is derived from `confirming`, the token by which they confirmed, so that the page shows the
    same link each time it is opened.
    """
    digest = hashlib.sha256(f"withdraw {confirming}".encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


async def new_link(
    confirmation: Confirmation,
    purpose: LinkPurpose,
    expires_at: datetime,
    token: str | None = None,
) -> str:
    """Store a new link of a confirmation and return its token: `token`, or a random one."""
    token = token or secrets.token_urlsafe(32)
    await ConfirmationToken.create(
        confirmation_id=confirmation.id,
        purpose=purpose,
        hash=hash_of(token),
        expires_at=expires_at,
    )
    return token
