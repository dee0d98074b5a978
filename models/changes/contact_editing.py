"""Creating, editing and deleting contacts (R59, R62)."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any

from models.changes.customer_editing import locked_customer
from models.changes.delivery_changes import noting_deliveries
from models.changes.invalidate_confirmations import void_confirmations
from models.changes.own_reference import (
    checked_reference,
    named_customer_id,
    path_of_customer,
    refuse_unnamed,
    set_reference_key,
)
from models.lists.personal_data import unseen
from models.rules.checks import Checks
from models.rules.confirmation_link import VoidReason
from models.rules.document import Document
from models.rules.email_address import checked_email
from models.rules.errors import RefusalCode, StaleVersion, refuse
from models.rules.preference import PreferenceKind
from models.storage.locks import lock
from models.storage.row_insert import new_row
from models.storage.tenant_scope import current_tenant
from models.tables import audit
from models.tables.audit import ActorContext
from models.tables.contact import Contact
from models.tables.contact_state import note_state
from models.tables.customer import Customer
from models.tables.customer_class import NAME_LENGTH, touch
from models.tables.preference_entry import add_entry, newest_entry

FLAGS = {"receives_bills": False, "receives_correspondence": False, "is_active": True}
"""Boolean fields of a contact, and their defaults."""

PERSONAL_FIELDS = ("name", "email")
DECISIVE_FIELDS = ("email", "receives_bills", "is_active")
"""The fields that decide what a contact is emailed."""

CONTACT_FIELDS = (*PERSONAL_FIELDS, *FLAGS, "external_reference")


async def create_contact(
    act: ActorContext,
    customer_id: str | None,
    values: Mapping[str, Any],
    customer_reference: str | None = None,
) -> Contact:
    """Add a contact, whose email address starts as not verified, to a customer.

    The customer is named by its id, or by the caller's own reference of it.
    """
    checks = act.checks()
    customer = None
    named = await named_customer_id(checks, customer_id, customer_reference)
    if named is not None:
        path = path_of_customer(customer_id)
        customer = await checks.attempt(locked_customer(named, None, path))
    refuse_unnamed(checks, customer_id, customer_reference)
    checked = checked_values(checks, {"name": None, **values})
    if customer is None:
        raise checks.refused()
    contact = new_contact(act, customer, checked)
    await set_reference_key(checks, contact, current_tenant() or customer.parent_id)
    checks.raise_refusals()
    async with noting_deliveries(act, customer.id, contact.id):
        await contact.save(force_create=True)
    await note_state(contact, act.now)
    await audit.record(
        act,
        "contact.created",
        contact.id,
        customer_id=contact.customer_id,
        after=stored_values(contact),
    )
    return contact


def new_contact(act: ActorContext, customer: Customer, checked: Mapping[str, Any]) -> Contact:
    """Return a new contact of a customer with values that were checked, for the caller to add."""
    contact = new_row(
        Contact,
        customer_id=customer.id,
        created_at=act.now,
        last_modified_at=act.now,
        changed_at=act.now,
    )
    vars(contact).update(checked)
    return contact


async def edit_contact(
    act: ActorContext,
    contact_id: str,
    customer_id: str | None,
    values: Mapping[str, Any],
    expected_version: int | None,
    customer_reference: str | None = None,
) -> Contact:
    """Change the fields in `values`; a new email address resets verification and preference.

    If email addresses are masked for the principal, each address that they send counts as new, so
    that they learn nothing about the stored one (R62).
    """
    checks = act.checks()
    checked = checked_values(checks, values)
    contact = await checks.attempt(locked_contact(contact_id, expected_version))
    named = await named_customer_id(checks, customer_id, customer_reference)
    if contact is not None and named not in {None, contact.customer_id}:
        checks.refuse(
            RefusalCode.CANNOT_CHANGE,
            "A contact cannot be moved to another customer.",
            path_of_customer(customer_id),
            hint="Delete this contact, and create a new one for the other customer.",
        )
    if contact is None or checks.has_found:
        raise checks.refused()
    before = stored_values(contact)
    contact.update_from_dict(checked)
    if contact.external_reference != before["external_reference"]:
        owner = await Customer.get(id=contact.customer_id)
        await set_reference_key(checks, contact, current_tenant() or owner.parent_id)
        checks.raise_refusals()
    after = stored_values(contact)
    hidden = unseen(act, values, PERSONAL_FIELDS)
    if after == before and not hidden:
        return contact
    if any(after[name] != before[name] or name in hidden for name in DECISIVE_FIELDS):
        noting: AbstractAsyncContextManager[None] = noting_deliveries(
            act, contact.customer_id, contact.id
        )
    else:
        noting = nullcontext()
    async with noting:
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
    """Mark a contact as deleted; the contact's past states stay on record."""
    contact = await locked_contact(contact_id, expected_version)
    await void_confirmations(contact, VoidReason.CONTACT_DELETED, act.now)
    contact.reference_key = None
    contact.deleted_at = act.now
    touch(contact, act.now)
    async with noting_deliveries(act, contact.customer_id, contact.id):
        await contact.save()
    await note_state(contact, act.now)
    await audit.record(
        act,
        "contact.deleted",
        contact.id,
        customer_id=contact.customer_id,
        before=stored_values(contact),
    )
    return contact


async def locked_contact(
    contact_id: str, expected_version: int | None = None, *path: str
) -> Contact:
    """Lock and return a contact; refuses a missing or deleted one, or a stale version (R101).

    `path` is the input field that the refusal of a missing contact names; `id` by default.
    """
    contact = (await lock(Contact, contact_id)).get(contact_id)
    if contact is None or contact.deleted_at is not None:
        raise refuse(RefusalCode.NOT_FOUND, "There is no contact with this id.", *(path or ("id",)))
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


def checked_values(checks: Checks, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values to store; an explicit null resets a boolean field to its default."""
    checked = {
        name: FLAGS[name] if value is None and name in FLAGS else value
        for name, value in values.items()
    }
    if "name" in values:
        checked["name"] = checks.required_text(values["name"], NAME_LENGTH, "name")
    if "email" in values:
        checked["email"] = checked_email(checks, values["email"], "email")
    return checked | checked_reference(checks, values)


def stored_values(contact: Contact) -> dict[str, Any]:
    """Return the values of a contact that audit entries show."""
    return {name: getattr(contact, name) for name in CONTACT_FIELDS}
