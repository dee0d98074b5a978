"""The composition root: creates clients, clocks, workers and the application from the settings."""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from math import ceil
from uuid import uuid4

import structlog
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute

from enrichment.endpoints import Endpoints, authorization
from enrichment.errors import BudgetSpent, CompaniesHouseFault, TransientFault
from enrichment.rate_limit import Allowance, SharedBudget
from enrichment.register import Register
from identity.credentials import Credentials, credentials_of
from identity.errors import ProviderUnavailable
from identity.provider import provider_of
from models.changes.lookup import retry_blocked
from models.jobs.event import EVENTS
from models.jobs.heartbeat import is_any_alive
from models.jobs.job import JOBS, count_retried
from models.jobs.kinds import CONFIRMATION_MAIL, ENRICH
from models.jobs.retention import Retention
from models.jobs.worker import Line, Worker, WorkerOptions
from models.lists.lookup_monitor import LookupMonitor
from models.lists.personal_data import is_masked
from models.rules.delivery import DeliveryPolicy
from models.storage.database import SCHEMA, Database
from models.storage.database_clock import DatabaseClock
from models.storage.point_budget import PointAllowance
from models.storage.tenant_scope import bind_tenant, keeping_tenant
from models.tables.access import SYSTEM, TOKENS, Principal
from models.tables.audit import AUDIT, ActorContext
from models.tables.mail_quota import MailQuota
from models.tables.numbering import keep_numbering
from notifications.mail_transport import organisation_of, transport_of
from observability.logs import log_failure
from observability.request_log import RequestLog
from schema.base.context import Candidate, Context, RegisterUnavailable
from schema.base.request_slot import Limiters
from schema.base.search_limit import SearchLimit
from schema.engine.cost_budget import budget_of
from schema.engine.limits import Limits
from schema.engine.trusted_documents import source_of
from schema.root import build_schema
from settings import Settings
from web.auth_failure_limiter import AuthFailureLimiter, SignIn
from web.confirmation_page import ConfirmationPages
from web.consent_export import consent_export
from web.cors import Cors
from web.delivery_export import delivery_export
from web.health import Readiness, health_routes
from web.http import GraphQLEndpoint
from web.proxy import ForwardedBy, TrustedProxies
from web.request_ids import RequestIds
from web.routes import Application, schema_route
from web.sign_in import SignInUnavailable
from web.socket_sessions import SessionLimits, SocketSessions
from web.websocket import GraphQLSocket

log = structlog.get_logger(__name__)

GC_THRESHOLDS = (2_000, 5, 200)
"""For the garbage collector. A collection stops all requests, for 20 ms with 50,000 objects, or for
80 ms if they come from closed sockets. So collections are frequent and small."""
KINDS = (ENRICH, CONFIRMATION_MAIL)
"""The kinds of jobs that a worker can run."""


def utc_now() -> datetime:
    """Return the current time of this machine in UTC; the application's clock by default."""
    return datetime.now(UTC)


@dataclass(slots=True)
class Platform:
    """The open database, clients and clocks of a process."""

    settings: Settings
    database: Database
    credentials: Credentials
    register: Register | None
    """None if no API key, address or sandbox is set."""
    budget: SharedBudget
    clock: Callable[[], datetime]
    shared_clock: DatabaseClock
    lookups: LookupMonitor

    async def worker(self, name: str, kinds: Collection[str] | None = None) -> Worker:
        """Return a worker for the given kinds of jobs that the settings allow; None means all."""
        makers = {ENRICH: self._lookups, CONFIRMATION_MAIL: self._mails}
        options = WorkerOptions(
            slots=self.settings.worker_slots,
            lease=timedelta(seconds=self.settings.worker_lease_s),
            retention=Retention(**self.settings.retention),
        )
        if not self.database.is_postgres:
            # Commits of other processes send no signal here, so poll more often.
            options = replace(options, longest_sleep=timedelta(seconds=0.25))
        return Worker(
            name,
            self.database,
            {kind: await makers[kind]() for kind in kinds_of(self.settings, kinds)},
            self.shared_clock,
            options=options,
            on_start=self._go_on_with_blocked,
            keep_clock=self.shared_clock.keep,
        )

    async def _lookups(self) -> Line:
        from enrichment.company_lookup import (  # noqa: PLC0415  # an API alone reads no accounts
            CompanyLookup,
        )

        assert self.register is not None  # noqa: S101  # kinds_of leaves lookups out without one
        client = await self.register.client()
        lookup = CompanyLookup(self.database, client, self.budget, self.clock)
        return Line(lookup, self.budget.payment, lookup.note_blocked)

    async def _mails(self) -> Line:
        from notifications.confirmation_mailer import (  # noqa: PLC0415  # an API alone sends none
            confirmation_mailer,
        )

        return Line(confirmation_mailer(self.settings, self.database, self.clock))

    async def _go_on_with_blocked(self) -> None:
        """Retry lookups that failed because of a refused API key, unless the present one is too."""
        if await self.budget.blocked_reason() is None:
            act = ActorContext(SYSTEM, self.clock(), f"start-{uuid4()}")
            await self.database.transaction(lambda: retry_blocked(act))

    async def search_companies(self, query: str) -> Sequence[Candidate]:
        if self.register is None:
            raise RegisterUnavailable
        client = await self.register.client()
        try:
            with keeping_tenant():
                bind_tenant(None)  # clock and request budget belong to no tenant
                await self.shared_clock.keep()
                found = await client.search_companies(query)
        except BudgetSpent as spent:
            raise RegisterUnavailable(spent.wait) from spent
        except CompaniesHouseFault as fault:
            wait = fault.retry_after if isinstance(fault, TransientFault) else None
            log.warning("search_failed", code=fault.code)
            raise RegisterUnavailable(wait) from fault
        return [Candidate(**asdict(one)) for one in found]


