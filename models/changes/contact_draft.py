"""Checks many new contacts by what is read and locked for all, and adds them at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.changes.contact_editing import checked_values, stored_values
from models.changes.delivery_changes import events_of_new_contacts
from models.changes.own_reference import refuse_taken
from models.rules.checks import Checks
from models.rules.own_reference import reference_key
from models.storage.row_insert import add_rows, by_table
from models.tables import audit
from models.tables.audit import ActorContext
from models.tables.contact import Contact
from models.tables.contact_state import state_of
from models.tables.customer import Customer
from models.tables.event import owner_of


@dataclass(frozen=True, slots=True)
class ContactToSave:
    """A contact to create, or to change if `contact_id` or `updates_existing` finds one."""

    values: Mapping[str, Any]
    updates_existing: bool = False
    contact_id: str | None = None
    expected_version: int | None = None
    customer_id: str | None = None
    customer_reference: str | None = None


def check_new_contact(
    checks: Checks,
    values: Mapping[str, Any],
    owner_id: str | None,
    taken: Mapping[str, Contact],
) -> dict[str, Any]:
    """Return the values to store of a new contact, for `new_contact`.

    `owner_id` is the reseller whose external reference it is; None for the platform. `taken` are
    the contacts by their reference keys; these keys must be locked.
    """
    checked = checked_values(checks, {"name": None, **values})
    reference = checked.get("external_reference")
    key = checked["reference_key"] = reference_key(owner_id, reference)
    if key in taken:
        refuse_taken(checks, Contact, reference)
    return checked


async def add_contacts(
    act: ActorContext, contacts: Sequence[Contact], customers: Mapping[str, Customer]
) -> None:
    """Add contacts with history, audit entries and events.

    `customers`, by id, are locked, or new in this transaction, and up to date.
    """
    if not contacts:
        return
    owners = {one.id: owner_of(one) for one in customers.values()}
    rows = [
        row
        for contact in contacts
        for row in (
            contact,
            state_of(contact, act.now),
            *audit.with_events(
                audit.new_entry(
                    act,
                    "contact.created",
                    contact.id,
                    customer_id=contact.customer_id,
                    after=stored_values(contact),
                ),
                owners[contact.customer_id],
                ids=act.event_ids,
            ),
        )
    ]
    await add_rows(by_table([*rows, *await events_of_new_contacts(act, contacts, owners)]))
