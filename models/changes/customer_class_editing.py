"""Creating, editing, reactivating and deleting customer classes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tortoise.exceptions import IntegrityError
from tortoise.queryset import QuerySet

from models.changes.lookup import end_checks, resume_checks
from models.changes.reclassification import leave_reselling
from models.lists.customer_class_use import as_refusals, deletion_blockers, use_of
from models.lists.personal_data import refuse_unmasking
from models.rules.checks import Checks
from models.rules.classification import (
    ClassFlags,
    FlagWarning,
    checked_display_class,
    seems_uk_company,
)
from models.rules.errors import RefusalCode, Refused, StaleVersion, about, refuse
from models.storage.locks import lock
from models.tables import audit
from models.tables.access import Scope
from models.tables.audit import ActorContext
from models.tables.customer import REASON_LENGTH, Customer
from models.tables.customer_class import NAME_LENGTH, CustomerClass, rename, touch

FLAG_FIELDS = (
    "is_personal_customer",
    "is_sole_trader",
    "is_reseller",
    "check_companies_house",
)
PROTECTED_FIELDS = ("name", *FLAG_FIELDS)
"""Fields of a shipped class that need an override to be changed (R14); others do not (R15)."""

EDITABLE_FIELDS = (*PROTECTED_FIELDS, "display_class", "display_position")


@dataclass(frozen=True, slots=True)
class SavedClass:
    """A saved customer class, warnings about its flags, and how many customers the save affects."""

    row: CustomerClass
    warnings: tuple[FlagWarning, ...]
    affected_customers: int = 0


async def create_class(act: ActorContext, values: Mapping[str, Any]) -> SavedClass:
    """Add a customer class (R16, R20); refuses a name that another class has."""
    checks = act.checks()
    row = CustomerClass(created_at=act.now, last_modified_at=act.now)
    _set(row, _checked(checks, {"name": None, **values}))
    checks.add(*row.flags.refusals())
    await _check_taken_name(checks, row)
    checks.raise_refusals()
    try:
        await row.save(force_create=True)
    except IntegrityError as error:
        raise _name_taken(row.name) from error
    await audit.record(act, "class.created", row.id, after=_stored(row))
    return SavedClass(row, _warnings(row))


async def edit_class(
    act: ActorContext,
    class_id: str,
    values: Mapping[str, Any],
    *,
    expected_version: int | None = None,
    override_reason: str | None = None,
) -> SavedClass:
    """Change the fields in `values` (R21).

    To change the name or flags of a shipped class, `override_reason` and the permission
    `customer_classes:administer` are needed (R14).
    """
    checks = act.checks()
    changed = _checked(checks, values)
    why = checks.optional_text(override_reason, REASON_LENGTH, "overrideReason")
    row = await checks.attempt(locked_class(class_id, expected_version))
    if row is None:
        raise checks.refused()
    before, old_flags = _stored(row), row.flags
    _set(row, changed)
    checks.add(*row.flags.refusals())
    after = _stored(row)
    if after == before:
        checks.raise_refusals()
        return SavedClass(row, _warnings(row))
    is_override = row.is_shipped and any(before[f] != after[f] for f in PROTECTED_FIELDS)
    if is_override:
        _check_override(checks, act, why)
    await _check_taken_name(checks, row)
    checks.raise_refusals()
    await _prepare_members(act, row, old_flags)
    touch(row, act.now)
    try:
        await row.save()
    except IntegrityError as error:
        raise _name_taken(row.name) from error
    await audit.record(
        act,
        "class.edited",
        row.id,
        before=before,
        after=after,
        reason=why,
        is_override=is_override,
    )
    affected = 0
    if row.flags != old_flags:
        affected = await _members(row).count()
        await _follow_flags(act, row, old_flags)
    return SavedClass(row, _warnings(row), affected)


def _members(row: CustomerClass) -> QuerySet[Customer]:
    return Customer.filter(customer_class_id=row.id, erased_at__isnull=True)


async def _prepare_members(act: ActorContext, row: CustomerClass, old: ClassFlags) -> None:
    """Refuse flags that the class's customers do not allow, and end their reselling."""
    if act.is_masked and await _members(row).exists():
        refuse_unmasking(act, old, row.flags)
    if old.is_reseller and not row.is_reseller:
        members = await Customer.filter(customer_class_id=row.id).only("id")
        await leave_reselling(act, members, "isReseller")


async def _follow_flags(act: ActorContext, row: CustomerClass, old: ClassFlags) -> None:
    """Apply changed flags of a class to its customers; consent stays as it was (R22).

    A change between individuals and organisations makes a review of consent due (R30). Turning
    Check Companies House off cancels lookups; turning it on restarts the cancelled lookups, and no
    others (R23).
    """
    if old.is_legal_individual != row.flags.is_legal_individual:
        await _members(row).update(consent_review_due_at=act.now)
    if old.check_companies_house and not row.check_companies_house:
        await end_checks(act, row)
    elif row.check_companies_house and not old.check_companies_house:
        await resume_checks(act, row)


