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
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import structlog
import uvicorn

from web.http_connection import Connection, Limits
from web.uvicorn_internals import WatchedServer
from web.websocket_connection import Socket

__all__ = ["Config", "Drain", "Limits", "Server"]

log = structlog.get_logger(__name__)

SWITCH_S = 0.0005
"""Seconds after which Python switches from a thread that computes to the event loop.

Python's default is ten times as long. While a thread reads a document, each system call of the
event loop waits for this time.
"""

TICKS_PER_CHECK = 10
"""Ticks of uvicorn (ten in a second) between two checks of the connections' deadlines."""


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


class Server(WatchedServer):
    """A server that checks the deadlines of its connections, and drains before it stops."""

    config: Config

    def __init__(
        self,
        config: Config,
        on_listening: Callable[[str], Awaitable[None]] | None = None,
        drain: Drain | None = None,
    ) -> None:
        super().__init__(config, on_listening)
        self._drain = drain or Drain()
        self._drained_at: float | None = None
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
        if self._drained_at is not None and time.monotonic() >= self._drained_at:
            self.should_exit = True
        return await super().on_tick(counter)

    def delay_stop(self, sig: int) -> bool:
        """At the first SIGTERM, begin to drain and return true: the server stops later.

        A second signal, or Ctrl-C, stops the server at once.
        """
        if sig != signal.SIGTERM or not self._drain.seconds or self._drained_at is not None:
            return False
        self._drained_at = time.monotonic() + self._drain.seconds
        self._drain.begin()
        log.info("draining", seconds=self._drain.seconds)
        return True
