"""Retires customer classes: moves their customers, and replaces them in defaults."""

from dataclasses import dataclass, field

from models.changes.customer_class_editing import check_administer, locked_class
from models.changes.reclassification import REPOINTED, move_customers
from models.lists.customer_class_use import as_refusals, retirement_blockers, use_of
from models.rules.enrichment_status import EnrichmentTrigger
from models.rules.errors import RefusalCode
from models.storage.locks import lock
from models.tables import audit
from models.tables.audit import ActorContext
from models.tables.customer import REASON_LENGTH, Customer
from models.tables.customer_class import CustomerClass, touch
from models.tables.customer_template import CustomerTemplate, PlatformDefaults


@dataclass(slots=True)
class Retirement:
    """The result of retiring a class.

    `platform_default_was` is the id of the retired class if it was the platform's default.
    """

    row: CustomerClass
    replacement: CustomerClass | None = None
    moved_customers: int = 0
    queued_lookups: int = 0
    reassigned_templates: list[CustomerTemplate] = field(default_factory=list)
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
    checks = act.checks()
    wanted = [class_id] if replacement_id is None else [class_id, replacement_id]
    rows = await lock(CustomerClass, *wanted)
    row = await checks.attempt(locked_class(class_id, expected_version))
    if row and row.retired_at is not None and not checks.has_found:
        return Retirement(row)
    why = checks.required_reason(reason, REASON_LENGTH)
    replacement = None if replacement_id is None else rows.get(replacement_id)
    is_missing = replacement_id is not None and replacement is None
    if is_missing:
        checks.refuse(
            RefusalCode.NOT_FOUND, "There is no customer class with this id.", "replacementId"
        )
    if row and row.is_shipped:
        check_administer(checks, act, "id")
    if row and not is_missing:
        use = (await use_of([row.id]))[row.id]
        checks.add(*as_refusals(retirement_blockers(row, use, replacement), "replacementId"))
    if row is None or checks.has_found:
        raise checks.refused()
    return await _retire(act, row, replacement, why)


async def _retire(
    act: ActorContext, row: CustomerClass, replacement: CustomerClass | None, why: str
) -> Retirement:
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
            "replacement_id": None if replacement is None else replacement.id,
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
        act, customers, row, replacement, reason, EnrichmentTrigger.RETIREMENT, "replacementId"
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
        await _record_reassignment(act, template.id, done.row.id, target)
    (done.reassigned_templates if target else done.cleared_templates).extend(templates)
    for defaults in await PlatformDefaults.filter(
        customer_class_id=done.row.id
    ).select_for_update():
        done.platform_default_was = done.row.id
        defaults.customer_class_id = target
        touch(defaults, act.now)
        await defaults.save()
        await _record_reassignment(act, "platform_defaults", done.row.id, target)


async def _record_reassignment(act: ActorContext, subject: str, old: str, new: str | None) -> None:
    await audit.record(
        act,
        REPOINTED,
        subject,
        before={"customer_class_id": old},
        after={"customer_class_id": new},
    )
