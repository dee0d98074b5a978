"""Adds contacts, their states and confirmations, and the append-only preference history."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from models.tables.confirmation import LinkPurpose, MailState
from models.rules.confirmation_link import ConfirmationKind, VoidReason
from models.tables.contact import new_salt
from models.storage.identifiers import new_confirmation_id, new_contact_id, new_preference_entry_id
from models.rules.mail_failure import MailFailureCode
from models.rules.preference import PreferenceKind
from orjson import loads
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_generator.state_apps import StateApps

POSTGRES = (
    """CREATE FUNCTION refuse_preference_change() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN RAISE EXCEPTION 'preference entries are never changed'; END $$""",
    """CREATE TRIGGER preference_entry_is_append_only BEFORE UPDATE OR DELETE ON preference_entry
         FOR EACH ROW EXECUTE FUNCTION refuse_preference_change()""",
)

SQLITE = tuple(
    f"""CREATE TRIGGER preference_entry_{act.lower()} BEFORE {act} ON preference_entry BEGIN
          SELECT RAISE(ABORT, 'preference entries are never changed');
        END"""
    for act in ("UPDATE", "DELETE")
)


async def forbid_changes(_: StateApps, editor: BaseSchemaEditor) -> None:
    """Create triggers that refuse to change or delete entries of the preference history (R63)."""
    for statement in POSTGRES if editor.DIALECT == "postgres" else SQLITE:
        await editor.client.execute_query(statement)


class Migration(migrations.Migration):
    dependencies = [('models', '0005_customer_lists')]

    initial = False

    operations = [
        ops.CreateModel(
            name='Contact',
            fields=[
                ('id', fields.CharField(primary_key=True, default=new_contact_id, unique=True, db_index=True, max_length=32)),
                ('customer', fields.ForeignKeyField('models.Customer', source_field='customer_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('name', fields.CharField(max_length=200)),
                ('email', fields.CharField(null=True, max_length=254)),
                ('address_salt', fields.CharField(default=new_salt, max_length=32)),
                ('receives_bills', fields.BooleanField(default=False)),
                ('receives_correspondence', fields.BooleanField(default=False)),
                ('is_active', fields.BooleanField(default=True)),
                ('email_verified_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('mail_failure', fields.CharEnumField(null=True, description='UNREACHABLE: UNREACHABLE\nTOO_SLOW: TOO_SLOW\nBROKE_OFF: BROKE_OFF\nTEMPORARILY_REFUSED: TURNED_AWAY_FOR_NOW\nSIGN_IN_REFUSED: SIGN_IN_REFUSED\nNOT_ENCRYPTED: NOT_ENCRYPTED\nRECIPIENT_REFUSED: RECIPIENT_REFUSED\nMAIL_REFUSED: MAIL_REFUSED\nADDRESS_NOT_SUPPORTED: ADDRESS_NOT_SUPPORTED\nGAVE_UP: GAVE_UP\nINTERNAL_ERROR: INTERNAL_ERROR', enum_type=MailFailureCode, max_length=32)),
                ('mail_failed_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('is_mail_given_up', fields.BooleanField(default=False)),
                ('version', fields.IntField(default=1)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('last_modified_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('deleted_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'contact', 'app': 'models', 'indexes': [Index(fields=['customer_id', 'id'])], 'pk_attr': 'id', 'table_description': 'A person whom a customer named, and which mails they receive (R59).'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Confirmation',
            fields=[
                ('id', fields.CharField(primary_key=True, default=new_confirmation_id, unique=True, db_index=True, max_length=32)),
                ('kind', fields.CharEnumField(description='EMAIL_VERIFICATION: EMAIL_VERIFICATION\nATTACHMENT_PREFERENCE: ATTACHMENT_PREFERENCE', enum_type=ConfirmationKind, max_length=24)),
                ('contact', fields.ForeignKeyField('models.Contact', source_field='contact_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('customer_id', fields.CharField(max_length=32)),
                ('email', fields.CharField(null=True, max_length=254)),
                ('email_key', fields.CharField(null=True, max_length=762)),
                ('documents', fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ('requested_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('requested_by_id', fields.CharField(max_length=32)),
                ('requested_by', fields.CharField(max_length=200)),
                ('used_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('voided_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('void_reason', fields.CharEnumField(null=True, description='SUPERSEDED: SUPERSEDED\nADDRESS_CHANGED: ADDRESS_CHANGED\nWITHDRAWN: WITHDRAWN\nCONTACT_DELETED: CONTACT_DELETED\nCUSTOMER_ERASED: CUSTOMER_ERASED', enum_type=VoidReason, max_length=20)),
                ('entry_id', fields.CharField(null=True, max_length=32)),
                ('mail_state', fields.CharEnumField(default=MailState.QUEUED, description='QUEUED: QUEUED\nRETRYING: RETRYING\nSENT: SENT\nUNDELIVERABLE: UNDELIVERABLE\nCANCELLED: CANCELLED', enum_type=MailState, max_length=16)),
                ('mail_failure', fields.CharEnumField(null=True, description='UNREACHABLE: UNREACHABLE\nTOO_SLOW: TOO_SLOW\nBROKE_OFF: BROKE_OFF\nTEMPORARILY_REFUSED: TURNED_AWAY_FOR_NOW\nSIGN_IN_REFUSED: SIGN_IN_REFUSED\nNOT_ENCRYPTED: NOT_ENCRYPTED\nRECIPIENT_REFUSED: RECIPIENT_REFUSED\nMAIL_REFUSED: MAIL_REFUSED\nADDRESS_NOT_SUPPORTED: ADDRESS_NOT_SUPPORTED\nGAVE_UP: GAVE_UP\nINTERNAL_ERROR: INTERNAL_ERROR', enum_type=MailFailureCode, max_length=32)),
                ('mail_sent_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'confirmation', 'app': 'models', 'indexes': [Index(fields=['contact_id', 'requested_at']), Index(fields=['email_key', 'requested_at']), Index(fields=['customer_id'])], 'pk_attr': 'id', 'table_description': 'A question to a contact by mail: is this email address yours, or do you want these documents.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='ConfirmationToken',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('confirmation', fields.ForeignKeyField('models.Confirmation', source_field='confirmation_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('purpose', fields.CharEnumField(description='CONFIRM: CONFIRM\nWITHDRAW: WITHDRAW', enum_type=LinkPurpose, max_length=12)),
                ('hash', fields.CharField(unique=True, max_length=64)),
                ('expires_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('used_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'confirmation_token', 'app': 'models', 'pk_attr': 'id', 'table_description': "A link in a confirmation mail, stored as the hash of the link's token."},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='ContactState',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('contact', fields.ForeignKeyField('models.Contact', source_field='contact_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('customer_id', fields.CharField(max_length=32)),
                ('at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('name', fields.CharField(max_length=200)),
                ('email', fields.CharField(null=True, max_length=254)),
                ('has_email', fields.BooleanField()),
                ('is_verified', fields.BooleanField()),
                ('receives_bills', fields.BooleanField()),
                ('receives_correspondence', fields.BooleanField()),
                ('is_active', fields.BooleanField()),
                ('is_deleted', fields.BooleanField()),
            ],
            options={'table': 'contact_state', 'app': 'models', 'indexes': [Index(fields=['contact_id', 'at', 'id']), Index(fields=['customer_id', 'contact_id', 'at'])], 'pk_attr': 'id', 'table_description': 'The state of a contact from an instant until the next row of the same contact.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='PreferenceEntry',
            fields=[
                ('id', fields.CharField(primary_key=True, default=new_preference_entry_id, unique=True, db_index=True, max_length=32)),
                ('contact', fields.ForeignKeyField('models.Contact', source_field='contact_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('customer_id', fields.CharField(max_length=32)),
                ('sequence', fields.IntField()),
                ('kind', fields.CharEnumField(description='REQUESTED: REQUESTED\nCONFIRMED: CONFIRMED\nWITHDRAWN: WITHDRAWN\nRESET: RESET', enum_type=PreferenceKind, max_length=12)),
                ('documents', fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ('at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('by_id', fields.CharField(max_length=32)),
                ('by', fields.CharField(max_length=200)),
                ('address_digest', fields.CharField(null=True, max_length=64)),
            ],
            options={'table': 'preference_entry', 'app': 'models', 'unique_together': (('contact', 'sequence'),), 'indexes': [Index(fields=['customer_id', 'contact_id'])], 'pk_attr': 'id', 'table_description': "A change of a contact's attachment preference: what, when and by whom."},
            bases=['Model'],
        ),
        ops.RunPython(forbid_changes, ops.RunPython.noop),
    ]
