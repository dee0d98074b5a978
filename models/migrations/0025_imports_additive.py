"""Adds imports of customers from files."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from models.storage.identifiers import new_import_id
from models.storage.indexes import IndexWhere
from models.tables.customer_import import ImportConflict, ImportFailure, ImportFormat, ImportState
from orjson import loads
from tortoise.fields.data import JSON_DUMPS
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    """A release before this migration does not import files, and leaves their jobs waiting."""

    dependencies = [('models', '0024_webhooks_additive')]

    initial = False

    operations = [
        ops.CreateModel(
            name='CustomerImport',
            fields=[
                ('id', fields.CharField(primary_key=True, default=new_import_id, unique=True, db_index=True, max_length=32)),
                ('format', fields.CharEnumField(description='CSV: CSV\nJSONL: JSONL', enum_type=ImportFormat, max_length=8)),
                ('sha256', fields.CharField(max_length=64)),
                ('byte_count', fields.IntField()),
                ('on_conflict', fields.CharEnumField(description='REFUSE: REFUSE\nUPDATE: UPDATE', enum_type=ImportConflict, max_length=8)),
                ('is_dry_run', fields.BooleanField(default=False)),
                ('state', fields.CharEnumField(default=ImportState.WAITING, description='WAITING: WAITING\nRUNNING: RUNNING\nDONE: DONE\nFAILED: FAILED\nCANCELLED: CANCELLED', enum_type=ImportState, max_length=12)),
                ('failure', fields.CharEnumField(null=True, description='FILE_REFUSED: FILE_REFUSED\nPERMISSION_LOST: PERMISSION_LOST\nGAVE_UP: GAVE_UP\nINTERNAL_ERROR: INTERNAL_ERROR', enum_type=ImportFailure, max_length=20)),
                ('columns', fields.JSONField(null=True, encoder=JSON_DUMPS, decoder=loads)),
                ('row_count', fields.IntField(null=True)),
                ('done_count', fields.IntField(default=0)),
                ('stored_count', fields.IntField(default=0)),
                ('failed_count', fields.IntField(default=0)),
                ('fault_count', fields.IntField(default=0)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('started_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('finished_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('reseller_id', fields.CharField(null=True, max_length=32)),
                ('caller', fields.CharField(max_length=32)),
                ('live_caller', fields.CharField(null=True, unique=True, max_length=32)),
                ('permissions', fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ('requested_by_id', fields.CharField(max_length=32)),
                ('requested_by', fields.CharField(max_length=200)),
                ('user_id', fields.CharField(null=True, max_length=32)),
                ('user_name', fields.CharField(null=True, max_length=200)),
                ('request_id', fields.CharField(max_length=64)),
            ],
            options={'table': 'customer_import', 'app': 'models', 'indexes': [IndexWhere(fields=['reseller_id', 'id'], where='reseller_id IS NOT NULL'), IndexWhere(fields=['finished_at'], where='finished_at IS NOT NULL')], 'pk_attr': 'id', 'table_description': 'A file of customers that somebody sent, and how far its rows are stored.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='ImportFailedRow',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('import_id', fields.CharField(max_length=32)),
                ('line', fields.IntField()),
                ('content', fields.BinaryField()),
            ],
            options={'table': 'import_failed_row', 'app': 'models', 'indexes': [Index(fields=['import_id', 'line'])], 'pk_attr': 'id', 'table_description': 'A row that was not stored, as it stands in the file.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='ImportFault',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('import_id', fields.CharField(max_length=32)),
                ('number', fields.IntField()),
                ('line', fields.IntField()),
                ('column_name', fields.CharField(null=True, max_length=100)),
                ('code', fields.CharField(max_length=40)),
                ('message', fields.CharField(max_length=1000)),
            ],
            options={'table': 'import_fault', 'app': 'models', 'unique_together': (('import_id', 'number'),), 'pk_attr': 'id', 'table_description': 'A fault of a line of a file. `number` counts the faults of an import from 1.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='ImportPart',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('import_id', fields.CharField(max_length=32)),
                ('number', fields.IntField()),
                ('content', fields.BinaryField()),
                ('created_at', fields.DatetimeField(db_index=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'import_part', 'app': 'models', 'unique_together': (('import_id', 'number'),), 'pk_attr': 'id', 'table_description': 'A piece of the bytes of a file, which may be stored before its import is.'},
            bases=['Model'],
        ),
    ]
