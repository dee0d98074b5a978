"""The only module that uses or overrides internals of uvicorn and websockets.

It is written for uvicorn 0.54 and websockets 17 (`tests/web/test_uvicorn_internals.py`). No public
setting of uvicorn does these things:

- HTTP: deadlines for heads and bodies, a limit on connections that is answered with 503 and
  Retry-After, bounds on heads, trailers and pipelined requests, and trailers that are dropped.
  Without these a client can keep a connection for any time, and trailers are treated as headers.
- Upgrades: an offer of h2c, which Java's HttpClient makes over plain HTTP, is ignored. Otherwise
  the parser would stop at such a request and lose its body.
- WebSocket: limits on fragments, control frames and the bytes that are parsed at a time; a client
  that is still writing gets the reason for a close; payloads of messages are never logged.
- Server: the address is reported once it listens, SIGTERM starts a drain before the stop, and a
  process that is replaced takes no new connections while it goes on with the present ones.
"""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Iterable, Iterator
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame

__all__ = [
    "STATUS_LINE",
    "HttpProtocol",
    "PausableFlowControl",
    "WatchedServer",
    "WebSocketProtocol",
]


class PausableFlowControl(FlowControl):
    """Flow control that stops reading from a client whose sent bytes are not all parsed yet.

    So a client that sends many requests at once fills its own buffer, not the server's.
    """

    _is_held = False

    def hold(self) -> None:
        """Stop reading from the client, even if the application wants more."""
        if not self._is_held:
            self._is_held = True
            if not self.read_paused:
                self._transport.pause_reading()

    def release(self) -> None:
        """Read from the client again, unless the application has paused reading."""
        if self._is_held:
            self._is_held = False
            if not self.read_paused:
                self._transport.resume_reading()

    def pause_reading(self) -> None:
        if not self._is_held:
            super().pause_reading()
        self.read_paused = True

    def resume_reading(self) -> None:
        if self.read_paused and not self._is_held:
            self._transport.resume_reading()
        self.read_paused = False


