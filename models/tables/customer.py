"""The customer, and the append-only history of its classes."""

from typing import Any

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from models.rules.enrichment_status import EnrichmentStatus
from models.rules.folding import folded, searchable
from models.rules.own_reference import KEY_LENGTH as REFERENCE_KEY_LENGTH
from models.rules.own_reference import REFERENCE_LENGTH
from models.storage.id_field import IdField
from models.storage.identifiers import ID_LENGTH, new_class_change_id, new_customer_id
from models.storage.indexes import IndexWhere, of_living
from models.tables.customer_class import NAME_LENGTH, CustomerClass

ACCOUNT_NUMBER_LENGTH = 64
KEY_LENGTH = ACCOUNT_NUMBER_LENGTH * 3 + ID_LENGTH + 1
REASON_LENGTH = 1000

IS_REFRESHED = (
    "erased_at IS NULL AND refresh_due_at IS NOT NULL"
    " AND enrichment_status IN ('SUCCEEDED', 'PARTIAL', 'NOT_FOUND', 'FAILED')"
)
"""The condition of the index of customers to look up again; statements repeat its text."""


class Customer(Model):
    """A customer of the platform, which is in exactly one class (R24).

    A deleted customer keeps its row, without personal data, because its class history refers to it
    (R35); `erased_at` marks such a row.
    """

    id = IdField(max_length=ID_LENGTH, primary_key=True, default=new_customer_id)
    account_number = fields.CharField(max_length=ACCOUNT_NUMBER_LENGTH, unique=True)
    account_number_key = fields.CharField(max_length=KEY_LENGTH, db_default="")
    external_reference = fields.CharField(max_length=REFERENCE_LENGTH, null=True, db_index=True)
    reference_key = fields.CharField(max_length=REFERENCE_KEY_LENGTH, null=True)
    """The external reference with its owner, which is unique; null for a deleted customer."""
    name = fields.CharField(max_length=NAME_LENGTH)
    name_key = fields.CharField(max_length=NAME_LENGTH * 3)
    company_number = fields.CharField(max_length=8, null=True, db_index=True)
    search_key = fields.TextField(default="")
    customer_class: fields.ForeignKeyRelation[CustomerClass] = fields.ForeignKeyField(
        "models.CustomerClass", related_name=False, on_delete=fields.RESTRICT
    )
    customer_class_id: str
    parent: fields.ForeignKeyNullableRelation["Customer"] = fields.ForeignKeyField(
        "models.Customer", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    parent_id: str | None
    profile: dict[str, Any] = fields.JSONField(default=dict)
    enrichment_status = fields.CharEnumField(
        EnrichmentStatus, max_length=24, default=EnrichmentStatus.NOT_APPLICABLE
    )
    consent_review_due_at = fields.DatetimeField(null=True)
    refresh_due_at = fields.DatetimeField(null=True)
    """When the customer is looked up again, if no lookup is unfinished then; null if never."""
    created_at = fields.DatetimeField()
    last_modified_at = fields.DatetimeField()
    changed_at = fields.DatetimeField(null=True)
    """When the customer or what belongs to it changed; never null, as triggers set it."""
    version = fields.IntField(default=1)
    erased_at = fields.DatetimeField(null=True)

    class Meta:
        table = "customer"
        indexes = (
            of_living("name_key", "id"),
            of_living("created_at", "id"),
            of_living("last_modified_at", "id"),
            of_living("changed_at", "id"),
            of_living("account_number", "id"),
            of_living("customer_class_id", "name_key", "id"),
            of_living("customer_class_id", "created_at", "id"),
            of_living("customer_class_id", "last_modified_at", "id"),
            of_living("customer_class_id", "changed_at", "id"),
            of_living("customer_class_id", "account_number", "id"),
            of_living("enrichment_status", "name_key", "id"),
            IndexWhere(fields=("refresh_due_at", "id"), where=IS_REFRESHED),
            IndexWhere(
                fields=("erased_at", "created_at", "customer_class_id", "id"),
                where="erased_at IS NOT NULL",
            ),
            IndexWhere(
                fields=("parent_id", "name_key", "id", "erased_at"), where="parent_id IS NOT NULL"
            ),
        )


def set_account_number(customer: Customer, number: str) -> None:
    """Set a customer's account number, and the key by which it is unique whatever its case.

    Does nothing if the number stays the same: a migration gave other keys to numbers whose keys
    would be equal, and they keep those keys until the number is changed.
    """
    if getattr(customer, "account_number", None) != number:
        customer.account_number, customer.account_number_key = number, folded(number)


def search_key_of(customer: Customer) -> str:
    """Return the text in which customer searches look: each field's folded value on a line."""
    searched = (
        customer.name,
        customer.account_number,
        customer.company_number,
        customer.external_reference,
    )
    return "\n".join(searchable(text) for text in searched if text)


class ClassChange(Model):
    """A change of a customer's class: from, to, reason, actor and time (R27)."""

    id = IdField(max_length=ID_LENGTH, primary_key=True, default=new_class_change_id)
    customer: fields.ForeignKeyRelation[Customer] = fields.ForeignKeyField(
        "models.Customer", related_name=False, on_delete=fields.RESTRICT, db_index=True
    )
    customer_id: str
    from_class: fields.ForeignKeyNullableRelation[CustomerClass] = fields.ForeignKeyField(
        "models.CustomerClass", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    from_class_id: str | None
    to_class: fields.ForeignKeyRelation[CustomerClass] = fields.ForeignKeyField(
        "models.CustomerClass", related_name=False, on_delete=fields.RESTRICT
    )
    to_class_id: str
    reason = fields.CharField(max_length=REASON_LENGTH)
    crosses_individual_line = fields.BooleanField(default=False)
    changed_by_id = IdField(max_length=ID_LENGTH)
    changed_by = fields.CharField(max_length=NAME_LENGTH)
    changed_at = fields.DatetimeField()

    class Meta:
        table = "class_change"
        indexes = (
            Index(fields=("to_class_id", "customer_id", "changed_at")),
            Index(fields=("from_class_id", "changed_at")),
        )
