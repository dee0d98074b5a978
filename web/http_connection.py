"""A client's HTTP connection: one request at a time, kept to RFC 9112, with bounds on every part.

Uvicorn waits for a request for as long as its client likes, takes heads and trailers of any length,
and reads pipelined requests ahead without a bound. This module is the only one that overrides its
HTTP protocol. It gives the parser exactly one part of one request at a time, so that a request is
refused, or waits for the answer to the one before it, before anything behind it is looked at.
"""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httptools
import orjson
import structlog
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from web.http_framing import (
    Body,
    Malformed,
    check_head,
    find_head,
    is_one_request,
    target_of,
    without_offers,
)

if TYPE_CHECKING:
    from web.server import Config

log = structlog.get_logger(__name__)

PARTS_PER_TURN = 64
"""Heads and chunks that are read from one connection before others get their turn."""

EMPTY_LINE = b"\r\n"
"""Empty lines before a request are ignored (RFC 9112, 2.2)."""

LINGER_S = 1.0
"""For how long a client that was refused may read the answer."""

REFUSED_SHARE = 0.1
"""How many more connections there may be, of those that are told to come back."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a client may cost; times in seconds."""

    max_connections: int = 10_000
    client_timeout: float = 30
    """For the head of a request, for its body, and for taking anything at all of the answer."""
    keep_alive: int = 75
    """For the next request; longer than proxies wait, so that they never reuse a closed one."""


class HeldFlow(FlowControl):
    """Flow control that reads nothing more while the connection holds bytes it has not used."""

    _is_held = False

    def hold(self) -> None:
        """Stop reading, whatever the application asks for."""
        if not self._is_held:
            self._is_held = True
            if not self.read_paused:
                self._transport.pause_reading()

    def release(self) -> None:
        """Read again, unless the application has enough."""
        if self._is_held:
            self._is_held = False
            if not self.read_paused:
                self._transport.resume_reading()

    def pause_reading(self) -> None:
        """Stop reading until the application has used what it has."""
        if not self._is_held:
            super().pause_reading()
        self.read_paused = True

    def resume_reading(self) -> None:
        """Read on for the application, unless the connection holds unused bytes."""
        if self.read_paused and not self._is_held:
            self._transport.resume_reading()
        self.read_paused = False


