"""A client's WebSocket, with limits on fragments, control frames and bytes read at a time.

An empty frame has six bytes, but takes as much time as thousands of bytes, and anybody may open a
WebSocket. So bytes are parsed in small pieces, and other connections are served in between. If a
client sends far more frames than normal clients do, its connection is closed.
"""

from typing import Any

import structlog
from uvicorn._types import ASGIReceiveEvent, ASGISendEvent
from websockets.frames import CloseCode

from web.http_connection import Limits
from web.uvicorn_internals import WebSocketProtocol

log = structlog.get_logger(__name__)

PIECE_BYTES = 1024
"""Bytes that are parsed at a time; they contain at most 170 frames."""

BYTES_PER_TURN = 64 * 1024
FRAMES_PER_TURN = 100
"""After this number of bytes or frames from one connection, other connections are served."""

MAX_FRAGMENTS = 1_000
"""The maximum number of fragments of a message."""

MAX_CONTROL_FRAMES = 100
"""The maximum number of pings and pongs that a client may send in a second."""

MAX_UNREAD_PONGS_BYTES = 1024 * 1024
"""Unsent bytes beyond which a client that sends pings but reads nothing is disconnected."""


class Socket(WebSocketProtocol):
    """A WebSocket from its handshake to its end."""

    _is_scheduled = False
    _is_over = False
    """Whether the client broke a rule, so that all further bytes are ignored."""
    _frames = 0
    """Frames that were parsed since other connections were last served."""
    _fragments = 0
    _control_frames = 0
    _second = 0.0
    _awaited: int | None = None
    _since = 0.0

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._unread = bytearray()

    def data_received(self, data: bytes) -> None:
        """Keep received bytes, and parse as many as limits and the application allow now."""
        if self._is_over:
            return
        self._unread += data
        if not self._is_scheduled:
            self._read_on()

    def _read_on(self) -> None:
        self._is_scheduled = False
        self._frames = used = 0
        while self._unread and not self.is_waiting_for_application:
            if self._frames >= FRAMES_PER_TURN or used >= BYTES_PER_TURN:
                self._schedule()
                return
            size = PIECE_BYTES if self.handshake_initiated else len(self._unread)
            piece = bytes(self._unread[:size])
            del self._unread[:size]
            used += size
            self.parse(piece)
            if self._is_over or self.transport.is_closing():
                self._unread.clear()
        if self._unread:
            self.transport.pause_reading()
        elif not self.read_paused:
            self.transport.resume_reading()

    def _schedule(self) -> None:
        if self._unread and not self._is_scheduled:
            self._is_scheduled = True
            self.transport.pause_reading()
            self.loop.call_soon(self._read_on)

    async def receive(self) -> ASGIReceiveEvent:
        """Return the next message to the application, and go on parsing if it was the last one."""
        message = await super().receive()
        if not self.read_paused:
            self._schedule()
        return message

    async def send(self, message: ASGISendEvent) -> None:
        """Send a message; go on parsing if it accepts or closes the WebSocket."""
        is_answer = message["type"] == "websocket.send"
        if self.disconnected and not is_answer:
            return  # The application notices the disconnection when it next receives a message.
        await super().send(message)
        if not is_answer:
            self._schedule()

    def begin_message(self) -> None:
        self._frames += 1
        self._fragments = 1

    def may_continue(self) -> bool:
        """Count a fragment of a message, and return whether to handle it.

        The connection is closed if the message has too many fragments.
        """
        self._frames += 1
        self._fragments += 1
        if self._fragments > MAX_FRAGMENTS and not self.close_sent:
            self.fail(CloseCode.POLICY_VIOLATION, "Too many fragments")
        return not self.close_sent

    def may_control(self) -> bool:
        """Count a ping or pong, and return whether to handle it.

        The connection is closed if there were too many in a second.
        """
        self._frames += 1
        self._control_frames += 1
        if self._control_frames > MAX_CONTROL_FRAMES:
            now = self.loop.time()
            if now - self._second < 1:
                self.fail(CloseCode.POLICY_VIOLATION, "Too many control frames")
                return False
            self._second, self._control_frames = now, 1
        if self.transport.get_write_buffer_size() > MAX_UNREAD_PONGS_BYTES:
            self.transport.abort()
            return False
        return not self.close_sent

    def check_deadline(self, now: float, limits: Limits) -> None:
        """Close the connection if the client has read nothing for `limits.client_timeout` seconds.

        `now` is the time of the event loop, in seconds.
        """
        has_room = self.writable.is_set() and not self.transport.is_closing()
        awaited = None if has_room else self.transport.get_write_buffer_size()
        if awaited is None or awaited != self._awaited:
            self._awaited, self._since = awaited, now
        elif now - self._since >= limits.client_timeout:
            log.info("client_too_slow", owed="reading")
            self.transport.abort()

    def handle_parser_exception(self) -> None:
        self._is_over = True
        super().handle_parser_exception()

    def fail(self, code: CloseCode, reason: str) -> None:
        """Close the WebSocket with a code and reason, because the client broke a rule.

        If the WebSocket is being closed already, end the connection at once.
        """
        if self.close_sent:
            self.transport.abort()
            return
        address = self.client[0] if self.client else None
        log.info("websocket_refused", code=int(code), reason=reason, client=address)
        super().fail(code, reason)
