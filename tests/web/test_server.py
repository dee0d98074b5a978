"""The HTTP server: slow clients, long heads, too many connections, malformed requests."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress

import httpx
import pytest
import structlog
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.types import Receive, Scope, Send

from tests.clock import Clock
from tests.databases import Databases
from tests.graphql_client import Api, connected, running_api, stored
from tests.listening import ENOUGH_S, Wire, listening, served, wire
from web.http_framing import MAX_HEAD_BYTES as MAX_HEAD
from web.server import Drain, Limits

QUICK = Limits(client_timeout=0.8, keep_alive=2)
SAVE = 'mutation { saveCustomer(input: { name: "A", classCode: "CHARITY" }) { customer { id } } }'


@pytest.fixture
async def api(databases: Databases, clock: Clock) -> AsyncIterator[Api]:
    async with running_api(databases, clock) as started:
        yield started


def request(api: Api, body: bytes, **headers: str) -> bytes:
    """Return the bytes of a request."""
    given = {
        "Host": "api.test",
        "Authorization": f"Bearer {api.token}",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        **headers,
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    return f"POST /graphql HTTP/1.1\r\n{lines}\r\n".encode() + body


async def drip(connection: Wire, data: bytes) -> None:
    """Send bytes slowly, one by one, until the server disconnects or all are sent."""
    for place in range(len(data)):
        await connection.send(data[place : place + 1])
        await asyncio.sleep(0.05)


async def test_a_head_that_comes_a_byte_at_a_time_is_answered_408_and_hung_up_on(api: Api) -> None:
    async with listening(api.app, QUICK) as address, wire(address) as slow:
        dripping = asyncio.create_task(drip(slow, b"GET /healthz HTTP/1.1\r\nX: " + b"x" * 500))
        assert (await slow.head()).startswith("HTTP/1.1 408 Request Timeout\r\n")
        assert await slow.rest() == b""
        dripping.cancel()


async def test_a_body_that_comes_a_byte_at_a_time_is_answered_408_and_changes_nothing(
    api: Api,
) -> None:
    whole = request(api, json.dumps({"query": SAVE}).encode())
    head, _, body = whole.partition(b"\r\n\r\n")
    before = await stored()
    async with listening(api.app, QUICK) as address, wire(address) as slow:
        await slow.send(head + b"\r\n\r\n")
        dripping = asyncio.create_task(drip(slow, body))
        assert (await slow.head()).startswith("HTTP/1.1 408 Request Timeout\r\n")
        assert await slow.rest() == b""
        dripping.cancel()
        assert await stored() == before
        async with wire(address) as brisk:
            await brisk.send(whole)
            assert (await brisk.head()).startswith("HTTP/1.1 200 OK\r\n")


async def test_a_body_that_never_begins_is_answered_408(api: Api) -> None:
    head = request(api, b"", **{"Content-Length": "100"})
    async with listening(api.app, QUICK) as address, wire(address) as silent:
        await silent.send(head)
        assert (await silent.head()).startswith("HTTP/1.1 408 Request Timeout\r\n")


async def test_who_connects_and_says_nothing_is_hung_up_on(api: Api) -> None:
    async with listening(api.app, QUICK) as address, wire(address) as silent:
        assert await silent.rest() == b""


async def test_a_second_request_must_not_dawdle_either(api: Api) -> None:
    async with listening(api.app, QUICK) as address, wire(address) as slow:
        await slow.send(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        assert (await slow.head()).startswith("HTTP/1.1 200 OK\r\n")
        assert (await slow.reader.readuntil(b"}")).startswith(b'{"status":"ok",')
        await slow.send(b"GET /healthz HTTP/1.1\r\n")
        assert (await slow.head()).startswith("HTTP/1.1 408 Request Timeout\r\n")


async def test_a_connection_that_asks_no_more_is_closed_after_the_keep_alive(api: Api) -> None:
    async with listening(api.app, QUICK) as address, wire(address) as idle:
        await idle.send(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        await idle.head()
        assert (await idle.rest()).startswith(b'{"status":"ok",')


async def test_a_client_that_takes_nothing_of_its_answer_is_hung_up_on() -> None:
    """Otherwise an export would keep reading from the database for such a client."""
    has_ended = asyncio.Event()

    async def endless(scope: Scope, receive: Receive, send: Send) -> None:
        async def rows() -> AsyncIterator[bytes]:
            while True:
                yield b"x" * 65536
                await asyncio.sleep(0)

        try:
            await StreamingResponse(rows())(scope, receive, send)
        finally:
            has_ended.set()

    with structlog.testing.capture_logs() as logged:
        async with listening(endless, QUICK) as address, wire(address, limit=1024) as deaf:
            deaf.writer.transport.pause_reading()  # type: ignore[attr-defined]  # it reads, too
            await deaf.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            await asyncio.wait_for(has_ended.wait(), 60)
    assert [(line["event"], line["owed"]) for line in logged] == [("client_too_slow", "reading")]


async def test_a_slow_answer_of_ours_is_not_the_clients_fault() -> None:
    async def thoughtful(_: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await asyncio.sleep(2 * QUICK.client_timeout)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    async with (
        listening(thoughtful, QUICK) as address,
        httpx.AsyncClient(base_url=f"http://{address}") as http,
    ):
        assert (await http.post("/", content=b"x" * 1000)).status_code == 204


async def test_a_head_that_does_not_end_is_answered_431(api: Api) -> None:
    async with listening(api.app) as address, wire(address) as endless:
        await endless.send(b"GET /healthz HTTP/1.1\r\n")
        for number in range(2 * MAX_HEAD // 1000):
            await endless.send(f"X-{number}: ".encode() + b"x" * 1000 + b"\r\n")
        assert (await endless.head()).startswith("HTTP/1.1 431 Request Header Fields Too Large\r\n")


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /graphql?query=" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0",
        b"GET /healthz HTTP/1.1\r\nHost : a\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n: a\r\n\r\n",
        b"GET /healthz HTTP/9.9\r\nHost: a\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"NONSENSE / HTTP/1.1\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: a\r\n\r\n",
    ],
)
async def test_a_request_that_makes_no_sense_is_refused_without_a_traceback(
    api: Api, head: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    before = await stored()
    async with listening(api.app, QUICK) as address, wire(address) as odd:
        await odd.send(head)
        answer = await odd.head()
        assert int(answer.split()[1]) in range(400, 500)
        async with httpx.AsyncClient(base_url=f"http://{address}") as http:
            assert (await http.get("/healthz")).status_code == 200
    assert [record for record in caplog.records if record.exc_info] == []
    assert await stored() == before


async def test_more_connections_than_are_allowed_are_told_to_come_back(api: Api) -> None:
    limits = Limits(max_connections=3)
    async with listening(api.app, limits) as address, AsyncExitStack() as stack:
        others = [await stack.enter_async_context(wire(address)) for _ in range(2)]
        socket = await stack.enter_async_context(connected(address))
        await socket.sign_in(api.token)
        async with wire(address) as fourth:
            answer = await fourth.head()
            assert answer.startswith("HTTP/1.1 503 Service Unavailable\r\n")
            assert "retry-after: 1\r\n" in answer
            assert await fourth.rest() == b""
        others[0].writer.close()
        answer = ""
        async with asyncio.timeout(60):
            while "200 OK" not in answer:
                async with wire(address) as fourth:
                    with suppress(OSError, asyncio.IncompleteReadError):
                        await fourth.send(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
                        answer = await fourth.head()


async def test_a_websocket_outlives_the_limits_of_a_request(api: Api) -> None:
    async with listening(api.app, QUICK) as address, connected(address) as socket:
        await socket.sign_in(api.token)
        await asyncio.sleep(2 * QUICK.client_timeout)
        assert "data" in await socket.ask("{ viewer { name } }")


async def test_the_server_does_not_say_what_it_is(api: Api) -> None:
    async with (
        listening(api.app) as address,
        httpx.AsyncClient(base_url=f"http://{address}") as http,
    ):
        response = await http.get("/healthz")
        assert "server" not in response.headers
        assert "x-powered-by" not in response.headers


@pytest.mark.parametrize("name", ["Upgrade", "upgrade"])
async def test_an_offer_of_http_2_is_not_taken_and_the_request_is_answered(
    api: Api, name: str
) -> None:
    """RFC 9110, 7.8; Java's HTTP client sends the offer with each unencrypted request."""
    offer = {name: "h2c", "Connection": "Upgrade, HTTP2-Settings", "HTTP2-Settings": "AAEAAEAAAAI"}
    asked = json.dumps({"query": '{ a: __typename b: node(id: "\\r\\nupgrade: h2c") { id } }'})
    async with listening(api.app) as address, wire(address) as java:
        for _ in range(2):
            await java.send(request(api, asked.encode(), **offer))
            head = await java.head()
            assert head.startswith("HTTP/1.1 200 OK\r\n")
            length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
            answer = json.loads(await java.reader.readexactly(length))
            assert answer["data"] == {"a": "Query", "b": None}


