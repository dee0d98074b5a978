"""Everything of uvicorn and websockets that is internal and used or overridden here.

Read for uvicorn 0.54 and websockets 17 (`tests/web/test_uvicorn_internals.py`). No public setting
of uvicorn does these things:

- HTTP: deadlines for heads and bodies, a limit on connections that is answered with 503 and
  Retry-After, bounds on heads, trailers and pipelined requests, and trailers that are dropped.
  Without them a client holds a connection for as long as it likes, and trailers count as headers.
- Upgrades: an offer of h2c, which Java's HttpClient makes over plain HTTP, is ignored. Without that
  the parser stops at such a request and its body is lost.
- WebSocket: bounds on fragments, control frames and on what is parsed at a time; the reason for
  closing reaches a client that is still writing; the payloads of messages are never logged.
- Server: the address is reported once it listens, and SIGTERM starts a drain before the stop.
"""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Iterator
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame

__all__ = ["STATUS_LINE", "HeldFlow", "HttpProtocol", "WatchedServer", "WebSocketProtocol"]


class HeldFlow(FlowControl):
    """Flow control that reads nothing while the connection holds bytes that are not parsed yet."""

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
        if not self._is_held:
            super().pause_reading()
        self.read_paused = True

    def resume_reading(self) -> None:
        if self.read_paused and not self._is_held:
            self._transport.resume_reading()
        self.read_paused = False


class HttpProtocol(HttpToolsProtocol):
    """Uvicorn's HTTP connection, with the parts of it that `http_connection.py` decides about.

    A *cycle* is a request with its answer, from the end of the head to the end of the answer.
    """

    flow: HeldFlow

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self.flow = HeldFlow(transport)

    def on_response_complete(self) -> None:
        """Count the request, and read on; no keep-alive timer, since deadlines are checked here."""
        self.server_state.total_requests += 1
        if not self.transport.is_closing():
            self.flow.resume_reading()
            self.answered()

    def answered(self) -> None:
        """Override: an answer has ended, and the connection stays open."""

    @property
    def is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    @property
    def has_begun_to_answer(self) -> bool:
        """Whether the answer to the request that is being read has begun, and not ended."""
        cycle = self._cycle_being_read
        return cycle is not None and cycle.response_started and not cycle.response_complete

    @property
    def may_answer(self) -> bool:
        """Whether no answer has begun to the request that is being read."""
        cycle = self._cycle_being_read
        return cycle is None or not cycle.response_started

    @property
    def _cycle_being_read(self) -> Any:
        """The cycle of the request that the parser is in; None before its head has ended."""
        is_of_request = self.cycle is not None and self.cycle.scope is self.scope
        return self.cycle if is_of_request else None

    @property
    def latest_request(self) -> object | None:
        """A value that differs for each request; None before the first."""
        return self.cycle

    @property
    def is_body_wanted(self) -> bool:
        """Whether more of the body must come from the client before anybody can go on."""
        return self.cycle.response_complete or not self.flow.read_paused

    def disconnect_application(self) -> None:
        """Tell the application that the rest of the request will not come."""
        cycle = self._cycle_being_read
        if cycle is not None:
            cycle.disconnected = True
            cycle.waiting_for_100_continue = False
            cycle.message_event.set()

    def begin_request(self) -> None:
        """Start the application on the head that was just parsed.

        The parser reports trailers as headers. From here on they go to a list that is never read.
        """
        if self.parser.get_http_version() == "1.0":
            self.expect_100_continue = False  # it must be ignored (RFC 9110, 10.1.1)
        self.scope["state"]["is_gone"] = self.transport.is_closing
        super().on_headers_complete()
        if self.expect_100_continue:
            # Without `100 Continue` it is unknown whether a body follows, so no request may follow.
            self.cycle.keep_alive = False
        self.headers = []

    def end_request(self) -> None:
        """Note that the request has been read whole; its answer may have been sent before."""
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
        # The library would log each opening and closing, and at DEBUG all messages.
        self.conn.logger, self.conn.debug = logging.getLogger("websockets.server"), False

    def begin_message(self) -> None:
        """Override: a message begins."""

    def may_continue(self) -> bool:
        """Override: return whether a message may have one more fragment."""
        return True

    def may_control(self) -> bool:
        """Override: return whether a ping or pong may be handled."""
        return True

    @property
    def is_waiting_for_application(self) -> bool:
        """Whether the application must accept the connection, or take a message, first."""
        return self.read_paused or (self.handshake_initiated and not self.handshake_complete)

    def parse(self, data: bytes) -> None:
        """Parse some bytes; an upgrade that the parser refuses is answered, and ends."""
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
        """Pass a message on; text that is not UTF-8 ends the connection (RFC 6455, 8.1)."""
        if self.curr_msg_data_type == "text" and not self.close_sent:
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError:
                self.fail(CloseCode.INVALID_DATA, "Text must be UTF-8")
                return
        super().send_receive_event_to_app()

    def fail(self, code: CloseCode, reason: str) -> None:
        """Close because the client broke a rule."""
        self.conn.fail(code, reason)
        self.handle_parser_exception()

    def handle_parser_exception(self) -> None:
        """Send the reason for closing, and leave the client time to read it.

        Uvicorn closes at once, so a client that is still writing never gets the reason.
        """
        sent = self.conn.close_sent
        code, reason = (sent.code, sent.reason) if sent else (CloseCode.ABNORMAL_CLOSURE, "")
        self.close_sent = self.disconnected = True
        self.read_paused = False  # so that what the client still sends is read, and dropped
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.transport.write_eof()
        self.close_timer = self.loop.call_later(LINGER_S, self.transport.abort)


LINGER_S = 1.0
"""Seconds that a client which broke a rule has to read why the connection ends."""

UNREADABLE_UPGRADE = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class WatchedServer(uvicorn.Server):
    """Uvicorn's server, which reports its address, and lets a subclass act on signals."""

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
        """Start, then report the address as `host:port`."""
        await super().startup(sockets)
        if self.started and self._on_listening is not None:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            await self._on_listening(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop, unless `delay_stop` says that the stop comes later."""
        self.signals.append(sig)
        if self.should_exit or not self.delay_stop(sig):
            super().handle_exit(sig, frame)
        else:
            self._captured_signals.append(sig)  # raised again at the end, as uvicorn does

    def delay_stop(self, sig: int) -> bool:  # noqa: ARG002  # for subclasses
        """Override: return whether the server goes on, and will set `should_exit` by itself."""
        return False
