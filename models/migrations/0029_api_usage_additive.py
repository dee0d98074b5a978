"""Adds the counts of calls by day, credential and operation."""

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    """A release before this migration counts no calls."""

    dependencies = [("models", "0028_deprecated_use_additive")]  # noqa: RUF012  # the framework's own form

    operations = [  # noqa: RUF012  # see above
        ops.CreateModel(
            name='ApiUsage',
            fields=[
                ('id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=48)),
                ('day', fields.DateField()),
                ('credential_id', fields.CharField(max_length=32)),
                ('user_id', fields.CharField(null=True, max_length=32)),
                ('reseller_id', fields.CharField(null=True, max_length=32)),
                ('operation', fields.CharField(max_length=60)),
                ('operation_type', fields.CharField(max_length=12)),
                ('calls', fields.BigIntField()),
                ('points', fields.BigIntField()),
                ('refusals', fields.BigIntField()),
                ('user_errors', fields.BigIntField()),
                ('limit_hits', fields.BigIntField()),
                ('last_limited_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'api_usage', 'app': 'models', 'indexes': [Index(fields=['reseller_id', 'id'])], 'pk_attr': 'id', 'table_description': 'The calls of one operation by one credential on one day in UTC.'},
            bases=['Model'],
        ),
    ]