async def test_nothing_of_a_body_is_taken_for_such_an_offer(api: Api) -> None:
    """The response may precede the end of the request; the rest of the body is still body."""
    body = b"x\r\nUpgrade: h2c\r\ny"
    async with listening(api.app) as address, wire(address) as odd:
        await odd.send(request(api, body, Authorization="Bearer nobody")[: -len(body)])
        assert (await odd.head()).startswith("HTTP/1.1 401 Unauthorized\r\n")
        await odd.send(body)
        await odd.send(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        rest = await asyncio.wait_for(odd.reader.readuntil(b'{"status":"ok",'), 60)
        assert b"HTTP/1.1 200 OK\r\n" in rest


async def status_of(address: str, path: str) -> tuple[int, str]:
    """Send a request on a new connection, as a proxy's health check; return status and body."""
    async with httpx.AsyncClient(base_url=f"http://{address}") as client:
        response = await client.get(path)
        return response.status_code, response.json()["status"]


async def until_refused(address: str) -> None:
    """Wait until the server refuses new connections."""
    host, _, port = address.rpartition(":")
    async with asyncio.timeout(ENOUGH_S):
        while True:
            try:
                _, writer = await asyncio.open_connection(host, int(port))
            except OSError:
                return
            writer.close()
            await asyncio.sleep(0.01)


async def test_a_server_that_is_told_to_stop_says_so_and_serves_on_for_a_while(api: Api) -> None:
    drain = Drain(600, api.app.state.readiness.drain)
    async with served(api.app, drain=drain) as (address, server):
        assert await status_of(address, "/readyz") == (200, "ok")
        server.handle_exit(signal.SIGTERM, None)
        assert await status_of(address, "/readyz") == (503, "draining")
        assert await status_of(address, "/healthz") == (200, "ok")
        async with connected(address) as socket:
            await socket.sign_in(api.token)
            saved = await socket.ask(SAVE)
            assert saved["data"]["saveCustomer"]["customer"]["id"]
            server.handle_exit(signal.SIGTERM, None)  # an operator sends a second signal
            assert await socket.closed() == 1012
        await until_refused(address)


@pytest.mark.parametrize(
    ("drain_s", "how"), [(0.05, signal.SIGTERM), (0, signal.SIGTERM), (600, signal.SIGINT)]
)
async def test_it_stops_once_it_has_drained_and_at_once_by_ctrl_c(
    api: Api, drain_s: float, how: signal.Signals
) -> None:
    async with served(api.app, drain=Drain(drain_s)) as (address, server):
        server.handle_exit(how, None)
        await until_refused(address)


async def test_a_request_that_is_under_way_is_answered_before_the_end() -> None:
    has_begun, may_end = asyncio.Event(), asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        has_begun.set()
        await may_end.wait()
        await PlainTextResponse("done")(scope, receive, send)

    async with served(slow) as (address, server), wire(address) as client:
        await client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        await has_begun.wait()
        server.handle_exit(signal.SIGTERM, None)
        await until_refused(address)
        may_end.set()
        assert (await client.head()).startswith("HTTP/1.1 200 OK\r\n")
        assert await client.rest() == b"done"
