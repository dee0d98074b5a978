"""Adds the counts of uses of deprecated parts of the schema."""

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from models.storage.identifiers import new_deprecated_use_id


class Migration(migrations.Migration):
    """A release before this migration counts no uses."""

    dependencies = [("models", "0026_sync_additive")]  # noqa: RUF012  # the framework's own form

    operations = [  # noqa: RUF012  # see above
        ops.CreateModel(
            name="DeprecatedUse",
            fields=[
                (
                    "id",
                    fields.CharField(
                        primary_key=True,
                        default=new_deprecated_use_id,
                        unique=True,
                        db_index=True,
                        max_length=32,
                    ),
                ),
                ("credential_id", fields.CharField(max_length=32)),
                ("user_id", fields.CharField(null=True, max_length=32)),
                ("reseller_id", fields.CharField(null=True, max_length=32)),
                ("coordinate", fields.CharField(max_length=200)),
                ("reason", fields.CharField(max_length=500)),
                ("used_on", fields.CharField(db_index=True, max_length=10)),
                ("use_count", fields.IntField()),
                ("last_used_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "deprecated_use",
                "app": "models",
                "unique_together": (("credential_id", "coordinate", "used_on"),),
                "indexes": [
                    Index(fields=["reseller_id", "coordinate", "id"]),
                    Index(fields=["reseller_id", "id"]),
                ],
                "pk_attr": "id",
                "table_description": "How often a credential has used a deprecated part of the"
                " schema on a day.",
            },
            bases=["Model"],
        ),
    ]
