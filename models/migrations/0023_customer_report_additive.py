"""Adds columns and indexes from which reports count customers without reading their rows.

The database computes the columns from the profile, so that they are right whoever writes it. The
model does not have them: `models/storage/scope_tables.py` names them for partners' statements.
"""

from tortoise import migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_generator.state_apps import StateApps

from models.storage.indexes import IndexWhere

STATUS, EMPLOYEES, ASSETS, CURRENCY = (
    ("details", "company_status"),
    ("employees", "value"),
    ("net_assets", "value"),
    ("net_assets", "currency"),
)
WHOLE, AMOUNT = "^-?[0-9]{1,9}$", r"^-?[0-9]{1,15}([.][0-9]{1,2})?$"


def _postgres(*path: str) -> str:
    return f"(profile #>> '{{{','.join(path)}}}')"


def _sqlite(*path: str) -> str:
    return f"json_extract(profile, '$.{'.'.join(path)}')"


# The conditions are for values that are no such numbers, which could not be saved otherwise.
POSTGRES = {
    "company_status text": _postgres(*STATUS),
    "employee_count integer": f"CASE WHEN {_postgres(*EMPLOYEES)} ~ '{WHOLE}'"
    f" THEN CAST({_postgres(*EMPLOYEES)} AS integer) END",
    "net_assets numeric": f"CASE WHEN {_postgres(*ASSETS)} ~ '{AMOUNT}'"
    f" THEN CAST({_postgres(*ASSETS)} AS numeric) END",
    "net_assets_currency text": f"CASE WHEN {_postgres(*ASSETS)} ~ '{AMOUNT}'"
    f" THEN coalesce({_postgres(*CURRENCY)}, 'GBP') END",
}
SQLITE = {
    "company_status text": _sqlite(*STATUS),
    "employee_count integer": f"CASE WHEN abs({_sqlite(*EMPLOYEES)}) < 1000000000"
    f" THEN {_sqlite(*EMPLOYEES)} END",
    "net_assets text": _sqlite(*ASSETS),
    "net_assets_currency text": f"CASE WHEN {_sqlite(*ASSETS)} IS NOT NULL"
    f" THEN coalesce({_sqlite(*CURRENCY)}, 'GBP') END",
}

INDEX = """CREATE INDEX idx_customer_report ON customer
  (id, customer_class_id, parent_id, enrichment_status, company_status, created_at,
   employee_count, net_assets, net_assets_currency)
  WHERE erased_at IS NULL"""


async def add_columns(_: StateApps, editor: BaseSchemaEditor) -> None:
    """Add the columns and the index of customers."""
    is_postgres = editor.DIALECT == "postgres"
    columns = (POSTGRES if is_postgres else SQLITE).items()
    kept = "STORED" if is_postgres else "VIRTUAL"  # SQLite can add no stored ones
    added = [f"ADD COLUMN {name} GENERATED ALWAYS AS ({value}) {kept}" for name, value in columns]
    together = [", ".join(added)] if is_postgres else added  # rewrites the table once
    for change in together:
        await editor.client.execute_query(f"ALTER TABLE customer {change}")
    await editor.client.execute_query(INDEX)


class Migration(migrations.Migration):
    """A later migration that rebuilds the customer table on SQLite must add all this again."""

    dependencies = [("models", "0022_own_references_additive")]  # noqa: RUF012  # the framework's own form

    operations = [  # noqa: RUF012  # see above
        ops.RunPython(add_columns, ops.RunPython.noop),
        ops.AddIndex(
            "ConsentPeriod", Index(fields=["customer_id", "matter", "from_at", "until_at"])
        ),
        ops.AddIndex(
            "Customer",
            IndexWhere(
                fields=["erased_at", "created_at", "customer_class_id", "id"],
                where="erased_at IS NOT NULL",
            ),
        ),
        ops.AddIndex("EnrichmentRun", Index(fields=["finished_at", "status"])),
        ops.RemoveIndex(
            model_name="ConsentPeriod", name=None, fields=["customer_id", "matter", "from_at"]
        ),
    ]
