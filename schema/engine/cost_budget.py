"""Budgets of points: this process holds a portion of each user's or partner's budget in memory.

The budget is a row that all processes share; see `models.storage.point_budget`. Going to it for
each request would cost a write each, so a process takes a portion at a time, and spends that. What
is not spent comes back after a window, by itself. So in any window one may spend beyond the budget
what processes had left of theirs: a portion and a half each, at the most. What was taken for a
request and was not needed is given back to the row as soon as it is known, where it is more.
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
"""Share of the budget that a process takes at a time."""

MAX_PORTIONS = 1.5
"""Portions that a process may hold; beyond that, it returns all but one."""

MAX_ACCOUNTS = 10_000
MAX_LOOKED_AT = 100
"""Accounts that are searched for one without a debt, from the least recently used on."""

SECOND_US = 1_000_000


@dataclass(slots=True)
class Account:
    """What this process knows of a budget; negative points are a debt."""

    key: str
    held: int = 0
    free_at: int = 0
    """As the row had it, in microseconds; others may have moved it since."""
    taken_at: int = 0
    looked_at: int = 0
    """When the row was last asked; who has nothing left is refused from memory for a second."""
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)
    _reset: tuple[int, str] = (0, "")

    def reset_at(self, now: int) -> str:
        """Return when the whole budget is available again, if nothing is spent."""
        second = -(-max(self.free_at, now) // SECOND_US)
        if self._reset[0] != second:
            self._reset = (second, datetime.fromtimestamp(second, UTC).isoformat())
        return self._reset[1]


class CostBudget:
    """The budgets of all callers, as far as this process uses them.

    `now` is in microseconds, as rows have it.
    """

    def __init__(self, allowance: PointAllowance) -> None:
        self.allowance = allowance
        self.portion = max(1, int(allowance.points * PORTION))
        self.most_held = int(self.portion * MAX_PORTIONS)
        said = f'"cost";q={allowance.points};w={allowance.window.total_seconds():g}'
        self.policy = (b"ratelimit-policy", said.encode())
        self._accounts: OrderedDict[str, Account] = OrderedDict()

    def account(self, principal: Principal) -> Account:
        """Return the account that is charged for a principal."""
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
        """Spend points if this process holds enough; return whether it did."""
        if account.held < points or abs(now - account.taken_at) >= self.allowance.window_us:
            return False
        account.held -= points
        return True

    async def spend(self, account: Account, points: int, now: int) -> None:
        """Spend points; raises RATE_LIMITED and then spends none."""
        async with account.asking:
            await self._fill(account, points, now)
            account.held -= points

    def charge(self, account: Account, points: int) -> None:
        """Spend points without a check; negative points are a refund."""
        account.held -= points

    async def give_back(self, account: Account, now: int) -> None:
        """Return all held points but a portion to the shared row."""
        async with account.asking:
            surplus = account.held - self.portion
            if surplus <= 0:
                return  # somebody else of this process was here
            account.held -= surplus
            if abs(now - account.taken_at) < self.allowance.window_us:  # else the row has it back
                account.free_at = await give_back_points(account.key, surplus, self.allowance, now)

    def state(self, account: Account, now: int) -> tuple[int, int]:
        """Return the remaining points and the seconds until all are back, as far as known here."""
        allowance = self.allowance
        used = self._ahead(account, now)
        if used <= 0:
            return min(max(account.held + allowance.points, 0), allowance.points), 0
        left = account.held + (allowance.window_us - used) * allowance.points // allowance.window_us
        return min(max(left, 0), allowance.points), -(-used // SECOND_US)

    def _least_needed(self) -> str:
        """Return the account to forget: one without a debt if possible, or debts would be lost."""
        names = islice(self._accounts, MAX_LOOKED_AT)
        without = (name for name in names if self._accounts[name].held >= 0)
        return next(without, next(iter(self._accounts)))

    async def _fill(self, account: Account, points: int, now: int) -> None:
        """Take enough points from the shared row; raises RATE_LIMITED."""
        if abs(now - account.taken_at) >= self.allowance.window_us:
            account.held = min(account.held, 0)  # the row has had it back meanwhile
        if account.held < 0:  # others are to know of it, and it is to be worked off
            account.free_at = await owe_points(account.key, -account.held, self.allowance, now)
            account.held = 0
        missing = points - account.held
        if missing <= 0:
            return  # somebody else of this process was here
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
        """Return the microseconds until so many points are available, as far as known here."""
        ahead = max(self._ahead(account, now), 0) + self.allowance.time_us(points)
        return max(ahead - self.allowance.window_us, 0)

    def _ahead(self, account: Account, now: int) -> int:
        """Return how far the row was ahead; 0 if our clock was set back since."""
        ahead = account.free_at - now
        return ahead if ahead <= self.allowance.window_us * IMPOSSIBLE_WINDOWS else 0

    def _refusal(self, account: Account, wait_us: int, now: int) -> RequestRefused:
        seconds = max(1, -(-wait_us // SECOND_US))
        window = self.allowance.window.total_seconds()
        return rate_limited(
            f"The {self.allowance.points:,} points of {window:g} s are spent; nothing was done."
            f" There is enough again in {seconds} s.",
            seconds,
            self.allowance.points,
            remaining=self.state(account, now)[0],
            resetAt=account.reset_at(now),
        )


def budget_of(allowance: PointAllowance) -> CostBudget | None:
    """Return the budgets; None if they are turned off by an allowance of 0 points."""
    return CostBudget(allowance) if allowance.points else None
