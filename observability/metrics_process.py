"""The metrics of one process: what listens, and where they can be scraped."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

from models.storage.statement_time import StatementTime, current_statement_time
from observability.metrics import Family
from observability.metrics_gauges import TableGauges, pool_families
from observability.metrics_requests import RequestMetrics
from observability.metrics_work import WorkMetrics

if TYPE_CHECKING:
    from observability.metrics_page import MetricsPage


class ProcessMetrics:
    """The metrics of a process. `root_fields` are those of its schema, if it serves the API."""

    def __init__(self, root_fields: frozenset[str] = frozenset()) -> None:
        self.requests = RequestMetrics(root_fields)
        self.work = WorkMetrics()
        self.address: str | None = None
        """Where they are served, as `host:port`; None if not on a port of their own."""
        self.shares_port = False
        """Whether the process that this one replaces may still listen at the same port."""
        self._page: MetricsPage | None = None
        self._background = StatementTime()

    @contextmanager
    def counting_background(self) -> Iterator[None]:
        """Count the statements of tasks that start within the context, unless of a request."""
        token = current_statement_time.set(self._background)
        try:
            yield
        finally:
            current_statement_time.reset(token)

    def open(self, tables: TableGauges, own: Callable[[], list[Family]] = list) -> None:
        """Compose the page, once the database is open; `own` reads further gauges."""
        from observability.metrics_page import MetricsPage  # noqa: PLC0415  # off by default

        async def read() -> list[Family]:
            return [
                *self.requests.families(self._background),
                *self.work.families(),
                *own(),
                *pool_families(),
                *await tables.families(),
            ]

        self._page = MetricsPage(read)

    async def text(self, accept: str) -> tuple[bytes, str]:
        """Return the page, which must be open, and its content type."""
        assert self._page is not None  # noqa: S101  # no request comes before the start
        return await self._page.text(accept)

    @asynccontextmanager
    async def served(self, host: str, port: int) -> AsyncIterator[None]:
        """Serve the page on a port of its own, within the context."""
        from observability.metrics_server import metrics_served  # noqa: PLC0415  # off by default

        serving = metrics_served(self, host, port, shares_port=self.shares_port)
        async with serving as self.address:
            yield
