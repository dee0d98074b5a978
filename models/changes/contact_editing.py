"""Creating, editing and deleting contacts (R59, R62)."""

from collections.abc import Mapping
from typing import Any

from models.changes.customer_editing import locked_customer
from models.changes.invalidate_confirmations import void_confirmations
from models.lists.personal_data import unseen
from models.rules.confirmation_link import VoidReason
from models.rules.document import Document
from models.rules.email_address import checked_email
from models.rules.errors import RefusalCode, StaleVersion, refuse
from models.rules.preference import PreferenceKind
from models.rules.text import Checks
from models.storage.locks import lock
from models.tables import audit
from models.tables.audit import ActorContext
from models.tables.contact import Contact
from models.tables.contact_state import note_state
from models.tables.customer_class import NAME_LENGTH, touch
from models.tables.preference_entry import add_entry, newest_entry

FLAGS = {"receives_bills": False, "receives_correspondence": False, "is_active": True}
"""Boolean fields of a contact, and their defaults."""

PERSONAL_FIELDS = ("name", "email")
CONTACT_FIELDS = (*PERSONAL_FIELDS, *FLAGS)


async def create_contact(
    act: ActorContext, customer_id: str | None, values: Mapping[str, Any]
) -> Contact:
    """Add a contact to a customer; its email address is not verified yet."""
    if customer_id is None:
        raise refuse(RefusalCode.REQUIRED, "A new contact needs a `customerId`.", "customerId")
    customer = await locked_customer(customer_id, None, "customerId")
    contact = Contact(customer_id=customer.id, created_at=act.now, last_modified_at=act.now)
    _check_and_set(contact, {"name": None, **values})
    await contact.save(force_create=True)
    await note_state(contact, act.now)
    await audit.record(
        act, "contact.created", contact.id, customer_id=contact.customer_id, after=_stored(contact)
    )
    return contact


async def edit_contact(
    act: ActorContext,
    contact_id: str,
    customer_id: str | None,
    values: Mapping[str, Any],
    expected_version: int | None,
) -> Contact:
    """Change the fields that were sent; a new email address resets verification and preference.

    If email addresses are masked for the principal, each one that they write counts as new (R62).
    """
    contact = await locked_contact(contact_id, expected_version)
    if customer_id is not None and customer_id != contact.customer_id:
        raise refuse(
            RefusalCode.INVALID,
            "A contact cannot move to another customer.",
            "customerId",
            hint="Delete the contact, and add a new one to the other customer.",
        )
    before = _stored(contact)
    _check_and_set(contact, values)
    after = _stored(contact)
    hidden = unseen(act, values, PERSONAL_FIELDS)
    if after == before and not hidden:
        return contact
    if after["email"] != before["email"] or "email" in hidden:
        await _forget_address(act, contact, before["email"])
    touch(contact, act.now)
    await contact.save()
    await note_state(contact, act.now)
    await audit.record(
        act,
        "contact.edited",
        contact.id,
        customer_id=contact.customer_id,
        before=before,
        after=after,
        always=hidden,
    )
    return contact


async def delete_contact(
    act: ActorContext, contact_id: str, expected_version: int | None
) -> Contact:
    """Delete a contact; its past states stay on record."""
    contact = await locked_contact(contact_id, expected_version)
    await void_confirmations(contact, VoidReason.CONTACT_DELETED, act.now)
    contact.deleted_at = act.now
    touch(contact, act.now)
    await contact.save()
    await note_state(contact, act.now)
    await audit.record(
        act, "contact.deleted", contact.id, customer_id=contact.customer_id, before=_stored(contact)
    )
    return contact


async def locked_contact(
    contact_id: str, expected_version: int | None = None, *path: str
) -> Contact:
    """Lock and return a contact; refuses deleted contacts as not found."""
    contact = (await lock(Contact, contact_id)).get(contact_id)
    if contact is None or contact.deleted_at is not None:
        raise refuse(RefusalCode.NOT_FOUND, "There is no such contact.", *(path or ("id",)))
    if expected_version is not None and contact.version != expected_version:
        raise StaleVersion(contact, expected_version, contact.version)
    return contact


async def _forget_address(act: ActorContext, contact: Contact, old: str | None) -> None:
    """Reset what depends on the email address: verification, preference and confirmations (R62)."""
    await void_confirmations(contact, VoidReason.ADDRESS_CHANGED, act.now)
    contact.email_verified_at = None
    contact.mail_failure = contact.mail_failed_at = None
    contact.is_mail_given_up = False
    newest = await newest_entry(contact)
    if newest is not None and newest.kind in {PreferenceKind.REQUESTED, PreferenceKind.CONFIRMED}:
        documents = [Document(name) for name in newest.documents]
        await add_entry(act, contact, PreferenceKind.RESET, documents, old)


def _check_and_set(contact: Contact, values: Mapping[str, Any]) -> None:
    checks = Checks()
    if "name" in values:
        contact.name = checks.required_text(values["name"], NAME_LENGTH, "name")
    if "email" in values:
        contact.email = checked_email(checks, values["email"], "email")
    for flag, default in FLAGS.items():
        if flag in values:
            # An explicit null resets the field to its default.
            given = values[flag]
            setattr(contact, flag, default if given is None else given)
    checks.settle()


def _stored(contact: Contact) -> dict[str, Any]:
    return {name: getattr(contact, name) for name in CONTACT_FIELDS}
