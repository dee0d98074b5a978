"""The HTTP server: uvicorn, with an end to clients that are too many, too slow, or too long-winded.

Uvicorn waits for a request for as long as its client likes, and takes headers of any length. Here a
connection is looked at once a second, which costs a request nothing.
"""

import asyncio
import re
import signal
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any

import structlog
import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

log = structlog.get_logger(__name__)

LARGEST_HEAD = 64 * 1024
"""Bytes that the request line and the headers may have, as they come in pieces."""

TICKS_OF_A_LOOK = 10
"""Uvicorn's ticks, ten a second, from one look at the connections to the next."""

TO_HTTP_2 = re.compile(rb"\r\nupgrade:[ \t]*h2c[ \t]*(?=\r\n|$)", re.IGNORECASE)
"""Java's client offers this with a request over plain HTTP; the parser would take its body away."""

LINGER_S = 1.0
"""For how long a client that was refused may read the answer."""

REFUSED_SHARE = 0.1
"""How many more connections there may be, of those that are told to come back."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a client may cost; times in seconds."""

    most_connections: int = 10_000
    client_timeout: float = 30
    """For the head of a request, for its body, and for taking anything at all of the answer."""
    keep_alive: int = 75
    """For the next request; longer than proxies wait, or theirs would meet a closed door."""


@dataclass(frozen=True, slots=True)
class Drain:
    """What a server does between SIGTERM and the end of serving."""

    seconds: float = 0
    """For how long it serves on, so that proxies notice that it should get no more requests."""
    begin: Callable[[], None] = lambda: None
    """Called when that time begins."""


class Config(uvicorn.Config):
    """How to serve: no forwarded header is believed here, the application sees to that."""

    def __init__(self, app: Any, limits: Limits, **settings: Any) -> None:
        super().__init__(
            app,
            http=Connection,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=limits.keep_alive,
            **settings,
        )
        self.limits = limits


class Connection(HttpToolsProtocol):
    """A client's connection, until it becomes a WebSocket, which has limits of its own."""

    config: Config
    _is_refused = False
    _head_size = 0
    _is_between = True
    """Whether what comes next is the head of a request."""
    _awaited: object = None
    _since = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Take a connection, unless there are too many."""
        others, most = len(self.connections), self.config.limits.most_connections
        super().connection_made(transport)
        if others >= most * (1 + REFUSED_SHARE):
            transport.abort()
        elif others >= most:
            log.warning("too_many_connections")
            self._refuse(503, b"retry-after: 1\r\n")

    def data_received(self, data: bytes) -> None:
        """Read on, and measure a head that has not ended yet."""
        if self._is_refused:
            return
        if self._is_between and b"h2c" in data:
            head, end, body = data.partition(b"\r\n\r\n")
            data = TO_HTTP_2.sub(b"", head) + end + body  # offered, and not taken (RFC 9110, 7.8)
        super().data_received(data)
        cycle = self.cycle
        if cycle is not None and cycle.scope is self.scope:
            self._head_size = 0
            return
        self._head_size += len(data)
        is_ours = self in self.connections and not self.transport.is_closing()
        if self._head_size > LARGEST_HEAD and is_ours:
            log.info("head_too_large")
            self._refuse(431)

    def on_message_begin(self) -> None:
        """Note that a request has begun."""
        self._is_between = False
        super().on_message_begin()

    def on_message_complete(self) -> None:
        """Note that a request has ended; its answer may have been given before."""
        self._is_between = True
        super().on_message_complete()

    def look(self, now: float) -> None:
        """End the connection if the client has kept us waiting for the same thing too long."""
        awaited = self._waits_for()
        if awaited is None or awaited != self._awaited:
            self._awaited, self._since = awaited, now
        elif now - self._since >= self.config.limits.client_timeout:
            self._cut(awaited[0])

    def _waits_for(self) -> tuple[str, object] | None:
        """Say what the client owes us: what it owes, and what would be another once it moves."""
        cycle = self.cycle
        if self._is_refused or self.transport.is_closing():
            return None
        if cycle is None or cycle.scope is not self.scope:
            return ("head", cycle) if cycle is None or cycle.response_complete else None
        if cycle.more_body and not self.flow.read_paused:
            return "body", cycle
        if self.flow.write_paused:
            return "reading", self.transport.get_write_buffer_size()
        return None

    def _cut(self, owed: str) -> None:
        log.info("client_too_slow", owed=owed)
        has_begun = self.cycle is not None and self.cycle.scope is self.scope
        if owed == "reading" or (has_begun and self.cycle.response_started):
            self.transport.abort()
        elif self.scope is None:
            self.transport.close()  # it never said a word, so there is nothing to answer
        else:
            self._refuse(408)

    def _refuse(self, status: int, more: bytes = b"") -> None:
        """Answer without the application, and hang up."""
        head = b"content-length: 0\r\nx-content-type-options: nosniff\r\nconnection: close\r\n"
        self._is_refused = True
        if self.cycle is not None:
            # Whoever still waits for the request, or has just made an answer, is told.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.write(STATUS_LINE[status] + head + more + b"\r\n")
        # To close on a client that is still writing would take the answer from it again.
        self.transport.write_eof()
        self.loop.call_later(LINGER_S, self.transport.abort)


class Server(uvicorn.Server):
    """Says where it listens, once it does, and looks after its connections."""

    config: Config

    def __init__(
        self,
        config: Config,
        on_listening: Callable[[str], Awaitable[None]] | None = None,
        drain: Drain | None = None,
    ) -> None:
        super().__init__(config)
        self._on_listening = on_listening
        self._drain = drain or Drain()
        self._drained_at: float | None = None
        self._ticks = TICKS_OF_A_LOOK if config.limits.client_timeout > 1 else 1

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then tell the address as `host:port`."""
        await super().startup(sockets)
        if self.started and self._on_listening is not None:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            await self._on_listening(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")

    async def on_tick(self, counter: int) -> bool:
        """Look at the connections every now and then."""
        if counter % self._ticks == 0:
            now = asyncio.get_running_loop().time()
            for connection in list(self.server_state.connections):
                if isinstance(connection, Connection):
                    connection.look(now)
        if self._drained_at is not None and time.monotonic() >= self._drained_at:
            self.should_exit = True
        return await super().on_tick(counter)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop; asked by SIGTERM, say that we are about to for a while, and serve on meanwhile.

        Whoever asks a second time, or by Ctrl-C, does not want to wait.
        """
        drains = sig == signal.SIGTERM and self._drain.seconds > 0 and self._drained_at is None
        if not drains or self.should_exit:
            super().handle_exit(sig, frame)
            return
        self._captured_signals.append(sig)
        self._drained_at = time.monotonic() + self._drain.seconds
        self._drain.begin()
        log.info("draining", seconds=self._drain.seconds)
