"""Makes triggers also protect histories from TRUNCATE and REPLACE.

Class changes and states of contacts become append-only too. From now on, the database allows to
erase a name from audit entries only if an audit entry records the erasure.
"""

from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_generator.state_apps import StateApps

TABLES = {
    "audit_entry": ("id = NEW.id",),
    "class_change": ("id = NEW.id",),
    "consent_entry": (
        "id = NEW.id",
        "corrects_id = NEW.corrects_id",
        "customer_id = NEW.customer_id AND sequence = NEW.sequence",
        "customer_id = NEW.customer_id AND idempotency_key = NEW.idempotency_key",
    ),
    "consent_testimony": ("id = NEW.id",),
    "contact_state": (),  # its id is the row's number
    "preference_entry": (
        "id = NEW.id",
        "contact_id = NEW.contact_id AND sequence = NEW.sequence",
    ),
}
"""The append-only tables, with conditions that a new row has a unique value of an existing row."""

KEPT = ("class_change", "contact_state")
"""The tables that had no triggers before."""

UNCHANGED_STATE = (
    *("id", "contact_id", "customer_id", "at", "has_email", "is_verified"),
    *("receives_bills", "receives_correspondence", "is_active", "is_deleted"),
)

UNCHANGED_AUDIT = (
    *("id", "subject_id", "subject_kind", "customer_id", "operation", "is_override"),
    *("actor_id", "user_id", "reseller_id", "request_id", "at"),
)

IS_CONTACT_ERASED = """EXISTS (SELECT 1 FROM contact
  WHERE id = OLD.contact_id AND name = '(erased)' AND deleted_at IS NOT NULL)"""

ARE_NAMES_ERASED = """EXISTS (SELECT 1 FROM audit_entry AS erasure
  WHERE erasure.subject_id IN (OLD.actor_id, OLD.user_id) AND erasure.at = NEW.erased_at
    AND erasure.operation = 'actor.names_erased')"""

IS_SUBJECT_ERASED = """(EXISTS (SELECT 1 FROM customer
    WHERE id = OLD.customer_id AND erased_at IS NOT NULL)
  OR EXISTS (SELECT 1 FROM app_user
    WHERE id = OLD.subject_id AND name = '(erased)' AND disabled_at IS NOT NULL))"""


def _are_same(columns: tuple[str, ...], operator: str) -> str:
    return " AND ".join(f'NEW."{name}" {operator} OLD."{name}"' for name in columns)


def _is_erasure(same: str) -> str:
    """Return the SQL condition that an update of an audit entry only erases values.

    `same` is the database's operator for equality that treats nulls as equal.
    """
    names = _are_same(("actor_name", "user_name"), same)
    values = _are_same(("before", "after", "reason"), same)
    return f"""NEW.erased_at IS NOT NULL AND {_are_same(UNCHANGED_AUDIT, same)}
      AND NEW.actor_name IN (OLD.actor_name, '(erased)')
      AND (NEW.user_name {same} OLD.user_name
        OR NEW.user_name = '(erased)' AND OLD.user_name IS NOT NULL)
      AND NEW."before" IN (OLD."before", '{{}}') AND NEW."after" IN (OLD."after", '{{}}')
      AND (NEW.reason IS NULL OR NEW.reason = OLD.reason)
      AND ({IS_SUBJECT_ERASED} OR {values} AND {ARE_NAMES_ERASED})
      AND ({names} OR {ARE_NAMES_ERASED})"""


def _is_state_blanked(same: str) -> str:
    """Return the SQL condition that an update of a contact's state only blanks it.

    `same` is the database's operator for equality that treats nulls as equal.
    """
    return f"""{_are_same(UNCHANGED_STATE, same)} AND NEW.name IN (OLD.name, '(erased)')
      AND (NEW.email IS NULL OR NEW.email = OLD.email) AND {IS_CONTACT_ERASED}"""


SAME = "IS NOT DISTINCT FROM"

