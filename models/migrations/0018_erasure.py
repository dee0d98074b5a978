"""Allows erasing a single contact, and the reasons of an erased customer's class changes.

Audit entries may be deleted after the retention period.

For customers that are already erased, the reasons of their class changes and of their deletion are
erased by this migration.
"""

from importlib import import_module

from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_generator.state_apps import StateApps

append_only = import_module("models.migrations.0012_append_only")
audit_order = import_module("models.migrations.0014_audit_order")

SAME = append_only.SAME

UNCHANGED_CLASS_CHANGE = (
    *("id", "customer_id", "from_class_id", "to_class_id", "crosses_individual_line"),
    *("changed_by_id", "changed_by", "changed_at"),
)

IS_CONTACT_ERASED = """EXISTS (SELECT 1 FROM contact
  WHERE id = OLD.subject_id AND name = '(erased)' AND deleted_at IS NOT NULL)"""


def _is_allowed(same: str, *own: str) -> str:
    """Return the SQL condition that an update of an audit entry only erases or numbers it."""
    before: str = audit_order._is_allowed(same, *own)
    either = f"({IS_CONTACT_ERASED} OR {append_only.IS_SUBJECT_ERASED})"
    assert before.count(append_only.IS_SUBJECT_ERASED) == 1
    return before.replace(append_only.IS_SUBJECT_ERASED, either)


def _is_reason_erased(same: str) -> str:
    """Return the SQL condition that an update of a class change only erases its reason."""
    return f"""{append_only._are_same(UNCHANGED_CLASS_CHANGE, same)}
      AND NEW.reason IN (OLD.reason, '(erased)')
      AND EXISTS (SELECT 1 FROM customer WHERE id = OLD.customer_id AND erased_at IS NOT NULL)"""


LEGAL_YEARS = 6
"""Audit entries are kept as long as claims can be brought (Limitation Act 1980)."""

AUDIT_MESSAGE = f"audit_entry is append-only for {LEGAL_YEARS} years"

CLASS_CHANGE_MESSAGE = "a reason is erased with its customer, and class_change never changed else"

POSTGRES = (
    f"""CREATE OR REPLACE FUNCTION refuse_audit_rewriting() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN
         IF {_is_allowed(SAME, "sequence")} THEN RETURN NEW; END IF;
         RAISE EXCEPTION 'of an audit entry what is personal is erased, and nothing else changed'
           USING ERRCODE = 'restrict_violation';
       END $$""",
    f"""CREATE FUNCTION refuse_class_change_rewriting() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN
         IF {_is_reason_erased(SAME)} THEN RETURN NEW; END IF;
         RAISE EXCEPTION '{CLASS_CHANGE_MESSAGE}' USING ERRCODE = 'restrict_violation';
       END $$""",
    f"""CREATE FUNCTION refuse_audit_deletion() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN
         IF OLD.at < clock_timestamp() - interval '{LEGAL_YEARS} years' THEN RETURN OLD; END IF;
         RAISE EXCEPTION '{AUDIT_MESSAGE}' USING ERRCODE = 'restrict_violation';
       END $$""",
    "DROP TRIGGER audit_entry_kept ON audit_entry",
    """CREATE TRIGGER audit_entry_kept BEFORE DELETE ON audit_entry
       FOR EACH ROW EXECUTE FUNCTION refuse_audit_deletion()""",
    "DROP TRIGGER class_change_kept ON class_change",
    """CREATE TRIGGER class_change_kept BEFORE DELETE ON class_change
       FOR EACH ROW EXECUTE FUNCTION refuse_history_change()""",
    """CREATE TRIGGER class_change_erased BEFORE UPDATE ON class_change
       FOR EACH ROW EXECUTE FUNCTION refuse_class_change_rewriting()""",
)

SQLITE = (
    "DROP TRIGGER audit_entry_not_rewritten",
    "DROP TRIGGER class_change_not_changed",
    "DROP TRIGGER audit_entry_kept",
    append_only._sqlite_trigger(
        "audit_entry_kept",
        "BEFORE DELETE ON audit_entry",
        f"WHEN (julianday(OLD.at) < julianday('now', '-{LEGAL_YEARS} years')) IS NOT TRUE",
        AUDIT_MESSAGE,
    ),
    append_only._sqlite_trigger(
        "audit_entry_not_rewritten",
        "BEFORE UPDATE ON audit_entry",
        f"WHEN ({_is_allowed('IS')}) IS NOT TRUE",
        "of an audit entry what is personal is erased, and nothing changed",
    ),
    append_only._sqlite_trigger(
        "class_change_erased",
        "BEFORE UPDATE ON class_change",
        f"WHEN (NEW.rowid = OLD.rowid AND {_is_reason_erased('IS')}) IS NOT TRUE",
        CLASS_CHANGE_MESSAGE,
    ),
)

LEFT_OVER = (
    """UPDATE class_change SET reason = '(erased)' WHERE reason <> '(erased)' AND EXISTS
       (SELECT 1 FROM customer WHERE id = class_change.customer_id AND erased_at IS NOT NULL)""",
    """UPDATE audit_entry SET reason = NULL, erased_at = at
       WHERE operation = 'customer.deleted' AND reason IS NOT NULL""",
)


async def protect(_: StateApps, editor: BaseSchemaEditor) -> None:
    """Create the triggers, then erase reasons that earlier erasures of customers left."""
    triggers = POSTGRES if editor.DIALECT == "postgres" else SQLITE
    for statement in (*triggers, *LEFT_OVER):
        await editor.client.execute_query(statement)


class Migration(migrations.Migration):
    """A later migration that rebuilds a table with these triggers on SQLite must recreate them."""

    dependencies = [("models", "0017_folded_keys")]  # noqa: RUF012  # the framework's own form

    operations = [ops.RunPython(protect, ops.RunPython.noop)]  # noqa: RUF012  # see above
