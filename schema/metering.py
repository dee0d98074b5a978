"""What every operation goes through: its cost is worked out, paid for, counted and told."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from types import TracebackType
from typing import Any, NamedTuple

from graphql import DocumentNode, FragmentDefinitionNode, GraphQLSchema, OperationDefinitionNode
from strawberry.types.execution import ExecutionContext
from strawberry.types.graphql import OperationType

from models.point_budget import microseconds
from models.tally import Tally, begin
from schema.context import Context
from schema.cost import Cost
from schema.cost_budget import Account, CostBudget
from schema.cost_compiler import cost_of
from schema.deadlines import Deadline, Deadlines
from schema.errors import ErrorCode, RequestRefused
from schema.limits import Limits, refuse_too_many_values
from schema.request_notes import note_spending

ASKED = "asked"
"""The attribute of a document that holds what is known of its operations, by the name asked for."""


BASE = 1
"""Points of an operation whose variables are refused, so that nothing of it ran."""


class Asked(NamedTuple):
    """What is known of an operation before it is executed."""

    kind: OperationType
    cost: Cost


class Spending:
    """What an operation costs, and whose budget pays for it, if there is a budget."""

    __slots__ = (
        "account",
        "budget",
        "fixed",
        "now",
        "requested",
        "retry_after",
        "tally",
    )

    def __init__(self, requested: int, fixed: int) -> None:
        self.requested = requested
        self.fixed = fixed
        self.tally = Tally()
        self.budget: CostBudget | None = None
        self.account: Account | None = None
        self.now = 0
        """When the operation came, and later when its turn did, in microseconds."""
        self.retry_after: int | None = None
        """In how many seconds there is enough again, if there was not."""

    @property
    def actual(self) -> int:
        """Give what it has cost so far."""
        return self.fixed + self.tally.read

    def told(self) -> dict[str, Any]:
        """Say it to the caller."""
        budget, account = self.budget, self.account
        if budget is None or account is None:
            return {"requested": self.requested, "actual": self.actual}
        return {
            "requested": self.requested,
            "actual": self.actual,
            "remaining": budget.state(account, self.now)[0],
            "limit": budget.allowance.points,
            "resetAt": account.reset_at(self.now),
        }

    def raw_headers(self) -> list[tuple[bytes, bytes]]:
        """Say it in headers: in one of ours, and in those of the IETF's draft on rate limits."""
        said = b"requested=%d, actual=%d" % (self.requested, self.actual)
        headers = [(b"graphql-cost", said)]
        budget, account = self.budget, self.account
        if budget is not None and account is not None:
            left, seconds = budget.state(account, self.now)
            headers += (budget.policy, (b"ratelimit", b'"cost";r=%d;t=%d' % (left, seconds)))
        if self.retry_after is not None:
            headers.append((b"retry-after", b"%d" % self.retry_after))
        return headers

    def pay_held(self) -> bool:
        """Pay from what this process holds if that is enough, and tell whether it was."""
        if self.budget is None or self.account is None:
            return True
        return self.budget.spend_held(self.account, self.requested, self.now)

    async def pay(self) -> None:
        """Pay from the budget that all processes share, or raise RATE_LIMITED."""
        assert self.budget is not None  # noqa: S101  # all is paid without one
        assert self.account is not None  # noqa: S101  # see above
        try:
            await self.budget.spend(self.account, self.requested, self.now)
        except RequestRefused as refused:
            self.retry_after = (refused.extensions or {})["retryAfter"]
            raise

    async def give_back(self, clock: Callable[[], datetime]) -> None:
        """Let all processes have what this one holds too much of, if it does."""
        budget, account = self.budget, self.account
        if budget is not None and account is not None and account.held > budget.most_held:
            self.now = microseconds(clock())
            await budget.give_back(account, self.now)

    def charge(self, points: int) -> None:
        """Pay more than was asked for, or have something given back."""
        if self.budget is not None and self.account is not None:
            self.budget.charge(self.account, points)


