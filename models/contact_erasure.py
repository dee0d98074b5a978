"""Takes what is personal out of the contacts of a customer that is erased (A18)."""

from models import audit
from models.audit import ERASED, Act
from models.confirmation import Confirmation
from models.confirmation_link import VoidReason
from models.contact import Contact
from models.contact_state import ContactState, note_state
from models.voiding import void_confirmations


async def erase_contacts(act: Act, customer_id: str) -> None:
    """Blank names and addresses, end what was asked, and keep every entry of the histories.

    Deleted contacts are blanked too. Without its salt no digest of an address says anything.
    """
    contacts = (
        await Contact.filter(customer_id=customer_id).order_by("id").select_for_update(no_key=True)
    )
    for contact in contacts:
        await void_confirmations(contact, VoidReason.CUSTOMER_ERASED, act.now)
        await Confirmation.filter(contact_id=contact.id).update(email=None, email_key=None)
        if contact.deleted_at is None:
            contact.deleted_at = act.now
            contact.last_modified_at = act.now
            contact.version += 1
            await note_state(contact, act.now)
        if contact.name != ERASED:
            await audit.record(act, "contact.erased", contact.id, customer_id=customer_id)
        contact.name, contact.email, contact.address_salt = ERASED, None, ""
        contact.email_verified_at = None
        contact.mail_failure = contact.mail_failed_at = None
        await contact.save()
    await ContactState.filter(customer_id=customer_id).update(name=ERASED, email=None)
