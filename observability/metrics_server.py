"""Serves a process's metrics on a port of their own."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Protocol

from aiohttp import web

PATH = "/metrics"


class Page(Protocol):
    """The page that is served."""

    async def text(self, accept: str) -> tuple[bytes, str]:
        """Return the page and its content type."""


def metrics_handler(page: Page) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Return a handler of aiohttp that answers with the page."""

    async def answer(request: web.Request) -> web.Response:
        text, content_type = await page.text(request.headers.get("Accept", ""))
        return web.Response(body=text, headers={"Content-Type": content_type})

    return answer


@asynccontextmanager
async def metrics_served(
    page: Page, host: str, port: int, *, shares_port: bool = False
) -> AsyncIterator[str]:
    """Serve the page within the context, and yield its address as `host:port`.

    Raises OSError if the port is in use, unless both processes share it.
    """
    application = web.Application()
    application.add_routes([web.get(PATH, metrics_handler(page))])
    runner = web.AppRunner(application, access_log=None, handle_signals=False)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, reuse_port=shares_port or None).start()
        shown, bound = runner.addresses[0][:2]
        yield f"[{shown}]:{bound}" if ":" in shown else f"{shown}:{bound}"
    finally:
        await runner.cleanup()
