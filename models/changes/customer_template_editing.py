"""Editing the defaults for new customers: templates and the platform's default class."""

from collections.abc import Mapping
from typing import Any

from tortoise.exceptions import IntegrityError

from models.rules.errors import RefusalCode, StaleVersion, refuse
from models.rules.text import Checks
from models.storage.locks import lock, lock_shared
from models.tables import audit
from models.tables.audit import ActorContext
from models.tables.customer import Customer
from models.tables.customer_class import NAME_LENGTH, CustomerClass, rename, touch
from models.tables.customer_template import PLATFORM_DEFAULTS_ID, CustomerTemplate, PlatformDefaults

TEMPLATE_FIELDS = ("name", "customer_class_id", "parent_id")
DEFAULTS_SUBJECT = "platform_defaults"
"""The subject id of audit entries about the single row of platform defaults."""


async def save_template(
    act: ActorContext,
    template_id: str | None,
    values: Mapping[str, Any],
    expected_version: int | None = None,
) -> CustomerTemplate:
    """Create a template if `template_id` is None, else change the fields that were sent."""
    if template_id is None:
        template = CustomerTemplate(created_at=act.now, last_modified_at=act.now)
        values = {"name": None, **values}
        before: dict[str, Any] = {}
    else:
        template = await _locked_template(template_id, expected_version)
        before = _stored(template)
    await _check_and_set(template, values)
    if before and _stored(template) == before:
        return template
    try:
        if template_id is None:
            await template.save(force_create=True)
        else:
            touch(template, act.now)
            await template.save()
    except IntegrityError as error:
        raise refuse(
            RefusalCode.ALREADY_EXISTS, f"There is a template called {template.name}.", "name"
        ) from error
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
    defaults = await PlatformDefaults.filter(id=PLATFORM_DEFAULTS_ID).select_for_update().get()
    if expected_version is not None and defaults.version != expected_version:
        raise StaleVersion(defaults, expected_version, defaults.version)
    if class_id is not None:
        await _check_class(class_id, "customerClassId")
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


async def _check_and_set(template: CustomerTemplate, values: Mapping[str, Any]) -> None:
    checks = Checks()
    if "name" in values:
        rename(template, checks.required_text(values["name"], NAME_LENGTH, "name"))
    checks.settle()
    if "customer_class_id" in values:
        template.customer_class_id = values["customer_class_id"]
        if template.customer_class_id is not None:
            await _check_class(template.customer_class_id, "customerClassId")
    if "parent_id" in values:
        template.parent_id = values["parent_id"]
        if template.parent_id is not None:
            await _check_parent(template.parent_id)
    same_name = CustomerTemplate.exclude(id=template.id).filter(name_key=template.name_key)
    if await same_name.exists():
        raise refuse(
            RefusalCode.ALREADY_EXISTS, f"There is a template called {template.name}.", "name"
        )


async def _check_class(class_id: str, path: str) -> None:
    row = await lock_shared(CustomerClass, class_id)
    if row is None:
        raise refuse(RefusalCode.NOT_FOUND, "There is no such customer class.", path)
    if not row.is_assignable:
        raise refuse(RefusalCode.CLASS_RETIRED, f"{row.name} is retired.", path)


async def _check_parent(parent_id: str) -> None:
    parent = await lock_shared(Customer, parent_id)
    if parent is None or parent.erased_at is not None:
        raise refuse(RefusalCode.NOT_FOUND, "There is no such parent customer.", "parentId")
    parent_class = await CustomerClass.get(id=parent.customer_class_id)
    if not parent_class.is_reseller:
        raise refuse(
            RefusalCode.INVALID_PARENT, "A parent must be in a reseller class.", "parentId"
        )


async def _locked_template(template_id: str, expected_version: int | None) -> CustomerTemplate:
    template = (await lock(CustomerTemplate, template_id)).get(template_id)
    if template is None:
        raise refuse(RefusalCode.NOT_FOUND, "There is no such template.", "id")
    if expected_version is not None and template.version != expected_version:
        raise StaleVersion(template, expected_version, template.version)
    return template


def _stored(template: CustomerTemplate) -> dict[str, Any]:
    return {name: getattr(template, name) for name in TEMPLATE_FIELDS}
