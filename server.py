"""The HTTP server: uvicorn, with an end to clients that are too many, too slow, or too long-winded.

How a connection is read is in `http_connection.py`, and in `websocket_connection.py` once it has
become a WebSocket. Connections are looked at once a second, which costs a request nothing.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn

from http_connection import Connection, Limits
from websocket_connection import Socket

__all__ = ["Config", "Limits", "Server"]

TICKS_OF_A_LOOK = 10
"""Uvicorn's ticks, ten a second, from one look at the connections to the next."""


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
            timeout_keep_alive=limits.keep_alive,
            **settings,
        )
        self.limits = limits


class Server(uvicorn.Server):
    """Says where it listens, once it does, and looks after its connections."""

    config: Config

    def __init__(
        self, config: Config, on_listening: Callable[[str], Awaitable[None]] | None = None
    ) -> None:
        super().__init__(config)
        self._on_listening = on_listening
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
                elif isinstance(connection, Socket):
                    connection.look(now, self.config.limits.client_timeout)
        return await super().on_tick(counter)
