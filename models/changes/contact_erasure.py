"""Erases the personal data of one contact, or of all contacts of an erased customer (A18)."""

from models.changes.audit_erasure import erase_contact_values
from models.changes.delivery_changes import noting_deliveries
from models.changes.invalidate_confirmations import void_confirmations
from models.jobs.job import NewJob, enqueue
from models.jobs.kinds import CONFIRMATION_MAIL, removal_key
from models.rules.confirmation_link import VoidReason
from models.rules.errors import RefusalCode, StaleVersion, refuse
from models.rules.urgency import Urgency
from models.storage.erasure import overwrite_erased
from models.storage.locks import lock
from models.tables import audit
from models.tables.audit import ERASED, ActorContext
from models.tables.confirmation import Confirmation
from models.tables.contact import Contact
from models.tables.contact_state import ContactState, note_state
from models.tables.customer_class import touch
from models.tables.mail_quota import unlink_mailbox_quotas


async def erase_contact(
    act: ActorContext, contact_id: str, expected_version: int | None
) -> Contact:
    """Erase a contact, deleted or not; does nothing if the contact is already erased.

    Name and email address are erased in the contact's row, history, confirmations and audit
    entries, and the reasons of these entries too. What was done, when and by whom stays.
    """
    contact = (await lock(Contact, contact_id)).get(contact_id)
    if contact is None:
        raise refuse(RefusalCode.NOT_FOUND, "There is no contact with this id.", "id")
    if _is_erased(contact):
        return contact
    if expected_version is not None and contact.version != expected_version:
        raise StaleVersion(contact, expected_version, contact.version)
    await _erase(act, contact, VoidReason.CONTACT_DELETED)
    await ContactState.filter(contact_id=contact.id).update(name=ERASED, email=None)
    await erase_contact_values(contact.id, act.now)
    await _record(act, contact)
    await overwrite_erased()
    return contact


async def erase_contacts(act: ActorContext, customer_id: str) -> None:
    """Erase the contacts of a customer that is about to be erased, deleted ones too.

    The contacts' audit entries are erased together with the customer's.
    """
    contacts = (
        await Contact.filter(customer_id=customer_id).order_by("id").select_for_update(no_key=True)
    )
    for contact in contacts:
        is_news = not _is_erased(contact)
        await _erase(act, contact, VoidReason.CUSTOMER_ERASED)
        if is_news:
            await _record(act, contact)
    await ContactState.filter(customer_id=customer_id).update(name=ERASED, email=None)


def _is_erased(contact: Contact) -> bool:
    """Return whether a contact is erased, which an empty `address_salt` shows.

    The name is no proof: any contact may be named `(erased)`.
    """
    return not contact.address_salt


async def _erase(act: ActorContext, contact: Contact, reason: VoidReason) -> None:
    """Blank a locked contact and its confirmations.

    Without `address_salt`, stored digests of the email address cannot be matched any more.
    """
    await void_confirmations(contact, reason, act.now)
    await _remove_mails(act, contact)
    await Confirmation.filter(contact_id=contact.id).update(email=None, email_key=None)
    if contact.deleted_at is None:
        contact.deleted_at = act.now
        touch(contact, act.now)
        await note_state(contact, act.now)
    contact.name, contact.email, contact.address_salt = ERASED, None, ""
    contact.external_reference = contact.reference_key = None
    contact.email_verified_at = None
    contact.mail_failure = contact.mail_failed_at = None
    async with noting_deliveries(act, contact.customer_id, contact.id):
        await contact.save()


async def _remove_mails(act: ActorContext, contact: Contact) -> None:
    """Enqueue a job that deletes stored copies of the mails that were sent to a contact.

    Also removes the ids of these mails from the rows that count mails per mailbox.
    """
    asked = Confirmation.filter(contact_id=contact.id, email__isnull=False)
    ids = [str(one) for one in await asked.order_by("id").values_list("id", flat=True)]
    if not ids:
        return
    removal = NewJob(
        CONFIRMATION_MAIL,
        removal_key(contact.id),
        {"removed": ids, "customer_id": contact.customer_id},
        Urgency.REQUESTED,
        request_id=act.request_id,
    )
    await enqueue([removal], act.now)
    await unlink_mailbox_quotas(ids, act.now)


async def _record(act: ActorContext, contact: Contact) -> None:
    await audit.record(act, "contact.erased", contact.id, customer_id=contact.customer_id)
