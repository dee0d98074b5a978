"""Adds to imports which earlier import had the same file."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    """A release before this migration does not look for an earlier import."""

    dependencies = [("models", "0030_job_operations_additive")]  # noqa: RUF012  # the framework's own form

    operations = [  # noqa: RUF012  # see above
        ops.AddField(
            model_name="CustomerImport",
            name="earlier_import_id",
            field=fields.CharField(null=True, max_length=32),
        ),
    ]
