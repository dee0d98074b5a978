"""Prepares the mails that ask contacts for a confirmation, and records whether they were sent."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from models.changes.confirmation_names import names_shown
from models.rules.confirmation_link import ConfirmationKind
from models.rules.confirmation_mail import ConfirmationMail
from models.rules.mail_failure import MailFailureCode
from models.rules.preference import in_order
from models.storage.locks import lock
from models.tables import audit
from models.tables.access import SYSTEM
from models.tables.audit import ActorContext
from models.tables.confirmation import Confirmation, LinkPurpose, MailState, new_link
from models.tables.contact import Contact
from models.tables.mail_quota import DEFAULT_QUOTA, MailQuota, use_mailbox_quota

MAX_HELD = timedelta(days=1)
"""A mail is cancelled if it was held back for longer than this, because of the mailbox's quota."""


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long the link to confirm, and the link to withdraw, work after a mail is sent."""

    confirming: timedelta
    withdrawing: timedelta


@dataclass(frozen=True, slots=True)
class MailHeldBack:
    """The time that a mail must wait, because its recipient's mailbox has used its quota."""

    wait: timedelta


async def prepare_mail(
    confirmation_id: str, now: datetime, last: Lifetimes, quota: MailQuota = DEFAULT_QUOTA
) -> ConfirmationMail | MailHeldBack | None:
    """Store the links of a confirmation's mail, just before it is sent; return the mail's content.

    `last` says how long the links work. Returns MailHeldBack if the recipient's mailbox has used
    its quota, and None if the mail is not needed any more: the confirmation was answered, made
    invalid or erased, its contact was deleted, or the mail was held back for longer than MAX_HELD.
    """
    confirmation, contact = await _locked(confirmation_id)
    if (
        not _is_open(confirmation, contact)
        or confirmation.email is None
        or (confirmation.held_at is not None and now - confirmation.held_at > MAX_HELD)
    ):
        return None
    wait = await use_mailbox_quota(quota, confirmation.email, confirmation.id, now)
    if wait is not None:
        return MailHeldBack(wait)
    expires_at = now + last.confirming
    is_preference = confirmation.kind is ConfirmationKind.ATTACHMENT_PREFERENCE
    confirming = await new_link(confirmation, LinkPurpose.CONFIRM, expires_at)
    withdrawing = None
    if is_preference:
        until = now + last.withdrawing
        withdrawing = await new_link(confirmation, LinkPurpose.WITHDRAW, until)
    contact_name, customer_name = await names_shown(confirmation, contact)
    return ConfirmationMail(
        confirmation.id,
        confirmation.kind,
        confirmation.email,
        contact_name,
        customer_name,
        in_order(confirmation.documents),
        expires_at,
        confirming,
        withdrawing,
    )


async def is_erased(confirmation_id: str) -> bool:
    """Return whether the contact who was asked for a confirmation has been erased."""
    return await Confirmation.filter(id=confirmation_id, email__isnull=True).exists()


async def note_held(confirmation_id: str, now: datetime) -> None:
    """Record that a confirmation's mail is held back; partners see it as sent.

    The quota of the recipient's mailbox covers all partners. A partner who could recognise a mail
    that is held back would learn that another partner has a contact with this email address.
    """
    confirmation, contact = await _locked(confirmation_id)
    if confirmation.held_at is not None:
        return
    await _record_sent(confirmation, contact, now)
    confirmation.held_at = now
    await confirmation.save()
    await _record_for_platform(confirmation, "confirmation.mail_held", now)


async def note_sent(confirmation_id: str, now: datetime) -> None:
    """Record that the mail server accepted a confirmation's mail, and clear earlier failures."""
    confirmation, contact = await _locked(confirmation_id)
    confirmation.mail_state, confirmation.mail_sent_at = MailState.SENT, now
    confirmation.mail_failure = None
    await confirmation.save()
    if confirmation.held_at is None:
        await _record_sent(confirmation, contact, now)
    else:
        await _record_for_platform(confirmation, "confirmation.mail", now)


async def note_not_needed(confirmation_id: str, now: datetime) -> None:
    """Record that a confirmation's unsent mail is cancelled, because it is not needed any more."""
    confirmation, contact = await _locked(confirmation_id)
    if confirmation.mail_state in {MailState.QUEUED, MailState.RETRYING}:
        confirmation.mail_state = MailState.CANCELLED
        await confirmation.save()
        if confirmation.held_at is None:
            await _record(confirmation, contact, _outcome(confirmation), now)
        else:
            await _record_for_platform(confirmation, "confirmation.mail", now)


