"""Events: rows about what happened, which subscriptions read."""

from datetime import datetime
from typing import Any

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from models.storage.database import wake
from models.storage.identifiers import ID_LENGTH

EVENTS = "events"
"""The topic that is woken after an event was published."""


class Event(Model):
    """Something that happened to a subject. Ids rise in the order of insertion.

    For one subject that is also the order of commits, because publishing requires the lock of its
    row. Over several subjects it is not; see `models/tables/numbering.py`.
    """

    id = fields.BigIntField(primary_key=True)
    kind = fields.CharField(max_length=60)
    subject_id = fields.CharField(max_length=ID_LENGTH)
    payload: dict[str, Any] = fields.JSONField(default=dict)
    at = fields.DatetimeField()

    class Meta:
        table = "event"
        indexes = (Index(fields=("subject_id", "kind", "id")),)


async def publish(kind: str, subject_id: str, payload: dict[str, Any], now: datetime) -> None:
    """Add an event in the current transaction, and wake subscribers after the commit.

    The caller must hold the lock of the subject's row.
    """
    await Event.create(kind=kind, subject_id=subject_id, payload=payload, at=now)
    await wake(EVENTS)


async def last_event_id(subject_id: str, kind: str, since: datetime | None = None) -> int:
    """Return the id after which a subject's events are news; 0 for all of them.

    With `since`, the id before the first event of that instant or later; without it, the id of the
    newest event.
    """
    events = Event.filter(subject_id=subject_id, kind=kind)
    if since is not None:
        first = await events.filter(at__gte=since).order_by("id").first()
        if first is not None:
            return int(first.id) - 1
    newest = await events.order_by("-id").first()
    return 0 if newest is None else int(newest.id)


async def events_after(subject_id: str, kind: str, event_id: int) -> list[Event]:
    """Return the events of a subject with higher ids."""
    return await Event.filter(subject_id=subject_id, kind=kind, id__gt=event_id).order_by("id")
