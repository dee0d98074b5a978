"""The rows behind a mail that asks for a confirmation: what it says, and what became of it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from models import audit
from models.access import SYSTEM
from models.audit import Act
from models.confirmation import Confirmation, LinkPurpose, MailState, new_link
from models.confirmation_link import ConfirmationKind
from models.contact import Contact
from models.customer import Customer
from models.letter import Letter
from models.locks import lock
from models.mail_failure import MailFailureCode
from models.preference import in_order


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long the links of a mail work, from when it is sent."""

    confirming: timedelta
    withdrawing: timedelta


async def prepare_letter(confirmation_id: str, now: datetime, last: Lifetimes) -> Letter | None:
    """Make the links for a mail that is about to be sent; none if nobody waits for it any more."""
    confirmation, contact = await _locked(confirmation_id)
    if (
        confirmation.used_at is not None
        or confirmation.voided_at is not None
        or contact.deleted_at is not None
        or confirmation.email is None
    ):
        return None
    expires_at = now + last.confirming
    is_preference = confirmation.kind is ConfirmationKind.ATTACHMENT_PREFERENCE
    confirming = await new_link(confirmation, LinkPurpose.CONFIRM, expires_at)
    withdrawing = None
    if is_preference:
        until = now + last.withdrawing
        withdrawing = await new_link(confirmation, LinkPurpose.WITHDRAW, until)
    customer = await Customer.get(id=contact.customer_id)
    return Letter(
        confirmation.id,
        confirmation.kind,
        confirmation.email,
        contact.name,
        customer.name,
        in_order(confirmation.documents),
        expires_at,
        confirming,
        withdrawing,
    )


async def note_sent(confirmation_id: str, now: datetime) -> None:
    """Note that the mail server has taken the mail, and forget earlier failures."""
    confirmation, contact = await _locked(confirmation_id)
    confirmation.mail_state, confirmation.mail_sent_at = MailState.SENT, now
    confirmation.mail_failure = None
    await confirmation.save()
    await _show(confirmation, contact, None, now)
    await _record(confirmation, contact, now)


async def note_not_needed(confirmation_id: str, now: datetime) -> None:
    """Note that the mail was never sent, since nobody waited for it any more."""
    confirmation, contact = await _locked(confirmation_id)
    if confirmation.mail_state in {MailState.QUEUED, MailState.RETRYING}:
        confirmation.mail_state = MailState.CANCELLED
        await confirmation.save()
        await _record(confirmation, contact, now)


async def note_delayed(confirmation_id: str, failure: MailFailureCode, now: datetime) -> None:
    """Note that the mail could not be handed over, and will be tried again."""
    confirmation, contact = await _locked(confirmation_id)
    is_news = confirmation.mail_failure is not failure
    confirmation.mail_state, confirmation.mail_failure = MailState.RETRYING, failure
    await confirmation.save()
    await _show(confirmation, contact, failure, now)
    if is_news:
        await _record(confirmation, contact, now)


async def note_undeliverable(
    confirmation_id: str, failure: MailFailureCode | None, now: datetime
) -> None:
    """Note that the mail was given up: for a reason, or for the one that it last failed for."""
    confirmation, contact = await _locked(confirmation_id)
    last = failure or confirmation.mail_failure or MailFailureCode.GAVE_UP
    confirmation.mail_state, confirmation.mail_failure = MailState.UNDELIVERABLE, last
    await confirmation.save()
    await _show(confirmation, contact, last, now, is_given_up=True)
    await _record(confirmation, contact, now)


async def _record(confirmation: Confirmation, contact: Contact, now: datetime) -> None:
    """Add to the audit trail what became of the mail; its run goes by the confirmation's id."""
    after = {"mail_state": confirmation.mail_state, "mail_failure": confirmation.mail_failure}
    await audit.record(
        Act(SYSTEM, now, confirmation.id),
        "confirmation.mail",
        contact.id,
        customer_id=contact.customer_id,
        after=after,
    )


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
    """Show on the contact how the last mail to its present address fared."""
    if contact.deleted_at is not None or contact.email != confirmation.email:
        return
    contact.mail_failure = failure
    contact.mail_failed_at = None if failure is None else now
    contact.is_mail_given_up = is_given_up
    await contact.save(update_fields=["mail_failure", "mail_failed_at", "is_mail_given_up"])
