"""Budgets of points: this process holds a portion of each user's or partner's budget in memory.

Points are the unit of an operation's cost. Each budget is a database row that all processes share;
see `models.storage.point_budget`. To avoid a write for each request, a process takes a portion of
the budget from the row, and spends it in memory. The row replenishes all points within a window,
including points that a process holds but has not spent. Therefore a caller may exceed the budget of
a window by what the processes still hold: at most MAX_PORTIONS portions each. If a request turns
out to cost less than was taken for it, and the process then holds more than that, it returns the
surplus to the row.
"""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice

from models.storage.point_budget import (
    IMPOSSIBLE_WINDOWS,
    PointAllowance,
    give_back_points,
    key_of,
    owe_points,
    take_points,
)
from models.tables.access import Principal
from schema.base.errors import RequestRefused, rate_limited

PORTION = 0.05
"""The fraction of a budget that a process takes from the row at a time (a portion)."""

MAX_PORTIONS = 1.5
"""The number of portions that a process may hold; if it has more, it returns all but one."""

MAX_ACCOUNTS = 10_000
MAX_LOOKED_AT = 100
"""When an account is to be dropped, one without a debt is sought among this number of old ones."""

SECOND_US = 1_000_000


@dataclass(slots=True)
class Account:
    """What this process knows about the budget of one user or partner.

    `held` is the number of points that the process has taken from the row and not spent; a negative
    number is a debt. Times are in microseconds since 1970.
    """

    key: str
    held: int = 0
    free_at: int = 0
    """When all spent points will be replenished, as last read from the row.

    Other processes may have changed the row since.
    """
    taken_at: int = 0
    looked_at: int = 0
    """When this process last requested points from the row.

    For a second after that, callers without points are refused without access to the database.
    """
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)
    _reset: tuple[int, str] = (0, "")

    def reset_at(self, now: int) -> str:
        """Return when the whole budget will be available if nothing more is spent.

        The time is ISO 8601 in UTC, rounded up to a second.
        """
        second = -(-max(self.free_at, now) // SECOND_US)
        if self._reset[0] != second:
            self._reset = (second, datetime.fromtimestamp(second, UTC).isoformat())
        return self._reset[1]


class CostBudget:
    """The budgets of the callers of this process.

    In all methods, `now` is in microseconds since 1970, as in the rows.
    """

    def __init__(self, allowance: PointAllowance) -> None:
        self.allowance = allowance
        self.portion = max(1, int(allowance.points * PORTION))
        self.most_held = int(self.portion * MAX_PORTIONS)
        said = f'"cost";q={allowance.points};w={allowance.window.total_seconds():g}'
        self.policy = (b"ratelimit-policy", said.encode())
        self._accounts: OrderedDict[str, Account] = OrderedDict()

    def account(self, principal: Principal) -> Account:
        """Return the account that is charged for the requests of a principal."""
        name = principal.quota_key
        account = self._accounts.get(name)
        if account is None:
            if len(self._accounts) >= MAX_ACCOUNTS:
                del self._accounts[self._least_needed()]
            account = self._accounts[name] = Account(key_of(name))
        else:
            self._accounts.move_to_end(name)
        return account

    def spend_held(self, account: Account, points: int, now: int) -> bool:
        """Spend points if this process holds enough of them; return whether it did."""
        if account.held < points or abs(now - account.taken_at) >= self.allowance.window_us:
            return False
        account.held -= points
        return True

    async def spend(self, account: Account, points: int, now: int) -> None:
        """Spend points, which are taken from the row if this process does not hold enough.

        Raises RequestRefused (RATE_LIMITED), and spends none, if the budget does not suffice.
        """
        async with account.asking:
            await self._fill(account, points, now)
            account.held -= points

    def charge(self, account: Account, points: int) -> None:
        """Spend points even if that makes a debt; a negative number of points is a refund."""
        account.held -= points

    async def return_surplus(self, account: Account, now: int) -> None:
        """Return to the shared row all points that this process holds beyond one portion."""
        async with account.asking:
            surplus = account.held - self.portion
            if surplus <= 0:
                return  # another task has returned them meanwhile
            account.held -= surplus
            # After a whole window, the row has replenished these points itself.
            if abs(now - account.taken_at) < self.allowance.window_us:
                account.free_at = await give_back_points(account.key, surplus, self.allowance, now)

    def state(self, account: Account, now: int) -> tuple[int, int]:
        """Return the remaining points, and the seconds until the whole budget is available.

        Both are estimates from what this process knows; others may have spent points since.
        """
        allowance = self.allowance
        used = self._ahead(account, now)
        if used <= 0:
            return min(max(account.held + allowance.points, 0), allowance.points), 0
        left = account.held + (allowance.window_us - used) * allowance.points // allowance.window_us
        return min(max(left, 0), allowance.points), -(-used // SECOND_US)

    def _least_needed(self) -> str:
        """Return the key of the account to drop from memory: if possible, one without a debt.

        If an account with a debt is dropped, the debt is lost.
        """
        names = islice(self._accounts, MAX_LOOKED_AT)
        without = (name for name in names if self._accounts[name].held >= 0)
        return next(without, next(iter(self._accounts)))

    async def _fill(self, account: Account, points: int, now: int) -> None:
        """Take points from the shared row until this process holds `points`.

        Raises RequestRefused (RATE_LIMITED) if the row has too few.
        """
        if abs(now - account.taken_at) >= self.allowance.window_us:
            account.held = min(account.held, 0)  # the row has replenished these points meanwhile
        if account.held < 0:  # record the debt in the row, for other processes too
            account.free_at = await owe_points(account.key, -account.held, self.allowance, now)
            account.held = 0
        missing = points - account.held
        if missing <= 0:
            return  # another task has taken them meanwhile
        for wanted in dict.fromkeys((max(missing, self.portion), missing)):
            is_known = abs(now - account.looked_at) < SECOND_US
            if is_known and self._wait_us(account, wanted, now) > 0:
                continue
            account.looked_at = now
            is_taken, account.free_at = await take_points(account.key, wanted, self.allowance, now)
            if is_taken:
                account.held += wanted
                account.taken_at = now
                return
        raise self._refusal(account, self._wait_us(account, missing, now), now)

    def _wait_us(self, account: Account, points: int, now: int) -> int:
        """Return the microseconds until the row has `points` again, by what this process knows."""
        ahead = max(self._ahead(account, now), 0) + self.allowance.time_us(points)
        return max(ahead - self.allowance.window_us, 0)

    def _ahead(self, account: Account, now: int) -> int:
        """Return the microseconds from `now` until all spent points are replenished.

        0 if that is impossibly long, because this computer's clock was set back.
        """
        ahead = account.free_at - now
        return ahead if ahead <= self.allowance.window_us * IMPOSSIBLE_WINDOWS else 0

    def _refusal(self, account: Account, wait_us: int, now: int) -> RequestRefused:
        seconds = max(1, -(-wait_us // SECOND_US))
        window = self.allowance.window.total_seconds()
        return rate_limited(
            f"You have spent the points that you may spend in {window:g} s"
            f" ({self.allowance.points:,}), so nothing was done. You will have enough points again"
            f" in {seconds} s.",
            seconds,
            self.allowance.points,
            remaining=self.state(account, now)[0],
            resetAt=account.reset_at(now),
        )


def budget_of(allowance: PointAllowance) -> CostBudget | None:
    """Return the budgets for an allowance; None if it has 0 points, which means no budgets."""
    return CostBudget(allowance) if allowance.points else None
