"""Chooses the class of a new customer, checks parents, and removes data of a former company."""

from collections.abc import Mapping
from typing import Any

from models.changes.partner_rules import refuse_other_parent
from models.rules.checks import Checks
from models.rules.errors import RefusalCode, refuse
from models.rules.profile import without_register_values
from models.storage.locks import lock_shared
from models.tables.audit import ActorContext
from models.tables.customer import Customer
from models.tables.customer_class import CustomerClass
from models.tables.customer_template import PLATFORM_DEFAULTS_ID, CustomerTemplate, PlatformDefaults
from models.tables.enrichment import ProfileChange, Suggestion, SuggestionStatus

DEEPEST_CHAIN = 20
"""The maximum number of resellers above a customer; a longer chain of parents counts as a cycle."""


async def place_new_customer(
    checks: Checks, values: Mapping[str, Any], template_id: str | None
) -> tuple[CustomerClass | None, str | None]:
    """Return the class of a new customer, None if it is refused, and its parent's id (R24).

    The class is the one that `values` name, or else that of the template, or else the platform's
    default. It is refused if there is none, or if it is retired. The parent is the template's.
    """
    template = None
    if template_id is not None:
        template = await CustomerTemplate.get_or_none(id=template_id)
        if template is None:
            checks.refuse(RefusalCode.NOT_FOUND, "There is no template with this id.", "templateId")
    if values.get("class_code") is not None:
        class_id, path = await _class_of_code(checks, values), "classCode"
    else:
        class_id, path = values.get("class_id"), "classId"
        if class_id is None and (template_id is None or template is not None):
            class_id = await _default_class(checks, template)
            if template is not None and template.customer_class_id is not None:
                path = "templateId"
    found = None
    if class_id is not None:
        found = await checks.attempt(assignable_class(class_id, path))
    return found, template.parent_id if template else None


async def assignable_class(class_id: str, path: str) -> CustomerClass:
    """Return a class, locked against retirement; refuses one that is missing or retired."""
    row = await lock_shared(CustomerClass, class_id)
    if row is None:
        raise refuse(RefusalCode.NOT_FOUND, "There is no customer class with this id.", path)
    if not row.is_assignable:
        raise refuse(
            RefusalCode.CLASS_RETIRED,
            f"The class “{row.name}” is retired; choose an active class.",
            path,
        )
    return row


async def check_parent(customer: Customer, path: str = "parentId") -> None:
    """Refuse a parent that does not exist, is no reseller, or would make a cycle (R32).

    `path` is the input field that names the parent.
    """
    parent_id, steps = customer.parent_id, 0
    if parent_id is None:
        return
    parent = await lock_shared(Customer, parent_id)
    if parent is None or parent.erased_at is not None:
        raise refuse(RefusalCode.NOT_FOUND, "There is no parent customer with this id.", path)
    refuse_other_parent(parent, path)
    parent_class = await lock_shared(CustomerClass, parent.customer_class_id)
    if parent_class is None or not parent_class.is_reseller:
        raise refuse(
            RefusalCode.INVALID_PARENT,
            "The parent is not in a class for resellers. Choose another parent.",
            path,
        )
    above: Customer | None = parent
    while above is not None:
        steps += 1
        if above.id == customer.id or steps > DEEPEST_CHAIN:
            raise refuse(
                RefusalCode.INVALID_PARENT,
                "A customer can't be its own parent, directly or through others. Choose another"
                " parent.",
                path,
            )
        above = await Customer.get_or_none(id=above.parent_id) if above.parent_id else None


async def forget_company(act: ActorContext, customer: Customer) -> None:
    """Remove what Companies House said about the company with the customer's old company number.

    Open suggestions are withdrawn, and the history of the company's changes is deleted. The caller
    stores the customer.
    """
    await ProfileChange.filter(customer_id=customer.id).delete()
    customer.profile = without_register_values(customer.profile)
    await Suggestion.filter(customer_id=customer.id, status=SuggestionStatus.OPEN).update(
        status=SuggestionStatus.WITHDRAWN, settled_at=act.now
    )


async def _default_class(checks: Checks, template: CustomerTemplate | None) -> str | None:
    """Return the id of the template's class, or of the platform's; it is refused if none is set."""
    class_id = template.customer_class_id if template else None
    if class_id is None:
        defaults = await PlatformDefaults.get_or_none(id=PLATFORM_DEFAULTS_ID)
        class_id = defaults.customer_class_id if defaults else None
    if class_id is None:
        checks.refuse(
            RefusalCode.CLASS_REQUIRED,
            "Choose the class of the new customer.",
            "classId",
            hint="The platform has no default class, so `classId` or `classCode` must be sent.",
        )
    return class_id


async def _class_of_code(checks: Checks, values: Mapping[str, Any]) -> str | None:
    """Return the id of the class with the code in `values`; None if the code is refused."""
    row = await CustomerClass.get_or_none(code=values["class_code"])
    if row is None:
        checks.refuse(
            RefusalCode.NOT_FOUND, "There is no customer class with this code.", "classCode"
        )
        return None
    if values.get("class_id") not in {None, row.id}:
        checks.refuse(
            RefusalCode.CONTRADICTORY_VALUES,
            "`classId` and `classCode` name different classes. Send only one of them.",
            "classCode",
        )
    return row.id
