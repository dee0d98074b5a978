"""Opens what a process works with: the database, the clients and the clocks."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError, distribution
from typing import TYPE_CHECKING

import structlog

from consumers import CONSUMERS
from enrichment.endpoints import Endpoints
from enrichment.errors import BudgetSpent, CompaniesHouseFault, TransientFault
from enrichment.rate_limit import Allowance, SharedBudget
from enrichment.register import Register
from identity.credentials import Credentials, credentials_of
from models.changes.delivery_changes import keep_noting_due_deliveries
from models.jobs.event_consumers import keep_dispatching
from models.jobs.job import JOBS
from models.jobs.webhook_fan_out import keep_fanning_out
from models.jobs.worker import Worker
from models.lists.lookup_monitor import LookupMonitor
from models.rules.delivery import DeliveryPolicy
from models.storage.database import SCHEMA, Database
from models.storage.database_clock import DatabaseClock
from models.storage.tenant_scope import bind_tenant, preserve_tenant_scope
from models.tables.access import TOKENS
from models.tables.audit import AUDIT
from models.tables.customer_import import IMPORTS
from models.tables.deprecated_use import DeprecatedUseCounter, storing_uses
from models.tables.event import EVENTS
from models.tables.event_feed import keep_numbering_events
from models.tables.numbering import keep_numbering
from models.tables.webhook import WEBHOOKS
from observability.metrics import Family
from observability.metrics_gauges import TableGauges
from observability.metrics_process import ProcessMetrics
from observability.metrics_work import WorkMetrics
from schema.base.company_searches import Candidate
from schema.base.context import RegisterUnavailable
from settings import Settings
from workers import kinds_of, webhooks_sent, worker_of

if TYPE_CHECKING:
    from observability.tracing import Tracing

log = structlog.get_logger(__name__)

TRACES_PACKAGE = "opentelemetry-exporter-otlp-proto-http"
"""The package of the extra `otel` that needs all others."""


def utc_now() -> datetime:
    """Return the time of this machine's clock in UTC."""
    return datetime.now(UTC)


@dataclass(slots=True)
class Platform:
    """The database, the clients and the clocks of a process, while they are open."""

    settings: Settings
    database: Database
    credentials: Credentials
    register: Register | None
    """The client for Companies House; None if no API key, URL or sandbox is set."""
    budget: SharedBudget
    clock: Callable[[], datetime]
    shared_clock: DatabaseClock
    lookups: LookupMonitor
    deprecated_uses: DeprecatedUseCounter
    metrics: WorkMetrics | None = None
    """Listens to background work; None if nobody scrapes metrics."""
    tracing: "Tracing | None" = None
    """Makes spans of background work; None if traces are off."""

    async def worker(self, name: str, kinds: Collection[str] | None = None) -> Worker:
        """Return a worker for the given kinds of jobs that the settings allow; None means all."""
        return await worker_of(self, name, kinds_of(self.settings, kinds))

    async def search_companies(self, query: str, size: int) -> Sequence[Candidate]:
        if self.register is None:
            raise RegisterUnavailable
        client = await self.register.client()
        try:
            with preserve_tenant_scope():
                bind_tenant(None)  # clock and request budget belong to no tenant
                await self.shared_clock.keep()
                found = await client.search_companies(query, size)
        except BudgetSpent as spent:
            raise RegisterUnavailable(spent.wait) from spent
        except CompaniesHouseFault as fault:
            wait = fault.retry_after if isinstance(fault, TransientFault) else None
            log.warning("search_failed", code=fault.code)
            raise RegisterUnavailable(wait) from fault
        return [Candidate(**asdict(one)) for one in found]


