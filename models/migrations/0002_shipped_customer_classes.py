"""Adds the ready-made customer classes (R9 to R13) and the row of platform defaults."""

from datetime import UTC, datetime
from typing import Any

from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_generator.state_apps import StateApps

PERSONAL, SOLE_TRADER, RESELLER, CHECKED = (
    "is_personal_customer",
    "is_sole_trader",
    "is_reseller",
    "check_companies_house",
)

SHIPPED = (
    ("RESIDENTIAL", "Residential / Consumer", (PERSONAL,)),
    ("SOLE_TRADER", "Self-Employed / Sole Trader", (SOLE_TRADER,)),
    ("COMPANY_UK_LIMITED", "Company (UK Limited)", (CHECKED,)),
    ("COMPANY_UK_PLC", "Company (UK PLC)", (CHECKED,)),
    ("COMPANY_INTERNATIONAL", "Company (International)", ()),
    ("PUBLIC_SECTOR", "Public Sector", ()),
    ("CHARITY", "Charity", ()),
    ("RESELLER_UK_COMPANY", "Reseller (UK Limited / PLC)", (RESELLER, CHECKED)),
    ("RESELLER_SOLE_TRADER", "Reseller (Sole Trader)", (RESELLER, SOLE_TRADER)),
    ("RESELLER_OTHER", "Reseller (Other / International)", (RESELLER,)),
)


async def add(apps: StateApps, editor: BaseSchemaEditor) -> None:
    """Insert the shipped classes and the row of defaults that are missing; change none (R13)."""
    customer_class: Any = apps.get_model("models.CustomerClass")
    defaults: Any = apps.get_model("models.PlatformDefaults")
    now = datetime.now(UTC)
    for index, (code, name, flags) in enumerate(SHIPPED, start=1):
        if await customer_class.filter(code=code).using_db(editor.client).exists():
            continue
        await customer_class.create(
            using_db=editor.client,
            code=code,
            name=name,
            name_key=name.casefold(),
            display_class=code.lower().replace("_", "-"),
            display_position=index * 10,
            created_at=now,
            last_modified_at=now,
            **dict.fromkeys(flags, True),
        )
    if not await defaults.all().using_db(editor.client).exists():
        await defaults.create(using_db=editor.client, id=1, last_modified_at=now)


class Migration(migrations.Migration):
    """Reversing it deletes no rows, since customers may be in the classes."""

    dependencies = [("models", "0001_initial")]  # noqa: RUF012  # the framework's own form

    operations = [ops.RunPython(add, ops.RunPython.noop)]  # noqa: RUF012  # see above
