"""Traces of the running application, over real sockets, beside what clients and others got."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from enrichment.exchange import new_session
from models import Job
from models.rules.urgency import Urgency
from models.storage.current_trace import current_trace
from observability.tracing import MAX_STATEMENTS, Tracing, without_values
from tests.clock import Clock
from tests.databases import Databases
from tests.graphql_client import (
    ENOUGH_S,
    NOWHERE,
    Api,
    LiveApi,
    connected,
    running_api,
    running_live_api,
    serving,
)
from tests.webhook_receiver import receiving
from tests.webhook_world import add_endpoint

pytestmark = pytest.mark.storage

TRACE_ID, SPAN_ID = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE_ID}-{SPAN_ID}-01"
SECRET = "Secret Society"
SAVE = """mutation SaveIt($n: String!, $code: String) {
  saveCustomer(input: { name: $n, classCode: "COMPANY_UK_LIMITED", companyNumber: $code }) {
    customer { id } userErrors { code } } }"""


class Spans(InMemorySpanExporter):
    """The spans that have ended so far."""

    def named(self, name: str) -> list[ReadableSpan]:
        return [one for one in self.get_finished_spans() if one.name == name]

    async def wait_for(self, name: str) -> ReadableSpan:
        """Wait until a span with a name has ended, and return it."""
        async with asyncio.timeout(ENOUGH_S):
            while not (found := self.named(name)):  # noqa: ASYNC110  # there is no signal for it
                await asyncio.sleep(0.01)
        return found[0]

    def children(self, parent: ReadableSpan) -> list[ReadableSpan]:
        own = context_of(parent).span_id
        return [
            one for one in self.get_finished_spans() if one.parent and one.parent.span_id == own
        ]

    @property
    def everything(self) -> str:
        """All that was exported, as one text."""
        return "".join(one.to_json() for one in self.get_finished_spans())


def context_of(span: ReadableSpan) -> Any:
    assert span.context is not None
    return span.context


def trace_of(span: ReadableSpan) -> str:
    return f"{context_of(span).trace_id:032x}"


def name_of(span: ReadableSpan) -> str:
    return f"00-{trace_of(span)}-{context_of(span).span_id:016x}-{context_of(span).trace_flags:02x}"


def facts(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Spans:
    found = Spans()
    monkeypatch.setattr("app.tracing_of", lambda _: Tracing(SimpleSpanProcessor(found)))
    return found


@pytest.fixture
async def api(databases: Databases, clock: Clock, spans: Spans) -> AsyncIterator[Api]:  # noqa: ARG001  # spans replace the exporter
    async with running_api(databases, clock) as started:
        yield started


@pytest.fixture
async def live(databases: Databases, clock: Clock, spans: Spans) -> AsyncIterator[LiveApi]:  # noqa: ARG001  # see above
    async with running_live_api(databases, clock) as started:
        yield started


async def post(
    address: str, api: Api, document: str, variables: dict[str, Any], **headers: str
) -> None:
    sent = {"Authorization": f"Bearer {api.token}", **headers}
    body = {"query": document, "variables": variables}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"http://{address}/graphql", json=body, headers=sent) as response,
    ):
        assert response.status == 200
        assert "errors" not in await response.json()


async def test_a_request_its_statements_its_job_and_its_calls_are_one_trace(
    live: LiveApi, spans: Spans
) -> None:
    async with serving(live.app) as address:
        given = {"n": SECRET, "code": "90000001"}
        headers = {"traceparent": TRACEPARENT, "X-Request-Id": "ours"}
        await post(address, live, SAVE, given, **headers)
        job = await spans.wait_for("job enrich")
    (request,) = spans.named("mutation SaveIt")
    assert trace_of(request) == TRACE_ID
    assert request.parent is not None
    assert f"{request.parent.span_id:016x}" == SPAN_ID
    assert request.kind is SpanKind.SERVER
    told = facts(request)
    assert told.pop("customer_classes.statements") > 5
    assert told.pop("customer_classes.wait_ms") >= 0
    assert told == {
        "http.request.method": "POST",
        "http.route": "/graphql",
        "http.response.status_code": 200,
        "graphql.operation.type": "mutation",
        "graphql.operation.name": "SaveIt",
        "customer_classes.request_id": "ours",
        "customer_classes.outcome": "ok",
    }
    assert {one.name for one in spans.children(request)} >= {"INSERT", "COMMIT"}
    assert job.parent is not None
    assert job.parent.span_id == context_of(request).span_id
    assert trace_of(job) == TRACE_ID
    assert facts(job)["customer_classes.request_id"] == "ours"
    assert facts(job)["customer_classes.outcome"] == "done"
    assert facts(job)["customer_classes.job.outcome"] == "SUCCEEDED"
    calls = [one for one in spans.children(job) if one.name.startswith("GET ")]
    assert "GET company_profile" in {one.name for one in calls}
    assert {facts(one)["server.address"] for one in calls} == {"127.0.0.1"}
    assert {facts(one)["http.response.status_code"] for one in calls} <= {200, 302}
    assert {one.name for one in spans.children(job)} >= {"SELECT", "UPDATE"}


async def test_no_span_has_a_value(live: LiveApi, spans: Spans) -> None:
    async with serving(live.app) as address:
        await post(address, live, SAVE, {"n": SECRET, "code": "90000001"})
        await spans.wait_for("job enrich")
        document = f'{{ customers(filter: {{ text: "{SECRET}" }}, first: 7) {{ nodes {{ id }} }} }}'
        await post(address, live, document, {})
    assert spans.named("query")
    assert "INSERT INTO" in spans.everything
    for value in (SECRET, SECRET.lower(), "90000001", "COMPANY_UK_LIMITED", live.token):
        assert value not in spans.everything


def test_texts_and_numbers_in_a_statement_are_left_out() -> None:
    text = "SELECT a.b1 FROM t2 AS a WHERE c = 'it''s' AND d = $1 AND e > -2.5 LIMIT 10"
    shown = "SELECT a.b1 FROM t2 AS a WHERE c = ? AND d = $1 AND e > -? LIMIT ?"
    assert without_values(text) == shown


async def test_an_operation_of_a_websocket_belongs_to_the_trace_of_its_connection(
    api: Api, spans: Spans
) -> None:
    async with serving(api.app) as address, connected(address) as socket:
        payload = {"Authorization": f"Bearer {api.token}", "traceparent": TRACEPARENT}
        await socket.send(type="connection_init", payload=payload)
        assert await socket.receive() == {"type": "connection_ack"}
        await socket.ask("query Who { viewer { name } }")
        await socket.subscribe("query Bad { nonsense }")
        assert (await socket.receive())["type"] == "error"
        await spans.wait_for("query Bad")
    (found,) = spans.named("query Who")
    (refused,) = spans.named("query Bad")
    for span in (found, refused):
        assert trace_of(span) == TRACE_ID
        assert span.parent is not None
        assert f"{span.parent.span_id:016x}" == SPAN_ID
    assert facts(found)["customer_classes.outcome"] == "ok"
    assert facts(refused)["customer_classes.outcome"] == "refused"
    assert "Tess Tester" not in spans.everything


async def test_the_header_of_the_upgrade_serves_if_the_first_message_names_no_trace(
    api: Api, spans: Spans
) -> None:
    async with (
        serving(api.app) as address,
        connected(address, traceparent=TRACEPARENT) as socket,
    ):
        await socket.sign_in(api.token)
        await socket.ask("query Who { viewer { name } }")
        assert trace_of(await spans.wait_for("query Who")) == TRACE_ID


@pytest.mark.parametrize("sent", ["nonsense", "", TRACEPARENT.replace("00-", "ff-", 1), 7, None])
async def test_a_trace_that_cannot_be_read_begins_a_new_one(
    api: Api, spans: Spans, sent: object
) -> None:
    async with serving(api.app) as address, connected(address) as socket:
        payload = {"Authorization": f"Bearer {api.token}", "traceparent": sent}
        await socket.send(type="connection_init", payload=payload)
        assert await socket.receive() == {"type": "connection_ack"}
        await socket.ask("query Who { viewer { name } }")
        assert (await spans.wait_for("query Who")).parent is None


@pytest.mark.parametrize(
    ("document", "variables", "outcome", "status"),
    [
        ("query A { viewer { name } }", {}, "ok", StatusCode.UNSET),
        (SAVE, {"n": ""}, "user_error", StatusCode.UNSET),
        ("query A { nonsense }", {}, "refused", StatusCode.UNSET),
    ],
)
async def test_outcomes_are_those_of_metrics(
    api: Api,
    spans: Spans,
    document: str,
    variables: dict[str, Any],
    outcome: str,
    status: StatusCode,
) -> None:
    await api.post(document, variables)
    request = next(one for one in spans.get_finished_spans() if one.kind is SpanKind.SERVER)
    assert facts(request)["customer_classes.outcome"] == outcome
    assert request.status.status_code is status
    assert "graphql.operation.type" in facts(request)


async def test_a_masked_error_is_an_error_without_its_message(
    api: Api, spans: Spans, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError(SECRET)

    monkeypatch.setattr("web.http.GraphQLEndpoint._find", fail)
    await api.post("{ viewer { name } }")
    request = next(one for one in spans.get_finished_spans() if one.kind is SpanKind.SERVER)
    assert facts(request)["customer_classes.outcome"] == "failed"
    assert request.status.status_code is StatusCode.ERROR
    assert SECRET not in spans.everything


async def test_probes_have_no_span(api: Api, spans: Spans) -> None:
    for path in ("/healthz", "/readyz"):
        await api.http.get(path)
    await api.http.get("/confirm/" + "s" * 43)
    (span,) = (one for one in spans.get_finished_spans() if one.kind is SpanKind.SERVER)
    assert span.name == "GET /confirm"
    assert "sss" not in spans.everything


async def test_bulk_jobs_have_traces_of_their_own(live: LiveApi, spans: Spans) -> None:
    """A trace of a hundred thousand lookups would be of no use."""
    async with serving(live.app) as address:
        await post(address, live, SAVE, {"n": "Acme", "code": "90000001"})
        await spans.wait_for("job enrich")
        spans.clear()
        class_id = await live.class_of("COMPANY_UK_LIMITED")
        document = """mutation Many($id: ID!) {
          requestEnrichment(input: { target: { classId: $id } }) { userErrors { code } } }"""
        await post(address, live, document, {"id": class_id["id"]}, **{"X-Request-Id": "many"})
        job = await spans.wait_for("job enrich")
    assert (await Job.all().order_by("-id").first()).urgency == Urgency.BULK  # type: ignore[union-attr]
    assert job.parent is None
    assert facts(job)["customer_classes.request_id"] == "many"


async def test_the_register_gets_the_name_of_the_call(spans: Spans) -> None:
    seen: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request.headers["traceparent"])
        return web.json_response({})

    served = web.Application()
    served.router.add_get("/company/{number}", answer)
    runner = web.AppRunner(served)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    tracing = Tracing(SimpleSpanProcessor(spans))
    try:
        async with new_session(None, tracing.calls) as session:
            port = runner.addresses[0][1]
            await session.get(f"http://127.0.0.1:{port}/company/90000001?secret=1")
            with pytest.raises(aiohttp.ClientConnectorError):
                await session.get(f"{NOWHERE}/company/90000002")
    finally:
        await runner.cleanup()
    answered, failed = spans.get_finished_spans()
    assert seen == [name_of(answered)]
    assert facts(failed)["error.type"] == "ClientConnectorError"
    assert failed.status.status_code is StatusCode.ERROR
    assert not re.search("9000000|secret", spans.everything)


async def test_webhooks_carry_the_name_of_the_post(
    databases: Databases, clock: Clock, spans: Spans
) -> None:
    async with (
        running_live_api(
            databases, clock, webhook_private_targets=True, keep_events_days=0
        ) as live,
        receiving() as receiver,
    ):
        await add_endpoint(live, url=f"{receiver.url}?token={SECRET.split(maxsplit=1)[0]}")
        await live.save_customer()
        post_span = await spans.wait_for("POST webhook")
        async with asyncio.timeout(ENOUGH_S):
            while not receiver.taken:  # noqa: ASYNC110  # there is no signal for it
                await asyncio.sleep(0.01)
    assert receiver.taken[0].headers["traceparent"] == name_of(post_span)
    assert facts(post_span)["http.response.status_code"] == 204
    assert SECRET.split(maxsplit=1)[0] not in spans.everything


def test_a_span_has_a_limited_number_of_statements(spans: Spans) -> None:
    tracing = Tracing(SimpleSpanProcessor(spans))
    with tracing.operation(None):
        trace = current_trace.get()
        assert trace is not None
        for _ in range(MAX_STATEMENTS + 1):
            trace.statement("SELECT 1", 0.001)
    assert current_trace.get() is None
    found = spans.named("SELECT")
    assert len(found) == MAX_STATEMENTS
    assert found[0].start_time is not None
    assert found[0].end_time is not None
    assert found[0].end_time - found[0].start_time == 1_000_000


async def test_spans_go_to_the_collector_that_the_environment_names(
    databases: Databases, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    got: list[ExportTraceServiceRequest] = []

    async def take(request: web.Request) -> web.Response:
        assert request.headers["x-collector-key"] == "k"
        got.append(ExportTraceServiceRequest.FromString(await request.read()))
        return web.Response()

    served = web.Application()
    served.router.add_post("/v1/traces", take)
    runner = web.AppRunner(served)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{runner.addresses[0][1]}")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-collector-key=k")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=trial")
    try:
        async with running_api(databases, clock, traces=True) as api:
            await api.data("query Who { viewer { name } }")
    finally:
        await runner.cleanup()
    resource = got[0].resource_spans[0].resource
    about = {one.key: one.value.string_value for one in resource.attributes}
    assert about["service.name"] == "customer-classes"
    assert about["deployment.environment.name"] == "trial"
    names = {
        span.name
        for message in got
        for part in message.resource_spans
        for scope in part.scope_spans
        for span in scope.spans
    }
    assert "query Who" in names


async def test_without_traces_a_job_keeps_no_trace(databases: Databases, clock: Clock) -> None:
    async with running_live_api(databases, clock) as live:
        saved = await live.save_customer(classCode="COMPANY_UK_LIMITED", companyNumber="90000001")
        await live.settled(saved["id"])
        job = await Job.get()
    assert set(job.payload) == {"customer_id", "run_id"}