class CoalescedWrites(asyncio.Transport):
    """Writes the head of an answer together with the first part of its body.

    Uvicorn writes them one by one. One system call less is a tenth of a small request.
    """

    __slots__ = ("_head", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head: bytes | None = None
        """The head while it is kept; empty once it has been written."""

    def write(self, data: bytes) -> None:  # type: ignore[override]  # uvicorn writes nothing else
        """Keep the first bytes, and write them together with the next ones."""
        if self._head is None:
            self._head = data
            return
        if self._head:
            data, self._head = self._head + data, b""
        self._transport.write(data)

    def flush(self) -> None:
        """Write a head that was kept, if the answer has no body."""
        if self._head:
            self.write(b"")

    def close(self) -> None:
        """Close the connection after everything has been written."""
        self.flush()
        self._transport.close()

    def is_closing(self) -> bool:
        return self._transport.is_closing()


class HttpProtocol(HttpToolsProtocol):
    """Uvicorn's HTTP connection, as the base class of the one in `http_connection.py`.

    A *cycle* is uvicorn's object for a request and its answer. It begins when the head has been
    read.
    """

    flow: PausableFlowControl
    _coalesced: CoalescedWrites | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self.flow = PausableFlowControl(transport)

    def on_response_complete(self) -> None:
        """Count the request, and go on reading.

        Uvicorn's keep-alive timer is not started, since the server checks the deadlines.
        """
        if self._coalesced is not None:
            self._coalesced.flush()
        self.server_state.total_requests += 1
        if not self.transport.is_closing():
            self.flow.resume_reading()
            self.answered()

    def answered(self) -> None:
        """Do nothing; subclasses are told that an answer ended and the connection stays open."""

    @property
    def is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    @property
    def has_begun_to_answer(self) -> bool:
        """Whether the answer to the request that is being read has begun, but has not ended."""
        cycle = self._cycle_being_read
        return cycle is not None and cycle.response_started and not cycle.response_complete

    @property
    def may_answer(self) -> bool:
        """Whether no answer has begun to the request that is being read."""
        cycle = self._cycle_being_read
        return cycle is None or not cycle.response_started

    @property
    def _cycle_being_read(self) -> Any:
        """The cycle of the request that is being parsed; None until its head has been parsed."""
        is_of_request = self.cycle is not None and self.cycle.scope is self.scope
        return self.cycle if is_of_request else None

    @property
    def latest_request(self) -> object | None:
        """An object that is another one for each request; None before the first request."""
        return self.cycle

    @property
    def is_body_wanted(self) -> bool:
        """Whether the server waits for the client to send more of the body."""
        return self.cycle.response_complete or not self.flow.read_paused

    def disconnect_application(self) -> None:
        """Tell the application that the client will not send the rest of the request."""
        cycle = self._cycle_being_read
        if cycle is not None:
            cycle.disconnected = True
            cycle.waiting_for_100_continue = False
            cycle.message_event.set()

    def begin_request(self) -> None:
        """Start the application for the request whose head was just parsed.

        The parser reports trailers as headers, so from now on these go to a list that is not used.
        """
        if self.parser.get_http_version() == "1.0":
            self.expect_100_continue = False  # HTTP/1.0 must ignore Expect (RFC 9110, 10.1.1)
        self.scope["state"]["is_gone"] = self.transport.is_closing
        super().on_headers_complete()
        if self.expect_100_continue:
            # The client may omit the body if it gets an answer before `100 Continue`. So the next
            # bytes may be a body or a request, and the connection must end after this request.
            self.cycle.keep_alive = False
        else:
            self._coalesced = CoalescedWrites(self.transport)
            self.cycle.transport = self._coalesced
        self.headers = []

    def end_with_answer(self) -> None:
        """End the connection with the answer to the present request, and say so in its head.

        If the head has been sent already, the connection goes on.
        """
        if self.cycle is not None and not self.cycle.response_started:
            self.cycle.keep_alive = False

    def end_request(self) -> None:
        """Note that the whole request has been read; its answer may have been sent already."""
        super().on_message_complete()
        if self.cycle is not None:
            self.cycle.more_body = False

    @property
    def is_websocket_upgrade(self) -> bool:
        return self._should_upgrade()


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """Uvicorn's WebSocket connection, with hooks for `websocket_connection.py`."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        # Otherwise the library logs each open and close, and at level DEBUG all messages.
        self.conn.logger, self.conn.debug = logging.getLogger("websockets.server"), False

    def begin_message(self) -> None:
        """Do nothing; subclasses are told that a message begins."""

    def may_continue(self) -> bool:
        """Return whether the current message may have one more fragment; for subclasses."""
        return True

    def may_control(self) -> bool:
        """Return whether a ping or pong may be handled; for subclasses."""
        return True

    @property
    def is_waiting_for_application(self) -> bool:
        """Whether the application must accept the connection, or receive a message, first."""
        return self.read_paused or (self.handshake_initiated and not self.handshake_complete)

    def parse(self, data: bytes) -> None:
        """Parse received bytes; if the upgrade is refused, answer it and close the connection."""
        super().data_received(data)
        if not self.handshake_initiated:
            refused = b"".join(self.conn.data_to_send())
            self.transport.write(refused or UNREADABLE_UPGRADE)
            self.transport.close()

    def handle_text(self, event: Frame) -> None:
        self.begin_message()
        super().handle_text(event)

    def handle_bytes(self, event: Frame) -> None:
        self.begin_message()
        super().handle_bytes(event)

    def handle_cont(self, event: Frame) -> None:
        if self.may_continue():
            super().handle_cont(event)

    def handle_ping(self) -> None:
        if self.may_control():
            super().handle_ping()

    def handle_pong(self, event: Frame) -> None:
        if self.may_control():
            super().handle_pong(event)

    def send_receive_event_to_app(self) -> None:
        """Pass a message to the application; close if its text is not UTF-8 (RFC 6455, 8.1)."""
        if self.curr_msg_data_type == "text" and not self.close_sent:
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError:
                self.fail(CloseCode.INVALID_DATA, "Text must be UTF-8")
                return
        super().send_receive_event_to_app()

    def fail(self, code: CloseCode, reason: str) -> None:
        """Close the connection with a code and reason, because the client broke a rule."""
        self.conn.fail(code, reason)
        self.handle_parser_exception()

    def handle_parser_exception(self) -> None:
        """Send the reason for closing, and close the connection after LINGER_S.

        Uvicorn closes at once, so a client that is still writing would never get the reason.
        """
        sent = self.conn.close_sent
        code, reason = (sent.code, sent.reason) if sent else (CloseCode.ABNORMAL_CLOSURE, "")
        self.close_sent = self.disconnected = True
        self.read_paused = False  # so that further bytes of the client are read, and can be ignored
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.transport.write_eof()
        self.close_timer = self.loop.call_later(LINGER_S, self.transport.abort)


LINGER_S = 1.0
"""Seconds that a client has to read the reason for closing before the connection ends."""

UNREADABLE_UPGRADE = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class WatchedServer(uvicorn.Server):
    """Uvicorn's server, which reports its address, and lets a subclass delay its stop.

    `on_listening` is called with the address, as `host:port`, once the server listens.
    """

    def __init__(
        self, config: uvicorn.Config, on_listening: Callable[[str], Awaitable[None]] | None
    ) -> None:
        super().__init__(config)
        self._on_listening = on_listening
        self.signals: list[int] = []
        """The signals that have asked the server to stop."""

    @property
    def open_connections(self) -> Iterator[object]:
        return iter(list(self.server_state.connections))

    @property
    def request_count(self) -> int:
        return self.server_state.total_requests

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the server, then call `on_listening`."""
        await super().startup(sockets)
        if self.started and self._on_listening is not None:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            await self._on_listening(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")

    async def adopt(self, accepted: Iterable[socket.socket]) -> None:
        """Serve connections that were accepted elsewhere, as if they had come to this server."""
        loop = asyncio.get_running_loop()
        for connection in accepted:
            try:
                await loop.connect_accepted_socket(self._connection_made, connection)
            except OSError:  # the client has gone
                connection.close()

    def _connection_made(self) -> asyncio.Protocol:
        made: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]  # as uvicorn calls it
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return made

    def stop_listening(self) -> None:
        """Take no new connections; the present ones go on."""
        for server in self.servers:
            server.close()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop the server after a signal, unless `delay_stop` returns true."""
        self.signals.append(sig)
        if self.should_exit or not self.delay_stop(sig):
            super().handle_exit(sig, frame)
        else:
            self._captured_signals.append(sig)  # raised again at the end, as uvicorn does

    def delay_stop(self, sig: int) -> bool:  # noqa: ARG002  # for subclasses
        """Return whether the server stops later than the signal `sig`; for subclasses.

        If so, the subclass must set `should_exit` later.
        """
        return False
