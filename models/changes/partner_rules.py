"""What a bound principal can't do to customers within its reach, whatever its scopes (R99)."""

from collections.abc import Mapping
from typing import Any

from models.rules.errors import RefusalCode, Refused, refuse
from models.storage.tenant_scope import current_tenant
from models.tables.customer import Customer
from models.tables.customer_class import CustomerClass


def for_new_customer(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the values of a new customer: a partner's buys through the partner."""
    reseller_id = current_tenant()
    if reseller_id is None:
        return values
    if values.get("account_number") is not None:
        raise _numbers_are_given()
    return {**values, "parent_id": values.get("parent_id") or reseller_id}


def refuse_edit(customer: Customer, values: Mapping[str, Any]) -> None:
    """Refuse to let a partner choose numbers, or hand a customer on.

    That a number is taken would tell of customers out of reach.
    """
    reseller_id = current_tenant()
    if reseller_id is None:
        return
    if values.get("account_number", customer.account_number) != customer.account_number:
        raise _numbers_are_given()
    if "parent_id" in values and (customer.id == reseller_id or values["parent_id"] is None):
        raise _stays_where_it_is()


def refuse_other_parent(parent: Customer) -> None:
    """Refuse to let a partner put a customer below one of its own resellers: out of its reach."""
    if current_tenant() not in {None, parent.id}:
        raise _stays_where_it_is()


def refuse_class_change(customer: Customer, old: CustomerClass, new: CustomerClass) -> None:
    """Refuse to let a partner move itself, or a reseller whose customers it does not reach."""
    if current_tenant() == customer.id or (
        current_tenant() is not None and old.is_reseller and not new.is_reseller
    ):
        raise refuse(
            RefusalCode.NOT_FOR_PARTNERS,
            "The platform alone takes resellers out of reselling, and moves your own record.",
            "classId",
        )


async def refuse_erasure(customer: Customer) -> None:
    """Refuse to let a partner erase itself, or a reseller whose customers it does not reach."""
    if current_tenant() is None:
        return
    customer_class = await CustomerClass.get(id=customer.customer_class_id)
    if customer_class.is_reseller or customer.id == current_tenant():
        raise refuse(RefusalCode.NOT_FOR_PARTNERS, "The platform alone erases resellers.", "id")


def _numbers_are_given() -> Refused:
    return refuse(
        RefusalCode.NOT_FOR_PARTNERS,
        "The platform gives your customers their account numbers.",
        "accountNumber",
        hint="Keep a number of your own in externalReference.",
    )


def _stays_where_it_is() -> Refused:
    return refuse(
        RefusalCode.NOT_FOR_PARTNERS,
        "Your customers buy through you, and whom you buy through is the platform's to say.",
        "parentId",
    )
