"""The contact: a person whom a customer named, with an email address and the mails to receive.

Code that changes a contact, its confirmations or its preferences first locks the contact's row, so
that such changes happen one after another.
"""

import secrets

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from models.rules.email_address import EMAIL_LENGTH
from models.rules.mail_failure import MailFailureCode
from models.rules.own_reference import KEY_LENGTH, REFERENCE_LENGTH
from models.storage.id_field import IdField
from models.storage.identifiers import ID_LENGTH, new_contact_id
from models.storage.indexes import IndexWhere
from models.tables.customer import Customer
from models.tables.customer_class import NAME_LENGTH

SALT_LENGTH = 32


def new_salt() -> str:
    """Return a random salt for digests of a contact's email address."""
    return secrets.token_hex(SALT_LENGTH // 2)


class Contact(Model):
    """A person whom a customer named, and which mails they receive (R59).

    The row of a deleted contact is kept, because the contact's history refers to it. Erasing the
    contact or the customer blanks `address_salt`; after that, digests of the email address cannot
    be matched any more.
    """

    id = IdField(max_length=ID_LENGTH, primary_key=True, default=new_contact_id)
    customer: fields.ForeignKeyRelation[Customer] = fields.ForeignKeyField(
        "models.Customer", related_name=False, on_delete=fields.RESTRICT
    )
    customer_id: str
    name = fields.CharField(max_length=NAME_LENGTH)
    email = fields.CharField(max_length=EMAIL_LENGTH, null=True)
    address_salt = fields.CharField(max_length=SALT_LENGTH, default=new_salt)
    external_reference = fields.CharField(max_length=REFERENCE_LENGTH, null=True)
    reference_key = fields.CharField(max_length=KEY_LENGTH, null=True)
    """The reference with its owner, which is unique; null for a deleted contact."""
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
    changed_at = fields.DatetimeField(null=True)
    """When anything about the contact changed; never null, as triggers set it."""
    deleted_at = fields.DatetimeField(null=True)

    class Meta:
        table = "contact"
        indexes = (
            Index(fields=("customer_id", "id")),
            IndexWhere(fields=("created_at", "id"), where="deleted_at IS NULL"),
            IndexWhere(fields=("changed_at", "id"), where="deleted_at IS NULL"),
            IndexWhere(fields=("email", "id"), where="email IS NOT NULL AND deleted_at IS NULL"),
        )


async def lock_contacts(customer_id: str) -> None:
    """Lock the contacts of a locked customer, so that what changes them ends before or waits."""
    own = Contact.filter(customer_id=customer_id).order_by("id").only("id")
    await own.select_for_update(no_key=True)