async def note_delayed(confirmation_id: str, failure: MailFailureCode, now: datetime) -> None:
    """Record that a confirmation's mail did not reach the mail server, and is tried again later."""
    confirmation, contact = await _locked(confirmation_id)
    is_news = confirmation.mail_failure is not failure
    confirmation.mail_state, confirmation.mail_failure = MailState.RETRYING, failure
    await confirmation.save()
    await _show(confirmation, contact, failure, now)
    if is_news:
        await _record(confirmation, contact, _outcome(confirmation), now)


async def note_undeliverable(
    confirmation_id: str, failure: MailFailureCode | None, now: datetime
) -> None:
    """Record that a confirmation's mail will not be tried again.

    If `failure` is None, the mail's last failure is recorded, or GAVE_UP if it had none.
    """
    confirmation, contact = await _locked(confirmation_id)
    last = failure or confirmation.mail_failure or MailFailureCode.GAVE_UP
    confirmation.mail_state, confirmation.mail_failure = MailState.UNDELIVERABLE, last
    await confirmation.save()
    await _show(confirmation, contact, last, now, is_given_up=True)
    await _record(confirmation, contact, _outcome(confirmation), now)


async def note_discarded(confirmation_id: str, now: datetime) -> None:
    """Record that an operator ended the job of a confirmation's unsent mail.

    The mail counts as undeliverable, so that its sender can request another. It counts as cancelled
    if it was not needed any more, or was held back, which partners must not see.
    """
    confirmation, contact = await _locked(confirmation_id)
    if confirmation.mail_state not in {MailState.QUEUED, MailState.RETRYING}:
        return
    if confirmation.held_at is not None or not _is_open(confirmation, contact):
        await note_not_needed(confirmation_id, now)
    else:
        await note_undeliverable(confirmation_id, None, now)


async def note_retried(confirmation_id: str, now: datetime) -> bool:
    """Record that a confirmation's mail that was given up is tried again.

    Returns False, and records nothing, if the mail is not needed any more.
    """
    confirmation, contact = await _locked(confirmation_id)
    if not _is_open(confirmation, contact):
        return False
    if confirmation.mail_state is MailState.UNDELIVERABLE:
        confirmation.mail_state = MailState.RETRYING
        await confirmation.save()
        await _show(confirmation, contact, confirmation.mail_failure, now)
        await _record(confirmation, contact, _outcome(confirmation), now)
    return True


def _is_open(confirmation: Confirmation, contact: Contact) -> bool:
    """Return whether a contact can still be asked for a confirmation."""
    return (
        confirmation.used_at is None
        and confirmation.voided_at is None
        and contact.deleted_at is None
        and confirmation.email is not None
    )


def _outcome(confirmation: Confirmation) -> dict[str, Any]:
    return {"mail_state": confirmation.mail_state, "mail_failure": confirmation.mail_failure}


async def _record(
    confirmation: Confirmation, contact: Contact, after: dict[str, Any], now: datetime
) -> None:
    """Add an audit entry about a confirmation's mail; its request id is the confirmation's id."""
    await audit.record(
        ActorContext(SYSTEM, now, confirmation.id),
        "confirmation.mail",
        contact.id,
        customer_id=contact.customer_id,
        after=after,
    )


async def _record_sent(confirmation: Confirmation, contact: Contact, now: datetime) -> None:
    await _show(confirmation, contact, None, now)
    after = {"mail_state": MailState.SENT, "mail_failure": None}
    await _record(confirmation, contact, after, now)


async def _record_for_platform(confirmation: Confirmation, operation: str, now: datetime) -> None:
    """Add an audit entry about a mail, but without a customer, so that no partner can see it."""
    act = ActorContext(SYSTEM, now, confirmation.id)
    await audit.record(act, operation, confirmation.id, after=_outcome(confirmation))


async def _locked(confirmation_id: str) -> tuple[Confirmation, Contact]:
    contact_id = (await Confirmation.get(id=confirmation_id)).contact_id
    contact = (await lock(Contact, contact_id))[contact_id]
    return await Confirmation.get(id=confirmation_id), contact


async def _show(
    confirmation: Confirmation,
    contact: Contact,
    failure: MailFailureCode | None,
    now: datetime,
    *,
    is_given_up: bool = False,
) -> None:
    """Store on a contact whether the last mail to their current email address failed."""
    if contact.deleted_at is not None or contact.email != confirmation.email:
        return
    contact.mail_failure = failure
    contact.mail_failed_at = None if failure is None else now
    contact.is_mail_given_up = is_given_up
    await contact.save(update_fields=["mail_failure", "mail_failed_at", "is_mail_given_up"])
