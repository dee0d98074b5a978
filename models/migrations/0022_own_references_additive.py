"""Adds external references of contacts, and keys by which references are unique by owner."""

from importlib import import_module
from typing import Any

import structlog
from tortoise import fields, migrations
from tortoise.migrations import operations as ops
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_generator.state_apps import StateApps

from models.rules.own_reference import reference_key

folded_keys = import_module("models.migrations.0017_folded_keys")

log = structlog.get_logger(__name__)

AT_ONCE = 1_000
MAX_TOLD = 20

UNIQUE = (
    "CREATE UNIQUE INDEX uid_customer_reference_key ON customer (reference_key)",
    "CREATE UNIQUE INDEX uid_contact_reference_key ON contact (reference_key)",
)


async def add_keys(rows: Any) -> list[str]:
    """Set the keys of all customers; return the ids of those whose reference is not unique.

    The oldest customer with a reference gets its key. The others keep their reference, and get a
    key that nobody can ask for: with a line feed and their id.
    """
    taken: set[str] = set()
    doubled: list[str] = []
    last = ""
    while found := await rows.read(
        "SELECT id, parent_id, external_reference FROM customer WHERE id > ?"
        " AND external_reference IS NOT NULL AND erased_at IS NULL"
        f" ORDER BY id LIMIT {AT_ONCE:d}",
        last,
    ):
        last = found[-1]["id"]
        made = []
        for row in found:
            key = str(reference_key(row["parent_id"], row["external_reference"]))
            if key in taken:
                doubled.append(row["id"])
                key = f"{key}\n{row['id']}"
            taken.add(key)
            made.append((key, row["id"]))
        await rows.write("UPDATE customer SET reference_key = ? WHERE id = ?", made)
    return doubled


async def add(_: StateApps, editor: BaseSchemaEditor) -> None:
    """Set the keys, make them unique, and log which customers have the same reference."""
    rows = folded_keys.Rows(editor)
    doubled = await add_keys(rows)
    for statement in UNIQUE:
        await editor.client.execute_query(statement)
    if doubled:
        log.warning(
            "references_doubled",
            count=len(doubled),
            customers=doubled[:MAX_TOLD],
            advice="These customers have the external reference of an older customer of the same"
            " reseller. They keep it, but are not found by it: give them another one.",
        )


class Migration(migrations.Migration):
    """A release before this migration may add references without a key, which are not unique."""

    dependencies = [("models", "0021_idempotency_additive")]  # noqa: RUF012  # the framework's own form

    operations = [  # noqa: RUF012  # see above
        ops.AddField("Contact", "external_reference", fields.CharField(max_length=200, null=True)),
        ops.AddField("Contact", "reference_key", fields.CharField(max_length=266, null=True)),
        ops.AddField("Customer", "reference_key", fields.CharField(max_length=266, null=True)),
        ops.RunPython(add, ops.RunPython.noop),
    ]
