"""Signs of life of the workers, so that readiness can tell whether one is at work."""

from datetime import datetime, timedelta

from tortoise import fields
from tortoise.models import Model


class Heartbeat(Model):
    """When a worker process was last seen."""

    worker = fields.CharField(max_length=80, primary_key=True)
    seen_at = fields.DatetimeField(db_index=True)

    class Meta:
        table = "heartbeat"


MAX_SILENCE = timedelta(seconds=30)


async def is_any_alive(now: datetime) -> bool:
    """Return whether any worker has shown a sign of life lately; one from the future is none."""
    return await Heartbeat.filter(
        seen_at__gt=now - MAX_SILENCE, seen_at__lt=now + MAX_SILENCE
    ).exists()


async def beat(worker: str, now: datetime) -> None:
    """Note that the worker is alive."""
    if not await Heartbeat.filter(worker=worker).update(seen_at=now):
        await Heartbeat.create(worker=worker, seen_at=now)
