"""Adds hourly counts of the mails that callers cause, and the time when a mail was held back."""

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    """Mails sent before this migration do not count towards the quotas."""

    dependencies = [("models", "0014_audit_order")]  # noqa: RUF012  # the framework's own form

    operations = [  # noqa: RUF012  # see above
        ops.CreateModel(
            name="QuotaUse",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("key", fields.CharField(max_length=80)),
                ("subject", fields.CharField(max_length=40)),
                ("at", fields.DatetimeField(db_index=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "quota_use",
                "app": "models",
                "indexes": [Index(fields=["key", "at"])],
                "pk_attr": "id",
                "table_description": "A mail that counts towards a quota for an hour."
                " `subject` identifies the mail.",
            },
            bases=["Model"],
        ),
        ops.AddField("Confirmation", "held_at", fields.DatetimeField(null=True)),
    ]
