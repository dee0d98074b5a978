"""Adds the consent ledger, and triggers that prevent changes of its entries."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_generator.state_apps import StateApps
from models.rules.consent import ConsentBasis, ConsentMethod, EntryKind, Matter
from models.storage.identifiers import new_consent_entry_id, new_testimony_id
from tortoise.fields.base import OnDelete
from tortoise import fields
from tortoise.indexes import Index

POSTGRES = (
    """CREATE FUNCTION refuse_ledger_change() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN
         RAISE EXCEPTION 'the consent ledger is append-only' USING ERRCODE = 'restrict_violation';
       END $$""",
    """CREATE FUNCTION refuse_testimony_change() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN
         IF NEW.id = OLD.id AND NEW.customer_id = OLD.customer_id
           AND num_nonnulls(NEW.salt, NEW.given_by, NEW.given_by_role, NEW.statement,
             NEW.evidence_reference, NEW.asked_by, NEW.reason, NEW.correction_reason,
             NEW.request_digest) = 0
           AND EXISTS (SELECT 1 FROM customer WHERE id = OLD.customer_id AND erased_at IS NOT NULL)
         THEN RETURN NEW; END IF;
         RAISE EXCEPTION 'a testimony is blanked with its customer, and never changed else'
           USING ERRCODE = 'restrict_violation';
       END $$""",
    """CREATE TRIGGER consent_entry_kept BEFORE UPDATE OR DELETE ON consent_entry
       FOR EACH ROW EXECUTE FUNCTION refuse_ledger_change()""",
    """CREATE TRIGGER consent_entry_not_emptied BEFORE TRUNCATE ON consent_entry
       FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change()""",
    """CREATE TRIGGER consent_testimony_blanked BEFORE UPDATE ON consent_testimony
       FOR EACH ROW EXECUTE FUNCTION refuse_testimony_change()""",
    """CREATE TRIGGER consent_testimony_kept BEFORE DELETE ON consent_testimony
       FOR EACH ROW EXECUTE FUNCTION refuse_ledger_change()""",
    """CREATE TRIGGER consent_testimony_not_emptied BEFORE TRUNCATE ON consent_testimony
       FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change()""",
)

# Few customers have a consent review that is due, and they are listed by name.
REVIEWS = """CREATE INDEX idx_customer_consent_review ON customer (name_key, id)
  WHERE consent_review_due_at IS NOT NULL"""

# On SQLite, REPLACE deletes rows without firing DELETE triggers, so there are INSERT triggers too.
SQLITE = (
    """CREATE TRIGGER consent_entry_no_update BEFORE UPDATE ON consent_entry BEGIN
         SELECT RAISE(ABORT, 'the consent ledger is append-only');
       END""",
    """CREATE TRIGGER consent_entry_no_delete BEFORE DELETE ON consent_entry BEGIN
         SELECT RAISE(ABORT, 'the consent ledger is append-only');
       END""",
    """CREATE TRIGGER consent_entry_no_replace BEFORE INSERT ON consent_entry
       WHEN EXISTS (SELECT 1 FROM consent_entry WHERE id = NEW.id
         OR corrects_id = NEW.corrects_id
         OR (customer_id = NEW.customer_id
             AND (sequence = NEW.sequence OR idempotency_key = NEW.idempotency_key))) BEGIN
         SELECT RAISE(ABORT, 'the consent ledger is append-only');
       END""",
    """CREATE TRIGGER consent_testimony_blanked BEFORE UPDATE ON consent_testimony
       WHEN NEW.id IS NOT OLD.id OR NEW.customer_id IS NOT OLD.customer_id
         OR coalesce(NEW.salt, NEW.given_by, NEW.given_by_role, NEW.statement,
           NEW.evidence_reference, NEW.asked_by, NEW.reason, NEW.correction_reason,
           NEW.request_digest) IS NOT NULL
         OR NOT EXISTS (SELECT 1 FROM customer
           WHERE id = OLD.customer_id AND erased_at IS NOT NULL) BEGIN
         SELECT RAISE(ABORT, 'a testimony is blanked with its customer, and never changed else');
       END""",
    """CREATE TRIGGER consent_testimony_no_delete BEFORE DELETE ON consent_testimony BEGIN
         SELECT RAISE(ABORT, 'the consent ledger is append-only');
       END""",
    """CREATE TRIGGER consent_testimony_no_replace BEFORE INSERT ON consent_testimony
       WHEN EXISTS (SELECT 1 FROM consent_testimony WHERE id = NEW.id) BEGIN
         SELECT RAISE(ABORT, 'the consent ledger is append-only');
       END""",
)


async def protect(_: StateApps, editor: BaseSchemaEditor) -> None:
    """Create the triggers, and an index that the ORM can't describe."""
    await editor.client.execute_query(REVIEWS)
    for statement in POSTGRES if editor.DIALECT == "postgres" else SQLITE:
        await editor.client.execute_query(statement)


