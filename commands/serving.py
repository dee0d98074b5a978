"""One server process of `manage.py serve`."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence

from app import create_app
from commands.development import development_greeting
from commands.process import START_FAILED, Process, signal_names
from commands.running import metrics_lines, migrate_database
from commands.sockets import free_socket
from commands.supervised import Supervised
from opening import Platform
from settings import Settings
from web.server import Config, Drain, Limits, Server


class LoggedServer(Server):
    """A server that logs why it stops: by which signal, and after how many requests."""

    def __init__(
        self,
        config: Config,
        process: Process,
        on_listening: Callable[[str], Awaitable[None]],
        drain: Drain,
        siblings: Sequence[socket.socket] = (),
    ) -> None:
        super().__init__(config, on_listening, drain, siblings)
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
        reason = signal_names(self.signals) or ("retired" if self.is_retired else "end")
        self._process.stopped(reason, requests=self.request_count)


def serve_alone(
    settings: Settings,
    supervised: Supervised | None,
    kinds: Sequence[str] | None,
    *,
    is_development: bool,
) -> None:
    """Serve the API in this process until a signal, or until its supervisor replaces it.

    `kinds` are the kinds of jobs that run in it too; None if it has no worker.
    """
    if is_development:
        settings = settings.for_development
        asyncio.run(migrate_database(settings))
    process = Process("serve", settings, kinds)
    if not is_development and supervised is None:
        asyncio.run(process.warn())
    sockets = None if supervised is None else supervised.own
    if settings.port == 0:
        # Links in mails contain the port, so it must be known before anything starts.
        sockets = [free_socket(settings.host)]
        settings = settings.model_copy(update={"port": sockets[0].getsockname()[1]})
    opened: list[Platform] = []

    async def note(platform: Platform) -> None:
        opened.append(platform)

    async def greet(address: str) -> None:
        endpoint = f"GraphQL http://{address}/graphql"
        lines = await development_greeting(opened[0], endpoint) if is_development else [endpoint]
        lines += metrics_lines(app.state.metrics)
        await process.started(opened[0], address=address)
        if supervised is None:
            print(*lines, sep="\n", flush=True)
        else:
            supervised.ready()
            supervised.watch(server.retire)

    app = create_app(settings, with_worker=kinds is not None, on_ready=note)
    if supervised is not None and app.state.metrics is not None:
        app.state.metrics.shares_port = True
    config = Config(
        app,
        Limits(settings.max_connections, settings.client_timeout_s, settings.keep_alive_s),
        host=settings.host,
        port=settings.port,
        ws_max_size=settings.max_request_bytes,
        timeout_graceful_shutdown=settings.stop_timeout_s,
    )
    drain = Drain(settings.drain_s, app.state.readiness.drain)
    siblings = () if supervised is None else supervised.siblings
    server = LoggedServer(config, process, greet, drain, siblings)
    server.run(sockets)
