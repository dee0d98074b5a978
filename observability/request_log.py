"""Logs each request and each WebSocket operation, with less work than structlog would need."""

import logging
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from models.tables.access import Principal
from models.tables.api_usage import UsageTally
from observability import logs
from observability.metrics_requests import RequestMetrics
from observability.outcomes import FAILED, LIMITED
from schema.base.request_notes import RequestNotes

if TYPE_CHECKING:
    from observability.tracing import Tracing

REQUESTS = logging.getLogger("requests")
OF_TOKENS = "tok_"
"""Prefix of the ids of access tokens; other credentials are tokens of the identity provider."""


class RequestLog:
    """Writes log lines of requests, WebSockets and their operations.

    A request or operation that takes `slow_operation_s` seconds or more is also logged as a
    warning; with 0, none is. Whatever is logged, those of signed-in callers are counted in `tally`,
    and all in `metrics` and `tracing`.
    """

    def __init__(
        self,
        slow_operation_s: float = 0,
        tally: UsageTally | None = None,
        metrics: RequestMetrics | None = None,
        tracing: "Tracing | None" = None,
    ) -> None:
        self._slow_ms = slow_operation_s * 1000 or float("inf")
        self._tally = tally
        self._metrics = metrics
        self._tracing = tracing

    def running(self, traceparent: str | None) -> AbstractContextManager[object]:
        """Return the context in which an operation on a WebSocket runs until it is logged."""
        return nullcontext() if self._tracing is None else self._tracing.operation(traceparent)

    def request(
        self,
        notes: RequestNotes,
        request_id: str,
        method: str,
        path: str,
        ms: float,
        *,
        is_complete: bool = True,
    ) -> None:
        """Log an HTTP request, or the opening of a WebSocket; `ms` is the time taken, in ms."""
        if self._tally is not None and notes.principal is not None:
            count_call(self._tally, notes, notes.principal)
        if self._metrics is not None:
            self._metrics.request(notes, path, ms, is_complete=is_complete)
        if self._tracing is not None:
            self._tracing.note_request(notes, request_id, method, path, is_complete=is_complete)
        is_slow = ms >= self._slow_ms and notes.status != SWITCHED
        if not (is_slow or REQUESTS.isEnabledFor(logging.INFO)):
            return
        line: dict[str, Any] = {
            "timestamp": "",
            "level": "info",
            "event": "request",
            "request_id": request_id,
            "method": method,
            "path": path,
            "status": notes.status,
            "ms": round(ms, 1),
            "bytes": notes.bytes,
        }
        if not is_complete:
            line["is_complete"] = False
        self._write(line, notes, is_slow=is_slow)

    def operation(self, notes: RequestNotes, request_id: str, ms: float, ended: str) -> None:
        """Log that an operation on a WebSocket ended; `ended` says how, `ms` after how long.

        A subscription never counts as slow.
        """
        if self._tally is not None and notes.principal is not None:
            count_call(self._tally, notes, notes.principal)
        if self._metrics is not None:
            self._metrics.operation(notes, ms, ended)
        if self._tracing is not None:
            self._tracing.note_operation(notes, request_id, ended)
        is_stream = notes.operation is not None and notes.operation.label.type == "subscription"
        is_slow = ms >= self._slow_ms and not is_stream
        if not (is_slow or REQUESTS.isEnabledFor(logging.INFO)):
            return
        line: dict[str, Any] = {
            "timestamp": "",
            "level": "info",
            "event": "operation",
            "request_id": request_id,
            "ended": ended,
            "events": notes.events,
            "ms": round(ms, 1),
            "bytes": notes.bytes,
        }
        self._write(line, notes, is_slow=is_slow)

    def socket(self, event: str, notes: RequestNotes, request_id: str, **more: Any) -> None:
        """Log an event of a WebSocket, such as its end, with the fields of `more` that are set."""
        if REQUESTS.isEnabledFor(logging.INFO):
            line = {"timestamp": "", "level": "info", "event": event, "request_id": request_id}
            line |= {name: value for name, value in more.items() if value is not None}
            self._write(line, notes, is_slow=False)

    def _write(self, line: dict[str, Any], notes: RequestNotes, *, is_slow: bool) -> None:
        line["timestamp"] = datetime.now(UTC).isoformat(timespec="microseconds")[:-6] + "Z"
        _add_notes(line, notes)
        if REQUESTS.isEnabledFor(logging.INFO):
            logs.write_line(line)
        if is_slow:
            logs.write_line(line | {"level": "warning", "event": "slow_operation"})


def count_call(tally: UsageTally, notes: RequestNotes, principal: Principal) -> None:
    """Count a request or operation that has ended."""
    now, operation = tally.clock(), notes.operation
    name, kind = (None, "") if operation is None else operation.label[:2]
    counts = tally.counts(now, principal, name, kind)
    counts.calls += 1
    if notes.spending is not None:
        counts.points += notes.spending.charged
    counts.user_errors += notes.user_errors
    codes = notes.codes
    if codes:
        if not FAILED.issuperset(codes):
            counts.refusals += 1
        if not LIMITED.isdisjoint(codes):
            counts.limit_hits += 1
            counts.last_limited_at = now


SWITCHED = 101
"""The HTTP status of a request that became a WebSocket."""


def _add_notes(line: dict[str, Any], notes: RequestNotes) -> None:
    if notes.client:
        line["client"] = notes.client
    if notes.principal is not None:
        _add_caller(line, notes.principal)
        line["wait_ms"] = round(notes.wait_s * 1000, 1)
        line["database_ms"] = round(notes.database_s * 1000, 1)
        line["statements"] = notes.statements
    if notes.operation is not None:
        name, line["operation_type"], line["document"] = notes.operation.label
        if name is not None:
            line["operation"] = name
    if notes.spending is not None:
        line["cost_requested"] = notes.spending.requested
        line["cost_actual"] = notes.spending.actual
    if notes.codes:
        line["error_codes"] = notes.codes
    if notes.user_errors:
        line["user_errors"] = notes.user_errors


def _add_caller(line: dict[str, Any], principal: Principal) -> None:
    if principal.id.startswith(OF_TOKENS):
        line["token_id"] = principal.id
    if principal.user_id is not None:
        line["user_id"] = principal.user_id
    if principal.reseller_id is not None:
        line["reseller_id"] = principal.reseller_id