class Migration(migrations.Migration):
    """A later migration that rebuilds a table with these triggers on SQLite must recreate them."""

    dependencies = [('models', '0006_contacts')]

    initial = False

    operations = [
        ops.CreateModel(
            name='ConsentLedger',
            fields=[
                ('id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=32)),
                ('entry_count', fields.IntField(default=0)),
                ('last_hash', fields.CharField(max_length=64)),
            ],
            options={'table': 'consent_ledger', 'app': 'models', 'pk_attr': 'id', 'table_description': "Length and last hash of a customer's consent ledger, to detect that its end was removed."},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='ConsentPeriod',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('customer', fields.ForeignKeyField('models.Customer', source_field='customer_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('matter', fields.CharEnumField(description='CONSENT: CONSENT\nNON_ITEMISED: NON_ITEMISED', enum_type=Matter, max_length=16)),
                ('from_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('until_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('basis', fields.CharEnumField(null=True, description='TERMS_ACCEPTED: TERMS_ACCEPTED\nPRIVACY_POLICY_CONSENT: PRIVACY_POLICY_CONSENT\nWRITTEN_OPT_IN: WRITTEN_OPT_IN', enum_type=ConsentBasis, max_length=24)),
                ('document_version', fields.CharField(null=True, max_length=200)),
                ('entry_id', fields.CharField(max_length=32)),
            ],
            options={'table': 'consent_period', 'app': 'models', 'indexes': [Index(fields=['customer_id', 'matter', 'from_at']), Index(fields=['matter', 'basis', 'document_version', 'from_at']), Index(fields=['matter', 'from_at'])], 'pk_attr': 'id', 'table_description': 'A period in which consent, or a request for non-itemised bills, is in effect (`matter`).'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='ConsentTestimony',
            fields=[
                ('id', fields.CharField(primary_key=True, default=new_testimony_id, unique=True, db_index=True, max_length=32)),
                ('customer', fields.ForeignKeyField('models.Customer', source_field='customer_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('salt', fields.CharField(null=True, max_length=64)),
                ('given_by', fields.CharField(null=True, max_length=200)),
                ('given_by_role', fields.CharField(null=True, max_length=200)),
                ('statement', fields.CharField(null=True, max_length=4000)),
                ('evidence_reference', fields.CharField(null=True, max_length=500)),
                ('asked_by', fields.CharField(null=True, max_length=200)),
                ('reason', fields.CharField(null=True, max_length=1000)),
                ('correction_reason', fields.CharField(null=True, max_length=1000)),
                ('request_digest', fields.CharField(null=True, max_length=64)),
            ],
            options={'table': 'consent_testimony', 'app': 'models', 'pk_attr': 'id', 'table_description': 'The fields of a consent entry that may name a person. Erasing the customer blanks them.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='ConsentEntry',
            fields=[
                ('id', fields.CharField(primary_key=True, default=new_consent_entry_id, unique=True, db_index=True, max_length=32)),
                ('customer', fields.ForeignKeyField('models.Customer', source_field='customer_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('sequence', fields.IntField()),
                ('kind', fields.CharEnumField(description='GRANT: GRANT\nWITHDRAWAL: WITHDRAWAL\nANNULMENT: ANNULMENT\nNON_ITEMISED_REQUEST: NON_ITEMISED_REQUEST\nNON_ITEMISED_WITHDRAWAL: NON_ITEMISED_WITHDRAWAL', enum_type=EntryKind, max_length=24)),
                ('corrects_id', fields.CharField(null=True, unique=True, max_length=32)),
                ('basis', fields.CharEnumField(null=True, description='TERMS_ACCEPTED: TERMS_ACCEPTED\nPRIVACY_POLICY_CONSENT: PRIVACY_POLICY_CONSENT\nWRITTEN_OPT_IN: WRITTEN_OPT_IN', enum_type=ConsentBasis, max_length=24)),
                ('effective_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('recorded_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('recorded_by_id', fields.CharField(max_length=32)),
                ('recorded_by', fields.CharField(max_length=200)),
                ('method', fields.CharEnumField(null=True, description='ONLINE: ONLINE\nEMAIL: EMAIL\nPAPER: PAPER\nTELEPHONE: TELEPHONE\nIN_PERSON: IN_PERSON\nOTHER: OTHER', enum_type=ConsentMethod, max_length=12)),
                ('document_name', fields.CharField(null=True, max_length=200)),
                ('document_version', fields.CharField(null=True, max_length=200)),
                ('covers_emailing', fields.BooleanField(default=False)),
                ('evidence_sha256', fields.CharField(null=True, max_length=64)),
                ('idempotency_key', fields.CharField(null=True, max_length=64)),
                ('testimony', fields.ForeignKeyField('models.ConsentTestimony', source_field='testimony_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('testimony_digest', fields.CharField(max_length=64)),
                ('previous_hash', fields.CharField(max_length=64)),
                ('hash', fields.CharField(max_length=64)),
            ],
            options={'table': 'consent_entry', 'app': 'models', 'unique_together': (('customer', 'sequence'), ('customer', 'idempotency_key')), 'pk_attr': 'id', 'table_description': "An entry of a customer's consent ledger (R55). The database refuses to change or delete it."},
            bases=['Model'],
        ),
        ops.RunPython(protect, ops.RunPython.noop),
    ]
