"""Asks contacts by mail to confirm their email address or a wish for full documents (R60, R61)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from math import ceil

from models.changes.contact_editing import locked_contact
from models.changes.invalidate_confirmations import void_confirmations
from models.jobs.job import NewJob, enqueue
from models.jobs.kinds import CONFIRMATION_MAIL, mail_key
from models.rules.confirmation_link import ConfirmationKind, VoidReason
from models.rules.document import Document
from models.rules.email_address import email_key
from models.rules.errors import Refusal, RefusalCode, Refused, refuse
from models.rules.preference import PreferenceKind, in_order
from models.rules.urgency import Urgency
from models.storage.locks import lock_name
from models.storage.tenant_scope import current_tenant
from models.tables import audit
from models.tables.audit import ActorContext
from models.tables.confirmation import Confirmation
from models.tables.contact import Contact
from models.tables.customer import Customer
from models.tables.mail_quota import DEFAULT_QUOTA, MailQuota, use_mail_quota
from models.tables.preference_entry import add_entry

MAX_REQUESTS = 5
"""The most requests per hour to a contact, and to an email address in the caller's scope."""

WINDOW = timedelta(hours=1)
RESEND_AFTER = timedelta(minutes=1)
"""Within this time, a repeated request sends no second mail."""


async def request_verification(
    act: ActorContext,
    contact_id: str,
    expected_version: int | None,
    quota: MailQuota = DEFAULT_QUOTA,
) -> Contact:
    """Ask by mail whether the email address is the contact's.

    Refuses a contact who has no email address, is inactive, or has already verified it.
    """
    contact = await locked_contact(contact_id, expected_version, "contactId")
    address = _address(contact)
    if contact.email_verified_at is not None:
        raise refuse(
            RefusalCode.EMAIL_ALREADY_VERIFIED,
            f"The address was verified on {contact.email_verified_at.date().isoformat()}.",
            "contactId",
        )
    await _ask(act, contact, address, ConfirmationKind.EMAIL_VERIFICATION, (), quota)
    return contact


async def request_preference(
    act: ActorContext,
    contact_id: str,
    documents: Sequence[Document] | None,
    expected_version: int | None,
    quota: MailQuota = DEFAULT_QUOTA,
) -> Contact:
    """Ask by mail whether the contact wants documents in full; None means all documents (A1).

    Refuses a contact who has no verified email address or is inactive, and an empty list.
    """
    contact = await locked_contact(contact_id, expected_version, "contactId")
    address = _address(contact)
    wanted = tuple(Document) if documents is None else in_order(documents)
    if not wanted:
        raise refuse(
            RefusalCode.INVALID,
            "Name a document at least, or leave documents out for all of them.",
            "documents",
        )
    if contact.email_verified_at is None:
        raise refuse(
            RefusalCode.EMAIL_NOT_VERIFIED,
            "A preference needs a verified address, and this one is not.",
            "contactId",
            hint="Use requestEmailVerification first.",
        )
    if await _ask(act, contact, address, ConfirmationKind.ATTACHMENT_PREFERENCE, wanted, quota):
        await add_entry(act, contact, PreferenceKind.REQUESTED, wanted, address)
    return contact


def _address(contact: Contact) -> str:
    if contact.email is None:
        raise refuse(
            RefusalCode.EMAIL_MISSING,
            "The contact has no email address.",
            "contactId",
            hint="Use saveContact to give it one.",
        )
    if not contact.is_active:
        raise refuse(
            RefusalCode.CONTACT_INACTIVE,
            "An inactive contact is sent nothing.",
            "contactId",
            hint="Use saveContact to make it active.",
        )
    return contact.email


async def _ask(
    act: ActorContext,
    contact: Contact,
    address: str,
    kind: ConfirmationKind,
    documents: Sequence[Document],
    quota: MailQuota,
) -> bool:
    """Store a question and the job that mails it; an older open question of its kind becomes void.

    Returns False, and does nothing, if the same question was asked within RESEND_AFTER.
    """
    await _refuse_too_many(act, contact, address)
    names = [document.value for document in documents]
    if await _is_asked(contact, address, kind, names, act.now):
        return False
    confirmation = Confirmation(
        kind=kind,
        contact_id=contact.id,
        customer_id=contact.customer_id,
        email=address,
        email_key=email_key(address),
        documents=names,
        requested_at=act.now,
        requested_by_id=act.principal.id,
        requested_by=act.principal.name,
        is_requester_masked=act.is_masked,
    )
    await use_mail_quota(quota, act.principal.reseller_id, confirmation.id, act.now)
    await void_confirmations(contact, VoidReason.SUPERSEDED, act.now, kind)
    await confirmation.save(force_create=True)
    mail = NewJob(
        CONFIRMATION_MAIL,
        mail_key(confirmation.id),
        {"confirmation_id": confirmation.id, "customer_id": contact.customer_id},
        Urgency.REQUESTED,
        (await Customer.get(id=contact.customer_id)).parent_id,
        act.request_id,
    )
    await enqueue([mail], act.now)
    await audit.record(
        act,
        "confirmation.requested",
        contact.id,
        customer_id=contact.customer_id,
        after={"confirmation_id": confirmation.id, "kind": kind.value},
    )
    return True


async def _is_asked(
    contact: Contact, address: str, kind: ConfirmationKind, documents: list[str], now: datetime
) -> bool:
    """Return whether the same question was asked within RESEND_AFTER and is still open."""
    return any(
        (asked.email, asked.documents) == (address, documents)
        for asked in await Confirmation.filter(
            contact_id=contact.id,
            kind=kind,
            used_at__isnull=True,
            voided_at__isnull=True,
            requested_at__gt=now - RESEND_AFTER,
        )
    )


async def _refuse_too_many(act: ActorContext, contact: Contact, address: str) -> None:
    now = act.now
    key = email_key(address)
    # Several contacts may have this address, so their row locks are not enough. The lock and the
    # counts cover the caller's scope only: a partner must not learn of others' requests.
    await lock_name(f"requests of {current_tenant()} to {key}")
    counted = {"The contact": Confirmation.filter(contact_id=contact.id)}
    if not act.is_masked:
        # A masked caller would learn that another contact has the address; the mailbox has a quota.
        counted["The email address"] = Confirmation.filter(email_key=key)
    for what, requests in counted.items():
        recent = await requests.filter(requested_at__gt=now - WINDOW).order_by("-requested_at")
        if len(recent) >= MAX_REQUESTS:
            free_at = recent[MAX_REQUESTS - 1].requested_at + WINDOW
            raise Refused(
                [
                    Refusal(
                        RefusalCode.TOO_MANY_REQUESTS,
                        f"{what} was asked {MAX_REQUESTS} times within an hour.",
                        ("contactId",),
                        hint=f"Try again after {free_at.isoformat(timespec='seconds')}.",
                        retryable=True,
                        retry_after_seconds=max(1, ceil((free_at - now).total_seconds())),
                    )
                ]
            )
