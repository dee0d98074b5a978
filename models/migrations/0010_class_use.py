"""Adds an index of class changes by class and customer, to count customers without sorting."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('models', '0009_audit_trail')]

    initial = False

    operations = [
        ops.RemoveIndex(
            model_name='ClassChange',
            name=None,
            fields=['to_class_id', 'changed_at'],
        ),
        ops.AddIndex(
            model_name='ClassChange',
            index=Index(fields=['to_class_id', 'customer_id', 'changed_at']),
        ),
    ]
