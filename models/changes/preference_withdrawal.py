"""Withdraws the attachment preferences of a contact, or of a customer's contacts (R63, R66)."""

from models.changes.delivery_changes import noting_deliveries
from models.changes.invalidate_confirmations import void_confirmations
from models.rules.confirmation_link import ConfirmationKind, VoidReason
from models.rules.document import Document
from models.rules.preference import PreferenceKind
from models.tables.audit import ActorContext
from models.tables.contact import Contact
from models.tables.preference_entry import PreferenceEntry, add_entry, newest_entry


async def withdraw(
    act: ActorContext, contact: Contact, reason: str | None = None
) -> PreferenceEntry | None:
    """Withdraw the preference of a locked contact, and cancel unanswered requests for one.

    Returns the new preference entry; None if the contact had no preference to withdraw.
    """
    await void_confirmations(
        contact, VoidReason.WITHDRAWN, act.now, ConfirmationKind.ATTACHMENT_PREFERENCE
    )
    newest = await newest_entry(contact)
    if newest is None or newest.kind in {PreferenceKind.WITHDRAWN, PreferenceKind.RESET}:
        return None
    async with noting_deliveries(act, contact.customer_id, contact.id):
        return await add_entry(
            act,
            contact,
            PreferenceKind.WITHDRAWN,
            [Document(name) for name in newest.documents],
            contact.email,
            reason,
        )


async def withdraw_all(act: ActorContext, customer_id: str, reason: str | None = None) -> int:
    """Withdraw the preferences of all contacts of a customer; return how many had one (R66)."""
    contacts = (
        await Contact.filter(customer_id=customer_id, deleted_at__isnull=True)
        .order_by("id")
        .select_for_update(no_key=True)
    )
    entries = [await withdraw(act, contact, reason) for contact in contacts]
    return sum(entry is not None for entry in entries)
