"""Keeps external references unique by owner, finds rows by them, and clears them at a hand-over.

The owner of the reference of a customer, and of its contacts, is the reseller that the customer
buys through; without one it is the platform. Each owner sees only its own references (R99).
"""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from models.rules.checks import Checks
from models.rules.errors import RefusalCode
from models.rules.own_reference import REFERENCE_LENGTH, possible_key, reference_key
from models.storage.locks import lock_name
from models.storage.tenant_scope import current_tenant
from models.tables import audit
from models.tables.audit import ActorContext
from models.tables.contact import Contact
from models.tables.customer import Customer, search_key_of
from models.tables.customer_class import touch
from models.tables.customer_template import CustomerTemplate

Row = TypeVar("Row", Customer, Contact)

PATH = "externalReference"
OWN_REFERENCE = "external_reference"
PARENT_REFERENCE = "parent_external_reference"
HINT = "Send `onConflict: UPDATE` to change the object that has the reference."


def checked_reference(checks: Checks, values: Mapping[str, Any]) -> dict[str, str | None]:
    """Return the trimmed reference in `values`, if there is one."""
    if "external_reference" not in values:
        return {}
    text = checks.optional_text(values["external_reference"], REFERENCE_LENGTH, PATH)
    return {"external_reference": text}


async def set_reference_key(checks: Checks, row: Row, owner_id: str | None) -> None:
    """Set the key of a row's reference; refuses a reference that another row of the owner has.

    No other transaction can use the reference until this one ends.
    """
    row.reference_key = key = reference_key(owner_id, row.external_reference)
    if key is None or checks.is_refused(PATH):
        return
    await lock_name(lock_of(type(row), key))
    if await type(row).filter(reference_key=key).exclude(id=row.id).exists():
        refuse_taken(checks, type(row), row.external_reference)


def refuse_taken(checks: Checks, model: type[Customer | Contact], reference: str | None) -> None:
    """Refuse an external reference, because another row of the owner has it."""
    kind = "customer" if model is Customer else "contact"
    checks.refuse(
        RefusalCode.ALREADY_EXISTS,
        f"There is already a {kind} with the external reference {reference}.",
        PATH,
        hint=HINT,
    )


def lock_of(model: type[Customer | Contact], key: str) -> str:
    """Return the name to lock for a key, so that no other transaction uses the reference."""
    return f"{model._meta.db_table} reference {key}"


async def customer_to_update(
    checks: Checks, values: Mapping[str, Any], template_id: str | None
) -> str | None:
    """Return the id of the customer that has the reference in `values`; None if there is none."""
    owner_id = current_tenant() or values.get("parent_id")
    if owner_id is None and "parent_id" not in values and template_id is not None:
        template = await CustomerTemplate.get_or_none(id=template_id)
        owner_id = template.parent_id if template else None
    return await _row_to_update(checks, Customer, values, owner_id)


async def contact_to_update(
    checks: Checks,
    values: Mapping[str, Any],
    customer_id: str | None,
    customer_reference: str | None,
) -> str | None:
    """Return the id of the contact that has the reference in `values`; None if there is none.

    The owner of the reference is that of the named customer, if one is named.
    """
    owner_id = current_tenant()
    if owner_id is None and customer_id is not None and customer_reference is None:
        customer = await Customer.get_or_none(id=customer_id)
        owner_id = customer.parent_id if customer else None
    return await _row_to_update(checks, Contact, values, owner_id)


async def _row_to_update(
    checks: Checks, model: type[Customer | Contact], values: Mapping[str, Any], owner_id: str | None
) -> str | None:
    key = key_to_update(checks, values, owner_id)
    if key is None:
        return None
    await lock_name(lock_of(model, key))
    found = await model.get_or_none(reference_key=key)
    return None if found is None else found.id


def key_to_update(checks: Checks, values: Mapping[str, Any], owner_id: str | None) -> str | None:
    """Return the key of the reference by which `onConflict: UPDATE` finds a row.

    None if there is no reference, or a wrong one, which is refused.
    """
    key = reference_key(owner_id, checked_reference(checks, values).get("external_reference"))
    if key is None:
        checks.refuse(
            RefusalCode.REQUIRED,
            "Enter the external reference: `onConflict: UPDATE` finds the object by it.",
            PATH,
        )
    return None if checks.is_refused(PATH) else key


async def customers_at(references: Iterable[str | None]) -> dict[str | None, Customer]:
    """Return the customers that have references of the caller's own, by these as they were sent.

    The references are those of customers of the partner's reseller, or of those without a reseller.
    """
    keys = {one: possible_key(current_tenant(), one) for one in references}
    wanted = {key for key in keys.values() if key is not None}
    if not wanted:
        return {}
    found = {one.reference_key: one for one in await Customer.filter(reference_key__in=wanted)}
    return {one: found[key] for one, key in keys.items() if key in found}


def id_by_reference(
    checks: Checks,
    customer_id: str | None,
    reference: str | None,
    found: Mapping[str | None, Customer],
    what: str = "customer",
) -> str | None:
    """Return the id of the customer that an input names by its id or reference, or by both.

    `found` is the result of `customers_at`, and `what` begins the names of both input fields.
    Refuses an unknown reference, and one of another customer than the id's.
    """
    path = f"{what}ExternalReference"
    if reference is None:
        return customer_id
    if reference not in found:
        message = f"There is no {what} with this external reference."
        checks.refuse(RefusalCode.NOT_FOUND, message, path)
        return customer_id
    if customer_id not in {None, found[reference].id}:
        checks.refuse(
            RefusalCode.CONTRADICTORY_VALUES,
            f"`{what}Id` and `{path}` name different customers. Send only one of them.",
            path,
        )
        return customer_id
    return found[reference].id


async def named_customer_id(
    checks: Checks, customer_id: str | None, reference: str | None
) -> str | None:
    """Return what `id_by_reference` returns for a single customer; None if none is named."""
    return id_by_reference(checks, customer_id, reference, await customers_at([reference]))


def refuse_unnamed(checks: Checks, customer_id: str | None, reference: str | None) -> None:
    """Refuse an input that names its customer neither by id nor by reference."""
    if customer_id is None and reference is None:
        message = "Name the customer: send `customerId` or `customerExternalReference`."
        checks.refuse(RefusalCode.REQUIRED, message, "customerId")


def path_of_customer(customer_id: str | None) -> str:
    """Return the input field that names a customer; `customer_id` is None if it is not the id."""
    return "customerExternalReference" if customer_id is None else "customerId"


def path_of_parent(values: Mapping[str, Any]) -> str:
    """Return the input field that names the parent; `values` are those of `with_parent`."""
    return "parentExternalReference" if PARENT_REFERENCE in values else "parentId"


async def hand_over_references(
    act: ActorContext, customer: Customer, values: Mapping[str, Any]
) -> None:
    """Clear the references of a customer and its contacts: the new owner must not see them.

    A reference of the customer in `values` is the new owner's, and stays. The caller stores the
    customer.
    """
    if "external_reference" not in values:
        customer.external_reference = None
        customer.search_key = search_key_of(customer)
    held = Contact.filter(customer_id=customer.id, external_reference__isnull=False)
    for contact in await held.order_by("id").select_for_update(no_key=True):
        before = {"external_reference": contact.external_reference}
        contact.external_reference = contact.reference_key = None
        touch(contact, act.now)
        await contact.save()
        await audit.record(
            act,
            "contact.edited",
            contact.id,
            customer_id=customer.id,
            before=before,
            after={"external_reference": None},
        )
