"""Numbers audit entries in the order of their commits, and indexes them by number.

Existing entries are numbered by time and id, the order in which they were listed before.
"""

from importlib import import_module

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_generator.state_apps import StateApps

from models.storage.indexes import IndexWhere

NUMBERED = "number IS NOT NULL"
LISTED = (
    *("subject_id", "subject_kind", "operation", "actor_id", "request_id"),
    *("customer_id", "user_id"),
)
PARTIAL = {"customer_id": "customer_id IS NOT NULL", "user_id": "user_id IS NOT NULL"}
SPAN = 1_000

append_only = import_module("models.migrations.0012_append_only")
OTHERS = (
    *append_only.UNCHANGED_AUDIT,
    *("actor_name", "user_name", "before", "after", "reason", "erased_at"),
)


def _is_allowed(same: str, *own: str) -> str:
    """Return the SQL condition that an update of an audit entry only erases values or numbers it.

    An entry may be numbered once. `own` are further columns that must not change. `same` is the
    database's operator for equality that treats nulls as equal.
    """
    are_same = append_only._are_same
    kept = f" AND {are_same(own, same)}" if own else ""
    numbers = f"OLD.number IS NULL AND NEW.number > 0 AND {are_same(OTHERS, same)}"
    erases = f"{are_same(('number',), same)} AND {append_only._is_erasure(same)}"
    return f"(({numbers}) OR ({erases})){kept}"


NUMBER = """UPDATE audit_entry SET number = placed.place FROM
  (SELECT id AS own, row_number() OVER (ORDER BY at, id) AS place FROM audit_entry) AS placed
  WHERE audit_entry.id = placed.own"""

COUNT = """INSERT INTO numbering (name, last_number)
  SELECT 'audit_entry', coalesce(max(number), 0) FROM audit_entry"""

SPANS = f"""INSERT INTO numbered_span (name, first_number, last_number, from_at, to_at)
  SELECT 'audit_entry', min(number), max(number), min(at), max(at) FROM audit_entry
  GROUP BY (number - 1) / {SPAN} ORDER BY 2"""

REASONS = f"""CREATE INDEX idx_audit_entry_reason ON audit_entry (substr(reason, 1, 60), number)
  WHERE reason IS NOT NULL AND {NUMBERED}"""

BEFORE = {
    "postgres": ("DROP TRIGGER audit_entry_not_rewritten ON audit_entry",),
    "sqlite": ("DROP TRIGGER audit_entry_not_rewritten",),
}

POSTGRES = (
    "CREATE SEQUENCE audit_entry_sequence",
    "ALTER TABLE audit_entry ADD COLUMN sequence bigint",
    """ALTER TABLE audit_entry ALTER COLUMN sequence
       SET DEFAULT nextval('audit_entry_sequence')""",
    "ALTER SEQUENCE audit_entry_sequence OWNED BY audit_entry.sequence",
    f"CREATE UNIQUE INDEX uid_audit_entry_number ON audit_entry (number) WHERE {NUMBERED}",
    "CREATE INDEX idx_audit_entry_waiting ON audit_entry (sequence) WHERE number IS NULL",
    f"""CREATE OR REPLACE FUNCTION refuse_audit_rewriting() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN
         IF {_is_allowed(append_only.SAME, "sequence")} THEN RETURN NEW; END IF;
         RAISE EXCEPTION 'of an audit entry what is personal is erased, and nothing else changed'
           USING ERRCODE = 'restrict_violation';
       END $$""",
    """CREATE TRIGGER audit_entry_not_rewritten BEFORE UPDATE ON audit_entry
       FOR EACH ROW EXECUTE FUNCTION refuse_audit_rewriting()""",
)

LAST = "(SELECT last_number FROM numbering WHERE name = 'audit_entry')"

