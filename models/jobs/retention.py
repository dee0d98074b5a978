"""Deletes rows whose retention period is over, in batches, and logs the numbers.

Histories of customers, contacts, classes and consent are never deleted. Nor is the audit trail,
unless a period is set for it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from tortoise.expressions import Q
from tortoise.models import Model

from models.jobs.event import Event
from models.jobs.heartbeat import Heartbeat
from models.jobs.job import Job
from models.storage.database import Database
from models.storage.point_budget import PREFIX, microseconds
from models.storage.sql import run
from models.tables.access import SYSTEM, AccessToken
from models.tables.audit import ActorContext, AuditEntry, record
from models.tables.confirmation import Confirmation, ConfirmationToken
from models.tables.enrichment import EnrichmentRun, UpstreamResponse
from models.tables.mail_quota import WINDOW, QuotaUse
from models.tables.rate_limit import RateLimit

log = structlog.get_logger(__name__)

BATCH = 500
"""Rows deleted in one transaction, because SQLite limits the parameters of a statement."""

MAX_BATCHES = 20
"""Batches of one table in one sweep, so that the worker's other duties do not wait for long."""

_OLD_RUNS = """
SELECT id FROM enrichment_run AS old WHERE finished_at < ? AND EXISTS (
  SELECT 1 FROM enrichment_run AS newer
  WHERE newer.customer_id = old.customer_id AND newer.id > old.id AND newer.finished_at IS NOT NULL)
ORDER BY id LIMIT ?"""

_OLD_CONFIRMATIONS = """
SELECT id FROM confirmation AS old WHERE requested_at < ?
  AND mail_state NOT IN ('QUEUED', 'RETRYING') AND NOT EXISTS (
  SELECT 1 FROM confirmation_token AS link
  WHERE link.confirmation_id = old.id AND link.expires_at >= ?)
ORDER BY id LIMIT ?"""


@dataclass(frozen=True, slots=True)
class Retention:
    """How long rows are kept after they have ended; None means forever."""

    jobs: timedelta | None = timedelta(days=14)
    """From the end of a job. Heartbeats of stopped workers are kept for the same time."""
    events: timedelta | None = timedelta(days=90)
    runs: timedelta | None = timedelta(days=730)
    """From the end of a lookup. The newest finished lookup of a customer is always kept."""
    confirmations: timedelta | None = timedelta(days=1_095)
    """From the request; a confirmation with an unexpired link or unsent mail is kept longer."""
    tokens: timedelta | None = timedelta(days=730)
    """From the revocation or expiry of an access token."""
    budgets: timedelta | None = timedelta(days=7)
    """From when all points that a caller spent have been restored."""
    audit: timedelta | None = None
    """From an entry's time. The database refuses to delete entries younger than six years."""


async def sweep(database: Database, retention: Retention, now: datetime) -> bool:
    """Delete rows whose retention period is over, up to MAX_BATCHES of each table.

    Returns whether more rows may be due, so that the caller should sweep again soon.
    """
    swept = {}
    is_more = False
    for name, period, delete in (
        ("jobs", retention.jobs, _delete_jobs),
        ("heartbeats", retention.jobs, _delete_heartbeats),
        ("events", retention.events, _delete_events),
        ("runs", retention.runs, _delete_runs),
        ("confirmations", retention.confirmations, _delete_confirmations),
        ("tokens", retention.tokens, _delete_tokens),
        ("budgets", retention.budgets, _delete_budgets),
        ("mail_quota_uses", WINDOW, _delete_quota_uses),
        ("audit_entries", retention.audit, _delete_audit),
    ):
        if period is None:
            continue
        before, count, deleted = now - period, 0, BATCH
        for _ in range(MAX_BATCHES):
            deleted = await database.transaction(partial(delete, before, now))
            count += deleted
            if deleted < BATCH:
                break
        is_more = is_more or deleted == BATCH
        if count:
            swept[name] = count
    if swept:
        log.info("retention_swept", **swept)
    return is_more


async def _delete_jobs(before: datetime, _: datetime) -> int:
    return await _delete_first(Job, Q(finished_at__lt=before), "finished_at")


async def _delete_heartbeats(before: datetime, _: datetime) -> int:
    return await _delete_first(Heartbeat, Q(seen_at__lt=before), "worker")


async def _delete_events(before: datetime, _: datetime) -> int:
    """Delete old events from the lowest ids on, because ids rise with time."""
    first = await Event.all().order_by("id").limit(BATCH).values_list("id", "at")
    return await _delete(Event, [event_id for event_id, at in first if at < before])


async def _delete_runs(before: datetime, _: datetime) -> int:
    ids = [row[0] for row in await run(_OLD_RUNS, (before, BATCH))]
    await UpstreamResponse.filter(run_id__in=ids).delete()
    return await _delete(EnrichmentRun, ids)


async def _delete_confirmations(before: datetime, now: datetime) -> int:
    """Delete old confirmations, except those with an unexpired link or an unsent mail."""
    ids = [row[0] for row in await run(_OLD_CONFIRMATIONS, (before, now, BATCH))]
    await ConfirmationToken.filter(confirmation_id__in=ids).delete()
    return await _delete(Confirmation, ids)


async def _delete_tokens(before: datetime, _: datetime) -> int:
    ended = Q(revoked_at__lt=before) | Q(expires_at__lt=before)
    return await _delete_first(AccessToken, ended, "id")


async def _delete_budgets(before: datetime, _: datetime) -> int:
    spent = Q(key__startswith=PREFIX, free_at__lt=microseconds(before))
    return await _delete_first(RateLimit, spent, "key")


async def _delete_audit(before: datetime, now: datetime) -> int:
    """Delete old entries from the lowest numbers on, and record the deletion in the audit trail."""
    numbered = AuditEntry.filter(number__isnull=False).order_by("number").limit(BATCH)
    first = await numbered.values_list("id", "at")
    count = await _delete(AuditEntry, [entry_id for entry_id, at in first if at < before])
    if count:
        told = {"entries": count, "expires_at": before.isoformat()}
        act = ActorContext(SYSTEM, now, "retention")
        await record(act, "audit.expired", "platform_audit", after=told)
    return count


async def _delete_quota_uses(before: datetime, _: datetime) -> int:
    return await _delete_first(QuotaUse, Q(at__lte=before), "at")


async def _delete_first(model: type[Model], which: Q, order: str) -> int:
    key = model._meta.pk_attr
    rows = model.filter(which).order_by(order).limit(BATCH)
    return await _delete(model, list(await rows.values_list(key, flat=True)))


async def _delete(model: type[Model], keys: list[Any]) -> int:
    """Delete the rows with the given keys; return the number of keys.

    SQLite's own count would include rows that triggers change.
    """
    if keys:
        await model.filter(**{f"{model._meta.pk_attr}__in": keys}).delete()
    return len(keys)
