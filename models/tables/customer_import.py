"""Imports of customers from files: the import, its file in parts, its faults and its failed rows.

The parts of a file are deleted when its import ends. Faults and failed rows are kept, so that the
sender can mend them, until the retention period of imports is over.
"""

from datetime import datetime
from enum import StrEnum, unique

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from models.rules.import_fault import COLUMN_LENGTH, MESSAGE_LENGTH
from models.storage.id_field import IdField
from models.storage.identifiers import ID_LENGTH, new_import_id
from models.storage.indexes import IndexWhere

NAME_LENGTH = 200
CODE_LENGTH = 40
DIGEST_LENGTH = 64

IMPORTS = "imports"
"""The topic that is fired in all processes when an import has moved on."""


@unique
class ImportFormat(StrEnum):
    """The format of an imported file."""

    CSV = "CSV"
    JSONL = "JSONL"


@unique
class ImportState(StrEnum):
    """The state of an import."""

    WAITING = "WAITING"
    RUNNING = "RUNNING"
    DONE = "DONE"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def has_ended(self) -> bool:
        return self in {ImportState.DONE, ImportState.FAILED, ImportState.CANCELLED}


@unique
class ImportConflict(StrEnum):
    """What an import does with a row whose external reference a customer has already."""

    REFUSE = "REFUSE"
    UPDATE = "UPDATE"


@unique
class ImportFailure(StrEnum):
    """Why an import ended before its last row."""

    FILE_REFUSED = "FILE_REFUSED"
    PERMISSION_LOST = "PERMISSION_LOST"
    GAVE_UP = "GAVE_UP"
    INTERNAL_ERROR = "INTERNAL_ERROR"


class CustomerImport(Model):
    """A file of customers that somebody sent, and how far its rows are stored.

    `done_count` is the number of rows that were decided, in the order of the file. It changes in
    the transaction that stores the rows, so that no row is stored twice. `live_caller` is the owner
    of the sender's credential until the import ends: an owner has one import at a time.
    """

    id = IdField(max_length=ID_LENGTH, primary_key=True, default=new_import_id)
    format = fields.CharEnumField(ImportFormat, max_length=8)
    sha256 = fields.CharField(max_length=DIGEST_LENGTH)
    byte_count = fields.IntField()
    on_conflict = fields.CharEnumField(ImportConflict, max_length=8)
    is_dry_run = fields.BooleanField(default=False)
    state = fields.CharEnumField(ImportState, max_length=12, default=ImportState.WAITING)
    failure: ImportFailure | None = fields.CharEnumField(  # type: ignore[assignment]  # null=True
        ImportFailure, max_length=20, null=True
    )
    columns: list[str] | None = fields.JSONField(null=True)
    """The columns of a CSV file, once its first line was read."""
    row_count = fields.IntField(null=True)
    """The number of rows in the file; null until the first reading has counted them."""
    done_count = fields.IntField(default=0)
    stored_count = fields.IntField(default=0)
    failed_count = fields.IntField(default=0)
    fault_count = fields.IntField(default=0)
    created_at = fields.DatetimeField()
    started_at = fields.DatetimeField(null=True)
    finished_at = fields.DatetimeField(null=True)
    reseller_id = IdField(max_length=ID_LENGTH, null=True)
    caller = IdField(max_length=ID_LENGTH)
    live_caller = IdField(max_length=ID_LENGTH, null=True, unique=True)
    earlier_import_id = IdField(max_length=ID_LENGTH, null=True)
    """An import of the same file that has stored rows shortly before, which these may double."""
    permissions: list[str] = fields.JSONField()
    """The permissions that the sender had, to store the rows in their name."""
    requested_by_id = IdField(max_length=ID_LENGTH)
    requested_by = fields.CharField(max_length=NAME_LENGTH)
    user_id = IdField(max_length=ID_LENGTH, null=True)
    user_name = fields.CharField(max_length=NAME_LENGTH, null=True)
    request_id = fields.CharField(max_length=64)

    class Meta:
        table = "customer_import"
        indexes = (
            IndexWhere(fields=("reseller_id", "id"), where="reseller_id IS NOT NULL"),
            IndexWhere(fields=("finished_at",), where="finished_at IS NOT NULL"),
        )


class ImportPart(Model):
    """A piece of the bytes of a file, which may be stored before its import is."""

    id = fields.BigIntField(primary_key=True)
    import_id = IdField(max_length=ID_LENGTH)
    number = fields.IntField()
    content = fields.BinaryField()
    created_at: datetime = fields.DatetimeField(db_index=True)

    class Meta:
        table = "import_part"
        unique_together = (("import_id", "number"),)


class ImportFault(Model):
    """A fault of a line of a file. `number` counts the faults of an import from 1."""

    id = fields.BigIntField(primary_key=True)
    import_id = IdField(max_length=ID_LENGTH)
    number = fields.IntField()
    line = fields.IntField()
    column_name = fields.CharField(max_length=COLUMN_LENGTH, null=True)
    code = fields.CharField(max_length=CODE_LENGTH)
    message = fields.CharField(max_length=MESSAGE_LENGTH)

    class Meta:
        table = "import_fault"
        unique_together = (("import_id", "number"),)


class ImportFailedRow(Model):
    """A row that was not stored, as it stands in the file."""

    id = fields.BigIntField(primary_key=True)
    import_id = IdField(max_length=ID_LENGTH)
    line = fields.IntField()
    content = fields.BinaryField()

    class Meta:
        table = "import_failed_row"
        indexes = (Index(fields=("import_id", "line")),)
