"""Creating, editing, reactivating and deleting customer classes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tortoise.exceptions import IntegrityError

from models.changes.lookup import end_checks, resume_checks
from models.changes.reclassification import leave_reselling
from models.lists.customer_class_use import as_refusals, deletion_blockers, use_of
from models.lists.personal_data import refuse_unmasking
from models.rules.classification import (
    ClassFlags,
    FlagWarning,
    display_class_refusals,
    seems_uk_company,
)
from models.rules.errors import RefusalCode, StaleVersion, about, refuse
from models.rules.text import Checks
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
"""Fields by which rules recognise a shipped class (R14); the others can be edited freely (R15)."""

EDITABLE_FIELDS = (*PROTECTED_FIELDS, "display_class", "display_position")


@dataclass(frozen=True, slots=True)
class SavedClass:
    """A saved class, warnings about its flags, and how many customers the change affects."""

    row: CustomerClass
    warnings: tuple[FlagWarning, ...]
    affected_customers: int = 0


async def create_class(act: ActorContext, values: Mapping[str, Any]) -> SavedClass:
    """Add a customer class (R16, R20); refuses a name that another class has."""
    row = CustomerClass(created_at=act.now, last_modified_at=act.now)
    _check_and_set(row, {"name": None, **values})
    await _refuse_taken_name(row)
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
    """Change the fields that were sent (R21); a shipped class needs an override (R14).

    The override is needed for name and flags only: `override_reason`, and the administer
    permission.
    """
    row = await locked_class(class_id, expected_version)
    before = _stored(row)
    old_flags = row.flags
    _check_and_set(row, values)
    after = _stored(row)
    if after == before:
        return SavedClass(row, _warnings(row))
    is_override = row.is_shipped and any(before[f] != after[f] for f in PROTECTED_FIELDS)
    if is_override:
        override_reason = _allowed_override(act, override_reason)
    await _refuse_taken_name(row)
    members = Customer.filter(customer_class_id=row.id, erased_at__isnull=True)
    if act.is_masked and await members.exists():
        refuse_unmasking(act, old_flags, row.flags)
    if old_flags.is_reseller and not row.is_reseller:
        await leave_reselling(act, await Customer.filter(customer_class_id=row.id).only("id"))
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
        reason=override_reason,
        is_override=is_override,
    )
    affected = 0
    if row.flags != old_flags:
        affected = await members.count()
        await _follow_flags(act, row, old_flags)
    return SavedClass(row, _warnings(row), affected)


async def _follow_flags(act: ActorContext, row: CustomerClass, old: ClassFlags) -> None:
    """Apply changed flags of a class to its customers; consent stays as it was (R22).

    A change between individuals and organisations makes a review of consent due (R30). Turning
    Check Companies House off cancels lookups; turning it on restarts the cancelled lookups, and no
    others (R23).
    """
    if old.is_legal_individual != row.flags.is_legal_individual:
        members = Customer.filter(customer_class_id=row.id, erased_at__isnull=True)
        await members.update(consent_review_due_at=act.now)
    if old.check_companies_house and not row.check_companies_house:
        await end_checks(act, row)
    elif row.check_companies_house and not old.check_companies_house:
        await resume_checks(act, row)


async def reactivate_class(
    act: ActorContext, class_id: str, reason: str | None, expected_version: int | None
) -> CustomerClass:
    """Make a retired class assignable again (R46); does nothing if the class is active."""
    row = await locked_class(class_id, expected_version)
    if row.retired_at is None:
        return row
    checks = Checks()
    why = checks.reason(reason, REASON_LENGTH)
    checks.settle()
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
    checks = Checks()
    checks.add(*as_refusals(blockers, "id"))
    with about(row):
        checks.settle()
    await row.delete()
    await audit.record(act, "class.deleted", row.id, before=_stored(row))
    return row


async def locked_class(class_id: str, expected_version: int | None = None) -> CustomerClass:
    """Lock and return a class; refuses a missing class or a stale version (R101)."""
    row = (await lock(CustomerClass, class_id)).get(class_id)
    if row is None:
        raise refuse(RefusalCode.NOT_FOUND, "There is no such customer class.", "id")
    if expected_version is not None and row.version != expected_version:
        raise StaleVersion(row, expected_version, row.version)
    return row


def _check_and_set(row: CustomerClass, values: Mapping[str, Any]) -> None:
    checks = Checks()
    if "name" in values:
        rename(row, checks.required_text(values["name"], NAME_LENGTH, "name"))
    if "display_class" in values:
        row.display_class = (values["display_class"] or "").strip() or None
        if row.display_class is not None:
            checks.add(*display_class_refusals(row.display_class))
    if "display_position" in values:
        # An explicit null resets the field to its default (R3).
        row.display_position = values["display_position"] or 0
    for flag in FLAG_FIELDS:
        if flag in values:
            setattr(row, flag, bool(values[flag]))
    checks.add(*row.flags.refusals())
    checks.settle()


def _allowed_override(act: ActorContext, reason: str | None) -> str:
    if not reason or not reason.strip():
        raise refuse(
            RefusalCode.SHIPPED_CLASS_PROTECTED,
            "Billing and reporting rules recognise this shipped class by its name and flags.",
            "id",
            hint="Add a class of your own instead, or give an overrideReason.",
        )
    refuse_without_administer(act, "overrideReason")
    checks = Checks()
    why = checks.required_text(reason, REASON_LENGTH, "overrideReason")
    checks.settle()
    return why


def refuse_without_administer(act: ActorContext, path: str) -> None:
    """Refuse to override the protection of a shipped class without its permission (A20)."""
    if not act.principal.may(Scope.CUSTOMER_CLASSES_ADMINISTER):
        raise refuse(
            RefusalCode.ADMINISTER_REQUIRED,
            f"Overriding a shipped class needs {Scope.CUSTOMER_CLASSES_ADMINISTER}.",
            path,
        )


async def _refuse_taken_name(row: CustomerClass) -> None:
    if await CustomerClass.exclude(id=row.id).filter(name_key=row.name_key).exists():
        raise _name_taken(row.name)


def _name_taken(name: str) -> Exception:
    return refuse(
        RefusalCode.ALREADY_EXISTS, f"There is a customer class called {name} already.", "name"
    )


def _warnings(row: CustomerClass) -> tuple[FlagWarning, ...]:
    return row.flags.warnings(is_uk_company=seems_uk_company(row.code, row.name))


def _stored(row: CustomerClass) -> dict[str, Any]:
    return {name: getattr(row, name) for name in EDITABLE_FIELDS}
