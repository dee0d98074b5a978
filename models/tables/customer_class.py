"""The customer class: a row that groups customers by legal type and data-protection profile."""

from datetime import datetime
from enum import StrEnum, unique
from typing import Protocol

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from models.rules.classification import ClassFlags
from models.rules.folding import folded
from models.storage.dry_run import version_step
from models.storage.id_field import IdField
from models.storage.identifiers import ID_LENGTH, new_class_id

NAME_LENGTH = 200
CODE_LENGTH = 40


@unique
class ClassStatus(StrEnum):
    """Whether customers can be put into a class, or the class is only kept for history (R19)."""

    ACTIVE = "ACTIVE"
    RETIRED = "RETIRED"


class CustomerClass(Model):
    """A customer class. `code` identifies the shipped classes, even after a rename (R12)."""

    id = IdField(max_length=ID_LENGTH, primary_key=True, default=new_class_id)
    code = fields.CharField(max_length=CODE_LENGTH, unique=True, null=True)
    name = fields.CharField(max_length=NAME_LENGTH)
    name_key = fields.CharField(max_length=NAME_LENGTH * 3, unique=True)
    display_class = fields.CharField(max_length=100, null=True)
    display_position = fields.IntField(default=0)
    is_personal_customer = fields.BooleanField(default=False)
    is_sole_trader = fields.BooleanField(default=False)
    is_reseller = fields.BooleanField(default=False)
    check_companies_house = fields.BooleanField(default=False)
    retired_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField()
    last_modified_at = fields.DatetimeField()
    version = fields.IntField(default=1)

    class Meta:
        table = "customer_class"
        indexes = (Index(fields=("display_position", "name_key", "id")),)

    @property
    def flags(self) -> ClassFlags:
        """The flags of the class as one value."""
        return ClassFlags(
            is_personal_customer=self.is_personal_customer,
            is_sole_trader=self.is_sole_trader,
            is_reseller=self.is_reseller,
            check_companies_house=self.check_companies_house,
        )

    @property
    def is_shipped(self) -> bool:
        """Whether the class is one of those that come with the platform (R12)."""
        return self.code is not None

    @property
    def status(self) -> ClassStatus:
        """ACTIVE, or RETIRED if the class is only kept for history."""
        return ClassStatus.ACTIVE if self.retired_at is None else ClassStatus.RETIRED

    @property
    def is_assignable(self) -> bool:
        """Whether a customer may be put into the class (R26, R47)."""
        return self.retired_at is None


class Named(Protocol):
    """A row with a name and its key: the folded name by which rows are compared and sorted."""

    name: str
    name_key: str


def rename(row: Named, name: str) -> None:
    """Set the name of a row, and the name's key.

    Does nothing if the name stays the same: a migration gave other keys to names whose keys would
    be equal, and they keep those keys until the name is changed.
    """
    if getattr(row, "name", None) != name:
        row.name, row.name_key = name, folded(name)


class Versioned(Protocol):
    """A row with a version that counts its edits."""

    version: int
    last_modified_at: datetime


def touch(row: Versioned, now: datetime) -> None:
    """Increase a row's version and set its time of last modification (R2)."""
    row.version += version_step()
    row.last_modified_at = now