class Meter:
    """Lets operations be paid for, from the budgets and within the limits of one application."""

    def __init__(self, schema: GraphQLSchema, limits: Limits, budget: CostBudget | None) -> None:
        self.limits = limits
        self._schema = schema
        self._budget = budget
        self._deadlines = Deadlines(limits.query_timeout_s)

    def work_out(self, operation: ExecutionContext, asked: Asked) -> Spending:
        """Give what an operation costs, and who is to pay; raises what it is refused for."""
        context: Context = operation.context
        variables = operation.variables
        if variables:
            refuse_too_many_values(variables, self.limits)
        requested, fixed = asked.cost.of(variables or {})
        spending = context.spending = Spending(requested, fixed)
        note_spending(spending)
        if requested > self.limits.max_cost:
            raise RequestRefused(
                ErrorCode.QUERY_TOO_COSTLY,
                f"A request may cost {self.limits.max_cost:,} points; this one costs"
                f" {requested:,}. Ask for smaller pages.",
                limit=self.limits.max_cost,
                actual=requested,
            )
        budget, principal = self._budget, context.principal
        if budget is not None and principal is not None:
            spending.budget = budget
            spending.account = budget.account(principal)
            spending.now = microseconds(context.clock())
        return spending

    def asked(self, operation: ExecutionContext) -> Asked:
        """Say what is asked for, looked up once for each name."""
        document = operation.graphql_document
        assert document is not None  # noqa: S101  # it was prepared
        known: dict[str | None, Asked] = vars(document).setdefault(ASKED, {})
        name = operation._provided_operation_name
        asked = known.get(name)
        if asked is None:
            node, fragments = _definitions(document, operation.operation_name)
            cost = cost_of(self._schema, node, fragments).whole
            asked = known[name] = Asked(operation.operation_type, cost)
        return asked

    def deadline(self, kind: OperationType) -> Deadline | None:
        """Give a query its time. A mutation has none.

        Its unit of work would go on all the same, and nobody would be told how it ended.
        """
        if kind is not OperationType.QUERY or not self.limits.query_timeout_s:
            return None
        return self._deadlines.begin()


class Metering:
    """What an operation is executed within: refused, or paid for, given its turn and its time."""

    __slots__ = ("_deadline", "_meter", "_operation", "_spending", "_turn")

    def __init__(self, meter: Meter, operation: ExecutionContext) -> None:
        self._meter = meter
        self._operation = operation
        self._spending: Spending
        self._turn: AbstractAsyncContextManager[None]
        self._deadline: Deadline | None = None

    async def __aenter__(self) -> Spending:
        meter, operation = self._meter, self._operation
        asked = meter.asked(operation)
        spending = self._spending = meter.work_out(operation, asked)
        self._turn = operation.context.turn(writes=asked.kind is OperationType.MUTATION)
        await self._turn.__aenter__()
        # Only now, so that those who wait keep nothing from others.
        if not spending.pay_held():
            try:
                spending.now = microseconds(operation.context.clock())  # it may have waited
                await spending.pay()
            except BaseException as error:
                await self._turn.__aexit__(type(error), error, error.__traceback__)
                raise
        self._deadline = meter.deadline(asked.kind)
        begin(spending.tally)
        return spending

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        spending = self._spending
        spending.charge(spending.actual - spending.requested)
        try:
            if self._deadline is not None:
                self._deadline.end(error)
        except TimeoutError:
            limit = self._meter.limits.query_timeout_s
            raise RequestRefused(
                ErrorCode.TIMEOUT,
                f"A query may take {limit:g} s; this one was stopped. Ask for less at once.",
                limit=limit,
            ) from None
        finally:
            await self._turn.__aexit__(kind, error, traceback)
            await spending.give_back(self._operation.context.clock)


def _definitions(
    document: DocumentNode, name: str | None
) -> tuple[OperationDefinitionNode, dict[str, FragmentDefinitionNode]]:
    """Give the operation of a name, and all fragments."""
    operation = next(
        one
        for one in document.definitions
        if isinstance(one, OperationDefinitionNode)
        and (one.name.value if one.name else None) == name
    )
    fragments = {
        one.name.value: one
        for one in document.definitions
        if isinstance(one, FragmentDefinitionNode)
    }
    return operation, fragments
