"""Replaces the table of events by one for the event feed; the old events are dropped.

They served subscriptions only. A program of the previous release would change rows without adding
events, so it may not write to this schema: the migration is not additive.
"""

import secrets

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.data import JSON_DUMPS
from tortoise.migrations import operations as ops
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_generator.state_apps import StateApps

from models.storage.identifiers import new_event_id
from models.storage.indexes import IndexWhere

NUMBERED = "number IS NOT NULL"
LAST = "(SELECT last_number FROM numbering WHERE name = 'event')"

POSTGRES = (
    "CREATE SEQUENCE event_sequence",
    "ALTER TABLE event ADD COLUMN sequence bigint NOT NULL DEFAULT nextval('event_sequence')",
    "ALTER SEQUENCE event_sequence OWNED BY event.sequence",
    f"CREATE UNIQUE INDEX uid_event_number ON event (number) WHERE {NUMBERED}",
    "CREATE INDEX idx_event_waiting ON event (sequence) WHERE number IS NULL",
)

# On SQLite, one transaction writes at a time, so a row can get its number on insertion.
SQLITE = (
    f"CREATE UNIQUE INDEX uid_event_number ON event (number) WHERE {NUMBERED}",
    f"""CREATE TRIGGER event_ordered AFTER INSERT ON event WHEN NEW.number IS NULL BEGIN
         UPDATE numbering SET last_number = last_number + 1 WHERE name = 'event';
         UPDATE event SET number = {LAST} WHERE rowid = NEW.rowid;
       END""",
)


async def prepare(_: StateApps, editor: BaseSchemaEditor) -> None:
    """Create what the ORM can't describe, and begin the first generation."""
    for statement in POSTGRES if editor.DIALECT == "postgres" else SQLITE:
        await editor.client.execute_query(statement)
    first = (secrets.token_hex(4), secrets.token_hex(16))
    await editor.client.execute_script(
        "INSERT INTO numbering (name, last_number) VALUES ('event', 0);"
        " INSERT INTO event_generation (sequence, id, first_number, secret)"
        f" VALUES (1, '{first[0]}', 1, '{first[1]}')"  # noqa: S608  # random digits
    )


class Migration(migrations.Migration):
    """A later migration that rebuilds the table on SQLite must recreate the trigger."""

    dependencies = [("models", "0019_private_mails")]  # noqa: RUF012  # the framework's own form

    operations = [  # noqa: RUF012  # see above
        ops.DeleteModel("Event"),
        ops.CreateModel(
            name="Event",
            fields=[
                (
                    "id",
                    fields.CharField(
                        primary_key=True,
                        default=new_event_id,
                        unique=True,
                        db_index=True,
                        max_length=32,
                    ),
                ),
                ("type", fields.CharField(max_length=40)),
                ("subject_id", fields.CharField(max_length=32)),
                ("customer_id", fields.CharField(null=True, max_length=32)),
                ("customer_version", fields.IntField(null=True)),
                ("reseller_id", fields.CharField(null=True, max_length=32)),
                ("former_reseller_id", fields.CharField(null=True, max_length=32)),
                ("is_for_everybody", fields.BooleanField(default=False)),
                ("payload", fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                ("schema_version", fields.SmallIntField(default=1)),
                ("at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("number", fields.BigIntField(null=True)),
            ],
            options={
                "table": "event",
                "app": "models",
                "indexes": [
                    IndexWhere(
                        fields=("customer_id", "type", "number"),
                        where=f"customer_id IS NOT NULL AND {NUMBERED}",
                    ),
                    IndexWhere(
                        fields=("reseller_id", "number"),
                        where=f"reseller_id IS NOT NULL AND {NUMBERED}",
                    ),
                    IndexWhere(
                        fields=("former_reseller_id", "number"),
                        where=f"former_reseller_id IS NOT NULL AND {NUMBERED}",
                    ),
                ],
                "pk_attr": "id",
                "table_description": "Something that happened to a subject, such as a customer or a contact.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="EventConsumer",
            fields=[
                ("name", fields.CharField(primary_key=True, unique=True, max_length=40)),
                ("last_number", fields.BigIntField()),
            ],
            options={
                "table": "event_consumer",
                "app": "models",
                "pk_attr": "name",
                "table_description": "The cursor of a consumer: the number of the last event whose job was enqueued.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="EventGeneration",
            fields=[
                ("id", fields.CharField(primary_key=True, unique=True, max_length=16)),
                ("sequence", fields.IntField(unique=True)),
                ("first_number", fields.BigIntField()),
                ("secret", fields.CharField(max_length=32)),
                ("identity", fields.CharField(null=True, max_length=80)),
            ],
            options={
                "table": "event_generation",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A generation of the event feed: numbers from `first_number` on were given in it only.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="DeliveryCheck",
            fields=[
                ("name", fields.CharField(primary_key=True, unique=True, max_length=20)),
                ("upto", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("last_customer_id", fields.CharField(max_length=32)),
            ],
            options={
                "table": "delivery_check",
                "app": "models",
                "pk_attr": "name",
                "table_description": "The one row of this table: instant and customer of the last entry that was looked at.",
            },
            bases=["Model"],
        ),
        ops.AddIndex(
            "ConsentEntry",
            IndexWhere(
                fields=("effective_at", "customer_id"), where="effective_at > recorded_at"
            ),
        ),
        ops.RunPython(prepare, ops.RunPython.noop),
    ]
