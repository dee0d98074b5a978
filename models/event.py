"""Events: rows that say what happened, read by subscriptions. The row is the truth."""

from datetime import datetime
from typing import Any

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from models.database import wake
from models.identifiers import ID_LENGTH

EVENTS = "events"
"""The topic that is woken when an event was published."""


class Event(Model):
    """Something that happened to a subject. Ids rise in the order of writing."""

    id = fields.BigIntField(primary_key=True)
    kind = fields.CharField(max_length=60)
    subject_id = fields.CharField(max_length=ID_LENGTH)
    payload: dict[str, Any] = fields.JSONField(default=dict)
    at = fields.DatetimeField()

    class Meta:
        table = "event"
        indexes = (Index(fields=("subject_id", "kind", "id")),)


async def publish(kind: str, subject_id: str, payload: dict[str, Any], now: datetime) -> None:
    """Add an event in the current transaction, and wake who waits once it has committed."""
    await Event.create(kind=kind, subject_id=subject_id, payload=payload, at=now)
    await wake(EVENTS)


async def last_event_id(subject_id: str, kind: str, before: datetime | None = None) -> int:
    """Give the id of a subject's newest event, or of the newest before an instant; 0 for none."""
    events = Event.filter(subject_id=subject_id, kind=kind)
    if before is not None:
        events = events.filter(at__lt=before)
    newest = await events.order_by("-id").first()
    return 0 if newest is None else newest.id


async def events_after(subject_id: str, kind: str, event_id: int) -> list[Event]:
    """Give the events of a subject that came after the one of that id."""
    return await Event.filter(subject_id=subject_id, kind=kind, id__gt=event_id).order_by("id")
