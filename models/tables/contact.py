"""The contact: a person of a customer, with an email address, its verification, and roles.

Code that changes a contact, its confirmations or its preferences first locks the contact's row, so
that such changes happen one after another.
"""

import secrets

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from models.rules.email_address import EMAIL_LENGTH
from models.rules.mail_failure import MailFailureCode
from models.storage.identifiers import ID_LENGTH, new_contact_id
from models.tables.customer import Customer
from models.tables.customer_class import NAME_LENGTH

SALT_LENGTH = 32


def new_salt() -> str:
    """Return a random salt for digests of a contact's email address."""
    return secrets.token_hex(SALT_LENGTH // 2)


class Contact(Model):
    """A person of a customer, and which mail they receive (R59).

    A deleted contact keeps its row, because its history refers to it. Erasing the contact or its
    customer blanks `address_salt`; after that, digests of the email address cannot be matched any
    more.
    """

    id = fields.CharField(max_length=ID_LENGTH, primary_key=True, default=new_contact_id)
    customer: fields.ForeignKeyRelation[Customer] = fields.ForeignKeyField(
        "models.Customer", related_name=False, on_delete=fields.RESTRICT
    )
    customer_id: str
    name = fields.CharField(max_length=NAME_LENGTH)
    email = fields.CharField(max_length=EMAIL_LENGTH, null=True)
    address_salt = fields.CharField(max_length=SALT_LENGTH, default=new_salt)
    receives_bills = fields.BooleanField(default=False)
    receives_correspondence = fields.BooleanField(default=False)
    is_active = fields.BooleanField(default=True)
    email_verified_at = fields.DatetimeField(null=True)
    mail_failure: MailFailureCode | None = fields.CharEnumField(  # type: ignore[assignment]  # null=True
        MailFailureCode, max_length=32, null=True
    )
    mail_failed_at = fields.DatetimeField(null=True)
    is_mail_given_up = fields.BooleanField(default=False)
    version = fields.IntField(default=1)
    created_at = fields.DatetimeField()
    last_modified_at = fields.DatetimeField()
    deleted_at = fields.DatetimeField(null=True)

    class Meta:
        table = "contact"
        indexes = (Index(fields=("customer_id", "id")),)
