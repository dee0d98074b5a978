"""The composition root: creates clients, clocks, workers and the application from the settings."""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from math import ceil
from typing import Any
from uuid import uuid4

from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp

from enrichment.endpoints import authorization
from identity.errors import ProviderUnavailable
from identity.provider import provider_of
from models.jobs.heartbeat import is_any_alive
from models.jobs.job import count_retried
from models.jobs.job_pause import paused_kinds
from models.jobs.kinds import CONFIRMATION_MAIL
from models.lists.personal_data import is_masked
from models.rules.export import ExportKind
from models.storage.database import Database
from models.storage.point_budget import PointAllowance
from models.tables.access import Principal
from models.tables.api_usage import UsageTally, storing_usage
from models.tables.mail_quota import MailQuota
from notifications.mail_transport import organisation_of, transport_of
from observability.logs import log_failure
from observability.metrics_gauges import web_families
from observability.metrics_process import ProcessMetrics
from observability.request_log import RequestLog
from observability.version import version
from opening import (
    Platform,
    check_traces,
    delivery_policy,
    open_measured,
    register_endpoints,
    tracing_of,
    utc_now,
)
from schema.base.company_searches import CompanySearches
from schema.base.context import Context
from schema.base.request_slot import Limiters
from schema.engine.cost_budget import budget_of
from schema.engine.known_operations import root_field_names
from schema.engine.limits import Limits
from schema.engine.served_schema import CustomerClassesSchema
from schema.engine.strawberry_internals import core_schema
from schema.engine.trusted_documents import source_of
from schema.root import build_schema
from schema.types.export import EXPORTS
from settings import ROOT, Settings
from web.auth_failure_limiter import AuthFailureLimiter, SignIn
from web.compression import Compressed
from web.confirmation_page import ConfirmationPages
from web.consent_export import consent_export
from web.cors import Cors
from web.delivery_export import delivery_export
from web.export_link import LinkSignIn
from web.export_pages import check_list
from web.health import Readiness, health_routes
from web.http import GraphQLEndpoint
from web.imports import ImportRoutes
from web.list_export import list_exports
from web.proxy import ForwardedHeader, TrustedProxies
from web.report_export import report_export
from web.request_ids import RequestIds
from web.routes import Application, schema_route
from web.sign_in import SignInUnavailable
from web.socket_sessions import SessionLimits, SocketSessions
from web.start_page import StartPages
from web.websocket import GraphQLSocket
from workers import webhook_options

GC_THRESHOLDS = (2_000, 5, 200)
"""For the garbage collector: many small collections. Each stops all requests, for 20 ms with 50,000
objects, or 80 ms if they are from closed sockets.
"""


