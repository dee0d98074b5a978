"""The history of contacts: one row per change, from which the state at any instant is known.

Implements R59 and R77.
"""

from datetime import datetime

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from models.rules.email_address import EMAIL_LENGTH
from models.storage.id_field import IdField
from models.storage.identifiers import ID_LENGTH
from models.storage.row_insert import new_row
from models.tables.contact import Contact
from models.tables.customer_class import NAME_LENGTH


class ContactState(Model):
    """The state of a contact from an instant until the next row of the same contact.

    Ids rise in the order of a contact's changes. Erasing the contact or the customer blanks name
    and email; `has_email` stays.
    """

    id = fields.BigIntField(primary_key=True)
    contact: fields.ForeignKeyRelation[Contact] = fields.ForeignKeyField(
        "models.Contact", related_name=False, on_delete=fields.RESTRICT
    )
    contact_id: str
    customer_id = IdField(max_length=ID_LENGTH)
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

    Its time is `now`, or that of the contact's newest row if that is later.
    """
    newest = await ContactState.filter(contact_id=contact.id).order_by("-at", "-id").first()
    at = now if newest is None else max(now, newest.at)
    await state_of(contact, at).save(force_create=True)


def state_of(contact: Contact, at: datetime) -> ContactState:
    """Return a new row with the current state of a contact, for the caller to add."""
    return new_row(
        ContactState,
        contact_id=contact.id,
        customer_id=contact.customer_id,
        at=at,
        name=contact.name,
        email=contact.email,
        has_email=contact.email is not None,
        is_verified=contact.email_verified_at is not None,
        receives_bills=contact.receives_bills,
        receives_correspondence=contact.receives_correspondence,
        is_active=contact.is_active,
        is_deleted=contact.deleted_at is not None,
    )
