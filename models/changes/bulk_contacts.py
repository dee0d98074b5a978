"""Saves many contacts, of any customers, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tortoise.exceptions import IntegrityError

from models.changes.bulk_rows import (
    BulkRow,
    path_of_object,
    refuse_repeated,
    refuse_rows,
    refuse_same_object,
)
from models.changes.contact_draft import ContactToSave, add_contacts, check_new_contact
from models.changes.contact_editing import edit_contact, new_contact
from models.changes.own_reference import (
    customers_at,
    id_by_reference,
    key_to_update,
    lock_of,
    path_of_customer,
    refuse_unnamed,
)
from models.rules.errors import RefusalCode
from models.rules.own_reference import possible_key
from models.rules.row_policy import RowPolicy
from models.storage.collision import Collided
from models.storage.locks import lock, lock_names
from models.storage.tenant_scope import current_tenant
from models.tables.audit import ActorContext
from models.tables.contact import Contact
from models.tables.customer import Customer


@dataclass(slots=True)
class ContactRow(BulkRow):
    """A row of `save_contacts`. `wanted` is what the row saves."""

    wanted: ContactToSave = field(kw_only=True)
    contact_id: str | None = None
    """The id of the contact to change; None for a new contact."""
    customer_id: str | None = None
    """The id of the customer that the row names; None if it names none that exists."""
    key: str | None = None
    """The key of the row's external reference."""
    checked: dict[str, Any] = field(default_factory=dict)
    """The checked values of a new contact."""


async def save_contacts(act: ActorContext, rows: Sequence[ContactRow], policy: RowPolicy) -> None:
    """Save contacts, and set in each row what it saved, or why it is refused.

    Raises RowsRefused if the policy says so; then the caller must roll back the transaction.
    Locks what it changes in one order, so that two calls do not wait for each other.
    """
    customers, taken = await _find(rows)
    for row in rows:
        if row.contact_id is not None:
            await row.write(partial(_edit, row))
        else:
            await row.attempt(_check_new(row, customers, taken))
    refuse_rows(rows, policy)
    added = [row for row in rows if row.contact_id is None and row.refused is None]
    contacts = [new_contact(act, customers[row.customer_id or ""], row.checked) for row in added]
    try:
        await add_contacts(act, contacts, customers)
    except IntegrityError as error:
        # Somebody has just taken a reference. The transaction runs again and sees it.
        raise Collided from error
    for row, contact in zip(added, contacts, strict=True):
        row.saved["contact"] = contact.id


async def _find(
    rows: Sequence[ContactRow],
) -> tuple[dict[str, Customer], dict[str, Contact]]:
    """Lock references, customers of new contacts, and contacts to change, in this order.

    Returns the customers by id, and the contacts by the keys of references in the rows.
    """
    named = await _named_customers(rows)
    for row in rows:
        _set_key(row, named)
    refuse_repeated(((row, row.wanted.contact_id) for row in rows), "`id`", "id")
    refuse_repeated(((row, row.key) for row in rows), "`externalReference`", "externalReference")
    keys = [row.key for row in rows if row.key is not None]
    await lock_names(lock_of(Contact, key) for key in keys)
    taken: dict[str, Contact] = {}
    if keys:
        for contact in await Contact.filter(reference_key__in=keys):
            taken[str(contact.reference_key)] = contact
    for row in rows:
        row.contact_id = row.wanted.contact_id
        if row.wanted.updates_existing and row.contact_id is None and row.key in taken:
            row.contact_id = taken[row.key].id
    refuse_same_object(
        ((row, row.contact_id, path_of_object(row.wanted.contact_id)) for row in rows), "contact"
    )
    needed = [row.customer_id for row in rows if row.contact_id is None and row.customer_id]
    customers = await lock(Customer, *needed) if needed else {}
    changed = [row.contact_id for row in rows if row.contact_id is not None]
    if changed:
        await lock(Contact, *changed)
    return customers, taken


async def _named_customers(rows: Sequence[ContactRow]) -> dict[str, Customer]:
    """Set the customer that each row names, by id or reference; return these by id."""
    ids = {row.wanted.customer_id for row in rows if row.wanted.customer_id is not None}
    contact_ids = [row.wanted.contact_id for row in rows if row.wanted.contact_id is not None]
    owned: dict[str, str] = {}
    if contact_ids:
        for contact in await Contact.filter(id__in=contact_ids):
            owned[contact.id] = contact.customer_id
    found: dict[str, Customer] = {}
    if wanted_ids := ids | set(owned.values()):
        found |= {one.id: one for one in await Customer.filter(id__in=list(wanted_ids))}
    named = await customers_at(row.wanted.customer_reference for row in rows)
    found |= {one.id: one for one in named.values()}
    for row in rows:
        wanted = row.wanted
        if wanted.contact_id is not None:
            row.customer_id = owned.get(wanted.contact_id)
        else:
            row.customer_id = id_by_reference(
                row.checks, wanted.customer_id, wanted.customer_reference, named
            )
    return found


def _set_key(row: ContactRow, customers: dict[str, Customer]) -> None:
    """Set the key of a row's reference, whose owner is the reseller of the row's customer."""
    wanted = row.wanted
    owner_id = current_tenant()
    customer = customers.get(row.customer_id or "")
    if owner_id is None and customer is not None:
        owner_id = customer.parent_id
    row.key = possible_key(owner_id, wanted.values.get("external_reference"))
    if wanted.updates_existing and wanted.contact_id is not None:
        row.checks.refuse(
            RefusalCode.NOT_APPLICABLE,
            "`onConflict: UPDATE` finds the contact by `externalReference`. Leave it or `id` out.",
            "onConflict",
        )
    elif wanted.updates_existing:
        key_to_update(row.checks, wanted.values, owner_id)


async def _edit(row: ContactRow) -> None:
    wanted, contact_id = row.wanted, row.contact_id or ""
    await edit_contact(
        row.act,
        contact_id,
        wanted.customer_id,
        wanted.values,
        wanted.expected_version,
        wanted.customer_reference,
    )
    row.saved["contact"] = contact_id


async def _check_new(
    row: ContactRow, customers: dict[str, Customer], taken: dict[str, Contact]
) -> None:
    wanted, checks = row.wanted, row.checks
    checks.refuse_version_of_new(wanted.expected_version)
    customer = customers.get(row.customer_id or "")
    if row.customer_id is not None and (customer is None or customer.erased_at is not None):
        path = path_of_customer(wanted.customer_id)
        checks.refuse(RefusalCode.NOT_FOUND, "There is no such customer.", path)
    refuse_unnamed(checks, row.customer_id, wanted.customer_reference)
    owner_id = current_tenant() or (customer.parent_id if customer else None)
    row.checked = check_new_contact(checks, wanted.values, owner_id, taken)
