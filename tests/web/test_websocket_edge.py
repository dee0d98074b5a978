"""Unusual WebSocket traffic: tiny frames, floods of control frames, invalid text."""

import asyncio
import base64
import logging
import struct
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from tests.clock import Clock
from tests.databases import Databases
from tests.graphql_client import running_api
from tests.listening import Wire, listening, wire
from web.server import Limits
from web.websocket_connection import MAX_CONTROL_FRAMES, MAX_FRAGMENTS, Socket

CONTINUATION, TEXT, BYTES, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
LARGEST = 1_000_000

UPGRADE = (
    b"GET /graphql HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + base64.b64encode(b"k" * 16) + b"\r\n"
    b"Sec-WebSocket-Protocol: graphql-transport-ws\r\n"
)


def frame(
    opcode: int, data: bytes = b"", *, fin: bool = True, is_compressed: bool = False
) -> bytes:
    """Return the bytes of a client's frame, masked with zeros."""
    first = opcode | (0x80 if fin else 0) | (0x40 if is_compressed else 0)
    size = len(data)
    if size < 126:
        length = bytes([0x80 | size])
    elif size < 65536:
        length = struct.pack("!BH", 0x80 | 126, size)
    else:
        length = struct.pack("!BQ", 0x80 | 127, size)
    return bytes([first]) + length + b"\0\0\0\0" + data


async def received(connection: Wire) -> tuple[int, bytes]:
    """Read one short frame from the server; return opcode and data."""

    async def read() -> tuple[int, bytes]:
        first, size = await connection.reader.readexactly(2)
        if size == 126:
            (size,) = struct.unpack("!H", await connection.reader.readexactly(2))
        return first & 0x0F, await connection.reader.readexactly(size)

    return await asyncio.wait_for(read(), 60)


