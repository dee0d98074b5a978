"""The register client under test, a limiter that counts, and a scripted server."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from email.utils import formatdate

from aiohttp import web
from aiohttp.test_utils import TestServer

from enrichment.client import CompaniesHouse, RequestLimits, companies_house
from enrichment.endpoints import Endpoints
from enrichment.errors import BudgetSpent

KEY = "0a1b2c3d-KEY-that-must-stay-home"
NO_WAITS = RequestLimits(wait_initial_s=0.0, wait_max_s=0.0, wait_jitter_s=0.0)
NOW = 1_760_000_000.0

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class CountingLimiter:
    """A limiter that counts requests and refuses them beyond `room`."""

    room: int = 1_000
    acquired: int = 0
    held_off: list[float] = field(default_factory=list)
    searches: int = 0
    outcomes: list[bool] = field(default_factory=list)
    """For each request in order, whether it was answered."""

    async def acquire(self, *, is_search: bool = False) -> None:
        if self.acquired >= self.room:
            raise BudgetSpent(12.5)
        self.acquired += 1
        self.searches += is_search

    async def hold_off(self, seconds: float) -> None:
        self.held_off.append(seconds)

    async def note_fault(self) -> None:
        self.outcomes.append(False)

    async def note_success(self) -> None:
        self.outcomes.append(True)


def client_of(
    url: str, limiter: CountingLimiter, *, limits: RequestLimits = NO_WAITS, key: str = KEY
) -> AbstractAsyncContextManager[CompaniesHouse]:
    """Return a client that uses one local server for both APIs."""
    return companies_house(
        endpoints=Endpoints(url, url),
        api_key=key,
        limiter=limiter,
        limits=limits,
        clock=lambda: NOW,
    )


@asynccontextmanager
async def scripted(handler: Handler) -> AsyncIterator[str]:
    """Serve every GET with one handler; yield the origin."""

    @web.middleware
    async def dated(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        if not response.prepared:
            response.headers.setdefault("Date", formatdate(NOW, usegmt=True))
        return response

    app = web.Application(middlewares=[dated])
    app.router.add_get("/{path:.*}", handler)
    server = TestServer(app)
    await server.start_server(shutdown_timeout=0, access_log=None)
    try:
        yield f"http://{server.host}:{server.port}"
    finally:
        await server.close()
