"""Invalidates outstanding confirmations of a contact, and cancels their mails."""

from datetime import datetime

from tortoise.queryset import QuerySet

from models.jobs import job
from models.jobs.kinds import mail_key
from models.rules.confirmation_link import ConfirmationKind, VoidReason
from models.tables.confirmation import Confirmation, MailState
from models.tables.contact import Contact


async def void_confirmations(
    contact: Contact, reason: VoidReason, now: datetime, kind: ConfirmationKind | None = None
) -> None:
    """Invalidate the unanswered confirmations of a locked contact, and cancel their unsent mails.

    With `kind`, only confirmations of that kind are invalidated.
    """
    outstanding: QuerySet[Confirmation] = Confirmation.filter(
        contact_id=contact.id, used_at__isnull=True, voided_at__isnull=True
    )
    if kind is not None:
        outstanding = outstanding.filter(kind=kind)
    for confirmation in await outstanding.order_by("id"):
        confirmation.voided_at, confirmation.void_reason = now, reason
        if await job.cancel(mail_key(confirmation.id), now):
            confirmation.mail_state = MailState.CANCELLED
        await confirmation.save()
