"""Spending: the cost of one request in points, and the charges to the caller's account."""

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
"""Points that every request costs, even if it is refused."""


class Spending:
    """The cost of a request, and the account that is charged for it, if there is a budget.

    The account is charged in steps: for the size of the body and of a new document before they are
    read, and for the requested points before the operation runs. `settle` then charges or refunds
    the difference from the actual cost.
    """

    __slots__ = (
        "account",
        "adjusted",
        "budget",
        "fixed",
        "is_settled",
        "least",
        "left",
        "now",
        "paid",
        "requested",
        "row_counter",
        "size",
    )

    def __init__(self, budget: CostBudget | None = None, account: Account | None = None) -> None:
        self.budget = budget
        self.account = account
        self.requested = self.fixed = self.size = self.paid = 0
        self.adjusted = 0
        """The points charged, or refunded if negative, after the operation ran."""
        self.least = 0
        """The minimum charge in points: BASE once work was done for the request."""
        self.is_settled = False
        self.left: tuple[int, int] | None = None
        """The remaining points, and the seconds until the whole budget is available.

        None until the answer was made. It is stored, so that headers and answer say the same.
        """
        self.row_counter = RowCounter()
        self.now = 0
        """The time of the latest access to the budget, in microseconds since 1970."""

    @property
    def actual(self) -> int:
        """The points of the operation so far: the fixed ones, and those of the rows read."""
        return self.fixed + self.row_counter.read

    @property
    def charged(self) -> int:
        """The points that the request was charged so far."""
        return self.paid + self.adjusted

    def as_extension(self) -> dict[str, Any]:
        """Return the value of `extensions.cost` in the answer."""
        budget, account = self.budget, self.account
        cost: dict[str, Any] = {"requested": self.requested, "actual": self.actual}
        if budget is None or account is None:
            return cost
        self.left = budget.state(account, self.now)
        return cost | {
            "remaining": self.left[0],
            "limit": budget.allowance.points,
            "resetAt": account.reset_at(self.now),
        }

    def raw_headers(self) -> list[tuple[bytes, bytes]]:
        """Return HTTP headers: `graphql-cost`, and those of the IETF draft on rate limits."""
        cost = b"requested=%d, actual=%d" % (self.requested, self.actual)
        if self.size:
            cost += b", size=%d" % self.size
        headers = [(b"graphql-cost", cost)]
        budget, account = self.budget, self.account
        if budget is not None and account is not None:
            left, seconds = self.left or budget.state(account, self.now)
            headers += (budget.policy, (b"ratelimit", b'"cost";r=%d;t=%d' % (left, seconds)))
        return headers

    async def charge_for_size(self, points: int, clock: Callable[[], datetime]) -> None:
        """Charge points for reading a body or a document.

        Raises RequestRefused (RATE_LIMITED), and charges nothing, if the budget does not suffice.
        """
        size, self.size = self.size, self.size + points
        try:
            await self.charge_up_to(max(self.size, BASE), clock)
        except RequestRefused:
            self.size = size
            raise

    def charge_held(self, points: int) -> bool:
        """Charge as many points as are missing until the request has paid `points` in total.

        Uses only points that this process holds; returns false, and charges nothing, if these do
        not suffice.
        """
        budget, account = self.budget, self.account
        if budget is None or account is None:
            return True
        # A request that costs more than the whole budget is charged the rest by `settle`.
        missing = min(points, budget.allowance.points) - self.paid
        if missing > 0:
            if not budget.spend_held(account, missing, self.now):
                return False
            self.paid += missing
        return True

    async def charge_up_to(self, points: int, clock: Callable[[], datetime]) -> None:
        """Charge as many points as are missing until the request has paid `points` in total.

        If this process does not hold enough points, it takes more from the budget that all
        processes share. Raises RequestRefused (RATE_LIMITED), and charges nothing, if that does not
        suffice.
        """
        budget, account = self.budget, self.account
        if self.charge_held(points) or budget is None or account is None:
            return
        missing = min(points, budget.allowance.points) - self.paid
        self.now = microseconds(clock())  # the request may have waited for a slot
        try:
            await budget.spend(account, missing, self.now)
        except RequestRefused:
            self.least = 0
            raise
        self.paid += missing

    def settle(self, *, has_run: bool = False) -> None:
        """Charge or refund the difference between the actual cost and what was paid.

        `has_run` tells whether the operation was executed. Further calls do nothing.
        """
        if self.is_settled:
            return
        self.is_settled = True
        owed = self.size + self.actual if has_run else max(self.size, self.least)
        self.charge(owed - self.paid)

    def charge(self, points: int) -> None:
        """Charge points without checking that enough are left; negative points are a refund."""
        self.adjusted += points
        if self.budget is not None and self.account is not None:
            self.budget.charge(self.account, points)

    @property
    def has_surplus(self) -> bool:
        """Whether this process holds so many points of the budget that it must return some."""
        budget, account = self.budget, self.account
        return budget is not None and account is not None and account.held > budget.most_held

    async def return_surplus(self, clock: Callable[[], datetime]) -> None:
        """Return surplus points to the budget that all processes share.

        A failure is only logged, because the result of the operation must still be sent.
        """
        budget, account = self.budget, self.account
        if budget is not None and account is not None and account.held > budget.most_held:
            self.now = microseconds(clock())
            try:
                await budget.return_surplus(account, self.now)
            except Exception as error:  # the operation has ended already
                log.warning("points_not_given_back", error=type(error).__name__)
