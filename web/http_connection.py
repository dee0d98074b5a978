"""A client's HTTP connection: one request at a time (RFC 9112), with limits on each part.

The parser gets exactly one part of a request at a time, such as its head or a chunk. So before
later bytes are parsed, the request can be refused, or wait until the one before it is answered.
"""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httptools
import orjson
import structlog

from web.http_framing import (
    Body,
    Malformed,
    check_head,
    find_head,
    is_one_request,
    target_of,
    without_upgrade_offers,
)
from web.uvicorn_internals import STATUS_LINE, HttpProtocol

if TYPE_CHECKING:
    from web.server import Config

log = structlog.get_logger(__name__)

PARTS_PER_TURN = 64
"""Heads and chunks that are read from one connection before other connections are served."""

EMPTY_LINE = b"\r\n"
"""Empty lines before a request are ignored (RFC 9112, 2.2)."""

LINGER_S = 1.0
"""Seconds that a refused client has to read the answer before the connection is closed."""

REFUSED_SHARE = 0.1
"""How many connections beyond the limit, as a fraction of it, are answered with 503.

Any more connections are closed without an answer.
"""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits on clients; all times are in seconds."""

    max_connections: int = 10_000
    client_timeout: float = 30
    """Seconds after which a client that makes no progress is disconnected.

    It must make progress while it sends a head or a body, and while it reads an answer.
    """
    keep_alive: int = 75
    """Seconds that a connection may be idle before its next request.

    This must be longer than proxies keep idle connections; otherwise a proxy may reuse a connection
    that was just closed.
    """


class Connection(HttpProtocol):
    """A client's connection, until it becomes a WebSocket."""

    config: "Config"
    _is_refused = False
    _is_over = False
    """Whether the connection became a WebSocket."""
    _is_between = True
    """Whether the next bytes begin a request, or belong to its unfinished head."""
    _is_scheduled = False
    _searched = 0
    """The number of bytes of an unfinished head that were already searched for its end."""
    _awaited: tuple[str, object] | None = None
    _since = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Accept a connection; answer 503, or close it, if there are too many."""
        others, most = len(self.connections), self.config.limits.max_connections
        super().connection_made(transport)
        self._unread = bytearray()
        self._body: Body | None = None
        if others >= most * (1 + REFUSED_SHARE):
            transport.abort()
        elif others >= most:
            log.warning("too_many_connections")
            self._refuse(503, more=b"retry-after: 1\r\n")

    def data_received(self, data: bytes) -> None:
        """Keep received bytes, and parse as many of them as limits allow now."""
        if self._is_refused:
            return
        if self._is_between and not self._unread:
            if not self.is_answering and is_one_request(data):
                self._feed(data)
                return
            data = data.lstrip(EMPTY_LINE)
        if data:
            self._unread += data
            self._read_on()

    def answered(self) -> None:
        """Parse the next request, if bytes of it were received before the last one was answered."""
        if self._unread:
            self._read_on()

    def _read_on(self) -> None:
        """Parse the received bytes part by part.

        Stops before a request if the one before it is not answered yet, and after PARTS_PER_TURN
        parts.
        """
        self._is_scheduled = False
        for _ in range(PARTS_PER_TURN):
            if self._is_refused or self._is_over or self.transport.is_closing():
                self._unread.clear()
                return
            if self._is_between and self.is_answering:
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
        if not (self._is_between and self.is_answering) and not self._is_scheduled:
            self._is_scheduled = True
            self.loop.call_soon(self._read_on)

    def _next_part(self) -> bytes | None:
        """Return the next head, chunk or piece of a body; None if it is not complete yet."""
        try:
            if self._is_between:
                if self._unread[:1] in EMPTY_LINE:
                    self._unread = self._unread.lstrip(EMPTY_LINE)
                size = find_head(self._unread, self._searched)
            elif self._body is None:
                raise Malformed(400, "The request is not HTTP/1.1.")  # for example HTTP/2
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
        return without_upgrade_offers(part) if self._is_between else part

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
                self._refuse(400, "The request is malformed.")
            else:
                self._refuse(400, f"The request is malformed: {error}.")

    def on_message_begin(self) -> None:
        self._is_between = False
        self._body = None
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Start the application; raises Malformed for a head that breaks the protocol."""
        version, method = self.parser.get_http_version(), self.parser.get_method()
        self._body = check_head(version, method, self.headers)
        self.url = target_of(method, self.url)
        if self.parser.should_upgrade():
            has_more = self._body.has_any or self._unread
            if has_more or (version, method) != ("1.1", b"GET") or not self.is_websocket_upgrade:
                raise Malformed(
                    400, "An upgrade to WebSocket must be a GET of HTTP/1.1 without a body."
                )
            super().on_headers_complete()
            return
        self.begin_request()
        if self.config.ends_connections:
            self.end_with_answer()

    def on_message_complete(self) -> None:
        self._is_between = True
        self.end_request()

    def check_deadline(self, now: float, limits: Limits) -> None:
        """Close the connection if the client has made no progress for longer than `limits` allow.

        `now` is the time of the event loop, in seconds.
        """
        awaited = self._waits_for()
        if awaited is None or awaited != self._awaited:
            self._awaited, self._since = awaited, now
            return
        timeout = limits.keep_alive if awaited[0] == "request" else limits.client_timeout
        if now - self._since >= timeout:
            self._cut(awaited[0])

    def _waits_for(self) -> tuple[str, object] | None:
        """Return what the client must do now, and a value that changes as it makes progress.

        None if the client need not do anything now.
        """
        if self._is_refused:
            return None
        if self.transport.is_closing() or self.flow.write_paused:
            return "reading", self.transport.get_write_buffer_size()
        if not self._is_between:
            return ("body", self.latest_request) if self.is_body_wanted else None
        if self.is_answering:
            return None
        has_asked = self.latest_request is not None
        return ("request" if has_asked and not self._unread else "head"), self.latest_request

    def _cut(self, owed: str) -> None:
        if owed == "request":
            self.transport.close()
            return
        log.info("client_too_slow", owed=owed)
        if owed == "reading" or (owed == "body" and not self.may_answer):
            self.transport.abort()
        elif owed == "head" and not self._unread:
            self.transport.close()  # the client sent no request, so there is nothing to answer
        else:
            self._refuse(408)

    def _refuse(self, status: int, message: str = "", more: bytes = b"") -> None:
        """Refuse a request with an HTTP error, without the application, and close the connection.

        Nothing is sent if the answer of the application has begun. `more` are further headers.
        """
        self._is_refused = True
        if message:
            address = self.client[0] if self.client else None
            log.info("request_malformed", status=status, reason=message, client=address)
        if not self._is_between:
            self.disconnect_application()
            if self.has_begun_to_answer:
                self.transport.abort()
                return
        if self._is_between or self.may_answer:
            self.transport.write(_answer(status, message, more))
        # A client that is still writing would never read the answer if the connection closed now.
        self.flow.release()
        self.flow.resume_reading()
        self.transport.write_eof()
        self.loop.call_later(LINGER_S, self.transport.abort)


def _answer(status: int, message: str, more: bytes) -> bytes:
    """Return the bytes of an HTTP error with `message` as a GraphQL error, and further headers."""
    body = b""
    if message:
        code = "REQUEST_TOO_LARGE" if status in {413, 414, 431} else "BAD_REQUEST"
        body = orjson.dumps({"errors": [{"message": message, "extensions": {"code": code}}]})
        more += b"content-type: application/json; charset=utf-8\r\n"
    head = b"x-content-type-options: nosniff\r\nconnection: close\r\n%b" % more
    return b"%bcontent-length: %d\r\n%b\r\n%b" % (STATUS_LINE[status], len(body), head, body)
