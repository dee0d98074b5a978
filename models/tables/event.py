"""Events: rows that say what changed, which the event feed, subscriptions and consumers read.

`models/tables/audit.py` adds the events of a change together with its audit entry. They are
numbered after the commit, by `models/tables/event_feed.py`.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from tortoise import fields
from tortoise.models import Model

from models.rules.event_type import FOR_EVERYBODY, SCHEMA_VERSION, EventType
from models.storage.database import note_wake
from models.storage.id_field import IdField
from models.storage.identifiers import ID_LENGTH, new_event_id
from models.storage.indexes import IndexWhere
from models.storage.row_insert import new_row
from models.storage.sql import Sql, among, execute, is_postgres
from models.tables.customer import Customer

EVENT = "event"
"""The name of the table of events."""

EVENTS = "events"
"""The topic that is fired in all processes when events were numbered, and so can be read."""

WRITTEN = "events_written"
"""The topic that is fired in this process when a transaction that added events was committed."""

TYPE_LENGTH = 40
IMPORT_ID = "importId"
"""The member of payloads with the id of the import that caused the event."""

NUMBERED = "number IS NOT NULL"


class Event(Model):
    """Something that happened to a subject, such as a customer or a contact.

    `reseller_id` is the reseller that the customer, or the access token, belonged to at the time.
    `former_reseller_id` is set in hand-overs only. `number` tells the order of commits. The payload
    has ids and names of fields, and no personal data.
    """

    id = IdField(max_length=ID_LENGTH, primary_key=True, default=new_event_id)
    type = fields.CharField(max_length=TYPE_LENGTH)
    subject_id = IdField(max_length=ID_LENGTH)
    customer_id = IdField(max_length=ID_LENGTH, null=True)
    customer_version = fields.IntField(null=True)
    reseller_id = IdField(max_length=ID_LENGTH, null=True)
    former_reseller_id = IdField(max_length=ID_LENGTH, null=True)
    is_for_everybody = fields.BooleanField(default=False)
    """Whether all partners may see the event, for example one about a customer class."""
    payload: dict[str, Any] = fields.JSONField(default=dict)
    schema_version = fields.SmallIntField(default=SCHEMA_VERSION)
    at = fields.DatetimeField()
    number = fields.BigIntField(null=True)

    @property
    def is_of_import(self) -> bool:
        """Whether an import from a file caused the event. That it has ended is no such event."""
        return self.customer_id is not None and IMPORT_ID in self.payload

    class Meta:
        table = EVENT
        indexes = (
            IndexWhere(
                fields=("customer_id", "type", "number"),
                where=f"customer_id IS NOT NULL AND {NUMBERED}",
            ),
            IndexWhere(
                fields=("reseller_id", "number"), where=f"reseller_id IS NOT NULL AND {NUMBERED}"
            ),
            IndexWhere(
                fields=("former_reseller_id", "number"),
                where=f"former_reseller_id IS NOT NULL AND {NUMBERED}",
            ),
        )


class Owner(NamedTuple):
    """To whom a subject belongs: a customer at a version, and a reseller; None where there is none.

    For an access token, it is the reseller that the token is bound to.
    """

    customer_id: str | None = None
    version: int | None = None
    reseller_id: str | None = None


NOBODY = Owner()


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to add beside those that follow from an audit entry.

    `subject_id` None stands for the subject of the entry.
    """

    type: EventType
    payload: dict[str, Any]
    subject_id: str | None = None


def owner_of(customer: Customer) -> Owner:
    """Return the owner of what belongs to a customer that is locked, or new, and up to date."""
    return Owner(customer.id, customer.version, customer.parent_id)


async def owner_by_id(customer_id: str) -> Owner:
    """Return the owner of what belongs to a customer, as the current transaction sees it.

    Call it while a row of the customer's, such as a contact, is locked: a hand-over locks these
    too, so that no event gets a former reseller after the hand-over.
    """
    found = await execute(
        Sql("SELECT version, parent_id FROM customer WHERE id = ?", (customer_id,))
    )
    if not found:
        return Owner(customer_id)
    return Owner(customer_id, found[0]["version"], found[0]["parent_id"])


async def owners_by_id(customer_ids: Collection[str]) -> dict[str, Owner]:
    """Return what `owner_by_id` returns, for several customers by their ids."""
    which = among("id", sorted(customer_ids))
    found = await execute(
        Sql(f"SELECT id, version, parent_id FROM customer WHERE {which.text}", which.parameters)  # noqa: S608  # no value is spelt out
    )
    owners = {one: Owner(one) for one in customer_ids}
    return owners | {one["id"]: Owner(one["id"], one["version"], one["parent_id"]) for one in found}


def new_event(
    kind: EventType,
    subject_id: str,
    payload: dict[str, Any],
    now: datetime,
    owner: Owner,
    former_reseller_id: str | None = None,
) -> Event:
    """Return a new event that is not stored yet; readers are woken after the commit."""
    note_wake(WRITTEN if is_postgres() else EVENTS)  # SQLite numbers rows on insertion
    return new_row(
        Event,
        type=kind.value,
        subject_id=subject_id,
        customer_id=owner.customer_id,
        customer_version=owner.version,
        reseller_id=owner.reseller_id,
        former_reseller_id=former_reseller_id,
        is_for_everybody=kind in FOR_EVERYBODY,
        payload=payload,
        at=now,
    )
