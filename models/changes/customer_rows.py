"""Reads and locks what the rows of `save_customers` may meet, once for all rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from models.changes.bulk_rows import BulkRow, refusals_of
from models.changes.customer_draft import CustomerDraft, Surroundings
from models.changes.customer_placement import check_parent, place_new_customer
from models.changes.customer_saving import CustomerToSave, refuse_two_ways, with_parent
from models.changes.customer_values import number_taken
from models.changes.own_reference import (
    OWN_REFERENCE,
    PARENT_REFERENCE,
    customers_at,
    key_to_update,
    lock_of,
    refuse_taken,
)
from models.rules.checks import Checks
from models.rules.errors import Refusal, Refused
from models.rules.folding import folded
from models.rules.own_reference import possible_key, reference_key
from models.rules.text import trimmed
from models.storage.locks import lock, lock_names
from models.storage.tenant_scope import current_tenant
from models.tables.contact import Contact
from models.tables.customer import ACCOUNT_NUMBER_LENGTH, Customer
from models.tables.customer_class import CustomerClass
from models.tables.customer_template import CustomerTemplate


@dataclass(slots=True)
class CustomerRow(BulkRow):
    """A row of `save_customers`. `wanted` is what the row saves."""

    wanted: CustomerToSave = field(kw_only=True)
    customer_id: str | None = None
    """The id of the customer to change; None for a new customer."""
    owner_id: str | None = None
    """The reseller whose external references the row has; None for the platform."""
    draft: CustomerDraft | None = None
    new_contacts: list[dict[str, Any]] = field(default_factory=list)
    """The checked values of the new contacts."""

    @property
    def key(self) -> str | None:
        """The key of the customer's reference; None without one."""
        return possible_key(self.owner_id, self.wanted.values.get(OWN_REFERENCE))

    @property
    def contact_keys(self) -> list[str | None]:
        """The keys of the contacts' references."""
        contacts = self.wanted.contacts
        return [possible_key(self.owner_id, one.values.get(OWN_REFERENCE)) for one in contacts]

    @property
    def number_key(self) -> str | None:
        """The key of the account number; None without one."""
        number = trimmed(self.wanted.values.get("account_number") or "")
        return folded(number) if 0 < len(number) <= ACCOUNT_NUMBER_LENGTH else None

    @property
    def is_found_by_reference(self) -> bool:
        """Whether the row changes the customer with its reference, if there is one."""
        wanted = self.wanted
        return wanted.updates_existing and wanted.customer_id is None and wanted.consent is None

    def parents_in(self, found: Mapping[str | None, Customer]) -> Mapping[str | None, Customer]:
        """Return the customers, by reference, that the row may name as the parent."""
        return found

    @property
    def needs_contact_references(self) -> bool:
        """Whether contacts that are found by their reference need one."""
        return True


@dataclass(slots=True)
class Found:
    """What is read for all rows at once; the references are locked, and so are the customers."""

    customers: dict[str, Customer] = field(default_factory=dict)
    """Customers by their reference keys."""
    contacts: dict[str, Contact] = field(default_factory=dict)
    """Contacts by their reference keys."""
    numbers: set[str] = field(default_factory=set)
    """The keys of account numbers that are in use."""


