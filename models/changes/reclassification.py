"""Moves customers from one class to another, and records the reason for each (R27, R39)."""

from collections.abc import Sequence

from tortoise.expressions import F

from models.changes.lookup import BATCH, apply_lookup_plan, plan_lookups, store_statuses
from models.changes.partner_access import end_partner_access
from models.lists.personal_data import refuse_unmasking
from models.rules.enrichment_status import EnrichmentTrigger
from models.rules.errors import RefusalCode, refuse
from models.storage.dry_run import version_step
from models.storage.row_insert import add_rows, new_row
from models.tables import audit
from models.tables.audit import ActorContext
from models.tables.customer import ClassChange, Customer
from models.tables.customer_class import CustomerClass, touch
from models.tables.customer_template import CustomerTemplate
from models.tables.event import owner_of

FIRST_ASSIGNMENT = "First assignment"

REPOINTED = "default.repointed"
"""The audit operation for replacing a template's class or parent, or the platform's default."""


async def move_customers(
    act: ActorContext,
    customers: Sequence[Customer],
    old: CustomerClass,
    new: CustomerClass,
    reason: str,
    trigger: EnrichmentTrigger,
    *path: str,
) -> int:
    """Move locked customers from the class `old` to `new`; return the number of lookups started.

    Consent does not change (R29). A move between classes for individuals and for organisations
    makes a consent review due (R30); a caller who sees masked data may not turn individuals into
    organisations. `path` is the input field that a refusal names.
    """
    if customers:
        refuse_unmasking(act, old.flags, new.flags)
    if old.is_reseller and not new.is_reseller:
        await leave_reselling(act, customers, *path)
    crosses = old.flags.is_legal_individual != new.flags.is_legal_individual
    for customer in customers:
        customer.customer_class_id = new.id
        customer.version += version_step()
        customer.last_modified_at = act.now
        if crosses:
            customer.consent_review_due_at = act.now
    plan = await plan_lookups(customers, new)
    await _store(act, customers, new, crosses=crosses)
    await add_rows(
        [
            class_change(act, customer.id, old, new, reason, crosses=crosses)
            for customer in customers
        ]
    )
    await audit.record_many(
        act,
        "customer.class_changed",
        [customer.id for customer in customers],
        before={"customer_class_id": old.id},
        after={"customer_class_id": new.id},
        reason=reason,
        owners=[owner_of(customer) for customer in customers],
    )
    return await apply_lookup_plan(act, plan, trigger)


def class_change(
    act: ActorContext,
    customer_id: str,
    old: CustomerClass | None,
    new: CustomerClass,
    reason: str,
    *,
    crosses: bool = False,
) -> ClassChange:
    """Return the row of the class history for a move or, without `old`, for the first assignment.

    `crosses` says that one of the classes is for individuals and the other for organisations.
    """
    return new_row(
        ClassChange,
        customer_id=customer_id,
        from_class_id=None if old is None else old.id,
        to_class_id=new.id,
        reason=reason,
        crosses_individual_line=crosses,
        changed_by_id=act.principal.id,
        changed_by=act.principal.name,
        changed_at=act.now,
    )


async def leave_reselling(act: ActorContext, customers: Sequence[Customer], *path: str) -> None:
    """Remove customers that stop being resellers from templates; end their partner access (R99).

    Refuses if one of them has customers of its own, because a parent must be a reseller (R32).
    `path` is the input field that the refusal names.
    """
    batches = [
        [customer.id for customer in customers[start : start + BATCH]]
        for start in range(0, len(customers), BATCH)
    ]
    children = 0
    for ids in batches:
        children += await Customer.filter(parent_id__in=ids, erased_at__isnull=True).count()
    if children:
        those = "1 customer buys" if children == 1 else f"{children} customers buy"
        raise refuse(
            RefusalCode.CUSTOMER_HAS_CHILDREN,
            f"{those} through a customer that would no longer be a reseller after this change.",
            *path,
            hint="Give those customers another parent first.",
        )
    for ids in batches:
        templates = (
            await CustomerTemplate.filter(parent_id__in=ids).order_by("id").select_for_update()
        )
        for template in templates:
            before = {"parent_id": template.parent_id}
            template.parent_id = None
            touch(template, act.now)
            await template.save()
            after = {"parent_id": None}
            await audit.record(act, REPOINTED, template.id, before=before, after=after)
        await end_partner_access(act, ids)


async def _store(
    act: ActorContext, customers: Sequence[Customer], new: CustomerClass, *, crosses: bool
) -> None:
    review = {"consent_review_due_at": act.now} if crosses else {}
    for start in range(0, len(customers), BATCH):
        ids = [customer.id for customer in customers[start : start + BATCH]]
        await Customer.filter(id__in=ids).update(
            customer_class_id=new.id,
            version=F("version") + version_step(),
            last_modified_at=act.now,
            **review,
        )
    await store_statuses(customers)
