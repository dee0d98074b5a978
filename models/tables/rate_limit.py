"""The rate limit of an API key of Companies House, in a row that all processes share.

If Companies House refuses the key, the row also says that the key is blocked.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from tortoise import fields
from tortoise.exceptions import IntegrityError
from tortoise.models import Model

from models.rules.allowance import Allowance, Caller
from models.storage.point_budget import microseconds
from models.storage.sql import Sql, execute

__all__ = [
    "CallQuota",
    "RateLimit",
    "create_row",
    "microseconds",
    "repair",
    "reset_row",
    "take_call",
]


class RateLimit(Model):
    """The rate limit of an API key. `free_at` is the theoretical arrival time (GCRA) in µs."""

    key = fields.CharField(max_length=80, primary_key=True)
    free_at = fields.BigIntField(default=0)
    blocked_at = fields.DatetimeField(null=True)
    blocked_reason = fields.CharField(max_length=200, null=True)
    faults = fields.IntField(db_default=0)
    """Consecutive transient faults of Companies House, counted over all processes."""

    class Meta:
        table = "rate_limit"


@dataclass(frozen=True, slots=True)
class CallQuota:
    """A rate limit, against which register calls count: the key of its row, and the allowance."""

    key: str
    allowance: Allowance


_TAKE = """
UPDATE rate_limit SET free_at = CASE WHEN free_at > ? THEN free_at ELSE ? END + ?
WHERE key = ? AND blocked_at IS NULL AND free_at <= ?
RETURNING faults
"""


async def take_call(quota: CallQuota, caller: Caller, now: datetime) -> int | None:
    """Count one call against the rate limit; return how many faults in a row precede it.

    Returns None, and counts nothing, if the limit admits no call of this kind of caller now, the
    API key is blocked, or the row is missing.
    """
    now_us, allowance = microseconds(now), quota.allowance
    latest = now_us + allowance.ahead_us(caller)
    values = (now_us, now_us, allowance.interval_us, quota.key, latest)
    taken = await execute(Sql(_TAKE, values))
    return int(taken[0]["faults"]) if taken else None


async def create_row(key: str) -> None:
    """Add the row of a rate limit if it is missing."""
    if await RateLimit.exists(key=key):
        return
    # Not get_or_create: it opens a transaction, in which the caller could be cancelled.
    with suppress(IntegrityError):  # another process added the row first
        await RateLimit.create(key=key)


async def repair(quota: CallQuota, now: datetime) -> None:
    """Add a missing row, or correct a `free_at` that a wrong clock set too far ahead.

    The corrected row says that the whole burst is used up, so that no call comes too early.
    """
    await create_row(quota.key)
    too_far = microseconds(now) + quota.allowance.farthest_us
    far_ahead = RateLimit.filter(key=quota.key, free_at__gt=too_far)
    await far_ahead.update(free_at=_used_up(quota, now))


async def reset_row(quota: CallQuota, now: datetime) -> None:
    """Reset a rate limit as if all calls that may be made at once had just been made; clear faults.

    The next call is then allowed after the interval between calls.
    """
    await create_row(quota.key)
    await RateLimit.filter(key=quota.key).update(free_at=_used_up(quota, now), faults=0)


def _used_up(quota: CallQuota, now: datetime) -> int:
    allowance = quota.allowance
    return microseconds(now) + allowance.ahead_us(Caller.STARTED) + allowance.interval_us
