"""Edits the defaults for new customers: templates and the platform's default class."""

from collections.abc import Mapping
from typing import Any

from tortoise.exceptions import IntegrityError

from models.changes.customer_placement import assignable_class
from models.rules.checks import Checks
from models.rules.errors import RefusalCode, Refused, StaleVersion, refuse
from models.storage.locks import lock, lock_shared
from models.tables import audit
from models.tables.audit import ActorContext
from models.tables.customer import Customer
from models.tables.customer_class import NAME_LENGTH, CustomerClass, rename, touch
from models.tables.customer_template import (
    DEFAULTS_SUBJECT,
    PLATFORM_DEFAULTS_ID,
    CustomerTemplate,
    PlatformDefaults,
)

TEMPLATE_FIELDS = ("name", "customer_class_id", "parent_id")
"""The subject id of audit entries about the single row of platform defaults."""


async def save_template(
    act: ActorContext,
    template_id: str | None,
    values: Mapping[str, Any],
    expected_version: int | None = None,
) -> CustomerTemplate:
    """Create a template if `template_id` is None; otherwise change the fields in `values`."""
    checks = act.checks()
    before: dict[str, Any] = {}
    found: CustomerTemplate | None
    if template_id is None:
        found = CustomerTemplate(created_at=act.now, last_modified_at=act.now)
        values = {"name": None, **values}
    else:
        found = await checks.attempt(_locked_template(template_id, expected_version))
        before = {} if found is None else _stored(found)
    # The fields of a template that was not found are checked on one that is never stored.
    template = found or CustomerTemplate()
    await _check_and_set(checks, template, values)
    checks.raise_refusals()
    if before and _stored(template) == before:
        return template
    try:
        if template_id is None:
            await template.save(force_create=True)
        else:
            touch(template, act.now)
            await template.save()
    except IntegrityError as error:
        raise _name_taken(template) from error
    await audit.record(act, "template.saved", template.id, before=before, after=_stored(template))
    return template


async def delete_template(
    act: ActorContext, template_id: str, expected_version: int | None
) -> CustomerTemplate:
    """Delete a template; customers made from it do not change."""
    template = await _locked_template(template_id, expected_version)
    await template.delete()
    await audit.record(act, "template.deleted", template.id, before=_stored(template))
    return template


async def save_platform_defaults(
    act: ActorContext, class_id: str | None, expected_version: int | None
) -> PlatformDefaults:
    """Set the class of new customers for which none is named; None clears it."""
    checks = act.checks()
    defaults = await PlatformDefaults.filter(id=PLATFORM_DEFAULTS_ID).select_for_update().get()
    checks.expect_version(defaults, expected_version)
    if class_id is not None:
        await checks.attempt(assignable_class(class_id, "classId"))
    checks.raise_refusals()
    before = {"customer_class_id": defaults.customer_class_id}
    if class_id == defaults.customer_class_id:
        return defaults
    defaults.customer_class_id = class_id
    touch(defaults, act.now)
    await defaults.save()
    await audit.record(
        act,
        "platform_defaults.saved",
        DEFAULTS_SUBJECT,
        before=before,
        after={"customer_class_id": class_id},
    )
    return defaults


async def _check_and_set(
    checks: Checks, template: CustomerTemplate, values: Mapping[str, Any]
) -> None:
    if "name" in values:
        rename(template, checks.required_text(values["name"], NAME_LENGTH, "name"))
        others = CustomerTemplate.exclude(id=template.id)
        is_named = not checks.is_refused("name")
        if is_named and await others.filter(name_key=template.name_key).exists():
            checks.add(*_name_taken(template).refusals)
    if "customer_class_id" in values:
        template.customer_class_id = values["customer_class_id"]
        if template.customer_class_id is not None:
            chosen = assignable_class(template.customer_class_id, "classId")
            await checks.attempt(chosen)
    if "parent_id" in values:
        template.parent_id = values["parent_id"]
        if template.parent_id is not None:
            await checks.attempt(_check_parent(template.parent_id))


def _name_taken(template: CustomerTemplate) -> Refused:
    return refuse(
        RefusalCode.ALREADY_EXISTS,
        f"There is already a template called “{template.name}”. Choose another name.",
        "name",
    )


async def _check_parent(parent_id: str) -> None:
    parent = await lock_shared(Customer, parent_id)
    if parent is None or parent.erased_at is not None:
        raise refuse(RefusalCode.NOT_FOUND, "There is no parent customer with this id.", "parentId")
    parent_class = await CustomerClass.get(id=parent.customer_class_id)
    if not parent_class.is_reseller:
        raise refuse(
            RefusalCode.INVALID_PARENT,
            "The parent is not in a class for resellers. Choose another parent.",
            "parentId",
        )


async def _locked_template(template_id: str, expected_version: int | None) -> CustomerTemplate:
    template = (await lock(CustomerTemplate, template_id)).get(template_id)
    if template is None:
        raise refuse(RefusalCode.NOT_FOUND, "There is no template with this id.", "id")
    if expected_version is not None and template.version != expected_version:
        raise StaleVersion(template, expected_version, template.version)
    return template


def _stored(template: CustomerTemplate) -> dict[str, Any]:
    return {name: getattr(template, name) for name in TEMPLATE_FIELDS}