POSTGRES = (
    """CREATE FUNCTION refuse_history_change() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN
         RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
       END $$""",
    f"""CREATE FUNCTION refuse_state_change() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN
         IF {_is_state_blanked(SAME)} THEN RETURN NEW; END IF;
         RAISE EXCEPTION 'a state is blanked with its contact, and never changed else'
           USING ERRCODE = 'restrict_violation';
       END $$""",
    f"""CREATE OR REPLACE FUNCTION refuse_audit_rewriting() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN
         IF {_is_erasure(SAME)} THEN RETURN NEW; END IF;
         RAISE EXCEPTION 'of an audit entry what is personal is erased, and nothing else changed'
           USING ERRCODE = 'restrict_violation';
       END $$""",
    """CREATE TRIGGER class_change_kept BEFORE UPDATE OR DELETE ON class_change
       FOR EACH ROW EXECUTE FUNCTION refuse_history_change()""",
    """CREATE TRIGGER contact_state_kept BEFORE DELETE ON contact_state
       FOR EACH ROW EXECUTE FUNCTION refuse_history_change()""",
    """CREATE TRIGGER contact_state_blanked BEFORE UPDATE ON contact_state
       FOR EACH ROW EXECUTE FUNCTION refuse_state_change()""",
    *(
        f"""CREATE TRIGGER {table}_not_emptied BEFORE TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION refuse_history_change()"""
        for table in (*KEPT, "preference_entry")
    ),
)


def _sqlite_trigger(name: str, event: str, when: str, message: str) -> str:
    return f"CREATE TRIGGER {name} {event} {when} BEGIN SELECT RAISE(ABORT, '{message}'); END"


def _not_replaced(table: str, keys: tuple[str, ...]) -> tuple[str, str]:
    """Return triggers that refuse an INSERT which would replace a row, and rowids below 1.

    REPLACE deletes rows without firing DELETE triggers. In a BEFORE INSERT trigger, a row without a
    rowid of its own has the rowid -1; no row may keep such a number.
    """
    taken = " OR ".join(
        f"EXISTS (SELECT 1 FROM {table} WHERE {key})" for key in ("rowid = NEW.rowid", *keys)
    )
    message = f"{table} is append-only"
    return (
        _sqlite_trigger(f"{table}_not_replaced", f"BEFORE INSERT ON {table}", f"WHEN {taken}", message),
        _sqlite_trigger(
            f"{table}_numbered", f"AFTER INSERT ON {table}", "WHEN NEW.rowid < 1", message
        ),
    )


SQLITE = (
    "DROP TRIGGER audit_entry_not_replaced",
    "DROP TRIGGER audit_entry_not_rewritten",
    "DROP TRIGGER consent_entry_no_replace",
    "DROP TRIGGER consent_testimony_no_replace",
    *(statement for table, keys in TABLES.items() for statement in _not_replaced(table, keys)),
    *(
        _sqlite_trigger(
            f"{table}_not_moved",
            f"BEFORE UPDATE ON {table}",
            "WHEN NEW.rowid <> OLD.rowid",
            f"{table} is append-only",
        )
        for table in ("audit_entry", "consent_testimony")  # others allow no change, or have no rowid
    ),
    *(
        _sqlite_trigger(
            f"{table}_kept", f"BEFORE DELETE ON {table}", "", f"{table} is append-only"
        )
        for table in KEPT
    ),
    _sqlite_trigger(
        "class_change_not_changed",
        "BEFORE UPDATE ON class_change",
        "",
        "class_change is append-only",
    ),
    _sqlite_trigger(
        "contact_state_blanked",
        "BEFORE UPDATE ON contact_state",
        f"WHEN ({_is_state_blanked('IS')}) IS NOT TRUE",
        "a state is blanked with its contact, and never changed else",
    ),
    _sqlite_trigger(
        "audit_entry_not_rewritten",
        "BEFORE UPDATE ON audit_entry",
        f"WHEN ({_is_erasure('IS')}) IS NOT TRUE",
        "of an audit entry what is personal is erased, and nothing changed",
    ),
)


async def protect(_: StateApps, editor: BaseSchemaEditor) -> None:
    """Replace triggers that are too weak, and create those that are missing."""
    for statement in POSTGRES if editor.DIALECT == "postgres" else SQLITE:
        await editor.client.execute_query(statement)


class Migration(migrations.Migration):
    """A later migration that rebuilds a table with these triggers on SQLite must recreate them."""

    dependencies = [("models", "0011_epochs")]  # noqa: RUF012  # the framework's own form

    operations = [ops.RunPython(protect, ops.RunPython.noop)]  # noqa: RUF012  # see above