# On SQLite, one transaction writes at a time. So a row can get its number on insertion: no other
# row can be committed before it. The index need not be unique; if it were, REPLACE could delete a
# row by its number.
SQLITE = (
    f"CREATE INDEX idx_audit_entry_number ON audit_entry (number) WHERE {NUMBERED}",
    f"""CREATE TRIGGER audit_entry_ordered AFTER INSERT ON audit_entry WHEN NEW.number IS NULL BEGIN
         UPDATE numbering SET last_number = last_number + 1 WHERE name = 'audit_entry';
         UPDATE audit_entry SET number = {LAST} WHERE rowid = NEW.rowid;
         UPDATE numbered_span SET last_number = {LAST}, from_at = min(from_at, NEW.at),
             to_at = max(to_at, NEW.at)
           WHERE name = 'audit_entry' AND first_number > {LAST} - {SPAN};
         INSERT INTO numbered_span (name, first_number, last_number, from_at, to_at)
           SELECT 'audit_entry', {LAST}, {LAST}, NEW.at, NEW.at WHERE NOT EXISTS (
             SELECT 1 FROM numbered_span
             WHERE name = 'audit_entry' AND first_number > {LAST} - {SPAN});
       END""",
    append_only._sqlite_trigger(
        "audit_entry_not_rewritten",
        "BEFORE UPDATE ON audit_entry",
        f"WHEN ({_is_allowed('IS')}) IS NOT TRUE",
        "of an audit entry what is personal is erased, and nothing changed",
    ),
)


async def number(_: StateApps, editor: BaseSchemaEditor) -> None:
    """Number the existing entries, before the indexes are created that would slow this down."""
    dropped = ("DROP INDEX idx_audit_entry_reason",)
    for statement in (*dropped, *BEFORE[editor.DIALECT], NUMBER, COUNT, SPANS):
        await editor.client.execute_query(statement)


async def protect(_: StateApps, editor: BaseSchemaEditor) -> None:
    """Create the indexes, the sequence and the triggers that the ORM can't describe."""
    for statement in (REASONS, *(POSTGRES if editor.DIALECT == "postgres" else SQLITE)):
        await editor.client.execute_query(statement)


class Migration(migrations.Migration):
    """Rewrites the table of audit entries once: some twenty seconds for a million entries.

    A later migration that rebuilds a table with these triggers on SQLite must recreate them.
    """

    dependencies = [("models", "0013_queue")]  # noqa: RUF012  # the framework's own form

    operations = [  # noqa: RUF012  # see above
        ops.CreateModel(
            name="Numbering",
            fields=[
                ("name", fields.CharField(primary_key=True, max_length=40)),
                ("last_number", fields.BigIntField(default=0)),
            ],
            options={
                "table": "numbering",
                "app": "models",
                "pk_attr": "name",
                "table_description": "The last number given to a row of a table. Numbering locks this row.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="NumberedSpan",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("name", fields.CharField(max_length=40)),
                ("first_number", fields.BigIntField()),
                ("last_number", fields.BigIntField()),
                ("from_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("to_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "numbered_span",
                "app": "models",
                "indexes": [Index(fields=["name", "first_number"])],
                "pk_attr": "id",
                "table_description": "A range of numbers, and the earliest and latest `at` of their rows.",
            },
            bases=["Model"],
        ),
        ops.AddField("AuditEntry", "number", fields.BigIntField(null=True)),
        ops.RemoveIndex("AuditEntry", fields=["at", "id"]),
        *(
            ops.RemoveIndex("AuditEntry", fields=[column, "at", "id"])
            for column in LISTED
            if column != "subject_id"
        ),
        ops.RemoveIndex("AuditEntry", fields=["at", "id", "is_override"]),
        ops.RunPython(number, ops.RunPython.noop),
        ops.AddIndex("AuditEntry", Index(fields=("actor_id", "number"))),
        *(
            ops.AddIndex(
                "AuditEntry",
                IndexWhere(fields=(column, "number"), where=PARTIAL.get(column, NUMBERED)),
            )
            for column in LISTED
            if column != "actor_id"
        ),
        ops.AddIndex(
            "AuditEntry",
            IndexWhere(fields=("number", "is_override"), where=f"is_override AND {NUMBERED}"),
        ),
        ops.RunPython(protect, ops.RunPython.noop),
    ]
