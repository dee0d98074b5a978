"""Chooses a new customer's class, checks its parent, and removes data of a former company."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models.changes.partner_rules import refuse_other_parent
from models.rules.errors import RefusalCode, refuse
from models.rules.profile import without_register_values
from models.storage.locks import lock_shared
from models.tables.audit import ActorContext
from models.tables.customer import Customer
from models.tables.customer_class import CustomerClass
from models.tables.customer_template import PLATFORM_DEFAULTS_ID, CustomerTemplate, PlatformDefaults
from models.tables.enrichment import Suggestion, SuggestionStatus

DEEPEST_CHAIN = 20
"""The most resellers that may be above one another; a longer chain counts as a cycle."""


@dataclass(frozen=True, slots=True)
class Placement:
    """The class and the parent of a new customer."""

    customer_class: CustomerClass
    parent_id: str | None = None


async def class_for_new_customer(values: Mapping[str, Any], template_id: str | None) -> Placement:
    """Return the class and parent of a new customer (R24).

    The class is the one that `values` name, or else that of the template, or else the platform's
    default. Refuses if there is none, or the class is retired. The parent is that of the template.
    """
    template = None
    if template_id is not None:
        template = await CustomerTemplate.get_or_none(id=template_id)
        if template is None:
            raise refuse(RefusalCode.NOT_FOUND, "There is no such template.", "templateId")
    class_id, path = await _named_class(values)
    if class_id is None and template is not None:
        class_id = template.customer_class_id
    if class_id is None:
        defaults = await PlatformDefaults.get_or_none(id=PLATFORM_DEFAULTS_ID)
        class_id = defaults.customer_class_id if defaults else None
    if class_id is None:
        raise refuse(
            RefusalCode.CLASS_REQUIRED,
            "A new customer needs a class, because the platform has no default class.",
            "classId",
            hint="Send `classId` or `classCode`.",
        )
    customer_class = await lock_shared(CustomerClass, class_id)
    if customer_class is None:
        raise refuse(RefusalCode.NOT_FOUND, "There is no such customer class.", path)
    if not customer_class.is_assignable:
        raise refuse(
            RefusalCode.CLASS_RETIRED,
            f"{customer_class.name} is retired; choose an active class.",
            path,
        )
    return Placement(customer_class, template.parent_id if template else None)


async def check_parent(customer: Customer) -> None:
    """Refuse a parent that does not exist, is no reseller, or would make a cycle (R32)."""
    parent_id, steps = customer.parent_id, 0
    if parent_id is None:
        return
    parent = await lock_shared(Customer, parent_id)
    if parent is None or parent.erased_at is not None:
        raise refuse(RefusalCode.NOT_FOUND, "There is no such parent customer.", "parentId")
    refuse_other_parent(parent)
    parent_class = await lock_shared(CustomerClass, parent.customer_class_id)
    if parent_class is None or not parent_class.is_reseller:
        raise refuse(
            RefusalCode.INVALID_PARENT, "A parent must be in a reseller class.", "parentId"
        )
    above: Customer | None = parent
    while above is not None:
        steps += 1
        if above.id == customer.id or steps > DEEPEST_CHAIN:
            raise refuse(
                RefusalCode.INVALID_PARENT,
                "A customer can't be its own parent, directly or through others.",
                "parentId",
            )
        above = await Customer.get_or_none(id=above.parent_id) if above.parent_id else None


async def forget_company(act: ActorContext, customer: Customer) -> None:
    """Remove the register data of the company that the customer's old number named.

    Open suggestions are withdrawn. The caller stores the customer.
    """
    customer.profile = without_register_values(customer.profile)
    await Suggestion.filter(customer_id=customer.id, status=SuggestionStatus.OPEN).update(
        status=SuggestionStatus.WITHDRAWN, settled_at=act.now
    )


async def _named_class(values: Mapping[str, Any]) -> tuple[str | None, str]:
    class_id, code = values.get("class_id"), values.get("class_code")
    if code is None:
        return class_id, "classId"
    row = await CustomerClass.get_or_none(code=code)
    if row is None:
        raise refuse(RefusalCode.NOT_FOUND, f"No shipped class has the code {code}.", "classCode")
    if class_id not in {None, row.id}:
        raise refuse(
            RefusalCode.INVALID, "classId and classCode name different classes.", "classCode"
        )
    return row.id, "classCode"
