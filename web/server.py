"""The HTTP server: uvicorn, with limits on the number of clients and on their time.

A connection is read by `http_connection.py`, and by `websocket_connection.py` once it has become a
WebSocket. Deadlines of all connections are checked once a second, instead of by a timer for each
request.
"""

import asyncio
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
import uvicorn

from web.http_connection import Connection, Limits
from web.neglected_sockets import NeglectedSockets
from web.uvicorn_internals import WatchedServer
from web.websocket_connection import Socket

__all__ = ["Config", "Drain", "Limits", "Server"]

log = structlog.get_logger(__name__)

SWITCH_S = 0.0005
"""Seconds after which Python switches from a thread that computes to the event loop.

Python's default is ten times as long. While a thread reads a document, each system call of the
event loop waits for this time.
"""

KEEP_ALIVE_MARGIN_S = 2
"""Seconds after KEEP_ALIVE_S until which an idle connection has been closed."""

TICKS_PER_CHECK = 10
"""Ticks of uvicorn (ten in a second) between two checks of the connections' deadlines."""


def retirement_s(drain_s: float, keep_alive_s: float) -> float:
    """Return the seconds in which a replaced server ends its last connections at the latest."""
    return max(drain_s, keep_alive_s + KEEP_ALIVE_MARGIN_S)


@dataclass(frozen=True, slots=True)
class Drain:
    """Draining: what a server does between SIGTERM and its stop."""

    seconds: float = 0
    """Seconds for which the server still serves, so that proxies notice that it will stop."""
    begin: Callable[[], None] = lambda: None
    """Called when draining begins."""


class Config(uvicorn.Config):
    """The configuration of uvicorn. Forwarded headers are left to the application.

    WebSocket messages are not compressed, since a client could send a kilobyte that becomes a
    megabyte.
    """

    def __init__(self, app: Any, limits: Limits, **settings: Any) -> None:
        super().__init__(
            app,
            http=Connection,
            ws=Socket,
            ws_per_message_deflate=False,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            **settings,
        )
        self.limits = limits
        self.ends_connections = False
        """Whether each connection ends with its next answer, so that its client connects anew."""


class Server(WatchedServer):
    """A server that checks the deadlines of its connections, and drains before it stops."""

    config: Config

    def __init__(
        self,
        config: Config,
        on_listening: Callable[[str], Awaitable[None]] | None = None,
        drain: Drain | None = None,
        siblings: Sequence[socket.socket] = (),
    ) -> None:
        super().__init__(config, on_listening)
        self._drain = drain or Drain()
        self._drained_at: float | None = None
        self._retired_at: float | None = None
        self._has_closed_sockets = False
        self._siblings = NeglectedSockets(siblings)
        self._ticks = TICKS_PER_CHECK if config.limits.client_timeout > 1 else 1

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        sys.setswitchinterval(SWITCH_S)
        await super().startup(sockets)

    async def on_tick(self, counter: int) -> bool:
        if counter % self._ticks == 0:
            now = asyncio.get_running_loop().time()
            for connection in self.open_connections:
                if isinstance(connection, Connection | Socket):
                    connection.check_deadline(now, self.config.limits)
        await self._go_on_stopping()
        if self._retired_at is None and not self.should_exit:
            await self.adopt(self._siblings.accept())
        return await super().on_tick(counter)

    def delay_stop(self, sig: int) -> bool:
        """At the first SIGTERM, begin to drain and return true: the server stops later.

        A second signal, or Ctrl-C, stops the server at once, and so does a signal after `retire`.
        """
        is_stopping = self._drained_at is not None or self._retired_at is not None
        if sig != signal.SIGTERM or not self._drain.seconds or is_stopping:
            return False
        self._drained_at = time.monotonic() + self._drain.seconds
        # A signal may interrupt the writing of a log line, and then no other line can be written.
        asyncio.get_running_loop().call_soon_threadsafe(self._begin_to_drain)
        return True

    def _begin_to_drain(self) -> None:
        self._drain.begin()
        self._end_connections()
        log.info("draining", seconds=self._drain.seconds)

    def retire(self) -> None:
        """Leave new connections to other processes, and stop once the present ones have ended.

        A connection ends with its next answer, or when it has been idle for KEEP_ALIVE_S: a client
        could be sending a request while the server closes the connection. WebSockets are closed
        after DRAIN_S.
        """
        if self._retired_at is None:
            self._retired_at = time.monotonic()
            self.stop_listening()
            self._siblings.close()
            self._end_connections()
            log.info("retiring", connections=sum(1 for _ in self.open_connections))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._siblings.close()
        await super().shutdown(sockets)

    @property
    def is_retired(self) -> bool:
        return self._retired_at is not None

    def _end_connections(self) -> None:
        self.config.ends_connections = True
        for connection in self.open_connections:
            if isinstance(connection, Connection):
                connection.end_with_answer()

    async def _go_on_stopping(self) -> None:
        """Stop when the time for draining is over, or when a retired server has no connections."""
        now = time.monotonic()
        if self._drained_at is not None and now >= self._drained_at:
            self.should_exit = True
        if self._retired_at is None:
            return
        open_connections, since = list(self.open_connections), now - self._retired_at
        longest = retirement_s(self._drain.seconds, self.config.limits.keep_alive)
        if not open_connections or since >= longest:
            self.should_exit = True
        elif since >= self._drain.seconds and not self._has_closed_sockets:
            self._has_closed_sockets = True
            for connection in open_connections:
                if isinstance(connection, Socket):
                    connection.shutdown()