@asynccontextmanager
async def open_platform(
    settings: Settings, clock: Callable[[], datetime] = utc_now, *, with_worker: bool = True
) -> AsyncIterator[Platform]:
    """Open the database, the credentials and the client of Companies House, and yield them."""
    async with AsyncExitStack() as stack:
        database = database_of(settings)
        stack.push_async_callback(database.close)
        topics = [EVENTS, TOKENS, SCHEMA]
        await database.open([JOBS, *topics] if with_worker else topics)
        await stack.enter_async_context(database.schema_watched())
        if with_worker:
            numbering = asyncio.create_task(keep_numbering(database, AUDIT))
            stack.callback(numbering.cancel)
        shared_clock = DatabaseClock()
        await shared_clock.synchronise()
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
            register = Register(await _endpoints(settings, stack), settings.api_key, budget)
            stack.push_async_callback(register.close)
        credentials = await stack.enter_async_context(credentials_of(settings, database, clock))
        lookups = LookupMonitor(budget.payment, shared_clock)
        yield Platform(
            settings, database, credentials, register, budget, clock, shared_clock, lookups
        )


def database_of(settings: Settings) -> Database:
    """Return the database of the settings, not opened yet."""
    return Database(
        settings.database_url,
        pool_size=settings.database_pool_size,
        timeout_s=settings.database_timeout_s,
        is_pooled=settings.database_pooler == "transaction",
        direct_url=settings.database_direct_url,
    )


def kinds_of(settings: Settings, wanted: Collection[str] | None = None) -> tuple[str, ...]:
    """Return the kinds of jobs that the settings allow, limited to `wanted` unless that is None."""
    possible = KINDS if settings.has_register else (CONFIRMATION_MAIL,)
    return tuple(kind for kind in possible if wanted is None or kind in wanted)


async def _endpoints(settings: Settings, stack: AsyncExitStack) -> Endpoints:
    if settings.companies_house_sandbox:
        from enrichment.sandbox import SandboxConfig, sandbox_server  # noqa: PLC0415  # rarely used

        sandbox = await stack.enter_async_context(sandbox_server(SandboxConfig()))
        return Endpoints(sandbox.api_url, sandbox.document_url)
    return register_endpoints(settings)


def register_endpoints(settings: Settings) -> Endpoints:
    """Return the API origins; raises ValueError for one that the API key must not be sent to."""
    if settings.companies_house_url is None:
        return Endpoints()
    document_url = settings.companies_house_document_url or settings.companies_house_url
    return Endpoints(settings.companies_house_url, document_url)


def delivery_policy(settings: Settings) -> DeliveryPolicy:
    """Return the operator's choices about what may be sent to contacts by email (A13)."""
    return DeliveryPolicy(needs_verified_address=settings.consent_needs_verified_address)


ADDRESS_CHECKS: tuple[Callable[[Settings], object], ...] = (
    register_endpoints,
    lambda settings: authorization(settings.api_key),
    lambda settings: source_of(settings.trusted_documents),
    transport_of,
    provider_of,
    lambda settings: Cors(settings.cors_origins),
)
"""Checks that each raise ValueError if an address, a key or a file in the settings is invalid."""


def check_addresses(settings: Settings) -> None:
    """Raise ValueError for the first invalid address, key or file in the settings."""
    for check in ADDRESS_CHECKS:
        check(settings)


