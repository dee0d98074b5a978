"""Adds the history of company profiles: register values that a later lookup found changed."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from models.storage.identifiers import new_profile_change_id


class Migration(migrations.Migration):
    """A release before this migration would not erase the history with the customer."""

    dependencies = [("models", "0032_refresh_additive")]  # noqa: RUF012  # the framework's own form

    operations = [  # noqa: RUF012  # see above
        ops.CreateModel(
            name="ProfileChange",
            fields=[
                (
                    "id",
                    fields.CharField(
                        primary_key=True,
                        default=new_profile_change_id,
                        unique=True,
                        db_index=True,
                        max_length=32,
                    ),
                ),
                (
                    "customer",
                    fields.ForeignKeyField(
                        "models.Customer",
                        source_field="customer_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("field", fields.CharField(max_length=40)),
                ("before", fields.TextField(null=True, unique=False)),
                ("after", fields.TextField(null=True, unique=False)),
                ("source", fields.CharField(max_length=8)),
                ("filing_id", fields.TextField(null=True, unique=False)),
                ("run_id", fields.CharField(max_length=32)),
                ("changed_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "profile_change",
                "app": "models",
                "indexes": [Index(fields=["customer_id", "id"])],
                "pk_attr": "id",
                "table_description": "A register value of a customer's company profile that a later"
                " lookup found changed.",
            },
            bases=["Model"],
        ),
    ]
