"""The consent ledger: append-only entries, and their personal fields, which can be erased."""

from datetime import datetime

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from models.rules.consent import ConsentBasis, ConsentMethod, EntryKind, Matter
from models.storage.identifiers import ID_LENGTH, new_consent_entry_id, new_testimony_id
from models.tables.customer import REASON_LENGTH, REFERENCE_LENGTH, Customer
from models.tables.customer_class import NAME_LENGTH

HASH_LENGTH = 64
STATEMENT_LENGTH = 4000
EVIDENCE_LENGTH = 500


class ConsentTestimony(Model):
    """The fields of an entry that may name a person. Erasing the customer blanks them.

    The database refuses every other update, and deletion.
    """

    id = fields.CharField(max_length=ID_LENGTH, primary_key=True, default=new_testimony_id)
    customer: fields.ForeignKeyRelation[Customer] = fields.ForeignKeyField(
        "models.Customer", related_name=False, on_delete=fields.RESTRICT, db_index=True
    )
    customer_id: str
    salt = fields.CharField(max_length=HASH_LENGTH, null=True)
    given_by = fields.CharField(max_length=NAME_LENGTH, null=True)
    given_by_role = fields.CharField(max_length=NAME_LENGTH, null=True)
    statement = fields.CharField(max_length=STATEMENT_LENGTH, null=True)
    evidence_reference = fields.CharField(max_length=EVIDENCE_LENGTH, null=True)
    asked_by = fields.CharField(max_length=NAME_LENGTH, null=True)
    reason = fields.CharField(max_length=REASON_LENGTH, null=True)
    correction_reason = fields.CharField(max_length=REASON_LENGTH, null=True)
    request_digest = fields.CharField(max_length=HASH_LENGTH, null=True)

    class Meta:
        table = "consent_testimony"


class ConsentEntry(Model):
    """An entry of a customer's ledger (R55). The database refuses to change or delete it.

    `idempotency_key` is a hash of the caller and the key that the client sent.
    """

    id = fields.CharField(max_length=ID_LENGTH, primary_key=True, default=new_consent_entry_id)
    customer: fields.ForeignKeyRelation[Customer] = fields.ForeignKeyField(
        "models.Customer", related_name=False, on_delete=fields.RESTRICT
    )
    customer_id: str
    sequence = fields.IntField()
    kind = fields.CharEnumField(EntryKind, max_length=24)
    corrects_id = fields.CharField(max_length=ID_LENGTH, null=True, unique=True)
    basis = fields.CharEnumField(ConsentBasis, max_length=24, null=True)
    effective_at = fields.DatetimeField()
    recorded_at = fields.DatetimeField()
    recorded_by_id = fields.CharField(max_length=ID_LENGTH)
    recorded_by = fields.CharField(max_length=NAME_LENGTH)
    method = fields.CharEnumField(ConsentMethod, max_length=12, null=True)
    document_name = fields.CharField(max_length=NAME_LENGTH, null=True)
    document_version = fields.CharField(max_length=REFERENCE_LENGTH, null=True)
    covers_emailing = fields.BooleanField(default=False)
    evidence_sha256 = fields.CharField(max_length=HASH_LENGTH, null=True)
    idempotency_key = fields.CharField(max_length=HASH_LENGTH, null=True)
    testimony: fields.ForeignKeyRelation[ConsentTestimony] = fields.ForeignKeyField(
        "models.ConsentTestimony", related_name=False, on_delete=fields.RESTRICT
    )
    testimony_id: str
    testimony_digest = fields.CharField(max_length=HASH_LENGTH)
    previous_hash = fields.CharField(max_length=HASH_LENGTH)
    hash = fields.CharField(max_length=HASH_LENGTH)

    class Meta:
        table = "consent_entry"
        unique_together = (("customer", "sequence"), ("customer", "idempotency_key"))


class ConsentLedger(Model):
    """The length and last hash of a customer's ledger, by which a truncated ledger is detected."""

    id = fields.CharField(max_length=ID_LENGTH, primary_key=True)
    entry_count = fields.IntField(default=0)
    last_hash = fields.CharField(max_length=HASH_LENGTH)

    class Meta:
        table = "consent_ledger"


class ConsentPeriod(Model):
    """A period in which a matter is in effect, recomputed with each entry.

    Filters and counts compare the period with the time of the request, because an entry with a
    future date takes effect without a write. `until_at` is null if the period has no end yet.
    """

    id = fields.BigIntField(primary_key=True)
    customer: fields.ForeignKeyRelation[Customer] = fields.ForeignKeyField(
        "models.Customer", related_name=False, on_delete=fields.RESTRICT
    )
    customer_id: str
    matter = fields.CharEnumField(Matter, max_length=16)
    from_at: datetime = fields.DatetimeField()
    until_at: datetime | None = fields.DatetimeField(null=True)
    basis = fields.CharEnumField(ConsentBasis, max_length=24, null=True)
    document_version = fields.CharField(max_length=REFERENCE_LENGTH, null=True)
    entry_id = fields.CharField(max_length=ID_LENGTH)

    class Meta:
        table = "consent_period"
        indexes = (
            Index(fields=("customer_id", "matter", "from_at")),
            Index(fields=("matter", "basis", "document_version", "from_at")),
            Index(fields=("matter", "from_at")),
        )
