"""The request budget that all processes share: one row a key, and one update a call (GCRA)."""

import asyncio
import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from tortoise.exceptions import IntegrityError
from tortoise.expressions import F

from enrichment.errors import BudgetSpent
from models import RateLimit

HEADROOM = 0.05
"""Share of the allowance left unused: requests may bunch up on their way to the register."""

BURST = 0.1
"""Share of the rest that may go out at once."""

SEARCH_SHARE = 0.5
"""Share of what may go out at once that searches may use: whatever they do, lookups come first."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many requests Companies House allows in a window: 600 in 5 minutes by default (R90)."""

    limit: int = 600
    window: timedelta = timedelta(minutes=5)

    @property
    def usable(self) -> int:
        """Give the number of requests that we send at most in any window."""
        return max(1, int(self.limit * (1 - HEADROOM)))

    @property
    def burst(self) -> int:
        """Give the number of requests that may go out at once."""
        return max(1, int(self.usable * BURST))

    @property
    def interval_us(self) -> int:
        """Give the microseconds between requests once the burst is spent."""
        steady = max(1, self.usable - self.burst)
        return -(-self.window // timedelta(microseconds=1) // steady)

    @property
    def tolerance_us(self) -> int:
        """Give how far the theoretical arrival time may run ahead of the clock."""
        return self.interval_us * (self.burst - 1)

    @property
    def search_tolerance_us(self) -> int:
        """Give how far it may be ahead for a search: half the burst is kept for lookups."""
        return self.interval_us * (max(1, int(self.burst * SEARCH_SHARE)) - 1)


class KeyBlocked(BudgetSpent):
    """The register refused the key; nothing is sent until an operator has looked at it."""


class SharedBudget:
    """The budget of one API key, kept in the database so that every process keeps to it."""

    def __init__(
        self,
        api_key: str,
        clock: Callable[[], datetime],
        allowance: Allowance | None = None,
        *,
        patience: timedelta = timedelta(seconds=2),
        blocked_for: timedelta = timedelta(minutes=5),
    ) -> None:
        # A new key is a new budget, and no longer blocked.
        self.key = f"companies-house:{hashlib.sha256(api_key.encode()).hexdigest()[:16]}"
        self._clock = clock
        self._allowance = allowance or Allowance()
        self._patience = patience
        self._blocked_for = blocked_for

    async def acquire(self, *, is_search: bool = False) -> None:
        """Take one request, waiting a moment if need be; raise BudgetSpent if it takes longer.

        A search leaves lookups their share, and goes without when there is no more than that.
        """
        allowance = self._allowance
        tolerance_us = allowance.search_tolerance_us if is_search else allowance.tolerance_us
        patience = self._patience.total_seconds()
        while not await self._take(tolerance_us):
            row = await RateLimit.get_or_none(key=self.key)
            if row is None:
                await self._create()
                continue
            if row.blocked_at is not None:
                raise KeyBlocked(self._blocked_for.total_seconds())
            wait = max(row.free_at - tolerance_us - self._now_us(), 0) / 1_000_000
            if wait > patience:
                raise BudgetSpent(wait)
            patience -= wait  # others may be faster, again and again
            await asyncio.sleep(wait)

    async def hold_off(self, seconds: float) -> None:
        """Let nobody send anything for this many seconds."""
        free_at = self._now_us() + int(seconds * 1_000_000) + self._allowance.tolerance_us
        await self._create()
        await RateLimit.filter(key=self.key, free_at__lt=free_at).update(free_at=free_at)

    async def block(self, reason: str) -> None:
        """Stop all requests: the register refused our key or our address."""
        await self._create()
        await RateLimit.filter(key=self.key, blocked_at__isnull=True).update(
            blocked_at=self._clock(), blocked_reason=reason
        )

    async def blocked_reason(self) -> str | None:
        """Give why all requests are stopped, or nothing when they are not."""
        row = await RateLimit.get_or_none(key=self.key)
        return None if row is None or row.blocked_at is None else row.blocked_reason

    async def unblock(self) -> None:
        """Let requests go out again."""
        await RateLimit.filter(key=self.key).update(blocked_at=None, blocked_reason=None)

    async def _take(self, tolerance_us: int) -> bool:
        now, interval = self._now_us(), self._allowance.interval_us
        open_row = RateLimit.filter(key=self.key, blocked_at__isnull=True)
        if await open_row.filter(free_at__lte=now).update(free_at=now + interval):
            return True
        limit = now + tolerance_us
        return bool(
            await open_row.filter(free_at__gt=now, free_at__lte=limit).update(
                free_at=F("free_at") + interval
            )
        )

    async def _create(self) -> None:
        if await RateLimit.exists(key=self.key):
            return
        # A single statement: get_or_create opens a transaction, and callers may be cancelled.
        with suppress(IntegrityError):  # another process was first
            await RateLimit.create(key=self.key)

    def _now_us(self) -> int:
        return int(self._clock().timestamp() * 1_000_000)
