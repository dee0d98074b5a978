"""Adds when a customer or contact last changed, which triggers keep up to date, and its indexes.

Every change adds an audit entry, so a trigger on these sees all changes, also those by a program of
the previous release. It leaves out entries about changes that callers may not or cannot see.
"""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_generator.state_apps import StateApps

from models.storage.indexes import IndexWhere

COUNTED = "operation NOT IN ('confirmation.mail_held', 'mentions.erased')"
"""A partner must not learn that a mail is held back; erasing mentions changes histories only."""

BACKFILL = (
    f"""UPDATE customer SET changed_at = coalesce((SELECT max(own.at) FROM audit_entry AS own
      WHERE own.customer_id = customer.id AND own.at > customer.last_modified_at
        AND own.{COUNTED}), last_modified_at)""",
    f"""UPDATE contact SET changed_at = coalesce((SELECT max(own.at) FROM audit_entry AS own
      WHERE own.subject_id = contact.id AND own.at > contact.last_modified_at
        AND own.{COUNTED}), last_modified_at)""",
)

OWN_INDEXES = (
    """CREATE INDEX idx_customer_not_active ON customer (id) WHERE erased_at IS NULL
       AND company_status NOT IN ('active', 'open', 'registered')""",
    """CREATE INDEX idx_suggestion_open ON suggestion (customer_id) WHERE status = 'OPEN'""",
)
STRIKE_OFF = """CREATE INDEX idx_customer_strike_off ON customer (id) WHERE erased_at IS NULL
   AND {detail} = 'active-proposal-to-strike-off'"""
DETAIL = {
    "postgres": "(profile #>> '{details,company_status_detail}')",
    "sqlite": "json_extract(profile, '$.details.company_status_detail')",
}

POSTGRES = (
    """CREATE FUNCTION keep_changed_at() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN
         NEW.changed_at := greatest(NEW.changed_at, NEW.last_modified_at);
         RETURN NEW;
       END $$""",
    *(
        f"""CREATE TRIGGER {table}_changed BEFORE INSERT OR UPDATE OF last_modified_at ON {table}
            FOR EACH ROW EXECUTE FUNCTION keep_changed_at()"""
        for table in ("customer", "contact")
    ),
    """CREATE FUNCTION note_audited_change() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN
         IF NEW.subject_kind = 'con' THEN
           UPDATE contact SET changed_at = NEW.at WHERE id = NEW.subject_id AND changed_at < NEW.at;
         END IF;
         UPDATE customer SET changed_at = NEW.at WHERE id = NEW.customer_id AND changed_at < NEW.at;
         RETURN NULL;
       END $$""",
    f"""CREATE TRIGGER audit_entry_changes AFTER INSERT ON audit_entry FOR EACH ROW
        WHEN (NEW.customer_id IS NOT NULL AND NEW.{COUNTED})
        EXECUTE FUNCTION note_audited_change()""",
)


def _sqlite_triggers(table: str) -> tuple[str, str]:
    update = f"UPDATE {table} SET changed_at = NEW.last_modified_at WHERE rowid = NEW.rowid;"
    return (
        f"""CREATE TRIGGER {table}_changed_first AFTER INSERT ON {table}
            WHEN NEW.changed_at IS NULL BEGIN {update} END""",
        f"""CREATE TRIGGER {table}_changed AFTER UPDATE OF last_modified_at ON {table}
            WHEN NEW.changed_at IS NULL OR NEW.changed_at < NEW.last_modified_at
            BEGIN {update} END""",
    )


SQLITE = (
    *_sqlite_triggers("customer"),
    *_sqlite_triggers("contact"),
    f"""CREATE TRIGGER audit_entry_changes AFTER INSERT ON audit_entry
        WHEN NEW.customer_id IS NOT NULL AND NEW.{COUNTED} BEGIN
          UPDATE contact SET changed_at = NEW.at
            WHERE NEW.subject_kind = 'con' AND id = NEW.subject_id AND changed_at < NEW.at;
          UPDATE customer SET changed_at = NEW.at
            WHERE id = NEW.customer_id AND changed_at < NEW.at;
        END""",
)


async def fill(_: StateApps, editor: BaseSchemaEditor) -> None:
    """Set the times of existing rows, before their indexes are created."""
    for statement in BACKFILL:
        await editor.client.execute_query(statement)


async def protect(_: StateApps, editor: BaseSchemaEditor) -> None:
    """Create the indexes and triggers that the ORM can't describe."""
    triggers = POSTGRES if editor.DIALECT == "postgres" else SQLITE
    strike_off = STRIKE_OFF.format(detail=DETAIL[editor.DIALECT])
    for statement in (*OWN_INDEXES, strike_off, *triggers):
        await editor.client.execute_query(statement)


def _of_living(*columns: str) -> IndexWhere:
    return IndexWhere(fields=columns, where="erased_at IS NULL")


class Migration(migrations.Migration):
    """Rewrites customers and contacts once: some seconds for 200,000 of each.

    A later migration that rebuilds these tables or that of audit entries on SQLite must recreate
    the triggers.
    """

    dependencies = [("models", "0025_imports_additive")]  # noqa: RUF012  # the framework's own form

    operations = [  # noqa: RUF012  # see above
        ops.AddField("Customer", "changed_at", fields.DatetimeField(null=True)),
        ops.AddField("Contact", "changed_at", fields.DatetimeField(null=True)),
        ops.RunPython(fill, ops.RunPython.noop),
        ops.AddIndex("Customer", _of_living("last_modified_at", "id")),
        ops.AddIndex("Customer", _of_living("changed_at", "id")),
        ops.AddIndex("Customer", _of_living("customer_class_id", "last_modified_at", "id")),
        ops.AddIndex("Customer", _of_living("customer_class_id", "changed_at", "id")),
        *(
            ops.AddIndex(
                "Contact", IndexWhere(fields=(column, "id"), where="deleted_at IS NULL")
            )
            for column in ("created_at", "changed_at")
        ),
        ops.AddIndex(
            "Contact",
            IndexWhere(fields=("email", "id"), where="email IS NOT NULL AND deleted_at IS NULL"),
        ),
        ops.RunPython(protect, ops.RunPython.noop),
    ]
