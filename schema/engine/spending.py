"""What one request costs, and the budget that pays for it."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import structlog

from models.storage.point_budget import microseconds
from models.storage.row_counter import RowCounter
from schema.base.errors import RequestRefused
from schema.engine.cost_budget import Account, CostBudget

log = structlog.get_logger(__name__)

BASE = 1
"""Points that any request costs, also one that is refused."""


class Spending:
    """What a request costs, and whose budget pays for it, if there is a budget.

    It is paid as it goes: for the size of the body and of a new document before these are read,
    and for the operation before it runs. `settle` pays the difference to what it did cost.
    """

    __slots__ = (
        "account",
        "budget",
        "fixed",
        "is_settled",
        "least",
        "left",
        "now",
        "paid",
        "requested",
        "size",
        "tally",
    )

    def __init__(self, budget: CostBudget | None = None, account: Account | None = None) -> None:
        self.budget = budget
        self.account = account
        self.requested = self.fixed = self.size = self.paid = 0
        self.least = 0
        """What is paid even if nothing else is: a point, once there was work."""
        self.is_settled = False
        self.left: tuple[int, int] | None = None
        """The points that are left, and the seconds until all are, as they were told."""
        self.tally = RowCounter()
        self.now = 0
        """When the request came, and later when its turn did, in microseconds."""

    @property
    def actual(self) -> int:
        """Give what the operation has cost so far."""
        return self.fixed + self.tally.read

    def told(self) -> dict[str, Any]:
        """Give the cost as `extensions.cost`."""
        budget, account = self.budget, self.account
        told: dict[str, Any] = {"requested": self.requested, "actual": self.actual}
        if budget is None or account is None:
            return told
        self.left = budget.state(account, self.now)
        return told | {
            "remaining": self.left[0],
            "limit": budget.allowance.points,
            "resetAt": account.reset_at(self.now),
        }

    def raw_headers(self) -> list[tuple[bytes, bytes]]:
        """Give the cost as headers: one of ours, and those of the IETF's draft on rate limits."""
        cost = b"requested=%d, actual=%d" % (self.requested, self.actual)
        if self.size:
            cost += b", size=%d" % self.size
        headers = [(b"graphql-cost", cost)]
        budget, account = self.budget, self.account
        if budget is not None and account is not None:
            left, seconds = self.left or budget.state(account, self.now)
            headers += (budget.policy, (b"ratelimit", b'"cost";r=%d;t=%d' % (left, seconds)))
        return headers

    async def pay_for_size(self, points: int, clock: Callable[[], datetime]) -> None:
        """Pay for reading something of that size, or raise RATE_LIMITED."""
        size, self.size = self.size, self.size + points
        try:
            await self.pay(max(self.size, BASE), clock)
        except RequestRefused:
            self.size = size
            raise

    def pay_held(self, points: int) -> bool:
        """Pay up to so many points in all, if this process holds enough, and tell whether so."""
        budget, account = self.budget, self.account
        if budget is None or account is None:
            return True
        # What is left for a request of more than the whole budget is paid when it settles.
        missing = min(points, budget.allowance.points) - self.paid
        if missing > 0:
            if not budget.spend_held(account, missing, self.now):
                return False
            self.paid += missing
        return True

    async def pay(self, points: int, clock: Callable[[], datetime]) -> None:
        """Pay up to so many points in all, or raise RATE_LIMITED and pay none.

        What this process holds is used first; else they come from the budget of all processes.
        """
        budget, account = self.budget, self.account
        if self.pay_held(points) or budget is None or account is None:
            return
        missing = min(points, budget.allowance.points) - self.paid
        self.now = microseconds(clock())  # it may have waited
        try:
            await budget.spend(account, missing, self.now)
        except RequestRefused:
            self.least = 0
            raise
        self.paid += missing

    def settle(self, *, has_run: bool = False) -> None:
        """Pay what is still owed, or get back what was paid too much; only the first time."""
        if self.is_settled:
            return
        self.is_settled = True
        owed = self.size + self.actual if has_run else max(self.size, self.least)
        self.charge(owed - self.paid)

    def charge(self, points: int) -> None:
        """Pay more, without asking whether there is enough."""
        if self.budget is not None and self.account is not None:
            self.budget.charge(self.account, points)

    @property
    def holds_too_much(self) -> bool:
        """Tell whether this process holds more than its portion of the account."""
        budget, account = self.budget, self.account
        return budget is not None and account is not None and account.held > budget.most_held

    async def give_back(self, clock: Callable[[], datetime]) -> None:
        """Let all processes have what this one holds too much of, if it does.

        A failure is only logged: it must not take the place of a result, as of a stored change.
        """
        budget, account = self.budget, self.account
        if budget is not None and account is not None and account.held > budget.most_held:
            self.now = microseconds(clock())
            try:
                await budget.give_back(account, self.now)
            except Exception as error:  # whatever the database says, the operation has ended
                log.warning("points_not_given_back", error=type(error).__name__)
