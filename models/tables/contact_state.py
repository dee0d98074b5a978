"""The history of contacts: one row per change, which gives the state at any instant (R59, R77)."""

from datetime import datetime

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from models.rules.email_address import EMAIL_LENGTH
from models.storage.identifiers import ID_LENGTH
from models.tables.contact import Contact
from models.tables.customer_class import NAME_LENGTH


class ContactState(Model):
    """The state of a contact from an instant until its next row.

    Ids rise in the order of a contact's changes. Erasing the contact or its customer blanks name
    and email; `has_email` stays.
    """

    id = fields.BigIntField(primary_key=True)
    contact: fields.ForeignKeyRelation[Contact] = fields.ForeignKeyField(
        "models.Contact", related_name=False, on_delete=fields.RESTRICT
    )
    contact_id: str
    customer_id = fields.CharField(max_length=ID_LENGTH)
    at = fields.DatetimeField()
    name = fields.CharField(max_length=NAME_LENGTH)
    email = fields.CharField(max_length=EMAIL_LENGTH, null=True)
    has_email = fields.BooleanField()
    is_verified = fields.BooleanField()
    receives_bills = fields.BooleanField()
    receives_correspondence = fields.BooleanField()
    is_active = fields.BooleanField()
    is_deleted = fields.BooleanField()

    class Meta:
        table = "contact_state"
        indexes = (
            Index(fields=("contact_id", "at", "id")),
            Index(fields=("customer_id", "contact_id", "at")),
        )


async def note_state(contact: Contact, now: datetime) -> None:
    """Add a row with the current state of a locked contact.

    It is dated `now`, or as the contact's newest row if that is later.
    """
    newest = await ContactState.filter(contact_id=contact.id).order_by("-at", "-id").first()
    await ContactState.create(
        contact_id=contact.id,
        customer_id=contact.customer_id,
        at=now if newest is None else max(now, newest.at),
        name=contact.name,
        email=contact.email,
        has_email=contact.email is not None,
        is_verified=contact.email_verified_at is not None,
        receives_bills=contact.receives_bills,
        receives_correspondence=contact.receives_correspondence,
        is_active=contact.is_active,
        is_deleted=contact.deleted_at is not None,
    )