def create_app(
    settings: Settings,
    *,
    with_worker: bool = True,
    clock: Callable[[], datetime] = utc_now,
    on_ready: Callable[[Platform], Awaitable[None]] | None = None,
) -> Starlette:
    """Return the application; `on_ready` is called just before it takes requests."""
    site = _Site(settings, clock)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        failed = "start_failed"
        try:
            async with open_platform(settings, clock, with_worker=with_worker) as platform:
                site.started(platform)
                worker = await platform.worker(f"web-{uuid4()}") if with_worker else None
                running = asyncio.create_task(worker.run()) if worker else None
                watching = asyncio.create_task(sessions.watch(platform.database.signals))
                if on_ready is not None:
                    await on_ready(platform)
                # Objects created at start are never freed, so the collector can ignore them.
                gc.freeze()
                gc.set_threshold(*GC_THRESHOLDS)
                failed = "stop_failed"
                yield
                watching.cancel()
                if worker is not None and running is not None:
                    worker.stop()
                    await running
        except Exception as error:
            log_failure(failed, error)
            raise

    masks = partial(is_masked, needs_scope=settings.personal_data_needs_scope)
    # The clock of a machine may be wrong, so the database's is used unless a clock was passed in.
    budget = PointAllowance(
        settings.cost_budget,
        timedelta(seconds=settings.cost_window_s),
        goes_by_database=clock is utc_now,
    )
    schema = build_schema().under(Limits.of(settings), budget_of(budget))
    documents = source_of(settings.trusted_documents)
    limiters = Limiters.of(settings)
    cors = Cors(settings.cors_origins)
    proxies = TrustedProxies(settings.trusted_proxies, ForwardedBy(settings.forwarded_by))
    auth_failures = AuthFailureLimiter(
        clock, settings.auth_failure_limit, timedelta(seconds=settings.auth_failure_window_s)
    )
    sign_in = SignIn(site.authenticate, auth_failures)
    endpoint = GraphQLEndpoint(schema, sign_in, site.context, limiters, documents)
    limits = SessionLimits(
        settings.connection_subscriptions,
        settings.credential_subscriptions,
        settings.credential_connections,
    )
    request_log = RequestLog(settings.slow_operation_s)
    sessions = SocketSessions(site.authenticate, site.credentials_state, clock, limits)
    socket = GraphQLSocket(
        schema,
        sign_in,
        site.context,
        limiters,
        sessions,
        documents,
        settings.page_origins,
        log=request_log,
    )
    direct = {"/graphql": endpoint}
    readiness = Readiness(site.database, site.information)
    made = Application(
        lambda inner: RequestIds(inner, direct, request_log, cors=cors, proxies=proxies),
        routes=[
            WebSocketRoute("/graphql", socket),
            schema_route(sign_in, limiters, schema),
            delivery_export(sign_in, limiters, delivery_policy(settings), masks),
            consent_export(sign_in, limiters, site.database, clock, masks),
            *health_routes(readiness),
            *ConfirmationPages(
                site.database,
                clock,
                auth_failures,
                settings.own_origin,
                organisation_of(settings),
            ).routes,
        ],
        lifespan=lifespan,
    )
    made.state.readiness = readiness
    return made


class _Site:
    """Provides the platform to the routes, which are created before the platform is opened."""

    def __init__(self, settings: Settings, clock: Callable[[], datetime]) -> None:
        self.open: Platform
        self._make_context: Callable[..., Context]
        self._clock = clock
        self._search_limit = SearchLimit(clock, settings.company_searches)

    async def authenticate(self, authorization: str | None) -> Principal | None:
        try:
            return await self.open.credentials.of(authorization)
        except ProviderUnavailable as unavailable:
            raise SignInUnavailable(ceil(unavailable.wait)) from unavailable
        except Exception:
            fit = self.open.database.schema_fit
            if fit is not None:
                fit.refuse_writes()  # a schema that does not fit explains the error; not a bug
            raise

    def credentials_state(self) -> object:
        """Return a value that changes whenever any credential may have changed."""
        return self.open.credentials.state()

    def started(self, platform: Platform) -> None:
        self.open, settings = platform, platform.settings
        self._make_context = partial(
            Context,
            database=platform.database,
            clock=self._clock,
            search_companies=platform.search_companies,
            search_limit=self._search_limit,
            delivery_policy=delivery_policy(settings),
            oldest_consent=timedelta(days=settings.consent_age_days),
            lookups=platform.lookups,
            bulk_lookup_cooldown=timedelta(seconds=settings.bulk_lookup_cooldown_s),
            personal_data_needs_scope=settings.personal_data_needs_scope,
            issuer=settings.oidc_issuer,
            mail_quota=MailQuota(settings.mails_per_partner_hour, settings.mails_per_hour),
        )

    def context(self, request_id: str, principal: Principal | None = None) -> Context:
        return self._make_context(request_id=request_id, principal=principal)

    def database(self) -> Database:
        return self.open.database

    async def information(self) -> dict[str, str]:
        """Return the state of workers, Companies House, mails and the identity provider."""
        blocked = await self.open.budget.blocked_reason()
        delayed = await count_retried(CONFIRMATION_MAIL)
        register = "ok" if self.open.register is not None else "not configured"
        found = {
            "worker": "ok" if await is_any_alive(self.open.shared_clock()) else "no heartbeat",
            "companies_house": register if blocked is None else f"blocked: {blocked}",
            "mail": "ok" if not delayed else f"delayed: {delayed}",
        }
        provider = self.open.credentials.provider_state
        return found if provider is None else {**found, "identity_provider": provider}
