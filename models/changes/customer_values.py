"""Checks the values that a user sends for a customer's fields, and sets them."""

from collections.abc import Mapping
from typing import Any

from models.changes.own_reference import PARENT_REFERENCE, checked_reference
from models.rules.checks import Checks
from models.rules.company_number import InvalidCompanyNumber, normalise
from models.rules.errors import RefusalCode, Refused, refuse
from models.rules.profile import (
    WANTED_FIELDS,
    Profile,
    ProfileEntry,
    typed_by_user,
    without_user_values,
)
from models.tables.customer import (
    ACCOUNT_NUMBER_LENGTH,
    Customer,
    search_key_of,
    set_account_number,
)
from models.tables.customer_class import NAME_LENGTH, rename

STORED_FIELDS = (
    "account_number",
    "external_reference",
    "name",
    "company_number",
    "customer_class_id",
    "parent_id",
    "profile",
)
CLASS_FIELDS = ("class_id", "class_code")
_NOT_STORED = (*CLASS_FIELDS, PARENT_REFERENCE)


def checked_values(checks: Checks, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values to store, without the class and the reference of the parent."""
    changed = {name: value for name, value in values.items() if name not in _NOT_STORED}
    if "name" in values:
        changed["name"] = checks.required_text(values["name"], NAME_LENGTH, "name")
    if "company_number" in values:
        changed["company_number"] = _company_number(checks, values["company_number"])
    if "account_number" in values:
        changed["account_number"] = checks.required_text(
            values["account_number"], ACCOUNT_NUMBER_LENGTH, "accountNumber"
        )
    return changed | checked_reference(checks, values)


def set_values(customer: Customer, changed: Mapping[str, Any]) -> None:
    """Set the fields of a customer to values that were checked."""
    for name, value in changed.items():
        if name == "name":
            rename(customer, value)
        elif name == "account_number":
            set_account_number(customer, value)
        elif name != "profile":
            setattr(customer, name, value)
        elif value is None:
            customer.profile = without_user_values(customer.profile)
        else:
            customer.profile = _typed_profile(customer.profile, value)
    customer.search_key = search_key_of(customer)


def stored_values(customer: Customer) -> dict[str, Any]:
    """Return the values of a customer that audit entries show."""
    return {name: getattr(customer, name) for name in STORED_FIELDS}


def number_taken(customer: Customer) -> Refused:
    """Return the refusal of an account number that another customer has."""
    return refuse(
        RefusalCode.ALREADY_EXISTS,
        f"There is already a customer with the account number {customer.account_number}. Choose"
        " another number.",
        "accountNumber",
    )


def _company_number(checks: Checks, text: str | None) -> str | None:
    if text is None or not text.strip():
        return None
    try:
        return normalise(text)
    except InvalidCompanyNumber as error:
        checks.refuse(
            RefusalCode.INVALID_COMPANY_NUMBER,
            str(error),
            "companyNumber",
            hint="A company number has eight digits, or letters such as SC, NI or OC and six"
            " digits: 01234567, SC123456.",
        )
        return None


def _typed_profile(current: Profile, typed: Mapping[str, ProfileEntry | None]) -> Profile:
    profile = dict(current)
    for name in WANTED_FIELDS:
        if name in typed:
            entry = typed[name]
            if entry is None:
                profile.pop(name, None)
            else:
                profile[name] = typed_by_user(name, profile.get(name), entry)
    return profile
