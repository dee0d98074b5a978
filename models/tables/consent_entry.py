"""The consent ledger: append-only entries, and their personal fields, which can be erased."""

from datetime import datetime

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from models.rules.consent import ConsentBasis, ConsentMethod, EntryKind, Matter
from models.storage.id_field import IdField
from models.storage.identifiers import ID_LENGTH, new_consent_entry_id, new_testimony_id
from models.storage.indexes import IndexWhere
from models.tables.customer import REASON_LENGTH, Customer
from models.tables.customer_class import NAME_LENGTH

HASH_LENGTH = 64
VERSION_LENGTH = 200
STATEMENT_LENGTH = 4000
EVIDENCE_LENGTH = 500


class ConsentTestimony(Model):
    """The fields of a consent entry that may name a person. Erasing the customer blanks them.

    The database refuses every other update, and deletion.
    """

    id = IdField(max_length=ID_LENGTH, primary_key=True, default=new_testimony_id)
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
    """An entry of a customer's consent ledger (R55). The database refuses to change or delete it.

    `idempotency_key` is a hash of the caller and the key that the client sent.
    """

    id = IdField(max_length=ID_LENGTH, primary_key=True, default=new_consent_entry_id)
    customer: fields.ForeignKeyRelation[Customer] = fields.ForeignKeyField(
        "models.Customer", related_name=False, on_delete=fields.RESTRICT
    )
    customer_id: str
    sequence = fields.IntField()
    kind = fields.CharEnumField(EntryKind, max_length=24)
    corrects_id = IdField(max_length=ID_LENGTH, null=True, unique=True)
    basis = fields.CharEnumField(ConsentBasis, max_length=24, null=True)
    effective_at = fields.DatetimeField()
    recorded_at = fields.DatetimeField()
    recorded_by_id = IdField(max_length=ID_LENGTH)
    recorded_by = fields.CharField(max_length=NAME_LENGTH)
    method = fields.CharEnumField(ConsentMethod, max_length=12, null=True)
    document_name = fields.CharField(max_length=NAME_LENGTH, null=True)
    document_version = fields.CharField(max_length=VERSION_LENGTH, null=True)
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
        indexes = (
            IndexWhere(fields=("effective_at", "customer_id"), where="effective_at > recorded_at"),
        )


class ConsentLedger(Model):
    """Length and last hash of a customer's consent ledger, to detect that its end was removed."""

    id = IdField(max_length=ID_LENGTH, primary_key=True)
    entry_count = fields.IntField(default=0)
    last_hash = fields.CharField(max_length=HASH_LENGTH)

    class Meta:
        table = "consent_ledger"


class ConsentPeriod(Model):
    """A period in which consent, or a request for non-itemised bills, is in effect (`matter`).

    The periods of a customer are recomputed with each ledger entry. Filters and counts compare them
    with the time of the request, because an entry with a future date takes effect without a write.
    `until_at` is null if the period has no end yet.
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
    document_version = fields.CharField(max_length=VERSION_LENGTH, null=True)
    entry_id = IdField(max_length=ID_LENGTH)

    class Meta:
        table = "consent_period"
        indexes = (
            Index(fields=("customer_id", "matter", "from_at", "until_at")),
            Index(fields=("matter", "basis", "document_version", "from_at")),
            Index(fields=("matter", "from_at")),
        )
