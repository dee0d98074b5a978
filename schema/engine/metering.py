"""Computes the cost of each operation, charges it, and counts the rows that it reads."""

from types import TracebackType

from graphql import FragmentDefinitionNode, GraphQLSchema

from models.storage.point_budget import microseconds
from models.storage.row_counter import begin
from schema.base.context import Context
from schema.base.errors import ClientGone, ErrorCode, RequestRefused
from schema.base.request_notes import note_spending
from schema.engine.cost import Cost
from schema.engine.cost_budget import CostBudget
from schema.engine.cost_compiler import cost_of
from schema.engine.execution import Operation
from schema.engine.limits import Limits, refuse_too_many_values
from schema.engine.spending import Spending

BYTES_PER_POINT = 10_000
"""Bytes of a request body that cost one point: reading them takes as long as a small query."""

CHARACTERS_PER_POINT = 50
"""Characters of a new document that cost one point.

Parsing and validating them takes as long as a small query.
"""

FREE_CHARACTERS = 250
"""This number of characters of a new document costs nothing beyond the point of each request."""


def document_points(text: str) -> int:
    """Return the points for parsing and validating a new document."""
    return max(len(text) - FREE_CHARACTERS, 0) // CHARACTERS_PER_POINT


class Meter:
    """Computes the cost of operations, refuses those beyond `limits`, and starts their spending.

    A spending is the record of a request's cost and charges. Without a `budget`, nothing is
    charged.
    """

    def __init__(self, schema: GraphQLSchema, limits: Limits, budget: CostBudget | None) -> None:
        self.limits = limits
        self._schema = schema
        self._budget = budget

    def begin(self, context: Context) -> Spending:
        """Start the spending of a request: store it in the context and the notes, and return it."""
        budget, principal = self._budget, context.principal
        if budget is None or principal is None:
            spending = Spending()
        else:
            spending = Spending(budget, budget.account(principal))
            spending.now = microseconds(context.clock())
        context.spending = spending
        note_spending(spending)
        return spending

    def compute_cost(self, operation: Operation) -> Spending:
        """Compute the operation's cost, store it in the request's spending, and return that.

        Raises RequestRefused if the cost or the variables exceed a limit.
        """
        context: Context = operation.context
        variables = operation.variables
        if variables:
            refuse_too_many_values(variables, self.limits)
        spending = context.spending or self.begin(context)
        requested, fixed = self.cost(operation).of(variables or {})
        if requested > self.limits.max_cost:
            raise RequestRefused(
                ErrorCode.QUERY_TOO_COSTLY,
                f"A request may cost at most {self.limits.max_cost:,} points; this one costs"
                f" {requested:,}. Request smaller pages or fewer fields.",
                limit=self.limits.max_cost,
                actual=requested,
            )
        spending.requested, spending.fixed = requested, fixed
        return spending

    def cost(self, operation: Operation) -> Cost:
        """Return the cost of an operation as a formula of its variables, which is compiled once."""
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
"""A query of this number of characters or more probably takes long to answer.

Before such a query is executed, it is checked whether the client is still connected.
"""


class Metering:
    """The context manager in which an operation is executed.

    Entering computes the cost, waits for a slot, and charges the requested points; it raises
    RequestRefused if the operation must not run. Leaving refunds points that were not used, and
    ends the deadline.
    """

    __slots__ = ("_meter", "_operation", "_spending")

    def __init__(self, meter: Meter, operation: Operation) -> None:
        self._meter = meter
        self._operation = operation
        self._spending: Spending

    async def __aenter__(self) -> Spending:
        meter, operation = self._meter, self._operation
        context: Context = operation.context
        spending = self._spending = meter.compute_cost(operation)
        slot = context.slot
        if slot is not None:
            try:
                if operation.is_mutation:
                    await slot.enter_mutations()
                else:
                    await slot.enter_queries()
                    if len(operation.query or "") > LONG_QUERY:
                        await slot.check_client_connected()
            except (RequestRefused, ClientGone):
                spending.least = 0  # refused before any work was done, which costs nothing
                raise
        # Points are charged after the wait for a slot, so that waiting requests hold none.
        points = spending.size + spending.requested
        if not spending.charge_held(points):
            await spending.charge_up_to(points, context.clock)
        if slot is not None:
            slot.start_work()
        begin(spending.row_counter)
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
                await context.slot.end_deadline(kind, error, traceback)
        finally:
            if spending.has_surplus:
                await spending.return_surplus(context.clock)
