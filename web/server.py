"""The HTTP server: uvicorn, with an end to clients that are too many, too slow, or too long-winded.

How a connection is read is in `http_connection.py`, and in `websocket_connection.py` once it has
become a WebSocket. Connections are looked at once a second, which costs a request nothing.
"""

import asyncio
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any

import structlog
import uvicorn

from web.http_connection import Connection, Limits
from web.websocket_connection import Socket

__all__ = ["Config", "Drain", "Limits", "Server"]

log = structlog.get_logger(__name__)

SWITCH_S = 0.0005
"""After which a thread that computes gives way to the event loop; Python's own is ten times that.

A request waits so long at each system call, while a document is read in a thread beside.
"""

TICKS_OF_A_LOOK = 10
"""Uvicorn's ticks, ten a second, from one look at the connections to the next."""


@dataclass(frozen=True, slots=True)
class Drain:
    """What a server does between SIGTERM and the end of serving."""

    seconds: float = 0
    """For how long it serves on, so that proxies notice that it should get no more requests."""
    begin: Callable[[], None] = lambda: None
    """Called when that time begins."""


class Config(uvicorn.Config):
    """How to serve: no forwarded header is believed here, the application sees to that.

    WebSockets are not compressed, as answers over HTTP are not: a kilobyte of a stranger's would
    become a megabyte to inflate and read.
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
        sys.setswitchinterval(SWITCH_S)
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
                elif isinstance(connection, Socket):
                    connection.look(now, self.config.limits.client_timeout)
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
