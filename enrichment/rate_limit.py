"""The request budget of an API key, in a database row that all processes share."""

import asyncio
import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta

from tortoise.queryset import QuerySet

from enrichment.errors import BudgetSpent
from models import RateLimit
from models.jobs.job import JOBS, Claim
from models.rules.allowance import Allowance, Caller
from models.storage.database import wake
from models.storage.sql import Sql, execute
from models.tables.rate_limit import (
    CallQuota,
    create_row,
    microseconds,
    repair,
    reset_row,
    take_call,
)

__all__ = ["Allowance", "KeyBlocked", "LookupBudget", "SharedBudget"]

FAULTS_IN_A_ROW = 5
"""Number of transient faults in a row, in all processes, after which all requests pause."""

FIRST_PAUSE_S, MAX_PAUSE_S = 5.0, 60.0

PATIENCE = {Caller.SEARCH: timedelta(seconds=2), Caller.STARTED: timedelta(seconds=5)}
"""How long searches and running lookups wait for the budget before BudgetSpent is raised."""


class KeyBlocked(BudgetSpent):
    """Companies House refused the API key; no request is sent until an operator resumes them."""


class SharedBudget:
    """The request budget of one API key, stored in the database for all processes."""

    def __init__(
        self,
        api_key: str,
        clock: Callable[[], datetime],
        allowance: Allowance | None = None,
        *,
        patience: timedelta | None = None,
        blocked_for: timedelta = timedelta(minutes=5),
    ) -> None:
        # The row depends on the API key, so a new key has a new budget that is not blocked.
        key = f"companies-house:{hashlib.sha256(api_key.encode()).hexdigest()[:16]}"
        self.quota = CallQuota(key, allowance or Allowance())
        self._clock = clock
        self._patience = patience
        self._blocked_for = blocked_for
        self._has_faults = False

    def for_lookup(self, job: Claim) -> "LookupBudget":
        """Return the budget of one lookup.

        If `job.is_paid`, its first request was already counted when the job was claimed.
        """
        return LookupBudget(self, is_paid=job.is_paid)

    async def acquire(self, *, is_search: bool = False) -> None:
        """Take one request from the budget, after a short wait if needed.

        Raises BudgetSpent if the wait would be longer than PATIENCE allows, and KeyBlocked if the
        API key is refused. Running lookups may use the whole burst; searches only a part of it.
        """
        caller = Caller.SEARCH if is_search else Caller.STARTED
        longest = PATIENCE[caller] if self._patience is None else self._patience
        patience = longest.total_seconds()
        while True:
            faults = await take_call(self.quota, caller, self._clock())
            if faults is not None:
                self._has_faults = self._has_faults or faults > 0
                return
            wait = await self._wait(caller)
            if wait > patience:
                raise BudgetSpent(wait)
            patience -= wait  # other callers may take each request that becomes available
            await asyncio.sleep(wait)

    async def hold_off(self, seconds: float) -> None:
        """Pause all requests for `seconds`; afterwards there is no burst at first."""
        allowance = self.quota.allowance
        held_us = int(seconds * 1_000_000) + allowance.ahead_us(Caller.STARTED)
        free_at = min(self._now_us() + held_us, self._now_us() + allowance.farthest_us)
        await create_row(self.quota.key)
        await self._row().filter(free_at__lt=free_at).update(free_at=free_at)

    async def note_fault(self) -> None:
        """Count a transient fault; after several in a row, pause all requests.

        With each further fault the pause is longer, up to MAX_PAUSE_S.
        """
        self._has_faults = True
        # Faults of requests that were sent before the pause are not counted.
        latest = self._now_us() + self.quota.allowance.ahead_us(Caller.STARTED)
        counted = await execute(
            Sql(
                "UPDATE rate_limit SET faults = faults + 1 WHERE key = ? AND free_at <= ?"
                " RETURNING faults",
                (self.quota.key, latest + self.quota.allowance.interval_us),
            )
        )
        beyond = counted[0]["faults"] - FAULTS_IN_A_ROW if counted else -1
        if beyond >= 0:
            await self.hold_off(min(FIRST_PAUSE_S * 2.0 ** min(beyond, 10), MAX_PAUSE_S))

    async def note_success(self) -> None:
        """Reset the count of faults in a row."""
        if self._has_faults:
            self._has_faults = False
            await self._row().filter(faults__gt=0).update(faults=0)

    async def block(self, reason: str) -> None:
        """Stop all requests, since Companies House refused the API key or our address."""
        await create_row(self.quota.key)
        await (
            self._row()
            .filter(blocked_at__isnull=True)
            .update(blocked_at=self._clock(), blocked_reason=reason)
        )

    async def blocked_reason(self) -> str | None:
        """Return the code of the fault for which `block` stopped all requests; None if none did."""
        row = await self._row().first()
        return None if row is None or row.blocked_at is None else row.blocked_reason

    async def unblock(self) -> None:
        """Allow requests again after `block`."""
        await self._row().update(blocked_at=None, blocked_reason=None)
        await wake(JOBS)

    async def reset(self) -> None:
        """End a pause, without a burst at first, and reset the count of faults in a row.

        If Companies House refused the API key, it stays blocked.
        """
        await reset_row(self.quota, self._clock())
        await wake(JOBS)

    async def _wait(self, caller: Caller) -> float:
        """Return the seconds until the budget allows a request; raises KeyBlocked."""
        row = await self._row().first()
        if row is not None and row.blocked_at is not None:
            raise KeyBlocked(self._blocked_for.total_seconds())
        allowance = self.quota.allowance
        if row is None or row.free_at > self._now_us() + allowance.farthest_us:
            await repair(self.quota, self._clock())
            return 0.0
        wait_us: int = row.free_at - allowance.ahead_us(caller) - self._now_us()
        return max(wait_us, 0) / 1_000_000

    def _row(self) -> QuerySet[RateLimit]:
        return RateLimit.filter(key=self.quota.key)

    def _now_us(self) -> int:
        return microseconds(self._clock())


class LookupBudget:
    """The budget from which one lookup takes its requests."""

    def __init__(self, budget: SharedBudget, *, is_paid: bool) -> None:
        self._budget = budget
        self._is_paid = is_paid

    async def acquire(self, *, is_search: bool = False) -> None:
        """Take one request from the shared budget, unless the claim of the job took it already."""
        if self._is_paid:
            self._is_paid = False
            return
        await self._budget.acquire(is_search=is_search)

    async def hold_off(self, seconds: float) -> None:
        await self._budget.hold_off(seconds)

    async def note_fault(self) -> None:
        await self._budget.note_fault()

    async def note_success(self) -> None:
        """Reset the count of faults in a row."""
        await self._budget.note_success()
