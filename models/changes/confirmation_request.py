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
"""The maximum number of requests per hour to a contact; also to one email address, as far as the
contacts in the caller's tenant scope have that address.
"""

WINDOW = timedelta(hours=1)
RESEND_AFTER = timedelta(minutes=1)
"""Within this time, a repeated request sends no second mail."""


async def request_verification(
    act: ActorContext,
    contact_id: str,
    expected_version: int | None,
    quota: MailQuota = DEFAULT_QUOTA,
) -> Contact:
    """Ask a contact by mail to confirm that the email address is theirs.

    Refuses a contact who has no email address, has already verified it, or is inactive.
    """
    contact = await locked_contact(contact_id, expected_version, "contactId")
    address = _address(contact)
    if contact.email_verified_at is not None:
        raise refuse(
            RefusalCode.EMAIL_ALREADY_VERIFIED,
            "The contact already verified their email address on"
            f" {contact.email_verified_at.date().isoformat()}, so no email was sent.",
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
    """Ask a contact by mail to confirm that they want documents in full, with call details.

    `documents` None means all kinds of documents (A1). Refuses an empty list, and a contact who has
    no verified email address or is inactive.
    """
    checks = act.checks()
    wanted = tuple(Document) if documents is None else in_order(documents)
    if not wanted:
        checks.refuse(
            RefusalCode.TOO_FEW_ITEMS,
            "`documents` is empty. Name at least one document, or leave `documents` out to offer"
            " all of them.",
            "documents",
            minimum=1,
        )
    contact = await checks.conclude(locked_contact(contact_id, expected_version, "contactId"))
    address = _address(contact)
    if contact.email_verified_at is None:
        raise refuse(
            RefusalCode.EMAIL_NOT_VERIFIED,
            "The contact's email address is not verified, so the contact cannot be asked for a"
            " preference.",
            "contactId",
            hint="Use `requestEmailVerification` first.",
        )
    if await _ask(act, contact, address, ConfirmationKind.ATTACHMENT_PREFERENCE, wanted, quota):
        await add_entry(act, contact, PreferenceKind.REQUESTED, wanted, address)
    return contact


def _address(contact: Contact) -> str:
    if contact.email is None:
        raise refuse(
            RefusalCode.EMAIL_MISSING,
            "The contact has no email address, so no email can be sent.",
            "contactId",
            hint="Save an email address with `saveContact` first.",
        )
    if not contact.is_active:
        raise refuse(
            RefusalCode.CONTACT_INACTIVE,
            "The contact is inactive, so no email can be sent.",
            "contactId",
            hint="Make the contact active with `saveContact` first.",
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
    """Store a confirmation and the job that mails it; invalidate an older open one of its kind.

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
    # Several contacts may have this email address, so locking their rows is not enough. Lock and
    # counts cover the caller's tenant scope only: a partner must not learn of others' requests.
    await lock_name(f"requests of {current_tenant()} to {key}")
    counted = {"the contact": Confirmation.filter(contact_id=contact.id)}
    if not act.is_masked:
        # A caller who sees masked data would learn that another contact has this email address.
        # The quota of the recipient's mailbox limits these mails instead.
        counted["the email address"] = Confirmation.filter(email_key=key)
    for what, requests in counted.items():
        recent = await requests.filter(requested_at__gt=now - WINDOW).order_by("-requested_at")
        if len(recent) >= MAX_REQUESTS:
            free_at = recent[MAX_REQUESTS - 1].requested_at + WINDOW
            raise Refused(
                [
                    Refusal(
                        RefusalCode.TOO_MANY_REQUESTS,
                        f"{MAX_REQUESTS} confirmations were requested from {what} within an hour,"
                        " which is the limit.",
                        ("contactId",),
                        hint=f"Try again after {free_at.isoformat(timespec='seconds')}.",
                        retryable=True,
                        retry_after_seconds=max(1, ceil((free_at - now).total_seconds())),
                        bounds={"limit": MAX_REQUESTS},
                    )
                ]
            )
