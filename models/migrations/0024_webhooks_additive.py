"""Adds webhooks: endpoints, their lanes, deliveries and attempts."""

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.data import JSON_DUMPS
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from models.storage.identifiers import (
    new_webhook_attempt_id,
    new_webhook_delivery_id,
    new_webhook_endpoint_id,
)
from models.storage.indexes import IndexWhere


class Migration(migrations.Migration):
    """A release before this migration sends no webhooks; later ones send what has happened since."""

    dependencies = [("models", "0023_customer_report_additive")]  # noqa: RUF012  # the framework's own form

    operations = [  # noqa: RUF012  # see above
        ops.CreateModel(
            name="WebhookAttempt",
            fields=[
                (
                    "id",
                    fields.CharField(
                        primary_key=True,
                        default=new_webhook_attempt_id,
                        unique=True,
                        db_index=True,
                        max_length=32,
                    ),
                ),
                ("delivery_id", fields.CharField(max_length=32)),
                ("endpoint_id", fields.CharField(max_length=32)),
                ("reseller_id", fields.CharField(null=True, max_length=32)),
                ("sequence", fields.IntField()),
                ("started_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("duration_ms", fields.IntField()),
                ("status_code", fields.IntField(null=True)),
                ("error", fields.CharField(null=True, max_length=20)),
                ("answer", fields.TextField(null=True, unique=False)),
            ],
            options={
                "table": "webhook_attempt",
                "app": "models",
                "indexes": [Index(fields=["delivery_id", "id"]), Index(fields=["started_at"])],
                "pk_attr": "id",
                "table_description": "One post of a delivery, and what the receiver answered.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="WebhookDelivery",
            fields=[
                (
                    "id",
                    fields.CharField(
                        primary_key=True,
                        default=new_webhook_delivery_id,
                        unique=True,
                        db_index=True,
                        max_length=32,
                    ),
                ),
                ("endpoint_id", fields.CharField(max_length=32)),
                ("reseller_id", fields.CharField(null=True, max_length=32)),
                ("customer_id", fields.CharField(null=True, max_length=32)),
                ("lane_id", fields.CharField(max_length=65)),
                ("position", fields.BigIntField()),
                ("event_id", fields.CharField(max_length=32)),
                ("event_type", fields.CharField(max_length=40)),
                ("number", fields.BigIntField(null=True)),
                ("cause", fields.CharField(default="EVENT", max_length=20)),
                ("state", fields.CharField(default="PENDING", max_length=20)),
                ("attempts", fields.IntField(default=0)),
                (
                    "failing_since",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                (
                    "next_attempt_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                (
                    "finished_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
            ],
            options={
                "table": "webhook_delivery",
                "app": "models",
                "unique_together": (("lane_id", "position"),),
                "indexes": [
                    Index(fields=["endpoint_id", "id"]),
                    Index(fields=["endpoint_id", "state", "id"]),
                    Index(fields=["event_id"]),
                    Index(fields=["created_at"]),
                ],
                "pk_attr": "id",
                "table_description": "An event to deliver to an endpoint.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="WebhookEndpoint",
            fields=[
                (
                    "id",
                    fields.CharField(
                        primary_key=True,
                        default=new_webhook_endpoint_id,
                        unique=True,
                        db_index=True,
                        max_length=32,
                    ),
                ),
                ("reseller_id", fields.CharField(null=True, max_length=32)),
                ("url", fields.CharField(max_length=2000)),
                ("description", fields.CharField(null=True, max_length=200)),
                ("event_types", fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ("customer_ids", fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ("is_active", fields.BooleanField(default=True)),
                (
                    "disabled_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("disabled_reason", fields.CharField(null=True, max_length=20)),
                ("secret", fields.TextField(unique=False)),
                ("old_secret", fields.TextField(null=True, unique=False)),
                (
                    "old_secret_until",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("last_number", fields.BigIntField(null=True)),
                ("failures", fields.IntField(default=0)),
                (
                    "failing_since",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("open_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("noticed_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("deleted_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("last_modified_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("version", fields.IntField(default=1)),
            ],
            options={
                "table": "webhook_endpoint",
                "app": "models",
                "indexes": [Index(fields=["reseller_id", "id"])],
                "pk_attr": "id",
                "table_description": "A URL to which events are posted.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="WebhookLane",
            fields=[
                (
                    "id",
                    fields.CharField(primary_key=True, unique=True, db_index=True, max_length=65),
                ),
                ("endpoint_id", fields.CharField(max_length=32)),
                ("due_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("tail", fields.BigIntField(default=0)),
                ("done", fields.BigIntField(default=0)),
                ("owner", fields.CharField(null=True, max_length=36)),
                ("not_before", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "webhook_lane",
                "app": "models",
                "indexes": [
                    IndexWhere(fields=["endpoint_id", "due_at"], where="due_at IS NOT NULL"),
                    Index(fields=["endpoint_id", "id"]),
                ],
                "pk_attr": "id",
                "table_description": "The deliveries to an endpoint that concern one customer, or none.",
            },
            bases=["Model"],
        ),
    ]