async def reactivate_class(
    act: ActorContext, class_id: str, reason: str | None, expected_version: int | None
) -> CustomerClass:
    """Make a retired class assignable again (R46); does nothing if the class is active."""
    checks = act.checks()
    row = await checks.attempt(locked_class(class_id, expected_version))
    if row and row.retired_at is None and not checks.has_found:
        return row
    why = checks.required_reason(reason, REASON_LENGTH)
    if row is None or row.retired_at is None or checks.has_found:
        raise checks.refused()
    before = {"retired_at": row.retired_at.isoformat()}
    row.retired_at = None
    touch(row, act.now)
    await row.save()
    await audit.record(
        act, "class.reactivated", row.id, before=before, after={"retired_at": None}, reason=why
    )
    return row


async def delete_class(
    act: ActorContext, class_id: str, expected_version: int | None
) -> CustomerClass:
    """Delete a class that was never used, is not shipped and is not referred to (R33 to R38)."""
    row = await locked_class(class_id, expected_version)
    blockers = deletion_blockers(row, (await use_of([row.id]))[row.id])
    checks = act.checks()
    checks.add(*as_refusals(blockers, "id"))
    with about(row):
        checks.raise_refusals()
    await row.delete()
    await audit.record(act, "class.deleted", row.id, before=_stored(row))
    return row


async def locked_class(class_id: str, expected_version: int | None = None) -> CustomerClass:
    """Lock and return a class; refuses a missing class or a stale version (R101)."""
    row = (await lock(CustomerClass, class_id)).get(class_id)
    if row is None:
        raise refuse(RefusalCode.NOT_FOUND, "There is no customer class with this id.", "id")
    if expected_version is not None and row.version != expected_version:
        raise StaleVersion(row, expected_version, row.version)
    return row


def _checked(checks: Checks, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values to store; an explicit null resets a field to its default (R3)."""
    changed = dict(values)
    if "name" in values:
        changed["name"] = checks.required_text(values["name"], NAME_LENGTH, "name")
    if "display_class" in values:
        changed["display_class"] = checked_display_class(
            checks, values["display_class"], "displayClass"
        )
    if "display_position" in values:
        changed["display_position"] = values["display_position"] or 0
    for flag in FLAG_FIELDS:
        if flag in values:
            changed[flag] = bool(values[flag])
    return changed


def _set(row: CustomerClass, changed: Mapping[str, Any]) -> None:
    """Set the fields of a class to values that were checked."""
    for name, value in changed.items():
        if name == "name":
            rename(row, value)
        else:
            setattr(row, name, value)


def _check_override(checks: Checks, act: ActorContext, reason: str | None) -> None:
    """Refuse to change name or flags of a shipped class without a reason and the permission."""
    if reason is None:
        checks.refuse(
            RefusalCode.SHIPPED_CLASS_PROTECTED,
            "The class came with the platform, and billing and reporting recognise it by its name"
            " and flags, so these cannot be changed without a reason.",
            "id",
            hint="Add a class of your own instead, or send `overrideReason`.",
        )
    else:
        check_administer(checks, act, "overrideReason")


def check_administer(checks: Checks, act: ActorContext, path: str) -> None:
    """Refuse to override a shipped class without `customer_classes:administer` (A20)."""
    if not act.principal.may(Scope.CUSTOMER_CLASSES_ADMINISTER):
        checks.refuse(
            RefusalCode.ADMINISTER_REQUIRED,
            "The class came with the platform, so this change needs the permission"
            f" {Scope.CUSTOMER_CLASSES_ADMINISTER}.",
            path,
        )


async def _check_taken_name(checks: Checks, row: CustomerClass) -> None:
    """Refuse a name that another class has."""
    others = CustomerClass.exclude(id=row.id)
    if not checks.is_refused("name") and await others.filter(name_key=row.name_key).exists():
        checks.add(*_name_taken(row.name).refusals)


def _name_taken(name: str) -> Refused:
    return refuse(
        RefusalCode.ALREADY_EXISTS,
        f"There is already a customer class called “{name}”. Choose another name.",
        "name",
    )


def _warnings(row: CustomerClass) -> tuple[FlagWarning, ...]:
    return row.flags.warnings(is_uk_company=seems_uk_company(row.code, row.name))


def _stored(row: CustomerClass) -> dict[str, Any]:
    return {name: getattr(row, name) for name in EDITABLE_FIELDS}
