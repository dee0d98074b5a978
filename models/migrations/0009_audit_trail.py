"""Adds user, reseller and customer to audit entries, adds indexes, and prevents changes."""

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_generator.state_apps import StateApps

from models.storage.indexes import IndexWhere

BACKFILL = (
    """UPDATE audit_entry SET subject_kind = CASE
         WHEN subject_id = 'platform_defaults' THEN 'platform' ELSE substr(subject_id, 1, 3) END,
       customer_id = CASE WHEN subject_id LIKE 'cus%' THEN subject_id ELSE
         (SELECT customer_id FROM contact WHERE contact.id = audit_entry.subject_id) END""",
    # Values of erased customers were erased without setting `erased_at`, except in the entry about
    # the erasure itself.
    """UPDATE audit_entry SET erased_at =
         (SELECT erased_at FROM customer WHERE customer.id = audit_entry.customer_id)
       WHERE customer_id IS NOT NULL AND operation NOT IN ('customer.deleted', 'contact.erased')""",
)

# Reasons are up to 1,000 characters long, too much for an index; most begin differently.
REASONS = """CREATE INDEX idx_audit_entry_reason ON audit_entry (substr(reason, 1, 60), at, id)
  WHERE reason IS NOT NULL"""

POSTGRES = (
    """CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN
         RAISE EXCEPTION 'the audit trail is append-only' USING ERRCODE = 'restrict_violation';
       END $$""",
    """CREATE FUNCTION refuse_audit_rewriting() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN
         IF NEW.erased_at IS NOT NULL
           AND ROW(NEW.id, NEW.subject_id, NEW.subject_kind, NEW.customer_id, NEW.operation,
             NEW.is_override, NEW.actor_id, NEW.user_id, NEW.reseller_id, NEW.request_id, NEW.at)
           IS NOT DISTINCT FROM
             ROW(OLD.id, OLD.subject_id, OLD.subject_kind, OLD.customer_id, OLD.operation,
             OLD.is_override, OLD.actor_id, OLD.user_id, OLD.reseller_id, OLD.request_id, OLD.at)
           AND NEW.actor_name IN (OLD.actor_name, '(erased)')
           AND (NEW.user_name IS NOT DISTINCT FROM OLD.user_name
             OR NEW.user_name = '(erased)' AND OLD.user_name IS NOT NULL)
           AND (ROW(NEW."before", NEW."after", NEW.reason)
               IS NOT DISTINCT FROM ROW(OLD."before", OLD."after", OLD.reason)
             OR NEW."before" IN (OLD."before", '{}') AND NEW."after" IN (OLD."after", '{}')
               AND (NEW.reason IS NULL OR NEW.reason = OLD.reason)
               AND (EXISTS (SELECT 1 FROM customer
                   WHERE id = OLD.customer_id AND erased_at IS NOT NULL)
                 OR EXISTS (SELECT 1 FROM app_user
                   WHERE id = OLD.subject_id AND name = '(erased)' AND disabled_at IS NOT NULL)))
         THEN RETURN NEW; END IF;
         RAISE EXCEPTION 'of an audit entry what is personal is erased, and nothing else changed'
           USING ERRCODE = 'restrict_violation';
       END $$""",
    """CREATE TRIGGER audit_entry_kept BEFORE DELETE ON audit_entry
       FOR EACH ROW EXECUTE FUNCTION refuse_audit_change()""",
    """CREATE TRIGGER audit_entry_not_emptied BEFORE TRUNCATE ON audit_entry
       FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()""",
    """CREATE TRIGGER audit_entry_not_rewritten BEFORE UPDATE ON audit_entry
       FOR EACH ROW EXECUTE FUNCTION refuse_audit_rewriting()""",
)

