"""Adds the index by which the uses of one deprecated part are found."""

from tortoise import migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    """A release before this migration reads all uses instead."""

    dependencies = [("models", "0029_api_usage_additive")]  # noqa: RUF012  # the framework's own form

    initial = False

    operations = [  # noqa: RUF012  # see above
        ops.AddIndex(model_name="DeprecatedUse", index=Index(fields=["coordinate", "id"])),
    ]
