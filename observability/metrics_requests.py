"""Counts requests and GraphQL operations as they end: it listens to the request log.

No label contains text of a client. The name of an operation, for instance, is the client's own, so
operations are told apart by their type and root field only.
"""

from bisect import bisect_left

from models.storage.statement_time import StatementTime
from observability.metrics import (
    OTHER,
    Counter,
    Family,
    Histogram,
    counter,
    families_of,
    histogram,
    summary,
)
from observability.outcomes import (
    ABORTED,
    FAULT,
    OK,
    REFUSED,
    REFUSED_FROM,
    USER_ERROR,
    by_codes,
    by_status,
)
from observability.routes import GRAPHQL, route_of
from schema.base.errors import ErrorCode
from schema.base.request_notes import RequestNotes
from schema.engine.known_operations import KnownOperation

LATENCIES_S = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
LATENCIES_MS = tuple(bound * 1000 for bound in LATENCIES_S)
WAITS_S = (0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

OPERATIONS = counter(
    "operations",
    "GraphQL operations that ended, over HTTP and WebSockets. Outcomes: `ok`, `user_error` (only"
    " `userErrors`), `refused`, `limited` (429, `RATE_LIMITED`), `failed` (a fault of the service)"
    " and `aborted` (the client left).",
    *("type", "field", "outcome", "caller"),
)
OPERATION_SECONDS = histogram(
    "operation_duration_seconds",
    "Time until the last part of the answer was ready; without subscriptions.",
    *("type", "field"),
)
OPERATION_WAIT_SECONDS = histogram(
    "operation_wait_seconds", "Time that operations of signed-in callers waited for slots.", "type"
)
OPERATION_ERRORS = counter(
    "operation_errors", "Operations with an error of this code in the answer.", "code"
)
COST_REQUESTED = counter(
    "cost_requested_points", "Points that operations could have cost at most.", "type", "caller"
)
COST_ACTUAL = counter("cost_actual_points", "Points that operations did cost.", "type", "caller")
SUBSCRIPTION_EVENTS = counter(
    "subscription_events", "Messages with data that subscriptions sent until they ended."
)
HTTP_REQUESTS = counter(
    "http_requests",
    "HTTP requests that ended; 101 is a WebSocket that was opened.",
    *("route", "status"),
)
HTTP_SECONDS = histogram(
    "http_request_duration_seconds", "Time until the last part of an answer was ready.", "route"
)
STATEMENT_SECONDS = summary(
    "database_statement_seconds",
    "Time of SQL statements: of requests that have ended, and of jobs and other background work.",
    "work",
)
DEFINITIONS = (
    OPERATIONS,
    OPERATION_SECONDS,
    OPERATION_WAIT_SECONDS,
    OPERATION_ERRORS,
    COST_REQUESTED,
    COST_ACTUAL,
    SUBSCRIPTION_EVENTS,
    HTTP_REQUESTS,
    HTTP_SECONDS,
    STATEMENT_SECONDS,
)

ANONYMOUS = "anonymous"
NONE, SEVERAL = "none", "several"
"""Labels for operations that are unknown, and for those with several different root fields."""

SUBSCRIPTION = "subscription"
SWITCHED = 101

CODES = frozenset(code.value for code in ErrorCode)


class _Operations:
    """The operations of one type, root field, outcome and kind of caller.

    A request then finds one object by its labels, instead of a value of each metric.
    """

    __slots__ = ("actual", "ms", "requested", "sizes", "wait_s", "waits")

    def __init__(self) -> None:
        self.sizes = [0] * (len(LATENCIES_S) + 1)
        self.ms = 0.0
        self.waits = [0] * (len(WAITS_S) + 1)
        self.wait_s = 0.0
        self.requested = self.actual = 0


class _Requests:
    """The HTTP requests to one route that were answered with one status."""

    __slots__ = ("ms", "sizes")

    def __init__(self) -> None:
        self.sizes = [0] * (len(LATENCIES_S) + 1)
        self.ms = 0.0


class RequestMetrics:
    """What the request log tells, counted.

    `root_fields` are the names of the schema's root fields.
    """

    def __init__(self, root_fields: frozenset[str]) -> None:
        self._root_fields = root_fields
        self._operations: dict[tuple[str, str, str, str], _Operations] = {}
        self._requests: dict[tuple[str, int], _Requests] = {}
        self._errors = Counter(OPERATION_ERRORS, ((code,) for code in CODES))
        self._events = Counter(SUBSCRIPTION_EVENTS)
        self._statements = 0
        self._statements_s = 0.0

    def request(self, notes: RequestNotes, path: str, ms: float, *, is_complete: bool) -> None:
        """Count an HTTP request that ended after `ms` milliseconds."""
        status = notes.status
        is_graphql = path == GRAPHQL
        labels = (GRAPHQL if is_graphql else route_of(path), status)
        counted = self._requests.get(labels)
        if counted is None:
            counted = self._requests[labels] = _Requests()
        size = bisect_left(LATENCIES_MS, ms)
        counted.sizes[size] += 1
        counted.ms += ms
        self._statements += notes.statements
        self._statements_s += notes.database_s
        if is_graphql and status != SWITCHED:
            codes = notes.codes
            if codes or status >= REFUSED_FROM or not is_complete:
                if codes or notes.operation is not None or status >= REFUSED_FROM:
                    outcome = by_status(status) if is_complete else ABORTED
                    self._count(notes, size, ms, outcome)
            elif notes.operation is not None:
                self._count(notes, size, ms, OK)

    def operation(self, notes: RequestNotes, ms: float, ended: str) -> None:
        """Count an operation of a WebSocket; `ended` says how, as in the request log."""
        self._statements += notes.statements
        self._statements_s += notes.database_s
        is_stream = notes.operation is not None and notes.operation.label.type == SUBSCRIPTION
        if is_stream:
            self._events.add((), notes.events)
        ways = {"failed": FAULT, "refused": REFUSED}
        if not is_stream:  # the end of a subscription is the client's choice
            ways |= {"cancelled": ABORTED, "closed": ABORTED}
        self._count(notes, bisect_left(LATENCIES_MS, ms), ms, ways.get(ended, OK))

    def families(self, background: StatementTime) -> list[Family]:
        """Return what was counted; `background` has the statements outside of requests."""
        operations = Counter(OPERATIONS)
        costs = Counter(COST_REQUESTED), Counter(COST_ACTUAL)
        durations = Histogram(OPERATION_SECONDS, LATENCIES_S)
        waits = Histogram(OPERATION_WAIT_SECONDS, WAITS_S)
        for (kind, field, outcome, caller), one in self._operations.items():
            operations.add((kind, field, outcome, caller), sum(one.sizes))
            costs[0].add((kind, caller), one.requested)
            costs[1].add((kind, caller), one.actual)
            if kind != SUBSCRIPTION:
                durations.merge((kind, field), one.sizes, one.ms / 1000)
            if caller != ANONYMOUS:
                waits.merge((kind,), one.waits, one.wait_s)
        http, http_durations = Counter(HTTP_REQUESTS), Histogram(HTTP_SECONDS, LATENCIES_S)
        for (route, status), counted in self._requests.items():
            http.add((route, status), sum(counted.sizes))
            if status != SWITCHED:
                http_durations.merge((route,), counted.sizes, counted.ms / 1000)
        instruments = (operations, durations, waits, *costs, http, http_durations)
        statements = (
            (("request",), (self._statements, self._statements_s)),
            (("background",), (background.statements, background.database_s)),
        )
        return [
            *families_of((*instruments, self._errors, self._events)),
            Family(STATEMENT_SECONDS, rows=statements),
        ]

    def _count(self, notes: RequestNotes, size: int, ms: float, outcome: str) -> None:
        known, principal = notes.operation, notes.principal
        kind, field = (NONE, NONE) if known is None else self._place_of(known)
        if principal is None:
            caller = ANONYMOUS
        else:
            caller = "platform" if principal.reseller_id is None else "partner"
        if notes.codes:
            outcome = self._by_codes(notes.codes)
        elif notes.user_errors and outcome == OK:
            outcome = USER_ERROR
        labels = (kind, field, outcome, caller)
        counted = self._operations.get(labels)
        if counted is None:
            counted = self._operations[labels] = _Operations()
        counted.sizes[size] += 1
        counted.ms += ms
        wait = notes.wait_s
        counted.waits[bisect_left(WAITS_S, wait) if wait else 0] += 1
        counted.wait_s += wait
        spending = notes.spending
        if spending is not None:
            counted.requested += spending.requested
            counted.actual += spending.actual

    def _by_codes(self, codes: list[str]) -> str:
        for code in codes:
            self._errors.add((code if code in CODES else OTHER,))
        return by_codes(codes)

    def _place_of(self, known: KnownOperation) -> tuple[str, str]:
        kind, field = known.place
        if field is None:
            return kind, SEVERAL
        return kind, field if field in self._root_fields else OTHER