async def find(rows: Sequence[CustomerRow]) -> Found:
    """Lock the references, customers and contacts of all rows, and read what they may meet.

    Locks are taken in one order: references, customers, contacts, each sorted.
    """
    await _set_parents(rows)
    await _set_owners(rows)
    for row in rows:
        refuse_two_ways(row.checks, row.wanted)
        row.customer_id = row.wanted.customer_id
        if row.is_found_by_reference:
            key_to_update(row.checks, row.wanted.values, row.owner_id)
    keys = {row.key for row in rows} - {None}
    contact_keys = {key for row in rows for key in row.contact_keys} - {None}
    await lock_names(
        [
            *(lock_of(Customer, str(key)) for key in keys),
            *(lock_of(Contact, str(key)) for key in contact_keys),
        ]
    )
    found = Found()
    for customer in await Customer.filter(reference_key__in=list(keys)) if keys else ():
        found.customers[str(customer.reference_key)] = customer
    for row in rows:
        if row.is_found_by_reference and row.key in found.customers:
            row.customer_id = found.customers[row.key].id
    if ids := [row.customer_id for row in rows if row.customer_id is not None]:
        await lock(Customer, *ids)
    if contact_keys:
        known = await Contact.filter(reference_key__in=list(contact_keys))
        found.contacts = {str(one.reference_key): one for one in known}
        if known:
            await lock(Contact, *(one.id for one in known))
    if numbers := {row.number_key for row in rows} - {None}:
        taken = await Customer.filter(account_number_key__in=list(numbers)).only(
            "account_number_key"
        )
        found.numbers = {one.account_number_key for one in taken}
    return found


async def _set_parents(rows: Sequence[CustomerRow]) -> None:
    """Set the ids of the parents that rows name by external reference."""
    named = await customers_at(row.wanted.values.get(PARENT_REFERENCE) for row in rows)
    for row in rows:
        row.wanted = with_parent(row.checks, row.wanted, row.parents_in(named))


async def _set_owners(rows: Sequence[CustomerRow]) -> None:
    """Set the owner of each row's references: the reseller that the customer will buy through."""
    tenant = current_tenant()
    parents: dict[str, str | None] = {}
    templates: dict[str, str | None] = {}
    if tenant is None:
        ids = [row.wanted.customer_id for row in rows if row.wanted.customer_id is not None]
        if ids:
            parents = dict(await Customer.filter(id__in=ids).values_list("id", "parent_id"))
        ids = [row.wanted.template_id for row in rows if row.wanted.template_id is not None]
        if ids:
            found = CustomerTemplate.filter(id__in=ids)
            templates = dict(await found.values_list("id", "parent_id"))
    for row in rows:
        wanted = row.wanted
        if tenant is not None or "parent_id" in wanted.values:
            row.owner_id = tenant or wanted.values["parent_id"]
        elif wanted.customer_id is not None:
            row.owner_id = parents.get(wanted.customer_id)
        elif wanted.template_id is not None:
            row.owner_id = templates.get(wanted.template_id)


class SharedSurroundings(Surroundings):
    """Asks for each class and parent once for all rows, and knows references and numbers."""

    def __init__(self, found: Found) -> None:
        self.found = found
        self._places: dict[
            tuple[Any, ...], tuple[CustomerClass | None, str | None, Sequence[Refusal]]
        ] = {}
        self._parents: dict[tuple[str | None, str], Sequence[Refusal]] = {}

    async def place(
        self, checks: Checks, values: Mapping[str, Any], template_id: str | None
    ) -> tuple[CustomerClass | None, str | None]:
        key = (values.get("class_id"), values.get("class_code"), template_id)
        if key not in self._places:
            own = checks.apart()
            placed = await place_new_customer(own, values, template_id)
            self._places[key] = (*placed, own.found)
        customer_class, parent_id, refusals = self._places[key]
        checks.add(*refusals)
        return customer_class, parent_id

    async def check_parent(self, customer: Customer, path: str) -> None:
        key = (customer.parent_id, path)
        if key not in self._parents:
            self._parents[key] = await refusals_of(check_parent(customer, path))
        if refusals := self._parents[key]:
            raise Refused(refusals)

    async def check_reference(self, checks: Checks, customer: Customer) -> None:
        reference = customer.external_reference
        key = customer.reference_key = reference_key(customer.parent_id, reference)
        if key is not None and key in self.found.customers:
            refuse_taken(checks, Customer, reference)

    async def check_number(self, checks: Checks, customer: Customer) -> None:
        is_taken = customer.account_number_key in self.found.numbers
        if is_taken and not checks.is_refused("accountNumber"):
            checks.add(*number_taken(customer).refusals)
