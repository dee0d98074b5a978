"""Adds events without a change, and reads stored events."""

from datetime import datetime
from typing import Any

from models import Customer, Event
from models.rules.event_type import EventType
from models.storage.database import Database
from models.storage.row_insert import add_rows, new_row
from models.tables.event import Owner, new_event, owner_of
from models.tables.event_feed import number_events
from models.tables.numbering import number_rows


async def publish_enriched(customer_id: str, now: datetime, **payload: Any) -> None:
    """Add the event of a lookup's end in the current transaction."""
    customer = await Customer.get(id=customer_id)
    kind = EventType.CUSTOMER_ENRICHED
    await add_rows([new_event(kind, customer_id, payload, now, owner_of(customer))])


async def publish_text(text: str, subject_id: str, now: datetime) -> None:
    """Add an event of a type that no catalogue has, in the current transaction."""
    await add_rows([new_row(Event, type=text, subject_id=subject_id, at=now)])


async def publish_about(subject_id: str, now: datetime, owner: Owner) -> None:
    """Add an event about a subject, in the current transaction."""
    await add_rows([new_event(EventType.CONTACT_CREATED, subject_id, {}, now, owner)])


async def events_of(subject_id: str) -> list[tuple[str, dict[str, Any]]]:
    """Return type and payload of the events about a subject, in the order of their insertion."""
    rows = await Event.filter(subject_id=subject_id).order_by("id")
    return [(row.type, row.payload) for row in rows]


async def number_all(database: Database) -> None:
    """Assign numbers to all committed events."""
    await number_rows(database, "event", number=number_events)
