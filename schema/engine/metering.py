"""What every operation goes through: its cost is worked out, paid for, counted and told."""

from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import Any

import structlog
from graphql import FragmentDefinitionNode, GraphQLSchema

from models.storage.point_budget import microseconds
from models.storage.row_counter import RowCounter, begin
from schema.base.context import Context
from schema.base.errors import ClientGone, ErrorCode, RequestRefused
from schema.base.request_notes import note_spending
from schema.engine.cost import Cost
from schema.engine.cost_budget import Account, CostBudget
from schema.engine.cost_compiler import cost_of
from schema.engine.execution import Operation
from schema.engine.limits import Limits, refuse_too_many_values

log = structlog.get_logger(__name__)

BASE = 1
"""Points that any request costs, also one that is refused."""

BYTES_PER_POINT = 10_000
"""Of a body: reading and decoding so much takes as long as a small query."""

CHARACTERS_PER_POINT = 50
"""Of a document that is not known: parsing and validating it takes as long as a small query."""

FREE_CHARACTERS = 250
"""What the point of the operation itself pays for."""


def document_points(text: str) -> int:
    """Give what it costs to read a document that is not known."""
    return max(len(text) - FREE_CHARACTERS, 0) // CHARACTERS_PER_POINT


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


class Meter:
    """Lets operations be paid for, from the budgets and within the limits of one application."""

    def __init__(self, schema: GraphQLSchema, limits: Limits, budget: CostBudget | None) -> None:
        self.limits = limits
        self._schema = schema
        self._budget = budget

    def begin(self, context: Context) -> Spending:
        """Give the spending of a request, before anything is known of it."""
        budget, principal = self._budget, context.principal
        if budget is None or principal is None:
            spending = Spending()
        else:
            spending = Spending(budget, budget.account(principal))
            spending.now = microseconds(context.clock())
        context.spending = spending
        note_spending(spending)
        return spending

    def work_out(self, operation: Operation) -> Spending:
        """Give what an operation costs; raises what it is refused for."""
        context: Context = operation.context
        variables = operation.variables
        if variables:
            refuse_too_many_values(variables, self.limits)
        spending = context.spending or self.begin(context)
        requested, fixed = self.cost(operation).of(variables or {})
        if requested > self.limits.max_cost:
            raise RequestRefused(
                ErrorCode.QUERY_TOO_COSTLY,
                f"A request may cost {self.limits.max_cost:,} points; this one costs"
                f" {requested:,}. Ask for smaller pages.",
                limit=self.limits.max_cost,
                actual=requested,
            )
        spending.requested, spending.fixed = requested, fixed
        return spending

    def cost(self, operation: Operation) -> Cost:
        """Say what an operation costs, as a formula of its variables that is worked out once."""
        document, known = operation.graphql_document, operation.known
        assert document is not None and known is not None  # noqa: S101, PT018  # it was prepared
        if known.cost is None:
            fragments = {
                one.name.value: one
                for one in document.definitions
                if isinstance(one, FragmentDefinitionNode)
            }
            known.cost = cost_of(self._schema, known.node, fragments).whole
        return known.cost


LONG_QUERY = 1_000
"""Characters, as an introspection has; answering it takes long, whether anybody waits or not."""


class Metering:
    """What an operation is executed within: refused, or paid for and given its turn."""

    __slots__ = ("_meter", "_operation", "_spending")

    def __init__(self, meter: Meter, operation: Operation) -> None:
        self._meter = meter
        self._operation = operation
        self._spending: Spending

    async def __aenter__(self) -> Spending:
        meter, operation = self._meter, self._operation
        context: Context = operation.context
        spending = self._spending = meter.work_out(operation)
        slot = context.slot
        if slot is not None:
            try:
                if operation.is_mutation:
                    await slot.enter_mutations()
                else:
                    await slot.enter_queries()
                    if len(operation.query or "") > LONG_QUERY:
                        await slot.look_for_client()
            except (RequestRefused, ClientGone):
                spending.least = 0  # nothing was done
                raise
        # Only now, so that those who wait keep nothing from others.
        points = spending.size + spending.requested
        if not spending.pay_held(points):
            await spending.pay(points, context.clock)
        if slot is not None:
            slot.start_work()
        begin(spending.tally)
        return spending

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        context: Context = self._operation.context
        spending = self._spending
        spending.settle(has_run=True)
        try:
            if context.slot is not None:
                context.slot.end(error)
        finally:
            if spending.holds_too_much:
                await spending.give_back(context.clock)
