"""Adds when a customer is looked up again at Companies House, and spreads the first such lookups."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_generator.state_apps import StateApps

from models.rules.enrichment_status import EnrichmentTrigger
from models.storage.described_field import DescribeField
from models.storage.indexes import IndexWhere

REFRESHED = """erased_at IS NULL AND company_number IS NOT NULL
    AND enrichment_status IN ('SUCCEEDED', 'PARTIAL', 'NOT_FOUND', 'FAILED')"""
SPREAD_DAYS = 30
"""Days over which the first refreshes are spread: each of them requests all data again."""

FIRST = {
    "postgres": f"now() + random() * interval '{SPREAD_DAYS} days'",
    "sqlite": "strftime('%Y-%m-%d %H:%M:%S', 'now', '+' || abs(random() %"
    f" {SPREAD_DAYS * 86_400}) || ' seconds') || '+00:00'",
}


async def fill(_: StateApps, editor: BaseSchemaEditor) -> None:
    """Set the times of customers who were looked up, before their index is created."""
    await editor.client.execute_query(
        f"UPDATE customer SET refresh_due_at = {FIRST[editor.DIALECT]} WHERE {REFRESHED}"  # noqa: S608  # constants only
    )


class Migration(migrations.Migration):
    """A release before this migration refreshes nothing, and cannot show lookups that a timer started."""

    dependencies = [("models", "0031_same_file_additive")]  # noqa: RUF012  # the framework's own form

    operations = [  # noqa: RUF012  # see above
        ops.AddField("Customer", "refresh_due_at", fields.DatetimeField(null=True)),
        ops.RunPython(fill, ops.RunPython.noop),
        ops.AddIndex(
            "Customer",
            IndexWhere(
                fields=["refresh_due_at", "id"],
                where="erased_at IS NULL AND refresh_due_at IS NOT NULL"
                " AND enrichment_status IN ('SUCCEEDED', 'PARTIAL', 'NOT_FOUND', 'FAILED')",
            ),
        ),
        DescribeField(
            model_name="EnrichmentRun",
            name="trigger",
            field=fields.CharEnumField(
                description="\n".join(f"{one}: {one}" for one in EnrichmentTrigger),
                enum_type=EnrichmentTrigger,
                max_length=24,
            ),
        ),
    ]