class JoinedWrites(asyncio.Transport):
    """Writes the head of an answer together with the first part of its body.

    Uvicorn writes them one by one. A system call less is a tenth of a small request.
    """

    __slots__ = ("_head", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head: bytes | None = None
        """What is held; empty when it has been written."""

    def write(self, data: bytes) -> None:  # type: ignore[override]  # uvicorn writes nothing else
        """Hold what comes first, and write it with what comes next."""
        if self._head is None:
            self._head = data
            return
        if self._head:
            data, self._head = self._head + data, b""
        self._transport.write(data)

    def flush(self) -> None:
        """Write what is held, as of an answer without a body."""
        if self._head:
            self.write(b"")

    def close(self) -> None:
        """Close the connection once all is written."""
        self.flush()
        self._transport.close()

    def is_closing(self) -> bool:
        """Tell whether the connection is closing or closed."""
        return self._transport.is_closing()


class Connection(HttpToolsProtocol):
    """A client's connection, until it becomes a WebSocket, which has limits of its own."""

    config: "Config"
    flow: HeldFlow
    _joined: JoinedWrites | None = None
    _is_refused = False
    _is_over = False
    """Whether the connection became a WebSocket."""
    _is_between = True
    """Whether what comes next is the head of a request."""
    _is_scheduled = False
    _searched = 0
    """How much of an unfinished head is known not to hold its end."""
    _awaited: tuple[str, object] | None = None
    _since = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Take a connection, unless there are too many."""
        others, most = len(self.connections), self.config.limits.max_connections
        super().connection_made(transport)
        self.flow = HeldFlow(transport)
        self._unread = bytearray()
        self._body: Body | None = None
        if others >= most * (1 + REFUSED_SHARE):
            transport.abort()
        elif others >= most:
            log.warning("too_many_connections")
            self._refuse(503, more=b"retry-after: 1\r\n")

    def data_received(self, data: bytes) -> None:
        """Take what came, and use as much of it as there is time and room for."""
        if self._is_refused:
            return
        if self._is_between and not self._unread:
            if not self._is_answering() and is_one_request(data):
                self._feed(data)
                return
            data = data.lstrip(EMPTY_LINE)
        if data:
            self._unread += data
            self._read_on()

    def on_response_complete(self) -> None:
        """Go on with the request that came behind the one that was just answered."""
        if self._joined is not None:
            self._joined.flush()
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self._unread:
            self._read_on()

    def _read_on(self) -> None:
        """Give the parser part by part; stop at a request whose turn has not come."""
        self._is_scheduled = False
        for _ in range(PARTS_PER_TURN):
            if self._is_refused or self._is_over or self.transport.is_closing():
                self._unread.clear()
                return
            if self._is_between and self._is_answering():
                break
            part = self._next_part()
            if part is None:
                self.flow.release()
                return
            self._feed(part)
        if not self._unread:
            self.flow.release()
            return
        self.flow.hold()
        if not (self._is_between and self._is_answering()) and not self._is_scheduled:
            self._is_scheduled = True
            self.loop.call_soon(self._read_on)

    def _next_part(self) -> bytes | None:
        """Take the next head, chunk or piece of a body; None if it has not wholly come."""
        try:
            if self._is_between:
                if self._unread[:1] in EMPTY_LINE:
                    self._unread = self._unread.lstrip(EMPTY_LINE)
                size = find_head(self._unread, self._searched)
            elif self._body is None:
                raise Malformed(400, "This is not a request of HTTP/1.1.")  # as of HTTP/2
            else:
                size = self._body.next_part(self._unread)
        except Malformed as malformed:
            self._refuse(malformed.status, malformed.message)
            return None
        if size is None:
            self._searched = max(0, len(self._unread) - 3)
            return None
        self._searched = 0
        part = bytes(self._unread[:size])
        del self._unread[:size]
        return without_offers(part) if self._is_between else part

    def _feed(self, part: bytes) -> None:
        try:
            self.parser.feed_data(part)
        except httptools.HttpParserUpgrade:
            self._is_over = True
            self.handle_websocket_upgrade()
        except httptools.HttpParserError as error:
            cause = error.__context__
            if isinstance(cause, Malformed):
                self._refuse(cause.status, cause.message)
            elif isinstance(error, httptools.HttpParserCallbackError):
                self._refuse(400, f"The request is malformed: {type(cause).__name__}.")
            else:
                self._refuse(400, f"The request is malformed: {error}.")

    def on_message_begin(self) -> None:
        """Note that a request has begun."""
        self._is_between = False
        self._body = None
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Refuse a head that breaks the protocol; what comes as a header after it is a trailer."""
        version, method = self.parser.get_http_version(), self.parser.get_method()
        self._body = check_head(version, method, self.headers)
        self.url = target_of(method, self.url)
        if self.parser.should_upgrade():
            has_more = self._body.has_any or self._unread
            if has_more or (version, method) != ("1.1", b"GET") or not self._should_upgrade():
                raise Malformed(400, "An upgrade to WebSocket is a GET of HTTP/1.1 without a body.")
            super().on_headers_complete()
            return
        if version == "1.0":
            self.expect_100_continue = False  # it must be ignored (RFC 9110, 10.1.1)
        self.scope["state"]["is_gone"] = self.transport.is_closing
        super().on_headers_complete()
        if self.expect_100_continue:
            # Without `100 Continue` nobody knows whether a body follows, so nothing else may.
            self.cycle.keep_alive = False
        else:
            self._joined = JoinedWrites(self.transport)
            self.cycle.transport = self._joined
        # The parser reports trailers like headers. Nobody reads this list, so they are dropped.
        self.headers = []

    def on_message_complete(self) -> None:
        """Note that a request has ended; its answer may have been given before."""
        self._is_between = True
        super().on_message_complete()
        if self.cycle is not None:
            self.cycle.more_body = False

    def look(self, now: float) -> None:
        """End the connection if the client has kept us waiting for the same thing too long."""
        awaited, limits = self._waits_for(), self.config.limits
        if awaited is None or awaited != self._awaited:
            self._awaited, self._since = awaited, now
            return
        patience = limits.keep_alive if awaited[0] == "request" else limits.client_timeout
        if now - self._since >= patience:
            self._cut(awaited[0])

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _waits_for(self) -> tuple[str, object] | None:
        """Say what the client owes us: what it owes, and what would be another once it moves."""
        cycle = self.cycle
        if self._is_refused:
            return None
        if self.transport.is_closing() or self.flow.write_paused:
            return "reading", self.transport.get_write_buffer_size()
        if not self._is_between:
            is_ours = cycle.response_complete or not self.flow.read_paused
            return ("body", cycle) if is_ours else None
        if self._is_answering():
            return None
        return ("head" if self._unread or cycle is None else "request"), cycle

    def _cut(self, owed: str) -> None:
        if owed == "request":
            self.transport.close()
            return
        log.info("client_too_slow", owed=owed)
        if owed == "reading" or (owed == "body" and self.cycle.response_started):
            self.transport.abort()
        elif owed == "head" and not self._unread:
            self.transport.close()  # it never said a word, so there is nothing to answer
        else:
            self._refuse(408)

    def _refuse(self, status: int, message: str = "", more: bytes = b"") -> None:
        """Answer without the application, and hang up."""
        self._is_refused = True
        if message:
            address = self.client[0] if self.client else None
            log.info("request_malformed", status=status, reason=message, client=address)
        cycle = None if self._is_between else self.cycle
        if cycle is not None and cycle.scope is self.scope:
            # The application, if it still waits for the request or has just made an answer.
            cycle.disconnected = True
            cycle.waiting_for_100_continue = False
            cycle.message_event.set()
            if cycle.response_started and not cycle.response_complete:
                self.transport.abort()
                return
        if cycle is None or cycle.scope is not self.scope or not cycle.response_started:
            self.transport.write(_answer(status, message, more))
        # To close on a client that is still writing would take the answer from it again.
        self.flow.release()
        self.flow.resume_reading()
        self.transport.write_eof()
        self.loop.call_later(LINGER_S, self.transport.abort)


def _answer(status: int, message: str, more: bytes) -> bytes:
    """Write an answer; one with a message is in the form of GraphQL's errors."""
    body = b""
    if message:
        code = "REQUEST_TOO_LARGE" if status in {413, 414, 431} else "BAD_REQUEST"
        body = orjson.dumps({"errors": [{"message": message, "extensions": {"code": code}}]})
        more += b"content-type: application/json; charset=utf-8\r\n"
    head = b"x-content-type-options: nosniff\r\nconnection: close\r\n%b" % more
    return b"%bcontent-length: %d\r\n%b\r\n%b" % (STATUS_LINE[status], len(body), head, body)
