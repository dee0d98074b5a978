"""Records who requested a confirmation, allows to erase mentions of a person, recomputes keys.

On SQLite, changed and erased names are removed from the search index.
"""

from importlib import import_module
from typing import Any

from tortoise import fields, migrations
from tortoise.migrations import operations as ops
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_generator.state_apps import StateApps

from models.rules.folding import folded, searchable

append_only = import_module("models.migrations.0012_append_only")
folded_keys = import_module("models.migrations.0017_folded_keys")
erasure = import_module("models.migrations.0018_erasure")

SAME = append_only.SAME

IS_MENTION_ERASED = """EXISTS (SELECT 1 FROM audit_entry AS erasure
  WHERE erasure.subject_id = OLD.subject_id AND erasure.at = NEW.erased_at
    AND erasure.operation = 'mentions.erased')"""

IS_REASON_ERASED = """EXISTS (SELECT 1 FROM audit_entry AS erasure
  WHERE erasure.subject_id = OLD.customer_id AND erasure.at >= OLD.changed_at
    AND erasure.operation = 'mentions.erased')"""


def _is_allowed(same: str, *own: str) -> str:
    """Return the SQL condition that an update of an audit entry only erases or numbers it."""
    before: str = erasure._is_allowed(same, *own)
    assert before.count(erasure.IS_CONTACT_ERASED) == 1
    either = f"{erasure.IS_CONTACT_ERASED} OR {IS_MENTION_ERASED}"
    return before.replace(erasure.IS_CONTACT_ERASED, either)


def _is_class_reason_erased(same: str) -> str:
    """Return the SQL condition that an update of a class change only erases its reason."""
    return f"""{append_only._are_same(erasure.UNCHANGED_CLASS_CHANGE, same)}
      AND NEW.reason IN (OLD.reason, '(erased)')
      AND (EXISTS (SELECT 1 FROM customer WHERE id = OLD.customer_id AND erased_at IS NOT NULL)
        OR {IS_REASON_ERASED})"""


AUDIT_MESSAGE = "of an audit entry what is personal is erased, and nothing else changed"
CLASS_CHANGE_MESSAGE = "of a class change the reason is erased, and nothing else changed"

POSTGRES = (
    f"""CREATE OR REPLACE FUNCTION refuse_audit_rewriting() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN
         IF {_is_allowed(SAME, "sequence")} THEN RETURN NEW; END IF;
         RAISE EXCEPTION '{AUDIT_MESSAGE}' USING ERRCODE = 'restrict_violation';
       END $$""",
    f"""CREATE OR REPLACE FUNCTION refuse_class_change_rewriting() RETURNS trigger
       LANGUAGE plpgsql AS $$
       BEGIN
         IF {_is_class_reason_erased(SAME)} THEN RETURN NEW; END IF;
         RAISE EXCEPTION '{CLASS_CHANGE_MESSAGE}' USING ERRCODE = 'restrict_violation';
       END $$""",
)

SQLITE = (
    "DROP TRIGGER audit_entry_not_rewritten",
    "DROP TRIGGER class_change_erased",
    append_only._sqlite_trigger(
        "audit_entry_not_rewritten",
        "BEFORE UPDATE ON audit_entry",
        f"WHEN ({_is_allowed('IS')}) IS NOT TRUE",
        AUDIT_MESSAGE,
    ),
    append_only._sqlite_trigger(
        "class_change_erased",
        "BEFORE UPDATE ON class_change",
        f"WHEN (NEW.rowid = OLD.rowid AND {_is_class_reason_erased('IS')}) IS NOT TRUE",
        CLASS_CHANGE_MESSAGE,
    ),
    "INSERT INTO customer_search(customer_search) VALUES ('optimize')",
)

ASKED_BEFORE = "UPDATE confirmation SET is_requester_masked = true"
"""For existing confirmations it is unknown what the requester could see, so names are hidden."""


async def renew_customers(rows: Any) -> None:
    """Recompute the keys of customers in batches, and update those that differ."""
    last = ""
    while found := await rows.read(
        "SELECT id, name, name_key, account_number, account_number_key, company_number,"
        " external_reference, search_key, erased_at FROM customer WHERE id > ?"
        f" ORDER BY id LIMIT {folded_keys.AT_ONCE:d}",
        last,
    ):
        last = found[-1]["id"]
        for row in found:
            keys = (folded(row["name"]), folded_keys._search_key(row))
            if keys != (row["name_key"], row["search_key"]):
                await rows.write(
                    "UPDATE customer SET name_key = ?, search_key = ? WHERE id = ?",
                    [(*keys, row["id"])],
                )
            await _renew_number(rows, row)


async def _renew_number(rows: Any, row: dict[str, Any]) -> None:
    """Recompute the key of a customer's account number.

    If another customer has the same key, a line feed and the customer's id are appended, so that
    the number keeps working. A key with a line feed stays as it is.
    """
    before, key = row["account_number_key"], folded(row["account_number"])
    if "\n" in before or key == before:
        return
    if await rows.read("SELECT id FROM customer WHERE account_number_key = ?", key):
        key = f"{key}\n{row['id']}"
    await rows.write(
        "UPDATE customer SET account_number_key = ? WHERE id = ?", [(key, row["id"])]
    )


async def _add_search_keys_of_users(rows: Any) -> None:
    found = await rows.read("SELECT id, name, email FROM app_user")
    keys = (
        ("\n".join(searchable(text) for text in (row["name"], row["email"]) if text), row["id"])
        for row in found
    )
    await rows.write("UPDATE app_user SET search_key = ? WHERE id = ?", keys)


async def mend(_: StateApps, editor: BaseSchemaEditor) -> None:
    """Recompute the keys, replace the triggers, and remove erased rows from the search index."""
    rows = folded_keys.Rows(editor)
    for table in folded_keys.NAMED:
        await folded_keys.renew_names(rows, table)
    await folded_keys.renew_users(rows)
    await _add_search_keys_of_users(rows)
    await renew_customers(rows)
    for statement in (*(POSTGRES if rows.is_postgres else SQLITE), ASKED_BEFORE):
        await editor.client.execute_query(statement)


class Migration(migrations.Migration):
    """A later migration that rebuilds a table with these triggers on SQLite must recreate them."""

    dependencies = [("models", "0018_erasure")]  # noqa: RUF012  # the framework's own form

    operations = [  # noqa: RUF012  # see above
        ops.AddField(
            "Confirmation", "is_requester_masked", fields.BooleanField(db_default=False)
        ),
        ops.AddField("User", "search_key", fields.TextField(db_default="")),
        ops.RunPython(mend, ops.RunPython.noop),
    ]
