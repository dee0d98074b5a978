"""Withdraws attachment preferences: of a contact, or of all contacts of a customer (R63, R66)."""

from models.audit import Act
from models.confirmation_link import ConfirmationKind, VoidReason
from models.contact import Contact
from models.document import Document
from models.event import publish
from models.preference import PreferenceKind
from models.preference_entry import PreferenceEntry, add_entry, newest_entry
from models.voiding import void_confirmations

PREFERENCE_WITHDRAWN = "contact.preference_withdrawn"


async def withdraw(act: Act, contact: Contact, reason: str | None = None) -> PreferenceEntry | None:
    """Withdraw the preference of a locked contact, and a request that waits for an answer.

    Without either, nothing is changed and no entry given.
    """
    await void_confirmations(
        contact, VoidReason.WITHDRAWN, act.now, ConfirmationKind.ATTACHMENT_PREFERENCE
    )
    newest = await newest_entry(contact)
    if newest is None or newest.kind in {PreferenceKind.WITHDRAWN, PreferenceKind.RESET}:
        return None
    entry = await add_entry(
        act,
        contact,
        PreferenceKind.WITHDRAWN,
        [Document(name) for name in newest.documents],
        contact.email,
        reason,
    )
    payload = {"customer_id": contact.customer_id, "entry_id": entry.id}
    await publish(PREFERENCE_WITHDRAWN, contact.id, payload, act.now)
    return entry


async def withdraw_all(act: Act, customer_id: str, reason: str | None = None) -> int:
    """Withdraw the preferences of all contacts of a customer, and count them (R66)."""
    contacts = (
        await Contact.filter(customer_id=customer_id, deleted_at__isnull=True)
        .order_by("id")
        .select_for_update(no_key=True)
    )
    entries = [await withdraw(act, contact, reason) for contact in contacts]
    return sum(entry is not None for entry in entries)
