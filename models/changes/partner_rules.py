"""Restrictions on what partners may do to customers in their tenant scope (R99)."""

from collections.abc import Mapping
from typing import Any

from models.rules.errors import RefusalCode, Refused, refuse
from models.storage.tenant_scope import current_tenant
from models.tables.customer import Customer
from models.tables.customer_class import CustomerClass


def for_new_customer(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the values of a new customer; a partner's reseller is the default parent.

    Refuses an account number that a partner chooses.
    """
    reseller_id = current_tenant()
    if reseller_id is None:
        return values
    if values.get("account_number") is not None:
        raise _account_number_refused()
    return {**values, "parent_id": values.get("parent_id") or reseller_id}


def refuse_edit(customer: Customer, values: Mapping[str, Any]) -> None:
    """Refuse a partner's edit that changes an account number, its own parent, or a parent to null.

    A free choice of account numbers would reveal which numbers customers out of scope have.
    """
    reseller_id = current_tenant()
    if reseller_id is None:
        return
    if values.get("account_number", customer.account_number) != customer.account_number:
        raise _account_number_refused()
    if "parent_id" in values and (customer.id == reseller_id or values["parent_id"] is None):
        raise _parent_refused()


def refuse_other_parent(parent: Customer) -> None:
    """Refuse a parent other than the partner's reseller: the customer would leave the scope."""
    if current_tenant() not in {None, parent.id}:
        raise _parent_refused()


def refuse_class_change(customer: Customer, old: CustomerClass, new: CustomerClass) -> None:
    """Refuse a partner's change of its own class, or of a reseller to a non-reseller class."""
    if current_tenant() == customer.id or (
        current_tenant() is not None and old.is_reseller and not new.is_reseller
    ):
        raise refuse(
            RefusalCode.NOT_FOR_PARTNERS,
            "Only the platform may change your own class, or move a reseller to a class of others.",
            "classId",
        )


async def refuse_erasure(customer: Customer) -> None:
    """Refuse a partner's erasure of its own customer, or of a reseller."""
    if current_tenant() is None:
        return
    customer_class = await CustomerClass.get(id=customer.customer_class_id)
    if customer_class.is_reseller or customer.id == current_tenant():
        raise refuse(RefusalCode.NOT_FOR_PARTNERS, "Only the platform may erase a reseller.", "id")


def _account_number_refused() -> Refused:
    return refuse(
        RefusalCode.NOT_FOR_PARTNERS,
        "Only the platform may choose account numbers.",
        "accountNumber",
        hint="Store your own number in `externalReference`.",
    )


def _parent_refused() -> Refused:
    return refuse(
        RefusalCode.NOT_FOR_PARTNERS,
        "Only the platform may change your parent, or give your customers another parent.",
        "parentId",
    )
