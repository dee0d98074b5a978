"""Retires customer classes: moves their customers and updates the defaults that name them."""

from dataclasses import dataclass, field

from models.changes.customer_class_editing import locked_class, refuse_without_administer
from models.changes.reclassification import REPOINTED, move_customers
from models.lists.customer_class_use import as_refusals, retirement_blockers, use_of
from models.rules.enrichment_status import EnrichmentTrigger
from models.rules.errors import RefusalCode, refuse
from models.rules.text import Checks
from models.storage.locks import lock
from models.tables import audit
from models.tables.audit import ActorContext
from models.tables.customer import REASON_LENGTH, Customer
from models.tables.customer_class import CustomerClass, touch
from models.tables.customer_template import CustomerTemplate, PlatformDefaults


@dataclass(slots=True)
class Retirement:
    """The result of a retirement.

    `platform_default_was` is the id of the retired class if it was the platform's default.
    """

    row: CustomerClass
    replacement: CustomerClass | None = None
    moved_customers: int = 0
    queued_lookups: int = 0
    repointed_templates: list[CustomerTemplate] = field(default_factory=list)
    cleared_templates: list[CustomerTemplate] = field(default_factory=list)
    platform_default_was: str | None = None


async def retire_class(
    act: ActorContext,
    class_id: str,
    replacement_id: str | None,
    reason: str | None,
    expected_version: int | None,
) -> Retirement:
    """Retire a class in one transaction (R39 to R46); retiring it again changes nothing.

    A shipped class needs the permission `customer_classes:administer`. The schema requires
    `customers:write` for a replacement, because the customers are moved to it.
    """
    rows = await lock(CustomerClass, class_id, *([replacement_id] if replacement_id else []))
    row = await locked_class(class_id, expected_version)
    if row.retired_at is not None:
        return Retirement(row)
    if row.is_shipped:
        refuse_without_administer(act, "id")
    replacement = rows.get(replacement_id) if replacement_id else None
    if replacement_id and replacement is None:
        raise refuse(RefusalCode.NOT_FOUND, "There is no such class.", "replacementId")
    use = (await use_of([row.id]))[row.id]
    checks = Checks()
    why = checks.reason(reason, REASON_LENGTH)
    checks.add(*as_refusals(retirement_blockers(row, use, replacement), "replacementId"))
    checks.settle()

    done = Retirement(row, replacement)
    if replacement is not None:
        done.moved_customers, done.queued_lookups = await _move_customers(
            act, row, replacement, why
        )
    await _remove_references(act, done)
    row.retired_at = act.now
    touch(row, act.now)
    await row.save()
    await audit.record(
        act,
        "class.retired",
        row.id,
        before={"retired_at": None},
        after={
            "retired_at": act.now.isoformat(),
            "replacement_id": replacement_id,
            "moved_customers": done.moved_customers,
        },
        reason=why,
        is_override=row.is_shipped,
    )
    return done


async def _move_customers(
    act: ActorContext, row: CustomerClass, replacement: CustomerClass, reason: str
) -> tuple[int, int]:
    customers = (
        await Customer.filter(customer_class_id=row.id, erased_at__isnull=True)
        .order_by("id")
        .select_for_update()
    )
    queued = await move_customers(
        act, customers, row, replacement, reason, EnrichmentTrigger.RETIREMENT
    )
    return len(customers), queued


async def _remove_references(act: ActorContext, done: Retirement) -> None:
    target = done.replacement.id if done.replacement else None
    templates = (
        await CustomerTemplate.filter(customer_class_id=done.row.id)
        .order_by("id")
        .select_for_update()
    )
    for template in templates:
        template.customer_class_id = target
        touch(template, act.now)
        await template.save()
        await _record_repointing(act, template.id, done.row.id, target)
    (done.repointed_templates if target else done.cleared_templates).extend(templates)
    for defaults in await PlatformDefaults.filter(
        customer_class_id=done.row.id
    ).select_for_update():
        done.platform_default_was = done.row.id
        defaults.customer_class_id = target
        touch(defaults, act.now)
        await defaults.save()
        await _record_repointing(act, "platform_defaults", done.row.id, target)


async def _record_repointing(act: ActorContext, subject: str, old: str, new: str | None) -> None:
    await audit.record(
        act,
        REPOINTED,
        subject,
        before={"customer_class_id": old},
        after={"customer_class_id": new},
    )
