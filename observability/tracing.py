"""Traces by OpenTelemetry: spans of requests, SQL statements, jobs and calls to other services.

The module is imported only if traces are on, since it imports OpenTelemetry's SDK. Spans have
names, ids, codes, counts and times, but no variable and no parameter of a statement.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, StatusCode, get_current_span, use_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from models.jobs.job import TRACEPARENT, Claim
from models.jobs.job_attempt import AttemptReport
from models.storage.current_trace import current_trace
from observability.outcomes import ABORTED, FAULT, OK, USER_ERROR, by_codes, by_status
from observability.routes import GRAPHQL, route_of
from observability.version import version
from schema.base.request_notes import RequestNotes

if TYPE_CHECKING:
    import aiohttp
    from yarl import URL

MAX_STATEMENTS = 500
"""The maximum number of spans of statements in one request or job, such as a long import."""

MAX_TEXT = 2_000
"""The maximum number of characters of a statement."""

UNTRACED = frozenset({"/healthz", "/readyz", "/metrics"})
"""Paths that probes ask for every few seconds."""

OWN = "customer_classes."
"""The prefix of attributes that OpenTelemetry has no name for."""

_LITERAL = re.compile(r"'(?:[^']|'')*'|(?<![\w$.])\d+(?:\.\d+)?\b")
"""Matches texts and numbers in a statement, but not a placeholder such as `$1`."""

_W3C = TraceContextTextMapPropagator()

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
App = Callable[[Any, Receive, Send], Awaitable[None]]
"""An ASGI application."""


class _Running:
    """A running span, which statements and new jobs are added to."""

    def __init__(self, tracing: "Tracing", span: Span) -> None:
        self._tracing = tracing
        self._span = span
        self._left = MAX_STATEMENTS

    @property
    def traceparent(self) -> str:
        return _headers_of(self._span)[TRACEPARENT]

    def statement(self, text: str, seconds: float) -> None:
        if self._left > 0 and self._span.is_recording():
            self._left -= 1
            self._tracing.add_statement(text, seconds)


class Tracing:
    """Makes the spans of a process, which go to `processor`."""

    def __init__(self, processor: SpanProcessor) -> None:
        self._provider = TracerProvider(resource=_resource(), shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("customer-classes", version())

    @classmethod
    def exporting(cls) -> "Tracing":
        """Return traces that are exported by OTLP, as the variables OTEL_… say."""
        return cls(BatchSpanProcessor(OTLPSpanExporter()))

    async def close(self) -> None:
        """Export the last spans; if the collector does not answer, they are lost."""
        await asyncio.to_thread(self._provider.shutdown)

    def traced(self, app: App) -> App:
        """Return an ASGI app that opens a span for each HTTP request to `app`."""

        async def answer(scope: Any, receive: Receive, send: Send) -> None:
            if scope["type"] != "http" or scope["path"] in UNTRACED:
                await app(scope, receive, send)
                return
            sent = {name.decode("latin-1"): one.decode("latin-1") for name, one in scope["headers"]}
            with self._request(scope["method"], sent):
                await app(scope, receive, send)

        return answer

    def operation(self, traceparent: str | None) -> AbstractContextManager[object]:
        """Open a span for an operation of a WebSocket, which may be part of a client's trace."""
        return self._request("WebSocket", {} if traceparent is None else {TRACEPARENT: traceparent})

    def note_request(
        self, notes: RequestNotes, request_id: str, method: str, path: str, *, is_complete: bool
    ) -> None:
        """Describe the span of an HTTP request that ended."""
        span = get_current_span()
        outcome = by_status(notes.status) if is_complete else ABORTED
        span.update_name(f"{method} {route_of(path)}")
        span.set_attributes(
            {
                "http.request.method": method,
                "http.route": route_of(path),
                "http.response.status_code": notes.status,
            }
        )
        self._describe(span, notes, request_id, outcome)

    def note_operation(self, notes: RequestNotes, request_id: str, ended: str) -> None:
        """Describe the span of an operation of a WebSocket; `ended` is as in the request log."""
        span = get_current_span()
        span.update_name(f"WebSocket {GRAPHQL}")
        span.set_attribute(f"{OWN}ended", ended)
        self._describe(span, notes, request_id, FAULT if ended == "failed" else OK)

    @contextmanager
    def attempt(self, job: Claim) -> Iterator[None]:
        """Open a span for an attempt of a job, within the trace of the request that waits for it.

        Bulk jobs and jobs of timers have traces of their own.
        """
        payload: object = job.payload
        sent = payload.get(TRACEPARENT) if isinstance(payload, dict) else None
        parent = _W3C.extract({TRACEPARENT: str(sent)}, Context())
        with self._running(f"job {job.kind}", SpanKind.CONSUMER, parent) as span:
            span.set_attributes(
                {
                    f"{OWN}job.id": job.id,
                    f"{OWN}job.kind": job.kind,
                    f"{OWN}job.attempt": job.attempts,
                    f"{OWN}job.wait_s": round(job.waited_s, 3),
                    f"{OWN}request_id": job.request_id or "",
                }
            )
            yield

    def note_attempt(self, report: AttemptReport) -> None:
        """Describe the span of an attempt that ended."""
        span = get_current_span()
        ended = report.event.removeprefix("job_")
        span.set_attribute(f"{OWN}outcome", ended)
        for name, value in (("job.outcome", report.outcome), ("job.reason", report.reason)):
            if value is not None:
                span.set_attribute(OWN + name, value)
        if ended in {"given_up", "not_recorded"}:
            span.set_status(StatusCode.ERROR)

    def add_statement(self, text: str, seconds: float) -> None:
        """Add a span of a statement that has ended just now."""
        shown = without_values(text)
        name = shown.split(maxsplit=1)[0].upper() if shown else "SQL"
        ended = time.time_ns()
        span = self._tracer.start_span(
            name,
            kind=SpanKind.CLIENT,
            attributes={"db.query.text": shown},
            start_time=ended - int(seconds * 1e9),
        )
        span.end(ended)

    def calls(self, name_of: "Callable[[URL], str]") -> "aiohttp.TraceConfig":
        """Return what opens a span for each request of an HTTP session, and sends `traceparent`.

        A span ends with the head of the answer. `name_of` names an endpoint, since URLs may have
        secrets.
        """
        import aiohttp  # noqa: PLC0415  # an API alone calls nobody

        async def started(
            _: Any, context: SimpleNamespace, given: aiohttp.TraceRequestStartParams
        ) -> None:
            called = name_of(given.url)
            context.span = self._tracer.start_span(
                f"{given.method} {called}",
                kind=SpanKind.CLIENT,
                attributes={
                    "http.request.method": given.method,
                    "server.address": given.url.host or "",
                    f"{OWN}endpoint": called,
                },
            )
            given.headers.update(_headers_of(context.span))

        async def answered(
            _: Any, context: SimpleNamespace, given: aiohttp.TraceRequestEndParams
        ) -> None:
            status = given.response.status
            context.span.set_attribute("http.response.status_code", status)
            if by_status(status) != OK:
                context.span.set_status(StatusCode.ERROR)
            context.span.end()

        async def failed(
            _: Any, context: SimpleNamespace, given: aiohttp.TraceRequestExceptionParams
        ) -> None:
            context.span.set_attribute("error.type", type(given.exception).__name__)
            context.span.set_status(StatusCode.ERROR)
            context.span.end()

        config = aiohttp.TraceConfig()
        config.on_request_start.append(started)
        config.on_request_end.append(answered)
        config.on_request_exception.append(failed)
        return config

    def _request(self, name: str, sent: Mapping[str, str]) -> AbstractContextManager[Span]:
        return self._running(name, SpanKind.SERVER, _W3C.extract(sent, Context()))

    @contextmanager
    def _running(self, name: str, kind: SpanKind, parent: Context) -> Iterator[Span]:
        span = self._tracer.start_span(name, parent, kind)
        token = current_trace.set(_Running(self, span))
        try:
            # Messages of exceptions may have personal data, so these are not recorded.
            with use_span(span, record_exception=False, set_status_on_exception=False):
                yield span
        except Exception as error:
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(StatusCode.ERROR)
            raise
        finally:
            current_trace.reset(token)
            span.end()

    def _describe(self, span: Span, notes: RequestNotes, request_id: str, outcome: str) -> None:
        if notes.codes:
            outcome = by_codes(notes.codes)
            span.set_attribute(f"{OWN}error_codes", notes.codes)
        elif notes.user_errors and outcome == OK:
            outcome = USER_ERROR
        span.set_attributes(
            {
                f"{OWN}request_id": request_id,
                f"{OWN}outcome": outcome,
                f"{OWN}statements": notes.statements,
                f"{OWN}wait_ms": round(notes.wait_s * 1000, 1),
            }
        )
        if notes.operation is not None:
            name, kind, _ = notes.operation.label
            span.update_name(kind if name is None else f"{kind} {name}")
            span.set_attribute("graphql.operation.type", kind)
            if name is not None:
                span.set_attribute("graphql.operation.name", name)
        if outcome == FAULT:
            span.set_status(StatusCode.ERROR)


@lru_cache(maxsize=1_000)
def without_values(text: str) -> str:
    """Return a statement with `?` in place of each text and number that is spelt out in it."""
    return _LITERAL.sub("?", text).strip()[:MAX_TEXT]


def _headers_of(span: Span) -> dict[str, str]:
    """Return the W3C headers that name a span."""
    context = span.get_span_context()
    flags = f"{context.trace_flags:02x}"
    return {TRACEPARENT: f"00-{context.trace_id:032x}-{context.span_id:016x}-{flags}"}


def _resource() -> Resource:
    """Return the attributes of this process by the environment, with a default for its name."""
    found = Resource.create({"service.version": version()})
    if str(found.attributes[SERVICE_NAME]).startswith("unknown_service"):
        return found.merge(Resource({SERVICE_NAME: "customer-classes"}))
    return found
