"""Heartbeats of workers, by which the readiness check finds out whether a worker is running."""

from datetime import datetime, timedelta

from tortoise import fields
from tortoise.models import Model


class Heartbeat(Model):
    """The time at which a worker process last reported that it is alive."""

    worker = fields.CharField(max_length=80, primary_key=True)
    seen_at = fields.DatetimeField(db_index=True)

    class Meta:
        table = "heartbeat"


MAX_SILENCE = timedelta(seconds=30)
"""A worker whose newest heartbeat is older than this counts as stopped."""


async def is_any_alive(now: datetime) -> bool:
    """Return whether any worker stored a heartbeat within MAX_SILENCE before `now`.

    A heartbeat may lie up to MAX_SILENCE in the future, because clocks differ; later ones are
    ignored.
    """
    return await Heartbeat.filter(
        seen_at__gt=now - MAX_SILENCE, seen_at__lt=now + MAX_SILENCE
    ).exists()


async def beat(worker: str, now: datetime) -> None:
    """Store that the worker was alive at `now`."""
    if not await Heartbeat.filter(worker=worker).update(seen_at=now):
        await Heartbeat.create(worker=worker, seen_at=now)
