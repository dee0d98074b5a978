"""Composes workers: which kinds of jobs they can run, and the handler of each kind."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Protocol
from uuid import uuid4

from enrichment.rate_limit import SharedBudget
from enrichment.register import Register
from models.changes.lookup import retry_blocked
from models.changes.refresh import most_waiting, start_refreshes
from models.jobs.job_attempt import (
    AttemptReport,
    NoteAttempt,
    ignore_attempt,
    trace_no_attempt,
)
from models.jobs.kinds import CONFIRMATION_MAIL, ENRICH, IMPORT, WEBHOOK_NOTICE
from models.jobs.retention import Retention
from models.jobs.worker import JobKindOptions, Worker, WorkerOptions
from models.lists.personal_data import is_masked
from models.rules.delivery import DeliveryPolicy
from models.rules.refresh import START_EVERY, RefreshPolicy
from models.rules.webhook_retry import WebhookPolicy
from models.storage.database import Database
from models.storage.database_clock import DatabaseClock
from models.storage.secret_cipher import SecretCipher
from models.tables.access import SYSTEM
from models.tables.audit import ActorContext
from models.tables.webhook import WebhookOptions
from observability.metrics_work import WorkMetrics
from settings import Settings

if TYPE_CHECKING:
    from notifications.webhooks.sender import NoteDelivery
    from observability.tracing import Tracing


class Parts(Protocol):
    """The open clients and clocks of a process from which its worker is made."""

    settings: Settings
    database: Database
    register: Register | None
    budget: SharedBudget
    shared_clock: DatabaseClock
    metrics: WorkMetrics | None
    tracing: "Tracing | None"

    @property
    def clock(self) -> Callable[[], datetime]: ...


async def _lookups(parts: Parts) -> JobKindOptions:
    from enrichment.accounts_process import (  # noqa: PLC0415  # an API alone reads no accounts
        noted_reader,
        read_accounts_in_subprocess,
    )
    from enrichment.company_lookup import CompanyLookup  # noqa: PLC0415  # see above

    assert parts.register is not None  # noqa: S101  # kinds_of leaves lookups out without one
    client = await parts.register.client()
    metrics = parts.metrics
    read = read_accounts_in_subprocess if metrics is None else noted_reader(metrics.accounts)
    policy = refresh_policy(parts.settings)
    lookup = CompanyLookup(parts.database, client, parts.budget, parts.clock, read, policy)
    return JobKindOptions(
        lookup,
        parts.budget.quota,
        lookup.note_blocked,
        None if policy is None else partial(_refresh_companies, parts),
        START_EVERY,
    )


def refresh_policy(settings: Settings) -> RefreshPolicy | None:
    """Return when the settings let companies be looked up again; None for never."""
    days, grace = settings.refresh_days, settings.refresh_grace_days
    return RefreshPolicy(timedelta(days=days), timedelta(days=grace)) if days else None


async def _refresh_companies(parts: Parts) -> None:
    """Start the refreshes that are due, unless Companies House refuses the API key."""
    if await parts.budget.blocked_reason() is None:
        act = ActorContext(SYSTEM, parts.clock(), f"refresh-{uuid4()}")
        most = most_waiting(parts.budget.quota.allowance)
        await parts.database.transaction(lambda: start_refreshes(act, most))


async def _mails(parts: Parts) -> JobKindOptions:
    from notifications.confirmation_mailer import (  # noqa: PLC0415  # an API alone sends none
        confirmation_mailer,
    )

    return JobKindOptions(confirmation_mailer(parts.settings, parts.database, parts.clock))


async def _webhook_notices(parts: Parts) -> JobKindOptions:
    from notifications.webhooks.notice_mailer import (  # noqa: PLC0415  # an API alone sends none
        webhook_notice_mailer,
    )

    return JobKindOptions(webhook_notice_mailer(parts.settings, parts.clock))


async def _imports(parts: Parts) -> JobKindOptions:
    from models.changes.import_job import ImportRunner  # noqa: PLC0415  # an API alone runs none

    settings = parts.settings
    runner = ImportRunner(
        parts.database,
        parts.clock,
        timedelta(seconds=settings.worker_lease_s),
        DeliveryPolicy(needs_verified_email=settings.consent_needs_verified_email),
        partial(is_masked, needs_scope=settings.personal_data_needs_scope),
    )
    return JobKindOptions(runner)


KIND_OPTIONS = {
    ENRICH: _lookups,
    CONFIRMATION_MAIL: _mails,
    WEBHOOK_NOTICE: _webhook_notices,
    IMPORT: _imports,
}
NEED_REGISTER = frozenset({ENRICH})
"""The kinds of jobs that cannot run without a client for Companies House."""

KINDS = tuple(KIND_OPTIONS)
"""The kinds of jobs that a worker can run."""


def kinds_of(settings: Settings, wanted: Collection[str] | None = None) -> tuple[str, ...]:
    """Return the kinds of jobs that the settings allow, limited to `wanted` unless that is None."""
    impossible = frozenset[str]() if settings.has_register else NEED_REGISTER
    return tuple(
        kind for kind in KINDS if kind not in impossible and (wanted is None or kind in wanted)
    )


def webhook_options(settings: Settings) -> WebhookOptions:
    """Return what the settings say about webhook endpoints."""
    return WebhookOptions(
        SecretCipher(settings.webhook_key_texts), settings.webhook_private_targets
    )


@asynccontextmanager
async def webhooks_sent(
    settings: Settings,
    database: Database,
    clock: Callable[[], datetime],
    note: "NoteDelivery | None" = None,
    tracing: "Tracing | None" = None,
) -> AsyncIterator[None]:
    """Send webhooks in the background, until the end of the context; `note` listens to attempts."""
    from notifications.webhooks.poster import Poster  # noqa: PLC0415  # an API alone sends none
    from notifications.webhooks.safe_session import open_session  # noqa: PLC0415  # see above
    from notifications.webhooks.sender import Sender, SenderOptions  # noqa: PLC0415  # see above

    options = webhook_options(settings)
    policy = WebhookPolicy(
        disable_after=timedelta(days=settings.webhook_disable_days),
        has_notices=settings.webhook_notice_address is not None,
    )
    traced = [] if tracing is None else [tracing.calls(lambda _: "webhook")]
    async with open_session(allows_private=options.allows_private, trace_configs=traced) as session:
        poster = Poster(session, options, clock)
        slots = SenderOptions(slots=settings.webhook_slots)
        sender = Sender(database, poster, clock, policy, slots, note=note)
        running = asyncio.create_task(sender.run())
        try:
            yield
        finally:
            sender.stop()
            await running


async def worker_of(parts: Parts, name: str, kinds: Collection[str]) -> Worker:
    """Return a worker, not started yet, for kinds of jobs that the settings allow."""
    options = WorkerOptions(
        slots=parts.settings.worker_slots,
        lease=timedelta(seconds=parts.settings.worker_lease_s),
        retention=Retention(**parts.settings.retention),
    )
    if not parts.database.is_postgres:
        # On SQLite, commits of other processes send no signal, so look for jobs more often.
        options = replace(options, longest_sleep=timedelta(seconds=0.25))
    return Worker(
        name,
        parts.database,
        {kind: await KIND_OPTIONS[kind](parts) for kind in kinds},
        parts.shared_clock,
        options=options,
        on_start=partial(_go_on_with_blocked, parts),
        keep_clock=parts.shared_clock.keep,
        note_attempt=_note_attempt(parts),
        trace_attempt=trace_no_attempt if parts.tracing is None else parts.tracing.attempt,
    )


def _note_attempt(parts: Parts) -> NoteAttempt:
    """Return what tells metrics and traces, as far as they are on, of the end of an attempt."""
    metrics = ignore_attempt if parts.metrics is None else parts.metrics.attempt
    tracing = parts.tracing
    if tracing is None:
        return metrics

    def note(report: AttemptReport) -> None:
        metrics(report)
        tracing.note_attempt(report)

    return note


async def _go_on_with_blocked(parts: Parts) -> None:
    """Retry lookups that failed as the API key was refused, unless the present key is too."""
    if await parts.budget.blocked_reason() is None:
        act = ActorContext(SYSTEM, parts.clock(), f"start-{uuid4()}")
        await parts.database.transaction(lambda: retry_blocked(act))