async def closed(connection: Wire) -> tuple[int, str]:
    """Read until the close frame; return its code and reason. Asserts that nothing follows."""
    opcode = PONG
    while opcode != CLOSE:
        opcode, data = await received(connection)
    assert await connection.rest() == b""
    return int.from_bytes(data[:2]), data[2:].decode()


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Send each message back; of a long message, only its length."""
    socket = WebSocket(scope, receive, send)
    await socket.accept()
    try:
        while True:
            text = await socket.receive_text()
            await socket.send_text(text if len(text) < 100 else str(len(text)))
    except WebSocketDisconnect:
        return


@pytest.fixture
async def address() -> AsyncIterator[str]:
    async with listening(echo, ws_max_size=LARGEST) as told:
        yield told


@asynccontextmanager
async def opened(address: str, more: bytes = b"") -> AsyncIterator[Wire]:
    async with wire(address) as client:
        await client.send(UPGRADE + more + b"\r\n")
        head = await client.head()
        assert head.startswith("HTTP/1.1 101 ")
        assert "extensions" not in head.lower()
        yield client


async def test_a_message_may_come_in_many_fragments_and_not_in_more(address: str) -> None:
    fragments = frame(CONTINUATION, b"x", fin=False) * (MAX_FRAGMENTS - 2)
    begun = frame(TEXT, b"x", fin=False) + fragments
    async with opened(address) as client:
        for _ in range(2):
            await client.send(begun + frame(CONTINUATION, b"x"))
            assert await received(client) == (TEXT, str(MAX_FRAGMENTS).encode())
        await client.send(begun + frame(CONTINUATION, b"", fin=False) * 100_000)
        assert await closed(client) == (1008, "Too many fragments")


@pytest.mark.parametrize("opcode", [PING, PONG])
async def test_control_frames_are_answered_and_not_too_many_of_them(
    address: str, opcode: int
) -> None:
    async with opened(address) as client:
        await client.send(frame(opcode, b"p") * MAX_CONTROL_FRAMES)
        if opcode == PING:
            assert [await received(client) for _ in range(MAX_CONTROL_FRAMES)] == [
                (PONG, b"p")
            ] * MAX_CONTROL_FRAMES
        await client.send(frame(opcode) * 20_000)
        assert await closed(client) == (1008, "Too many control frames")


async def test_others_run_between_the_frames_of_one_client(address: str) -> None:
    """Another client gets a response long before the last of 50,000 messages in one write."""
    async with opened(address) as greedy, opened(address) as other:
        count = 50_000
        flood = asyncio.create_task(greedy.send(frame(TEXT, b"") * count))
        answers = 0

        async def read() -> None:
            nonlocal answers
            while answers < count:
                await received(greedy)
                answers += 1

        reading = asyncio.create_task(read())
        while answers < 100:  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0)
        for _ in range(10):
            await other.send(frame(TEXT, b"hi"))
            assert await received(other) == (TEXT, b"hi")
        assert answers < count / 2
        flood.cancel()
        reading.cancel()


async def test_a_message_of_many_fragments_is_read_in_many_turns(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = 0
    read_on = Socket._read_on

    def count(self: Socket) -> None:
        nonlocal turns
        turns += 1
        read_on(self)

    monkeypatch.setattr(Socket, "_read_on", count)
    async with opened(address) as client:
        begun = frame(TEXT, b"x", fin=False) + frame(CONTINUATION, b"", fin=False) * 800
        await client.send(begun + frame(CONTINUATION))
        assert await received(client) == (TEXT, b"x")
    assert turns >= 5


async def test_who_leaves_before_the_upgrade_is_accepted_is_no_error() -> None:
    has_left, raised = asyncio.Event(), []

    async def slow(_: Scope, receive: Receive, send: Send) -> None:
        assert (await receive())["type"] == "websocket.connect"
        await has_left.wait()
        try:
            await send({"type": "websocket.accept"})
            raised.append((await receive())["type"])
            await send({"type": "websocket.close", "code": 1000})
        except OSError as error:
            raised.append(repr(error))

    async with listening(slow) as address:
        async with wire(address) as client:
            await client.send(UPGRADE + b"\r\n")
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.05)
        has_left.set()
        while not raised:  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0)
    assert raised == ["websocket.disconnect"]


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        (frame(TEXT, b"\xff"), 1007),
        (
            frame(TEXT, b"\xff") + frame(CLOSE, b"\x03\xe8"),
            1000,
        ),  # the server's close frame comes first
        (frame(TEXT, b"\xed\xa0\x80"), 1007),  # a surrogate
        (frame(TEXT, b"\xc3", fin=False) + frame(CONTINUATION, b"\xa9\xff"), 1007),
        (frame(TEXT, b"x" * (LARGEST + 1)), 1009),
        (frame(TEXT, b"x" * LARGEST, fin=False) + frame(CONTINUATION, b"x"), 1009),
        (frame(TEXT, zlib.compress(b"x" * 100), is_compressed=True), 1002),
        (frame(CONTINUATION, b"x"), 1002),
        (frame(TEXT, b"x", fin=False) + frame(TEXT, b"y"), 1002),
        (frame(PING, b"x" * 126), 1002),
        (frame(PING, b"x", fin=False), 1002),
        (frame(0x3, b"x"), 1002),
        (b"\x81\x01x", 1002),  # not masked
        (frame(CLOSE, b"\x03"), 1002),
        (frame(CLOSE, b"\x03\xe8\xff"), 1007),
    ],
)
async def test_a_frame_that_breaks_the_protocol_is_closed_with_its_code(
    address: str, frames: bytes, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with opened(address, b"Sec-WebSocket-Extensions: permessage-deflate\r\n") as client:
        await client.send(frames)
        assert (await closed(client))[0] == code
    assert [one for one in caplog.records if one.levelno >= logging.ERROR or one.exc_info] == []


async def test_text_may_be_cut_within_a_character(address: str) -> None:
    async with opened(address) as client:
        await client.send(frame(TEXT, b"\xc3", fin=False) + frame(CONTINUATION, b"\xa9"))
        assert await received(client) == (TEXT, b"\xc3\xa9")
        await client.send(frame(TEXT, b"x" * LARGEST))
        assert await received(client) == (TEXT, str(LARGEST).encode())
        await client.send(frame(CLOSE, b"\x03\xe8"))
        assert await closed(client) == (1000, "")


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (UPGRADE + b"Content-Length: 2\r\n\r\nhi", 400),
        (UPGRADE + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (UPGRADE + b"\r\n" + frame(TEXT, b"too soon"), 400),
        (UPGRADE.replace(b"GET", b"POST") + b"\r\n", 400),
        (UPGRADE.replace(b"HTTP/1.1", b"HTTP/1.0") + b"\r\n", 400),
        (UPGRADE + b"Connection: close\r\n\r\n", 400),
        (UPGRADE + b"X: " + b"y" * 10_000 + b"\r\n\r\n", 431),
        (UPGRADE.replace(b"/graphql", b"/" + b"x" * 10_000) + b"\r\n", 414),
        (UPGRADE.replace(b"Version: 13", b"Version: 12") + b"\r\n", 400),
        (UPGRADE.replace(b"Key: ", b"Key: \xe9") + b"\r\n", 400),
    ],
)
async def test_an_upgrade_that_cannot_be_taken_is_answered(
    address: str, head: bytes, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with wire(address) as client:
        await client.send(head)
        assert int((await client.head()).split()[1]) == status
        await client.rest()
    assert [one for one in caplog.records if one.levelno >= logging.ERROR or one.exc_info] == []


async def test_an_upgrade_waits_for_the_answer_to_the_request_before_it() -> None:
    goes_on = asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await echo(scope, receive, send)
            return
        await goes_on.wait()
        length = [(b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 200, "headers": length})
        await send({"type": "http.response.body", "body": b"ok"})

    async with listening(slow) as address, wire(address) as client:
        await client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" + UPGRADE + b"\r\n")
        await asyncio.sleep(0.05)
        goes_on.set()
        assert (await client.head()).startswith("HTTP/1.1 200 ")
        assert await client.reader.readexactly(2) == b"ok"
        assert (await client.head()).startswith("HTTP/1.1 101 ")
        await client.send(frame(TEXT, b"hi"))
        assert await received(client) == (TEXT, b"hi")


async def test_a_client_that_reads_nothing_is_hung_up_on() -> None:
    has_ended = asyncio.Event()

    async def endless(scope: Scope, receive: Receive, send: Send) -> None:
        socket = WebSocket(scope, receive, send)
        await socket.accept()
        try:
            while True:
                await socket.send_text("x" * 65536)
        except WebSocketDisconnect:
            has_ended.set()

    limits = Limits(client_timeout=0.5)
    async with listening(endless, limits) as address, wire(address, limit=1024) as client:
        await client.send(UPGRADE + b"\r\n")
        await client.head()
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]  # it reads, too
        await asyncio.wait_for(has_ended.wait(), 60)


@pytest.mark.parametrize(
    "frames",
    [
        frame(TEXT, b"{"),
        frame(TEXT, b'{"type":"ping"}') * 30,
        frame(TEXT, b'{"type":"subscribe","id":"1","payload":{"query":"{a}"}}'),
        frame(TEXT, b'{"type":"connection_init"}') * 2,
        frame(BYTES, b"{}"),
        frame(TEXT, b'{"type":"' + "\N{LATIN SMALL LETTER E WITH ACUTE}".encode() * 200 + b'"}'),
        b"",
    ],
)
async def test_who_leaves_in_the_middle_of_it_is_no_error(
    databases: Databases, clock: Clock, caplog: pytest.LogCaptureFixture, frames: bytes
) -> None:
    caplog.set_level(logging.INFO)
    async with running_api(databases, clock) as api, listening(api.app) as address:
        for is_patient in (True, False):
            async with wire(address) as client:
                await client.send(UPGRADE + b"\r\n")
                if is_patient:
                    await client.head()
                    await client.send(frames)
                    await asyncio.sleep(0.01)
        async with opened(address) as client:
            await client.send(frame(TEXT, b'{"type":"ping"}'))
            assert await received(client) == (TEXT, b'{"type":"pong"}')
    assert [one for one in caplog.records if one.levelno >= logging.ERROR or one.exc_info] == []
