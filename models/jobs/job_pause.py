"""Pauses kinds of jobs: no worker starts a job of a paused kind, and running jobs end as usual."""

from collections.abc import Mapping
from datetime import datetime

from tortoise import fields
from tortoise.models import Model

from models.jobs.job import JOBS
from models.jobs.kinds import WEBHOOK
from models.storage.database import wake
from models.storage.locks import lock_name
from models.tables.webhook import WEBHOOKS


class JobPause(Model):
    """A kind of jobs of which workers start none until an operator resumes it."""

    id = fields.BigIntField(primary_key=True)
    kind = fields.CharField(max_length=40, unique=True)
    paused_at = fields.DatetimeField()

    class Meta:
        table = "job_pause"


async def pause(kind: str, now: datetime) -> bool:
    """Pause a kind of jobs in the current transaction; return False if it was paused already."""
    await _lock_pauses()
    if await JobPause.filter(kind=kind).exists():
        return False
    await JobPause.create(kind=kind, paused_at=now)
    return True


async def resume(kind: str) -> bool:
    """Resume a kind of jobs, and wake workers after the commit; return False if it ran already."""
    await _lock_pauses()
    if not await JobPause.filter(kind=kind).delete():
        return False
    await wake(WEBHOOKS if kind == WEBHOOK else JOBS)
    return True


async def is_paused(kind: str) -> bool:
    return await JobPause.filter(kind=kind).exists()


async def paused_kinds() -> Mapping[str, datetime]:
    """Return since when each paused kind of jobs is paused, by kind."""
    return {one.kind: one.paused_at for one in await JobPause.all().order_by("kind")}


async def _lock_pauses() -> None:
    # Two operators may pause a kind at the same time, when there is no row to lock yet.
    await lock_name("pauses of jobs")
