"""Adds the outcomes of mutations that were sent with an idempotency key."""

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.data import JSON_DUMPS
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    """A release before this migration does not know keys, and runs each request."""

    dependencies = [("models", "0020_event_feed")]  # noqa: RUF012  # the framework's own form

    operations = [  # noqa: RUF012  # see above
        ops.CreateModel(
            name="IdempotentRequest",
            fields=[
                (
                    "id",
                    fields.CharField(
                        primary_key=True, unique=True, db_index=True, max_length=64
                    ),
                ),
                ("caller", fields.CharField(max_length=32)),
                ("operation", fields.CharField(max_length=60)),
                ("fingerprint", fields.CharField(max_length=65)),
                ("outcome", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                (
                    "created_at",
                    fields.DatetimeField(db_index=True, auto_now=False, auto_now_add=False),
                ),
            ],
            options={
                "table": "idempotency",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A mutation that was stored, and its outcome, from which a"
                " repeat of it is answered.",
            },
            bases=["Model"],
        ),
    ]
