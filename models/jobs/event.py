"""Events: rows about what happened, which subscriptions read."""

from datetime import datetime
from typing import Any

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from models.storage.database import wake
from models.storage.identifiers import ID_LENGTH

EVENTS = "events"
"""The notification topic that `publish` wakes after the commit."""


class Event(Model):
    """Something that happened to a subject. Ids rise in the order of insertion.

    For one subject, ids also rise in the order of commits, because `publish` requires the lock of
    the subject's row. Across subjects they do not; see `models/tables/numbering.py`.
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
    """Return the id to pass to `events_after`, so that it returns a subject's new events of a kind.

    With `since`, events at or after that instant are new. Without it, or if there are none, the
    result is the id of the newest event, or 0 if the subject has no events of the kind.
    """
    events = Event.filter(subject_id=subject_id, kind=kind)
    if since is not None:
        first = await events.filter(at__gte=since).order_by("id").first()
        if first is not None:
            return int(first.id) - 1
    newest = await events.order_by("-id").first()
    return 0 if newest is None else int(newest.id)


async def events_after(subject_id: str, kind: str, event_id: int) -> list[Event]:
    """Return a subject's events of a kind with ids above `event_id`, ordered by id."""
    return await Event.filter(subject_id=subject_id, kind=kind, id__gt=event_id).order_by("id")
