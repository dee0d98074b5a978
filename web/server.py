"""The HTTP server: uvicorn, with limits on the number of clients and on their time.

A connection is read by `http_connection.py`, and by `websocket_connection.py` once it has become a
WebSocket. Deadlines are checked once a second for all connections, which costs a request nothing.
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
"""Seconds after which a computing thread yields to the event loop; Python's default is ten times
that. A request waits that long at each system call while a thread reads a document."""

TICKS_PER_CHECK = 10
"""Ticks of uvicorn, ten a second, between two checks of the connections."""


@dataclass(frozen=True, slots=True)
class Drain:
    """What a server does between SIGTERM and its stop."""

    seconds: float = 0
    """How long it goes on serving, so that proxies notice that it is about to stop."""
    begin: Callable[[], None] = lambda: None
    """Called when that time begins."""


class Config(uvicorn.Config):
    """The configuration of uvicorn; forwarded headers are left to the application.

    WebSocket messages are not compressed, since a kilobyte from a client could become a megabyte to
    inflate and read.
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
    """Checks the deadlines of its connections, and drains before it stops."""

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
        """Drain after the first SIGTERM; a second signal, or Ctrl-C, stops at once."""
        if sig != signal.SIGTERM or not self._drain.seconds or self._drained_at is not None:
            return False
        self._drained_at = time.monotonic() + self._drain.seconds
        self._drain.begin()
        log.info("draining", seconds=self._drain.seconds)
        return True
