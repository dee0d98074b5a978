"""The append-only history of attachment preferences (R60, R63)."""

import hashlib
from collections.abc import Iterable

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from models.rules.document import Document
from models.rules.preference import PreferenceKind, in_order
from models.storage.id_field import IdField
from models.storage.identifiers import ID_LENGTH, new_preference_entry_id
from models.tables import audit
from models.tables.audit import ActorContext
from models.tables.contact import Contact
from models.tables.customer_class import NAME_LENGTH

DIGEST_LENGTH = 64


class PreferenceEntry(Model):
    """A change of a contact's attachment preference: what, when and by whom.

    `address_digest` is a salted digest of the email address for which the preference was given. It
    can be compared with an address until the contact is erased, which blanks the salt. `sequence`
    counts the entries of a contact from 1.
    """

    id = IdField(max_length=ID_LENGTH, primary_key=True, default=new_preference_entry_id)
    contact: fields.ForeignKeyRelation[Contact] = fields.ForeignKeyField(
        "models.Contact", related_name=False, on_delete=fields.RESTRICT
    )
    contact_id: str
    customer_id = IdField(max_length=ID_LENGTH)
    sequence = fields.IntField()
    kind = fields.CharEnumField(PreferenceKind, max_length=12)
    documents: list[str] = fields.JSONField()
    at = fields.DatetimeField()
    by_id = IdField(max_length=ID_LENGTH)
    by = fields.CharField(max_length=NAME_LENGTH)
    address_digest = fields.CharField(max_length=DIGEST_LENGTH, null=True)

    class Meta:
        table = "preference_entry"
        unique_together = (("contact", "sequence"),)
        indexes = (Index(fields=("customer_id", "contact_id")),)


def digest_of(contact: Contact, address: str | None) -> str | None:
    """Return the salted digest of an email address; None without an email address or a salt."""
    if address is None or not contact.address_salt:
        return None
    return hashlib.sha256(f"{contact.address_salt}:{address}".encode()).hexdigest()


async def newest_entry(contact: Contact) -> PreferenceEntry | None:
    """Return the newest preference entry of a locked contact; None if there is none."""
    return await PreferenceEntry.filter(contact_id=contact.id).order_by("-sequence").first()


async def add_entry(
    act: ActorContext,
    contact: Contact,
    kind: PreferenceKind,
    documents: Iterable[Document],
    address: str | None,
    reason: str | None = None,
) -> PreferenceEntry:
    """Add a preference entry for a locked contact, and an audit entry.

    `address` is the email address for which the preference is given. The entry's time is `act.now`,
    or that of the contact's newest entry if that is later.
    """
    newest = await newest_entry(contact)
    covered = [document.value for document in in_order(documents)]
    entry = await PreferenceEntry.create(
        contact_id=contact.id,
        customer_id=contact.customer_id,
        sequence=1 if newest is None else newest.sequence + 1,
        kind=kind,
        documents=covered,
        at=act.now if newest is None else max(act.now, newest.at),
        by_id=act.principal.id,
        by=act.principal.name,
        address_digest=digest_of(contact, address),
    )
    await audit.record(
        act,
        f"preference.{kind.lower()}",
        contact.id,
        customer_id=contact.customer_id,
        after={"entry_id": entry.id, "documents": covered},
        reason=reason,
    )
    return entry
