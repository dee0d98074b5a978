"""Defaults for new customers: named templates, and the platform's default class."""

from tortoise import fields
from tortoise.models import Model

from models.storage.id_field import IdField
from models.storage.identifiers import ID_LENGTH, new_template_id
from models.tables.customer import Customer
from models.tables.customer_class import NAME_LENGTH, CustomerClass

PLATFORM_DEFAULTS_ID = 1
DEFAULTS_SUBJECT = "platform_defaults"
"""The id of the platform's defaults in the API and in the audit trail."""


class CustomerTemplate(Model):
    """Named defaults for new customers. Retiring a class replaces it here, or clears it (R40)."""

    id = IdField(max_length=ID_LENGTH, primary_key=True, default=new_template_id)
    name = fields.CharField(max_length=NAME_LENGTH)
    name_key = fields.CharField(max_length=NAME_LENGTH * 3, unique=True)
    customer_class: fields.ForeignKeyNullableRelation[CustomerClass] = fields.ForeignKeyField(
        "models.CustomerClass",
        related_name=False,
        null=True,
        on_delete=fields.RESTRICT,
        db_index=True,
    )
    customer_class_id: str | None
    parent: fields.ForeignKeyNullableRelation[Customer] = fields.ForeignKeyField(
        "models.Customer", related_name=False, null=True, on_delete=fields.RESTRICT, db_index=True
    )
    parent_id: str | None
    created_at = fields.DatetimeField()
    last_modified_at = fields.DatetimeField()
    version = fields.IntField(default=1)

    class Meta:
        table = "customer_template"


class PlatformDefaults(Model):
    """The single row with the defaults for customers that are created without a template (R24)."""

    id = fields.IntField(primary_key=True, generated=False, default=PLATFORM_DEFAULTS_ID)
    customer_class: fields.ForeignKeyNullableRelation[CustomerClass] = fields.ForeignKeyField(
        "models.CustomerClass", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    customer_class_id: str | None
    last_modified_at = fields.DatetimeField()
    version = fields.IntField(default=1)

    class Meta:
        table = "platform_defaults"
