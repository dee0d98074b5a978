"""Restrictions on what partners may do to customers in their tenant scope (R99)."""

from collections.abc import Mapping
from typing import Any

from models.changes.own_reference import path_of_parent
from models.rules.checks import Checks
from models.rules.errors import RefusalCode, Refused, refuse
from models.storage.tenant_scope import current_tenant
from models.tables.customer import Customer
from models.tables.customer_class import CustomerClass


def for_new_customer(checks: Checks, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the values to save for a new customer.

    If the caller is a partner (the operation has a tenant scope) and names no parent, the parent is
    the reseller that the partner is bound to. Partners may not choose the account number; only the
    platform's staff may. Other callers' values are returned as they are.
    """
    reseller_id = current_tenant()
    if reseller_id is None:
        return values
    if values.get("account_number") is not None:
        _refuse_account_number(checks)
    return {**values, "parent_id": values.get("parent_id") or reseller_id}


def refuse_edit(checks: Checks, customer: Customer, values: Mapping[str, Any]) -> None:
    """Refuse what partners may not change: account numbers, parents, and their own reference.

    A free choice of account numbers would reveal which numbers exist outside of the tenant scope,
    and one of the reference of its own reseller, which is the platform's, which references exist.
    """
    reseller_id = current_tenant()
    if reseller_id is None:
        return
    if values.get("account_number", customer.account_number) != customer.account_number:
        _refuse_account_number(checks)
    reference = values.get("external_reference", customer.external_reference)
    if customer.id == reseller_id and reference != customer.external_reference:
        checks.refuse(
            RefusalCode.NOT_FOR_PARTNERS,
            "Only the platform's staff may change the external reference of your own reseller.",
            "externalReference",
        )
    if "parent_id" in values and (customer.id == reseller_id or values["parent_id"] is None):
        checks.add(*_parent_refused(path_of_parent(values)).refusals)


def refuse_other_parent(parent: Customer, path: str) -> None:
    """Refuse a parent other than the partner's reseller: the partner would lose the customer."""
    if current_tenant() not in {None, parent.id}:
        raise _parent_refused(path)


def refuse_class_change(customer: Customer, old: CustomerClass, new: CustomerClass) -> None:
    """Refuse a partner's change of its own class, or of a reseller to a non-reseller class."""
    if current_tenant() == customer.id or (
        current_tenant() is not None and old.is_reseller and not new.is_reseller
    ):
        raise refuse(
            RefusalCode.NOT_FOR_PARTNERS,
            "Only the platform's staff may change the class of your own reseller, or move a"
            " reseller to a class that is not for resellers.",
            "classId",
        )


async def refuse_erasure(customer: Customer) -> None:
    """Refuse a partner's erasure of its own customer, or of a reseller."""
    if current_tenant() is None:
        return
    customer_class = await CustomerClass.get(id=customer.customer_class_id)
    if customer_class.is_reseller or customer.id == current_tenant():
        raise refuse(
            RefusalCode.NOT_FOR_PARTNERS, "Only the platform's staff may delete a reseller.", "id"
        )


def _refuse_account_number(checks: Checks) -> None:
    checks.refuse(
        RefusalCode.NOT_FOR_PARTNERS,
        "Only the platform's staff may choose account numbers.",
        "accountNumber",
        hint="Leave `accountNumber` out, and store your own number in `externalReference`.",
    )


def _parent_refused(path: str) -> Refused:
    return refuse(
        RefusalCode.NOT_FOR_PARTNERS,
        "Only the platform's staff may change the parent of your own reseller, or give your"
        " customers another parent.",
        path,
    )
