"""A client's WebSocket, with bounds on fragments, control frames and what is read at a time.

An empty frame has six bytes and costs the process as much as thousands do, and anybody may open a
WebSocket. This module is the only one that overrides uvicorn's WebSocket protocol. It gives the
parser a little at a time, lets others run in between, and ends a connection that sends more frames
than any honest client.
"""

import logging
from typing import Any

import structlog
from uvicorn._types import ASGIReceiveEvent, ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame

log = structlog.get_logger(__name__)

LINGER_S = 1.0
"""For how long a client that broke a rule may read why the connection ends."""

PIECE_BYTES = 1024
"""What is parsed at a time: at most 170 frames."""

BYTES_PER_TURN = 64 * 1024
FRAMES_PER_TURN = 100
"""What is read from one connection before others get their turn."""

MAX_FRAGMENTS = 1_000
"""Of one message."""

MAX_CONTROL_FRAMES = 100
"""Pings and pongs in a second."""

MAX_UNREAD_PONGS_BYTES = 1024 * 1024
"""What may wait for a client that sends pings and reads nothing."""

UNREADABLE = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class Socket(WebSocketsSansIOProtocol):
    """A WebSocket between its handshake and its end."""

    _is_scheduled = False
    _is_over = False
    """Whether the client broke a rule, so that nothing more of it is looked at."""
    _frames = 0
    """Frames since this connection's turn began."""
    _fragments = 0
    _control_frames = 0
    _second = 0.0
    _awaited: int | None = None
    _since = 0.0

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._unread = bytearray()
        # The library would log each opening and closing, and at DEBUG all messages.
        self.conn.logger, self.conn.debug = logging.getLogger("websockets.server"), False

    def data_received(self, data: bytes) -> None:
        """Take what came, and use as much of it as there is time and room for."""
        if self._is_over:
            return
        self._unread += data
        if not self._is_scheduled:
            self._read_on()

    def _read_on(self) -> None:
        self._is_scheduled = False
        self._frames = used = 0
        while self._unread and not self._is_waiting():
            if self._frames >= FRAMES_PER_TURN or used >= BYTES_PER_TURN:
                self._schedule()
                return
            size = PIECE_BYTES if self.handshake_initiated else len(self._unread)
            piece = bytes(self._unread[:size])
            del self._unread[:size]
            used += size
            super().data_received(piece)
            if not self.handshake_initiated:
                self._refuse_handshake()
            if self._is_over or self.transport.is_closing():
                self._unread.clear()
        if self._unread:
            self.transport.pause_reading()
        elif not self.read_paused:
            self.transport.resume_reading()

    def _is_waiting(self) -> bool:
        """Tell whether the application has to move first: accept, or take a message."""
        return self.read_paused or (self.handshake_initiated and not self.handshake_complete)

    def _schedule(self) -> None:
        if self._unread and not self._is_scheduled:
            self._is_scheduled = True
            self.transport.pause_reading()
            self.loop.call_soon(self._read_on)

    async def receive(self) -> ASGIReceiveEvent:
        """Give the application the next message, and read on once it has them all."""
        message = await super().receive()
        if not self.read_paused:
            self._schedule()
        return message

    async def send(self, message: ASGISendEvent) -> None:
        """Send for the application, and read on after it has accepted or closed."""
        is_answer = message["type"] == "websocket.send"
        if self.disconnected and not is_answer:
            return  # the application hears of it when it asks for a message
        await super().send(message)
        if not is_answer:
            self._schedule()

    def handle_text(self, event: Frame) -> None:
        """Begin a message of text."""
        self._begin_message()
        super().handle_text(event)

    def handle_bytes(self, event: Frame) -> None:
        """Begin a message of bytes."""
        self._begin_message()
        super().handle_bytes(event)

    def handle_cont(self, event: Frame) -> None:
        """Go on with a message, unless it comes in too many pieces."""
        self._frames += 1
        self._fragments += 1
        if self.close_sent:
            return
        if self._fragments > MAX_FRAGMENTS:
            self._fail(CloseCode.POLICY_VIOLATION, "Too many fragments")
            return
        super().handle_cont(event)

    def handle_ping(self) -> None:
        """Answer a ping, unless there are too many."""
        if self._may_control():
            super().handle_ping()

    def handle_pong(self, event: Frame) -> None:
        """Take a pong, unless there are too many."""
        if self._may_control():
            super().handle_pong(event)

    def send_receive_event_to_app(self) -> None:
        """Hand on a message; text that is not UTF-8 ends the connection (RFC 6455, 8.1)."""
        if self.curr_msg_data_type == "text" and not self.close_sent:
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError:
                self._fail(CloseCode.INVALID_DATA, "Text must be UTF-8")
                return
        super().send_receive_event_to_app()

    def handle_parser_exception(self) -> None:
        """Send the reason for closing, and leave the client time to read it.

        Uvicorn closes at once, which takes the reason from a client that is still writing.
        """
        sent = self.conn.close_sent
        code, reason = (sent.code, sent.reason) if sent else (CloseCode.ABNORMAL_CLOSURE, "")
        self._is_over = self.close_sent = self.disconnected = True
        self.read_paused = False  # so that what the client still sends is read, and dropped
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.transport.write_eof()
        self.close_timer = self.loop.call_later(LINGER_S, self.transport.abort)

    def look(self, now: float, client_timeout: float) -> None:
        """Hang up on a client that takes nothing of what is sent to it."""
        has_room = self.writable.is_set() and not self.transport.is_closing()
        awaited = None if has_room else self.transport.get_write_buffer_size()
        if awaited is None or awaited != self._awaited:
            self._awaited, self._since = awaited, now
        elif now - self._since >= client_timeout:
            log.info("client_too_slow", owed="reading")
            self.transport.abort()

    def _begin_message(self) -> None:
        self._frames += 1
        self._fragments = 1

    def _may_control(self) -> bool:
        """Count a control frame; end the connection if there were too many in a second."""
        self._frames += 1
        self._control_frames += 1
        if self._control_frames > MAX_CONTROL_FRAMES:
            now = self.loop.time()
            if now - self._second < 1:
                self._fail(CloseCode.POLICY_VIOLATION, "Too many control frames")
                return False
            self._second, self._control_frames = now, 1
        if self.transport.get_write_buffer_size() > MAX_UNREAD_PONGS_BYTES:
            self.transport.abort()
            return False
        return not self.close_sent

    def _refuse_handshake(self) -> None:
        """Answer an upgrade that the parser has refused, which uvicorn would leave unanswered."""
        refused = b"".join(self.conn.data_to_send())
        self.transport.write(refused or UNREADABLE)
        self.transport.close()

    def _fail(self, code: CloseCode, reason: str) -> None:
        """Close for a fault of the client's."""
        if self.close_sent:
            self.transport.abort()
            return
        address = self.client[0] if self.client else None
        log.info("websocket_refused", code=int(code), reason=reason, client=address)
        self.conn.fail(code, reason)
        self.handle_parser_exception()