ADDRESS_CHECKS: tuple[Callable[[Settings], object], ...] = (
    register_endpoints,
    lambda settings: authorization(settings.api_key),
    lambda settings: source_of(settings.trusted_documents),
    transport_of,
    provider_of,
    lambda settings: Cors(settings.cors_origins),
    check_traces,
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
    tracing = tracing_of(settings)
    usage = UsageTally(clock)

    # A machine's clock may be wrong, so budgets use the database's unless `clock` was passed in.
    budget = PointAllowance(
        settings.cost_budget,
        timedelta(seconds=settings.cost_window_s),
        goes_by_database=clock is utc_now,
    )
    schema = build_schema().with_limits(Limits.of(settings), budget_of(budget))
    # Exports cost no points, as they are bounded by their slots and read one page after another.
    export_schema = schema.with_limits(Limits.for_exports(settings))
    site = _Site(settings, clock, export_schema)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        failed = "start_failed"
        try:
            async with (
                open_measured(
                    settings,
                    metrics,
                    clock,
                    with_worker=with_worker,
                    own=lambda: web_families(limiters, sessions.number),
                    is_own_port=not settings.are_metrics_public,
                    tracing=tracing,
                ) as platform,
                storing_usage(usage, platform.database),
            ):
                site.started(platform)
                worker = await platform.worker(f"web-{uuid4()}") if with_worker else None
                running = asyncio.create_task(worker.run()) if worker else None
                watching = asyncio.create_task(sessions.watch(platform.database.signals))
                if on_ready is not None:
                    await on_ready(platform)
                # Objects created at the start are never freed, so the collector can ignore them.
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
    documents = source_of(settings.trusted_documents)
    limiters = Limiters.of(settings)
    cors = Cors(settings.cors_origins, settings.own_origin)
    pages = StartPages(ROOT / "build" if settings.playground else None, settings.links_begin_with)
    proxies = TrustedProxies(settings.trusted_proxies, ForwardedHeader(settings.forwarded_by))
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
    is_measured = settings.metrics_port is not None
    metrics = ProcessMetrics(root_field_names(core_schema(schema))) if is_measured else None
    request_log = RequestLog(
        settings.slow_operation_s, usage, None if metrics is None else metrics.requests, tracing
    )
    sessions = SocketSessions(site.authenticate, site.credentials_state, clock, limits)
    socket = GraphQLSocket(
        schema, sign_in, site.context, limiters, sessions, documents, cors, log=request_log
    )
    direct = {"/graphql": pages.wrap(Compressed(endpoint))}
    readiness = Readiness(site.database, site.information)
    traced: Callable[[ASGIApp], ASGIApp] = _untraced if tracing is None else tracing.traced
    made = Application(
        lambda inner: traced(
            RequestIds(inner, direct, request_log, cors=cors, proxies=proxies, version=version())
        ),
        routes=[
            WebSocketRoute("/graphql", socket),
            schema_route(sign_in, limiters, schema),
            delivery_export(sign_in, limiters, delivery_policy(settings), masks),
            consent_export(sign_in, limiters, site.database, clock, masks),
            report_export(sign_in, limiters, clock, masks),
            *list_exports(
                LinkSignIn(sign_in, auth_failures, clock, _bytes_of(settings.export_secret)),
                site.authenticate,
                limiters,
                clock,
                export_schema,
                site.context,
            ),
            *ImportRoutes(
                sign_in,
                limiters,
                site.database,
                clock,
                masks,
                settings.import_max_bytes,
                _bytes_of(settings.idempotency_secret),
            ).routes,
            *health_routes(readiness, version()),
            *([_metrics_route(metrics)] if metrics and settings.are_metrics_public else []),
            *pages.routes,
            *ConfirmationPages(
                site.database,
                clock,
                auth_failures,
                settings.own_origin,
                organisation_of(settings),
                delivery_policy(settings),
            ).routes,
        ],
        lifespan=lifespan,
    )
    made.state.readiness = readiness
    made.state.usage = usage
    made.state.metrics = metrics
    return made


def _untraced(app: ASGIApp) -> ASGIApp:
    return app


def _metrics_route(metrics: ProcessMetrics) -> Route:
    """Return the route of the metrics on the port of the API, if METRICS_PORT is that port."""

    async def answer(request: Request) -> Response:
        text, content_type = await metrics.text(request.headers.get("accept", ""))
        return Response(text, headers={"content-type": content_type})

    return Route("/metrics", answer, methods=["GET"])


def _bytes_of(secret: SecretStr | None) -> bytes:
    return b"" if secret is None else secret.get_secret_value().encode()


class _Site:
    """Gives the routes access to the platform, which is opened only after they are created."""

    def __init__(
        self,
        settings: Settings,
        clock: Callable[[], datetime],
        export_schema: CustomerClassesSchema,
    ) -> None:
        self.open: Platform
        self._export_schema = export_schema
        self._make_context: Callable[..., Context]
        self._clock = clock
        self._searches = CompanySearches(clock, settings.company_searches)

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
            searches=self._searches,
            delivery_policy=delivery_policy(settings),
            oldest_consent=timedelta(days=settings.consent_age_days),
            lookups=platform.lookups,
            deprecated_uses=platform.deprecated_uses,
            bulk_lookup_cooldown=timedelta(seconds=settings.bulk_lookup_cooldown_s),
            personal_data_needs_scope=settings.personal_data_needs_scope,
            issuer=settings.oidc_issuer,
            idempotency_secret=_bytes_of(settings.idempotency_secret),
            export_secret=_bytes_of(settings.export_secret),
            export_lifetime=timedelta(seconds=settings.export_link_s),
            check_export=self.check_export,
            links_begin_with=settings.links_begin_with,
            mail_quota=MailQuota(settings.mails_per_partner_hour, settings.mails_per_hour),
            limits=Limits.of(settings),
            webhooks=webhook_options(settings),
        )

    def context(self, request_id: str, principal: Principal | None = None) -> Context:
        return self._make_context(request_id=request_id, principal=principal)

    async def check_export(
        self, request_id: str, principal: Principal, kind: ExportKind, filter_: Mapping[str, Any]
    ) -> None:
        context = self.context(request_id, principal)
        await check_list(self._export_schema, context, EXPORTS[kind], filter_)

    def database(self) -> Database:
        return self.open.database

    async def information(self) -> dict[str, str]:
        """Return the state of workers, Companies House, mails, jobs and the identity provider."""
        blocked = await self.open.budget.blocked_reason()
        delayed = await count_retried(CONFIRMATION_MAIL)
        paused = await paused_kinds()
        register = "ok" if self.open.register is not None else "not configured"
        found = {
            "worker": "ok" if await is_any_alive(self.open.shared_clock()) else "no heartbeat",
            "companies_house": register if blocked is None else f"blocked: {blocked}",
            "mail": "ok" if not delayed else f"delayed: {delayed}",
            "jobs": "ok" if not paused else f"paused: {', '.join(paused)}",
        }
        provider = self.open.credentials.provider_state
        return found if provider is None else {**found, "identity_provider": provider}
