"""Deletes rows whose retention period is over, in batches, and logs how many.

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

from models.jobs.heartbeat import Heartbeat
from models.jobs.job import Job
from models.storage.database import Database
from models.storage.point_budget import PREFIX, microseconds
from models.storage.sql import run
from models.tables.access import SYSTEM, AccessToken
from models.tables.api_usage import ApiUsage
from models.tables.audit import ActorContext, AuditEntry, record
from models.tables.confirmation import Confirmation, ConfirmationToken
from models.tables.customer_import import (
    CustomerImport,
    ImportFailedRow,
    ImportFault,
    ImportPart,
)
from models.tables.deprecated_use import USES_KEPT, DeprecatedUse
from models.tables.enrichment import EnrichmentRun, UpstreamResponse
from models.tables.event import Event
from models.tables.idempotency import IdempotentRequest
from models.tables.mail_quota import WINDOW, QuotaUse
from models.tables.rate_limit import RateLimit
from models.tables.webhook import WebhookAttempt, WebhookDelivery

log = structlog.get_logger(__name__)

ABANDONED = timedelta(days=1)
"""Time after which the parts of a file that has no unfinished import are deleted."""

BATCH = 500
"""Rows deleted in one transaction, because SQLite limits the parameters of a statement."""

MAX_BATCHES = 20
"""The maximum number of batches that one sweep deletes from a table, as it delays other work."""

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

_OLD_DELIVERIES = """
SELECT old.id FROM webhook_delivery AS old WHERE old.created_at < ? AND (old.finished_at < ?
  OR (old.finished_at IS NULL AND NOT EXISTS (SELECT 1 FROM webhook_endpoint AS e
    WHERE e.id = old.endpoint_id AND e.deleted_at IS NULL)))
ORDER BY old.created_at LIMIT ?"""
_OLD_PARTS = """
SELECT id FROM import_part AS old WHERE created_at < ? AND NOT EXISTS (
  SELECT 1 FROM customer_import AS own WHERE own.id = old.import_id AND own.finished_at IS NULL)
ORDER BY created_at LIMIT ?"""


@dataclass(frozen=True, slots=True)
class Retention:
    """How long rows of each kind are kept; None means forever. Each text says from when on."""

    jobs: timedelta | None = timedelta(days=14)
    """From the end of a job. Heartbeats of stopped workers are kept for the same time."""
    events: timedelta | None = timedelta(days=30)
    runs: timedelta | None = timedelta(days=730)
    """From the end of a lookup. The newest finished lookup of a customer is always kept."""
    confirmations: timedelta | None = timedelta(days=1_095)
    """From the request; a confirmation with an unexpired link or unsent mail is kept longer."""
    tokens: timedelta | None = timedelta(days=730)
    """From the revocation or expiry of an access token."""
    budgets: timedelta | None = timedelta(days=7)
    """From when a caller's budget of query points is full again."""
    idempotency: timedelta | None = timedelta(hours=48)
    """From when a mutation with an idempotency key was stored."""
    usage: timedelta | None = timedelta(days=400)
    """From the day on which calls were counted."""
    webhooks: timedelta | None = timedelta(days=30)
    """From the end of a delivery to a webhook endpoint, and from an attempt."""
    imports: timedelta | None = timedelta(days=30)
    """From the end of an import from a file. What was sent of a file that was never imported goes
    after a day."""
    audit: timedelta | None = None
    """From an audit entry's time. The database refuses to delete entries younger than six years."""


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
        ("idempotency_keys", retention.idempotency, _delete_keys),
        ("deprecated_uses", USES_KEPT, _delete_deprecated_uses),
        ("webhook_attempts", retention.webhooks, _delete_attempts),
        ("webhook_deliveries", retention.webhooks, _delete_deliveries),
        ("imports", retention.imports, _delete_imports),
        ("import_parts", ABANDONED, _delete_parts),
        ("mail_quota_uses", WINDOW, _delete_quota_uses),
        ("usage", retention.usage, _delete_usage),
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
    """Delete events before an instant, lowest numbers first, so that none before is left.

    Readers take the lowest number that is left for the beginning of the feed.
    """
    numbered = Event.filter(number__isnull=False).order_by("number").limit(BATCH)
    ids = []
    for event_id, at in await numbered.values_list("id", "at"):
        if at >= before:
            break
        ids.append(event_id)
    return await _delete(Event, ids)


async def _delete_runs(before: datetime, _: datetime) -> int:
    ids = [row[0] for row in await run(_OLD_RUNS, (before, BATCH))]
    await UpstreamResponse.filter(run_id__in=ids).delete()
    return await _delete(EnrichmentRun, ids)


async def _delete_confirmations(before: datetime, now: datetime) -> int:
    """Delete confirmations requested before an instant, without unexpired links or unsent mails."""
    ids = [row[0] for row in await run(_OLD_CONFIRMATIONS, (before, now, BATCH))]
    await ConfirmationToken.filter(confirmation_id__in=ids).delete()
    return await _delete(Confirmation, ids)


async def _delete_tokens(before: datetime, _: datetime) -> int:
    ended = Q(revoked_at__lt=before) | Q(expires_at__lt=before)
    return await _delete_first(AccessToken, ended, "id")


async def _delete_deprecated_uses(before: datetime, _: datetime) -> int:
    return await _delete_first(DeprecatedUse, Q(used_on__lt=before.date().isoformat()), "used_on")


async def _delete_budgets(before: datetime, _: datetime) -> int:
    spent = Q(key__startswith=PREFIX, free_at__lt=microseconds(before))
    return await _delete_first(RateLimit, spent, "key")


async def _delete_keys(before: datetime, _: datetime) -> int:
    return await _delete_first(IdempotentRequest, Q(created_at__lt=before), "created_at")


async def _delete_usage(before: datetime, _: datetime) -> int:
    """Delete the counts of days before that of an instant; ids begin with the day."""
    return await _delete_first(ApiUsage, Q(id__lt=before.date().isoformat()), "id")


async def _delete_attempts(before: datetime, _: datetime) -> int:
    return await _delete_first(WebhookAttempt, Q(started_at__lt=before), "started_at")


async def _delete_deliveries(before: datetime, _: datetime) -> int:
    """Delete deliveries that ended before an instant, and old ones of deleted endpoints."""
    ids = [row[0] for row in await run(_OLD_DELIVERIES, (before, before, BATCH))]
    return await _delete(WebhookDelivery, ids)


async def _delete_imports(before: datetime, _: datetime) -> int:
    """Delete imports that ended before an instant, after their faults and failed rows."""
    ended = CustomerImport.filter(finished_at__lt=before).order_by("finished_at").limit(BATCH)
    ids = list(await ended.values_list("id", flat=True))
    for model in (ImportFault, ImportFailedRow):
        deleted = await _delete_first(model, Q(import_id__in=ids), "id")
        if deleted == BATCH:
            return deleted  # there may be more
    return await _delete(CustomerImport, ids)


async def _delete_parts(before: datetime, _: datetime) -> int:
    """Delete parts of files that were sent before an instant and are not being imported."""
    return await _delete(ImportPart, [row[0] for row in await run(_OLD_PARTS, (before, BATCH))])


async def _delete_audit(before: datetime, now: datetime) -> int:
    """Delete audit entries before an instant, lowest numbers first, and audit the deletion."""
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
    """Delete the rows with the given primary keys; return the number of keys.

    SQLite's own count of deleted rows would include rows that triggers change.
    """
    if keys:
        await model.filter(**{f"{model._meta.pk_attr}__in": keys}).delete()
    return len(keys)
