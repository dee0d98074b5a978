"""Saves many customers, each with contacts, in one transaction."""

from collections.abc import Sequence
from functools import partial

from tortoise.exceptions import IntegrityError

from models.changes.bulk_rows import (
    below,
    path_of_object,
    refuse_repeated,
    refuse_rows,
    refuse_same_object,
)
from models.changes.consent_ledger import first_entry_rows
from models.changes.contact_draft import ContactToSave, add_contacts, check_new_contact
from models.changes.contact_editing import edit_contact, new_contact
from models.changes.customer_draft import CustomerDraft, draft_customer
from models.changes.customer_editing import edit_customer
from models.changes.customer_rows import CustomerRow, Found, SharedSurroundings, find
from models.changes.customer_saving import create, refuse_fields_of_new
from models.changes.own_reference import OWN_REFERENCE, key_to_update
from models.jobs.job import JOBS
from models.rules.errors import RefusalCode
from models.rules.own_reference import possible_key
from models.rules.row_policy import MAX_CONTACTS, RowPolicy
from models.rules.urgency import Urgency
from models.storage.collision import Collided
from models.storage.locks import lock
from models.storage.row_insert import add_rows, by_table
from models.tables.audit import ActorContext
from models.tables.contact import Contact
from models.tables.customer import Customer

CONTACTS = "contacts"


async def save_customers(
    act: ActorContext,
    rows: Sequence[CustomerRow],
    policy: RowPolicy,
    urgency: Urgency = Urgency.BULK,
) -> None:
    """Save customers, and set in each row what it saved, or why it is refused.

    Raises RowsRefused if the policy says so; then the caller must roll back the transaction.
    Locks what it changes in one order, so that two calls do not wait for each other.
    """
    found = await find(rows)
    _refuse_repeated(rows)
    for row in rows:
        if row.customer_id is not None:
            await row.write(partial(_edit, act, row, found, urgency))
        elif row.wanted.consent is not None and row.wanted.consent_key is not None:
            await row.write(partial(_create_once, act, row, found, urgency))
    added: list[CustomerRow] = []
    around = SharedSurroundings(found)
    for row in rows:
        is_new = row.customer_id is None and not row.saved and row.refused is None
        if is_new and await row.attempt(_draft(act, row, urgency, around)) is not None:
            added.append(row)
    refuse_rows(rows, policy)
    await _add(act, rows, added)


def _refuse_repeated(rows: Sequence[CustomerRow]) -> None:
    """Refuse rows for the same customer, reference or account number, and contacts likewise."""
    refuse_repeated(((row, row.wanted.customer_id) for row in rows), "`id`", "id")
    refuse_repeated(((row, row.key) for row in rows), "`externalReference`", "externalReference")
    refuse_same_object(
        ((row, row.customer_id, path_of_object(row.wanted.customer_id)) for row in rows),
        "customer",
    )
    refuse_repeated(((row, row.number_key) for row in rows), "`accountNumber`", "accountNumber")
    first: dict[str, int] = {}
    for row in rows:
        for place, key in enumerate(row.contact_keys):
            if key is not None and key in first:
                row.checks.refuse(
                    RefusalCode.DUPLICATE_ITEM,
                    f"A contact in row {first[key]} of this request has the same"
                    " `externalReference`; rows are counted from 0.",
                    *(CONTACTS, str(place), "externalReference"),
                )
            elif key is not None:
                first[key] = row.index


async def _check_contacts(act: ActorContext, row: CustomerRow, found: Found) -> None:
    """Change the contacts of a row that exist; check the new ones, and keep their values."""
    contacts = row.wanted.contacts
    row.checks.list_length(contacts, MAX_CONTACTS, CONTACTS)
    for place, contact in enumerate(contacts[:MAX_CONTACTS]):
        checks = row.checks.apart()
        known = _existing(row, contact, found)
        if known is None:
            taken = {} if contact.updates_existing else found.contacts
            checked = check_new_contact(checks, contact.values, row.owner_id, taken)
            if contact.updates_existing and row.needs_contact_references:
                key_to_update(checks, contact.values, row.owner_id)
            row.new_contacts.append(checked)
        elif known.customer_id == row.customer_id:
            await checks.attempt(edit_contact(act, known.id, None, contact.values, None))
        else:
            checks.refuse(
                RefusalCode.CANNOT_CHANGE,
                "The contact with this external reference belongs to another customer, and cannot"
                " be moved.",
                "externalReference",
            )
        row.checks.add(*below(checks.found, CONTACTS, str(place)))


def _existing(row: CustomerRow, contact: ContactToSave, found: Found) -> Contact | None:
    """Return the contact that an update finds by its reference."""
    if not contact.updates_existing:
        return None
    return found.contacts.get(possible_key(row.owner_id, contact.values.get(OWN_REFERENCE)) or "")


async def _edit(act: ActorContext, row: CustomerRow, found: Found, urgency: Urgency) -> None:
    wanted, customer_id = row.wanted, row.customer_id or ""
    refuse_fields_of_new(row.checks, wanted)
    await _check_contacts(act, row, found)
    await edit_customer(row.act, customer_id, wanted.values, wanted.expected_version, urgency)
    row.saved["customer"] = customer_id


async def _create_once(act: ActorContext, row: CustomerRow, found: Found, urgency: Urgency) -> None:
    created = await row.checks.attempt(create(row.act, row.wanted, urgency))
    if created is not None:
        row.saved["customer"], row.is_replayed = created.customer.id, created.is_replayed
    if not row.is_replayed:
        await _check_contacts(act, row, found)


async def _draft(
    act: ActorContext, row: CustomerRow, urgency: Urgency, around: SharedSurroundings
) -> CustomerDraft:
    wanted = row.wanted
    row.checks.refuse_version_of_new(wanted.expected_version)
    await _check_contacts(act, row, around.found)
    row.draft = await draft_customer(
        row.act, wanted.values, wanted.template_id, wanted.consent, urgency=urgency, around=around
    )
    return row.draft


async def _add(
    act: ActorContext, rows: Sequence[CustomerRow], added: Sequence[CustomerRow]
) -> None:
    """Add the new customers, and the new contacts of all rows."""
    written = []
    customers: dict[str, Customer] = {}
    starts = False
    for row in added:
        draft = row.draft
        assert draft is not None  # noqa: S101  # `_draft` has set it
        written += draft.rows
        starts = starts or draft.starts_lookup
        if draft.consent is not None and draft.request is not None:
            written += first_entry_rows(act, draft.customer, draft.consent, draft.request)
        customers[draft.customer.id] = draft.customer
        row.saved["customer"] = draft.customer.id
    try:
        if written:
            await add_rows(by_table(written), waking=JOBS if starts else None)
        holders = [row for row in rows if row.saved and row.new_contacts and not row.is_replayed]
        others = [
            row.saved["customer"] for row in holders if row.saved["customer"] not in customers
        ]
        customers |= await lock(Customer, *others) if others else {}
        contacts = [
            new_contact(act, customers[row.saved["customer"]], checked)
            for row in holders
            for checked in row.new_contacts
        ]
        await add_contacts(act, contacts, customers)
    except IntegrityError as error:
        # Somebody has just taken an account number. The transaction runs again and sees it.
        raise Collided from error
