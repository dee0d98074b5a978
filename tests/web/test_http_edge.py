"""Unusual HTTP requests: trailers, pipelining, smuggling, and other protocol versions."""

import asyncio
import json
import logging
import random
from collections.abc import AsyncIterator

import pytest
from starlette.types import Receive, Scope, Send

from tests.listening import Wire, listening, wire
from web.http_connection import Connection
from web.http_framing import MAX_FRAMING_BYTES
from web.server import Limits

HEAD = b"POST / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 10.0.0.1\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
GET = b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n"
SEEN: list[Scope] = []


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Respond with the request as the application received it."""
    SEEN.append(scope)
    body, has_more = b"", True
    while has_more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body += message["body"]
        has_more = message["more_body"]
    headers = [[name.decode(), value.decode("latin-1")] for name, value in scope["headers"]]
    told = {"method": scope["method"], "path": scope["path"], "headers": headers}
    answer = json.dumps({**told, "body": body.decode("latin-1")}).encode()
    length = [(b"content-length", b"%d" % len(answer))]
    await send({"type": "http.response.start", "status": 200, "headers": length})
    await send({"type": "http.response.body", "body": answer})


@pytest.fixture
async def address() -> AsyncIterator[str]:
    SEEN.clear()
    async with listening(echo) as told:
        yield told


async def answer_of(connection: Wire) -> tuple[int, dict[str, object]]:
    """Read one response; return its status and JSON body."""
    head = await connection.head()
    length = int(head.lower().partition("content-length: ")[2].partition("\r\n")[0])
    body = await asyncio.wait_for(connection.reader.readexactly(length), 60)
    return int(head.split()[1]), json.loads(body or b"{}")


async def test_trailers_are_dropped_whatever_they_are_called(address: str) -> None:
    trailers = (
        b"Authorization: Bearer x\r\nX-Forwarded-For: 1.2.3.4\r\nHost: b\r\nExpect: 100-continue"
    )
    async with wire(address) as client:
        for _ in range(2):
            await client.send(CHUNKED + b"2;a=b\r\nhi\r\n0\r\n" + trailers + b"\r\n\r\n")
            status, told = await answer_of(client)
            assert (status, told["body"]) == (200, "hi")
            assert told["headers"] == [
                ["host", "a"],
                ["x-forwarded-for", "10.0.0.1"],
                ["transfer-encoding", "chunked"],
            ]


@pytest.mark.parametrize(
    ("flood", "status"),
    [
        (b"2\r\nhi\r\n0\r\nX: " + b"y" * MAX_FRAMING_BYTES * 2, 431),
        (b"2\r\nhi\r\n0\r\n" + b"X: y\r\n" * MAX_FRAMING_BYTES, 431),
        (b"2;" + b"x" * MAX_FRAMING_BYTES * 2, 400),
        (b"2\r\nhi\r\n0\r\nX y: z\r\n\r\n", 400),
        (b"2\r\nhi!\r\n", 400),
    ],
)
async def test_what_is_too_much_around_a_body_is_refused_and_the_connection_closed(
    address: str, flood: bytes, status: int
) -> None:
    async with wire(address) as client:
        await client.send(CHUNKED + flood)
        assert (await answer_of(client))[0] == status
        assert await client.rest() == b""


async def test_thousands_of_pipelined_requests_are_answered_in_order(address: str) -> None:
    count = 4_000
    async with wire(address) as client:
        sending = asyncio.create_task(client.send(b"".join(GET % n for n in range(count))))
        paths = [(await answer_of(client))[1]["path"] for _ in range(count)]
        await sending
    assert paths == [f"/{n}" for n in range(count)]


async def test_a_pipelined_request_is_not_looked_at_before_its_turn() -> None:
    goes_on, alive = asyncio.Event(), []

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        alive.append(scope["path"])
        await goes_on.wait()
        await echo(scope, receive, send)

    async with listening(slow) as address, wire(address) as client:
        pipelined = [GET % n for n in range(3)]
        await client.send(pipelined[0] + CHUNKED + b"1\r\nx\r\n0\r\n\r\n" + b"\r\n" + pipelined[2])
        while not alive:  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0)
        await asyncio.sleep(0.05)
        assert alive == ["/0"]
        goes_on.set()
        bodies = [(await answer_of(client))[1]["body"] for _ in range(3)]
    assert (alive, bodies) == (["/0", "/", "/2"], ["", "x", ""])


async def test_a_pipelined_request_is_not_idle_time() -> None:
    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(0.05)
        await echo(scope, receive, send)

    limits = Limits(keep_alive=0)
    async with listening(slow, limits) as address, wire(address) as client:
        await client.send(b"".join(GET % n for n in range(3)))
        assert [(await answer_of(client))[1]["path"] for _ in range(3)] == ["/0", "/1", "/2"]
        assert await client.rest() == b""


async def test_reading_stops_while_a_pipeline_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Connection] = []
    connection_made = Connection.connection_made

    def note(self: Connection, transport: asyncio.Transport) -> None:
        made.append(self)
        connection_made(self, transport)

    monkeypatch.setattr(Connection, "connection_made", note)
    goes_on = asyncio.Event()

    async def slow(_: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await goes_on.wait()
        await echo_nothing(send)

    async with listening(slow) as address, wire(address) as client:
        flood = (GET % 0) * 400_000  # 12 MB
        sending = asyncio.create_task(client.send(flood))
        for _ in range(200):
            await asyncio.sleep(0)
        await asyncio.sleep(0.1)
        assert not sending.done()
        assert 0 < len(made[0]._unread) < 2_000_000
        assert len(made[0].pipeline) == 0
        sending.cancel()
        goes_on.set()


async def echo_nothing(send: Send) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        (HEAD + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (HEAD + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", 400),
        (HEAD + b"Content-Length: 1, 1\r\n\r\nx", 400),
        (HEAD + b"Content-Length: +1\r\n\r\nx", 400),
        (HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
        (HEAD + b"Transfer-Encoding: identity\r\nContent-Length: 1\r\n\r\nx", 400),
        (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (HEAD + b"X: a\r\n b\r\n\r\n", 400),
        (HEAD + b"X : a\r\n\r\n", 400),
        (HEAD + b"X\x00: a\r\n\r\n", 400),
        (HEAD + b"X: a\x00\r\n\r\n", 400),
        (HEAD + b"X: a\rb\r\n\r\n", 400),
        (b"GET / HTTP/1.1\nHost: a\n\n", 400),
        (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        (b"GET /\r\n\r\n", 505),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (b"BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 501),
        (b"GET a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 101 + b"Host: a\r\n\r\n", 431),
        (b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    ],
)
async def test_a_request_that_breaks_the_protocol_closes_and_takes_nothing_behind_it_along(
    address: str, request_: bytes, status: int
) -> None:
    async with wire(address) as client:
        await client.send(request_ + GET % 1)
        told = await answer_of(client)
        assert told[0] == status
        assert told[1]["errors"][0]["extensions"]["code"] in {"BAD_REQUEST", "REQUEST_TOO_LARGE"}  # type: ignore[index]  # JSON
        assert await client.rest() == b""
    assert SEEN == []


@pytest.mark.parametrize(
    ("request_", "method", "path"),
    [
        (b"\r\n\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "/a"),
        (b"GET http://b.example/a?c HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "/a"),
        (b"GET http://b.example HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "/"),
        (b"GET //a HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "//a"),
        (b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS", "*"),
        (b"PROPFIND /a HTTP/1.1\r\nHost:\r\n\r\n", "PROPFIND", "/a"),
        (HEAD + b"Upgrade: foo\r\nConnection: upgrade\r\nContent-Length: 1\r\n\r\nx", "POST", "/"),
        (CHUNKED + b"1\r\nx\r\n" * 3 + b"0\r\n\r\n", "POST", "/"),
    ],
)
async def test_what_the_protocol_allows_is_answered_and_so_is_the_next(
    address: str, request_: bytes, method: str, path: str
) -> None:
    async with wire(address) as client:
        for data in (request_ + GET % 1, b""):
            await client.send(data)
        assert [(status, told["method"], told["path"]) for status, told in [
            await answer_of(client), await answer_of(client)
        ]] == [(200, method, path), (200, "GET", "/1")]  # fmt: skip


async def test_a_request_of_http_1_0_needs_no_host_and_ends_its_connection(address: str) -> None:
    async with wire(address) as client:
        await client.send(b"GET / HTTP/1.0\r\n\r\n" + GET % 1)
        assert (await answer_of(client))[0] == 200
        assert await client.rest() == b""
    assert len(SEEN) == 1


async def test_nothing_is_answered_behind_connection_close(address: str) -> None:
    async with wire(address) as client:
        await client.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + GET % 1)
        assert (await answer_of(client))[0] == 200
        assert await client.rest() == b""
    assert len(SEEN) == 1


async def test_a_body_that_is_expected_is_asked_for_and_ends_the_connection(address: str) -> None:
    async with wire(address) as client:
        await client.send(HEAD + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        assert await client.head() == "HTTP/1.1 100 Continue\r\n\r\n"
        await client.send(b"hi")
        status, told = await answer_of(client)
        assert (status, told["body"]) == (200, "hi")
        assert await client.rest() == b""


async def test_who_expects_an_answer_and_breaks_the_protocol_is_no_error(
    address: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with wire(address) as client:
        await client.send(CHUNKED.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\nzz\r\n"))
        assert (await answer_of(client))[0] == 400
        assert await client.rest() == b""
    assert [one for one in caplog.records if one.levelno >= logging.ERROR or one.exc_info] == []


async def test_a_body_in_many_small_chunks_lets_others_run() -> None:
    """A connection reads a bounded number of chunks per iteration of the event loop."""
    turns = 0

    async def counted(_: Scope, receive: Receive, send: Send) -> None:
        nonlocal turns
        has_more = True
        while has_more:
            has_more = (await receive())["more_body"]
            turns += 1
        await echo_nothing(send)

    async with listening(counted) as address, wire(address) as client:
        await client.send(CHUNKED + b"1\r\nx\r\n" * 10_000 + b"0\r\n\r\n")
        assert "204" in await client.head()
    assert turns > 100


FUZZ_PARTS = [
    b"GET / HTTP/1.1\r\n", b"POST /graphql HTTP/1.1\r\n", b"Host: a\r\n", b"\r\n", b"\r\n\r\n",
    b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"hello", b"5\r\nhello\r\n",
    b"\n", b"0\r\n\r\n", b"Upgrade: websocket\r\nConnection: upgrade\r\n", b"Upgrade: h2c\r\n",
    b"Sec-WebSocket-Key: eHh4eHh4eHh4eHh4eHh4eA==\r\nSec-WebSocket-Version: 13\r\n",
    b"Sec-WebSocket-Key: \xe9\r\n", b"Sec-WebSocket-Protocol: graphql-transport-ws\r\n",
    b"Expect: 100-continue\r\n", b"Connection: close\r\n", b"\x81\x80\0\0\0\0", b"\x89\x80\0\0\0\0",
    b"\x88\x82\0\0\0\0\x03\xe8", b"\x81\x81\0\0\0\0\xff", b"\x00\x80\0\0\0\0", b"\xff\xfe",
    b"X: \xe9\x1b[31m\r\n", b"X: " + b"y" * 9000 + b"\r\n", b"PRI * HTTP/2.0\r\n", b"\x16\x03\x01",
]  # fmt: skip


async def test_no_rubbish_ends_the_process_or_is_logged_as_an_error(
    address: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    chance = random.Random(12)  # noqa: S311  # a fixed seed, so that each run sends the same

    async def send_rubbish(data: bytes, pieces: int, *, is_cut: bool) -> None:
        async with wire(address) as client:
            for start in range(0, len(data), max(1, len(data) // pieces)):
                client.writer.write(data[start : start + max(1, len(data) // pieces)])
                await asyncio.sleep(0)
            if is_cut:
                client.writer.transport.abort()
                return
            if client.writer.can_write_eof():
                client.writer.write_eof()
            await asyncio.wait([asyncio.ensure_future(client.reader.read())], timeout=0.05)

    for _ in range(8):
        await asyncio.gather(
            *(
                send_rubbish(
                    b"".join(chance.choices(FUZZ_PARTS, k=chance.randint(1, 12))),
                    chance.randint(1, 4),
                    is_cut=chance.random() < 0.3,
                )
                for _ in range(50)
            ),
            return_exceptions=True,
        )
    async with wire(address) as client:
        await client.send(GET % 1)
        assert (await answer_of(client))[0] == 200
    assert [one.getMessage() for one in caplog.records if one.levelno >= logging.ERROR] == []
    assert [one for one in caplog.records if one.exc_info] == []


async def test_a_client_that_leaves_its_last_answer_unread_is_hung_up_on() -> None:
    """The connection is closing, but the response stays in memory until it is closed."""

    async def large(_: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x" * 20_000_000})

    limits = Limits(client_timeout=0.5)
    async with listening(large, limits) as address, wire(address, limit=1024) as deaf:
        deaf.writer.transport.pause_reading()  # type: ignore[attr-defined]  # it reads, too
        await deaf.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        await asyncio.sleep(2)
        deaf.writer.transport.resume_reading()  # type: ignore[attr-defined]  # see above
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await asyncio.wait_for(deaf.reader.readexactly(20_000_000), 60)
