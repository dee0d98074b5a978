"""The server of `manage.py serve`."""

import socket
from collections.abc import Awaitable, Callable

from commands.process import START_FAILED, Process, signal_names
from web.server import Config, Drain, Server


def free_socket(host: str) -> socket.socket:
    """Return a socket bound to a free port of a host, with the options that uvicorn sets."""
    (family, kind, number, _, address), *_ = socket.getaddrinfo(
        host, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    bound = socket.socket(family, kind, number)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family is socket.AF_INET6:
        bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    bound.bind(address)
    return bound


class LoggedServer(Server):
    """A server that logs why it stops: by which signal, and after how many requests."""

    def __init__(
        self,
        config: Config,
        process: Process,
        on_listening: Callable[[str], Awaitable[None]],
        drain: Drain,
    ) -> None:
        super().__init__(config, on_listening, drain)
        self._process = process

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the server; log a failure, such as a port in use."""
        try:
            await super().startup(sockets)
        except SystemExit:
            self._process.stopped(START_FAILED, host=self.config.host, port=self.config.port)
            raise

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop the server, and log that; afterwards, uvicorn raises the signal again."""
        await super().shutdown(sockets)
        reason = signal_names(self.signals) or "end"
        self._process.stopped(reason, requests=self.request_count)
