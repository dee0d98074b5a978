"""Asks contacts to confirm: their address, or that they want documents in full (R60, R61)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from math import ceil

from models import audit
from models.audit import Act
from models.confirmation import CONFIRMATION_MAIL, Confirmation, mail_key
from models.confirmation_link import ConfirmationKind, VoidReason
from models.contact import Contact
from models.contact_editing import locked_contact
from models.customer import Customer
from models.document import Document
from models.email_address import email_key
from models.errors import Refusal, RefusalCode, Refused, refuse
from models.job import NewJob, enqueue
from models.locks import lock_name
from models.preference import PreferenceKind, in_order
from models.preference_entry import add_entry
from models.urgency import Urgency
from models.voiding import void_confirmations

MOST_REQUESTS = 5
"""Requests that a contact, and an address whoever has it, may get in a window."""

WINDOW = timedelta(hours=1)


async def request_verification(act: Act, contact_id: str, expected_version: int | None) -> Contact:
    """Ask by mail whether the address is the contact's."""
    contact = await locked_contact(contact_id, expected_version, "contactId")
    address = _address(contact)
    if contact.email_verified_at is not None:
        raise refuse(
            RefusalCode.EMAIL_ALREADY_VERIFIED,
            f"The address was verified on {contact.email_verified_at.date().isoformat()}.",
            "contactId",
        )
    await _ask(act, contact, address, ConfirmationKind.EMAIL_VERIFICATION, ())
    return contact


async def request_preference(
    act: Act,
    contact_id: str,
    documents: Sequence[Document] | None,
    expected_version: int | None,
) -> Contact:
    """Ask by mail whether the contact wants documents in full; all of them unless told (A1)."""
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
    await _ask(act, contact, address, ConfirmationKind.ATTACHMENT_PREFERENCE, wanted)
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
    act: Act,
    contact: Contact,
    address: str,
    kind: ConfirmationKind,
    documents: Sequence[Document],
) -> None:
    """Store the question and the job that mails it; an older question of its kind is void."""
    await _refuse_too_many(contact, address, act.now)
    await void_confirmations(contact, VoidReason.SUPERSEDED, act.now, kind)
    confirmation = await Confirmation.create(
        kind=kind,
        contact_id=contact.id,
        customer_id=contact.customer_id,
        email=address,
        email_key=email_key(address),
        documents=[document.value for document in documents],
        requested_at=act.now,
        requested_by_id=act.principal.id,
        requested_by=act.principal.name,
    )
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


async def _refuse_too_many(contact: Contact, address: str, now: datetime) -> None:
    key = email_key(address)
    # Contacts are locked one by one, but several may have the address.
    await lock_name(f"mail to {key}")
    counted = {
        "The contact": Confirmation.filter(contact_id=contact.id),
        "The address": Confirmation.filter(email_key=key),
    }
    for what, requests in counted.items():
        recent = await requests.filter(requested_at__gt=now - WINDOW).order_by("-requested_at")
        if len(recent) >= MOST_REQUESTS:
            free_at = recent[MOST_REQUESTS - 1].requested_at + WINDOW
            raise Refused(
                [
                    Refusal(
                        RefusalCode.TOO_MANY_REQUESTS,
                        f"{what} was asked {MOST_REQUESTS} times within an hour.",
                        ("contactId",),
                        hint=f"Try again after {free_at.isoformat(timespec='seconds')}.",
                        retryable=True,
                        retry_after_s=ceil((free_at - now).total_seconds()),
                    )
                ]
            )
