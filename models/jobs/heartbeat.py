"""Heartbeats of workers, by which readiness tells whether one is running."""

from datetime import datetime, timedelta

from tortoise import fields
from tortoise.models import Model


class Heartbeat(Model):
    """The last sign of life of a worker process."""

    worker = fields.CharField(max_length=80, primary_key=True)
    seen_at = fields.DatetimeField(db_index=True)

    class Meta:
        table = "heartbeat"


MAX_SILENCE = timedelta(seconds=30)


async def is_any_alive(now: datetime) -> bool:
    """Return whether any worker sent a heartbeat lately; those of the future do not count."""
    return await Heartbeat.filter(
        seen_at__gt=now - MAX_SILENCE, seen_at__lt=now + MAX_SILENCE
    ).exists()


async def beat(worker: str, now: datetime) -> None:
    """Store a heartbeat of the worker."""
    if not await Heartbeat.filter(worker=worker).update(seen_at=now):
        await Heartbeat.create(worker=worker, seen_at=now)