# On SQLite, REPLACE deletes rows without firing DELETE triggers, so there is an INSERT trigger.
SQLITE = (
    """CREATE TRIGGER audit_entry_kept BEFORE DELETE ON audit_entry BEGIN
         SELECT RAISE(ABORT, 'the audit trail is append-only');
       END""",
    """CREATE TRIGGER audit_entry_not_replaced BEFORE INSERT ON audit_entry
       WHEN EXISTS (SELECT 1 FROM audit_entry WHERE id = NEW.id) BEGIN
         SELECT RAISE(ABORT, 'the audit trail is append-only');
       END""",
    """CREATE TRIGGER audit_entry_not_rewritten BEFORE UPDATE ON audit_entry
       WHEN NEW.erased_at IS NULL
         OR NEW.id IS NOT OLD.id OR NEW.subject_id IS NOT OLD.subject_id
         OR NEW.subject_kind IS NOT OLD.subject_kind OR NEW.customer_id IS NOT OLD.customer_id
         OR NEW.operation IS NOT OLD.operation OR NEW.is_override IS NOT OLD.is_override
         OR NEW.actor_id IS NOT OLD.actor_id OR NEW.user_id IS NOT OLD.user_id
         OR NEW.reseller_id IS NOT OLD.reseller_id OR NEW.request_id IS NOT OLD.request_id
         OR NEW.at IS NOT OLD.at
         OR NEW.actor_name NOT IN (OLD.actor_name, '(erased)')
         OR NOT (NEW.user_name IS OLD.user_name
           OR NEW.user_name IS '(erased)' AND OLD.user_name IS NOT NULL)
         OR NOT (NEW."before" IS OLD."before" AND NEW."after" IS OLD."after"
             AND NEW.reason IS OLD.reason
           OR NEW."before" IN (OLD."before", '{}') AND NEW."after" IN (OLD."after", '{}')
             AND (NEW.reason IS NULL OR NEW.reason IS OLD.reason)
             AND (EXISTS (SELECT 1 FROM customer
                 WHERE id = OLD.customer_id AND erased_at IS NOT NULL)
               OR EXISTS (SELECT 1 FROM app_user
                 WHERE id = OLD.subject_id AND name = '(erased)' AND disabled_at IS NOT NULL)))
         BEGIN
         SELECT RAISE(ABORT, 'of an audit entry what is personal is erased, and nothing changed');
       END""",
)


async def fill(_: StateApps, editor: BaseSchemaEditor) -> None:
    """Fill the new columns of existing entries."""
    for statement in BACKFILL:
        await editor.client.execute_query(statement)


async def protect(_: StateApps, editor: BaseSchemaEditor) -> None:
    """Create the triggers, and an index that the ORM can't describe."""
    await editor.client.execute_query(REASONS)
    for statement in POSTGRES if editor.DIALECT == "postgres" else SQLITE:
        await editor.client.execute_query(statement)


def _text(length: int) -> fields.CharField[str | None]:
    return fields.CharField(max_length=length, null=True)


class Migration(migrations.Migration):
    """Rewrites the table of audit entries once: about ten seconds for a million entries.

    A later migration that rebuilds a table with these triggers on SQLite must recreate them.
    """

    dependencies = [("models", "0008_users")]

    operations = [
        ops.AddField("AuditEntry", "subject_kind", fields.CharField(max_length=8, db_default="")),
        ops.AddField("AuditEntry", "customer_id", _text(32)),
        ops.AddField("AuditEntry", "user_id", _text(32)),
        ops.AddField("AuditEntry", "user_name", _text(200)),
        ops.AddField("AuditEntry", "reseller_id", _text(32)),
        ops.AddField("AuditEntry", "erased_at", fields.DatetimeField(null=True)),
        ops.RunPython(fill, ops.RunPython.noop),
        ops.RemoveIndex("AuditEntry", fields=["subject_id", "id"]),
        ops.AddIndex("AuditEntry", Index(fields=("at", "id"))),
        ops.AddIndex("AuditEntry", Index(fields=("subject_id", "at", "id"))),
        ops.AddIndex("AuditEntry", Index(fields=("subject_kind", "at", "id"))),
        ops.AddIndex("AuditEntry", Index(fields=("operation", "at", "id"))),
        ops.AddIndex("AuditEntry", Index(fields=("actor_id", "at", "id"))),
        ops.AddIndex("AuditEntry", Index(fields=("request_id", "at", "id"))),
        ops.AddIndex(
            "AuditEntry",
            IndexWhere(fields=("customer_id", "at", "id"), where="customer_id IS NOT NULL"),
        ),
        ops.AddIndex(
            "AuditEntry", IndexWhere(fields=("user_id", "at", "id"), where="user_id IS NOT NULL")
        ),
        ops.AddIndex(
            "AuditEntry", IndexWhere(fields=("at", "id", "is_override"), where="is_override")
        ),
        ops.RunPython(protect, ops.RunPython.noop),
    ]