@asynccontextmanager
async def open_platform(
    settings: Settings,
    clock: Callable[[], datetime] = utc_now,
    *,
    with_worker: bool = True,
    metrics: WorkMetrics | None = None,
    tracing: "Tracing | None" = None,
) -> AsyncIterator[Platform]:
    """Open the database, the credentials and the client for Companies House, and yield all.

    At the end, `tracing` is closed after all that it traces.
    """
    async with AsyncExitStack() as stack:
        if tracing is not None:
            stack.push_async_callback(tracing.close)
        database = database_of(settings)
        stack.push_async_callback(database.close)
        topics = [EVENTS, TOKENS, SCHEMA, IMPORTS]
        await database.open([JOBS, WEBHOOKS, *topics] if with_worker else topics)
        await stack.enter_async_context(database.schema_watched())
        shared_clock = DatabaseClock()
        await shared_clock.synchronise()
        deprecated_uses = DeprecatedUseCounter()
        stack.push_async_callback(deprecated_uses.flush_last, database)
        await stack.enter_async_context(storing_uses(deprecated_uses, database))
        background = [keep_numbering_events(database)]
        if with_worker:
            background += [
                keep_numbering(database, AUDIT),
                keep_dispatching(database, CONSUMERS, shared_clock),
                keep_noting_due_deliveries(database, delivery_policy(settings), shared_clock),
                keep_fanning_out(database, shared_clock),
            ]
            note = None if metrics is None else metrics.delivery
            await stack.enter_async_context(
                webhooks_sent(settings, database, shared_clock, note, tracing)
            )
        for one in background:
            stack.callback(asyncio.create_task(one).cancel)
        budget = SharedBudget(
            settings.api_key,
            shared_clock,
            Allowance(
                settings.companies_house_limit,
                timedelta(seconds=settings.companies_house_window_s),
            ),
        )
        register = None
        if settings.has_register:
            note_request = None if metrics is None else metrics.register_request
            endpoints = await _endpoints(settings, stack)
            calls = None if tracing is None else tracing.calls
            register = Register(endpoints, settings.api_key, budget, note_request, calls)
            stack.push_async_callback(register.close)
        credentials = await stack.enter_async_context(credentials_of(settings, database, clock))
        lookups = LookupMonitor(budget.quota, shared_clock)
        yield Platform(
            settings,
            database,
            credentials,
            register,
            budget,
            clock,
            shared_clock,
            lookups,
            deprecated_uses,
            metrics,
            tracing,
        )


@asynccontextmanager
async def open_measured(
    settings: Settings,
    metrics: ProcessMetrics | None,
    clock: Callable[[], datetime] = utc_now,
    *,
    with_worker: bool = True,
    own: Callable[[], list[Family]] = list,
    is_own_port: bool = True,
    tracing: "Tracing | None" = None,
) -> AsyncIterator[Platform]:
    """Open the platform of a process with metrics, unless they are None, and yield it.

    `own` reads the gauges that only this kind of process has. METRICS_PORT is opened for them if
    `is_own_port`; otherwise another server of the process answers on it.
    """
    if metrics is None:
        opening = open_platform(settings, clock, with_worker=with_worker, tracing=tracing)
        async with opening as platform:
            yield platform
        return
    async with AsyncExitStack() as stack:
        stack.enter_context(metrics.counting_background())
        opening = open_platform(
            settings, clock, with_worker=with_worker, metrics=metrics.work, tracing=tracing
        )
        platform = await stack.enter_async_context(opening)
        metrics.open(TableGauges(platform.lookups, platform.shared_clock), own)
        if settings.metrics_port is not None and is_own_port:
            port = metrics.served(settings.metrics_host, settings.metrics_port)
            await stack.enter_async_context(port)
        yield platform


def tracing_of(settings: Settings) -> "Tracing | None":
    """Return what exports the traces of a process; None if traces are off."""
    if not settings.traces:
        return None
    from observability.tracing import Tracing  # noqa: PLC0415  # off by default

    return Tracing.exporting()


def check_traces(settings: Settings) -> None:
    """Raise ValueError if traces are on, and the packages for them are not installed."""
    if settings.traces:
        try:
            distribution(TRACES_PACKAGE)
        except PackageNotFoundError:
            raise ValueError(
                "TRACES needs the extra `otel`:"
                " pip install --constraint requirements.lock --editable '.[otel]'"
            ) from None


def database_of(settings: Settings) -> Database:
    """Return the database of the settings, not opened yet."""
    return Database(
        settings.database_url,
        pool_size=settings.database_pool_size,
        timeout_s=settings.database_timeout_s,
        is_pooled=settings.database_pooler == "transaction",
        direct_url=settings.database_direct_url,
    )


async def _endpoints(settings: Settings, stack: AsyncExitStack) -> Endpoints:
    if settings.companies_house_sandbox:
        from enrichment.sandbox import SandboxConfig, sandbox_server  # noqa: PLC0415  # rarely used

        sandbox = await stack.enter_async_context(sandbox_server(SandboxConfig()))
        return Endpoints(sandbox.api_url, sandbox.document_url)
    return register_endpoints(settings)


def register_endpoints(settings: Settings) -> Endpoints:
    """Return the origins of the Companies House APIs; raises ValueError for an unsafe one."""
    if settings.companies_house_url is None:
        return Endpoints()
    document_url = settings.companies_house_document_url or settings.companies_house_url
    return Endpoints(settings.companies_house_url, document_url)


def delivery_policy(settings: Settings) -> DeliveryPolicy:
    """Return the delivery policy: what the settings say about emailing contacts (A13)."""
    return DeliveryPolicy(needs_verified_email=settings.consent_needs_verified_email)
