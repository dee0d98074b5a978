"""Retention: what is deleted after its period, what is kept, and the audit entry about it."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest
from structlog.testing import capture_logs
from tortoise.exceptions import BaseORMException
from tortoise.models import Model

from models import (
    AccessToken,
    ApiUsage,
    AuditEntry,
    Confirmation,
    ConfirmationToken,
    EnrichmentRun,
    Event,
    Heartbeat,
    IdempotentRequest,
    Job,
    QuotaUse,
    RateLimit,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
)
from models.changes.contact_editing import create_contact
from models.jobs import retention as module
from models.jobs.retention import Retention, sweep
from models.storage.database import Database
from models.storage.point_budget import microseconds
from models.tables.access import Scope, new_token
from models.tables.api_usage import ADDED
from models.tables.audit import AUDIT, ActorContext
from models.tables.numbering import number_rows
from settings import Settings
from tests.clock import START, Clock
from tests.event_rows import number_all, publish_text
from tests.factories import add_customer, everything

DAY = timedelta(days=1)
PERIOD = 10 * DAY
NOW = START + 100 * DAY
OLD, YOUNG = NOW - PERIOD - timedelta(seconds=1), NOW - PERIOD
ALL = replace(Retention(**dict.fromkeys(Retention.__slots__, PERIOD)), audit=None)
NONE = Retention(**dict.fromkeys(Retention.__slots__, None))


async def add_run(customer_id: str, finished_at: datetime | None) -> None:
    status = "PENDING" if finished_at is None else "SUCCEEDED"
    await EnrichmentRun.create(
        customer_id=customer_id,
        trigger="SAVE",
        status=status,
        requested_at=START,
        finished_at=finished_at,
    )


async def add_confirmation(
    ids: dict[str, str], at: datetime, link_until: datetime, **values: Any
) -> None:
    made = await Confirmation.create(
        kind="EMAIL_VERIFICATION",
        requested_at=at,
        requested_by_id="tok_1",
        requested_by="Tess",
        **{**ids, "mail_state": "SENT", **values},
    )
    for purpose, until in (("CONFIRM", OLD), ("WITHDRAW", link_until)):
        await ConfirmationToken.create(
            confirmation_id=made.id, purpose=purpose, hash=f"{made.id}{purpose}", expires_at=until
        )


async def add_deliveries() -> None:
    """Add deliveries that have ended, one that is pending, and one of a deleted endpoint."""
    for endpoint_id, deleted_at in (("whe_1", None), ("whe_deleted", OLD)):
        await WebhookEndpoint.create(
            id=endpoint_id,
            url="https://partner.example.com/",
            secret="",
            created_at=OLD,
            last_modified_at=OLD,
            deleted_at=deleted_at,
        )
    ended: tuple[tuple[str, datetime | None], ...] = (
        *(("whe_1.", OLD), ("whe_1.", YOUNG), ("whe_1.", None)),
        ("whe_deleted.", None),
    )
    for place, (lane, finished_at) in enumerate(ended, start=1):
        made = await WebhookDelivery.create(
            endpoint_id=lane[:-1],
            lane_id=lane,
            position=place,
            event_id="evt_1",
            event_type="customer.created",
            created_at=OLD - DAY,
            finished_at=finished_at,
        )
        for at in (OLD, YOUNG):
            await WebhookAttempt.create(
                delivery_id=made.id, endpoint_id="whe_1", sequence=1, started_at=at, duration_ms=1
            )


async def add_token(**values: datetime) -> None:
    token, _ = new_token("Old", frozenset({Scope.CUSTOMERS_READ}), START)
    token.update_from_dict(values)
    await token.save(force_create=True)


@pytest.fixture
async def ids(database: Database, act: ActorContext) -> dict[str, str]:
    """Fill each table with rows past their retention period, and with newer ones; return ids."""
    customer = await add_customer(database, act)
    contact = await database.transaction(lambda: create_contact(act, customer.id, {"name": "A"}))
    ids = {"customer_id": customer.id, "contact_id": contact.id}
    for at in (OLD, YOUNG):
        await publish_text("customer.enriched", customer.id, at)
        await Job.create(kind="k", state="DONE", created_at=START, finished_at=at)
        await Heartbeat.create(worker=f"w {at}", seen_at=at)
        await RateLimit.create(key=f"cost:{at}", free_at=microseconds(at))
        await add_token(revoked_at=at)
        await add_token(expires_at=at)
        await add_run(customer.id, at)
    await add_token(expires_at=NOW + DAY)
    await add_token()
    await Job.create(kind="k", state="READY", created_at=START, due_at=START)
    await RateLimit.create(key="key:register", free_at=0)
    await add_confirmation(ids, OLD, OLD)
    await add_confirmation(ids, YOUNG, OLD)
    await add_confirmation(ids, OLD, NOW)  # its link is still valid
    await add_confirmation(ids, OLD, OLD, mail_state="RETRYING")
    await add_deliveries()
    for at in (NOW - timedelta(hours=1), NOW - timedelta(minutes=59)):
        await QuotaUse.create(key="platform", subject="s", at=at)
    await number_all(database)
    return ids


async def counts() -> dict[str, int]:
    tables: tuple[type[Model], ...] = (
        *(Event, Job, Heartbeat, RateLimit, AccessToken, EnrichmentRun, Confirmation),
        *(ConfirmationToken, QuotaUse, WebhookAttempt, WebhookDelivery),
    )
    return {table.__name__: await table.all().count() for table in tables}


@pytest.mark.usefixtures("ids")
async def test_what_has_been_kept_long_enough_is_deleted_and_told(database: Database) -> None:
    before = await counts()
    with capture_logs() as logs:
        assert await sweep(database, ALL, NOW) is False
    after = await counts()
    assert {name: before[name] - after[name] for name in before} == {
        "Event": 3,  # those of the customer and the contact too
        "Job": 1,
        "Heartbeat": 1,
        "RateLimit": 1,
        "AccessToken": 2,
        "EnrichmentRun": 1,
        "Confirmation": 1,
        "ConfirmationToken": 2,
        "QuotaUse": 1,
        "WebhookAttempt": 4,
        "WebhookDelivery": 2,
    }
    (line,) = [one for one in logs if one["event"] == "retention_swept"]
    assert {name: line[name] for name in ("events", "jobs", "tokens", "runs", "confirmations")} == {
        "events": 3,
        "jobs": 1,
        "tokens": 2,
        "runs": 1,
        "confirmations": 1,
    }
    with capture_logs() as logs:
        await sweep(database, ALL, NOW)
    assert (await counts(), logs) == (after, [])


@pytest.mark.usefixtures("ids")
async def test_nothing_else_is_touched_and_nothing_goes_without_a_period(
    database: Database,
) -> None:
    swept = {"QuotaUse"}
    before = await everything()
    await sweep(database, NONE, NOW + 1_000 * DAY)
    after = await everything()
    assert {name for name in before if before[name] != after[name]} == swept
    await sweep(database, ALL, NOW)
    last = await everything()
    for name in ("AuditEntry", "ClassChange", "Contact", "ContactState", "Customer"):
        assert last[name] == before[name]


async def test_the_newest_run_of_a_customer_stays(database: Database, act: ActorContext) -> None:
    customer, other = await add_customer(database, act), await add_customer(database, act)
    for at in (OLD - DAY, OLD):
        await add_run(customer.id, at)
    await add_run(other.id, OLD)
    await add_run(other.id, None)  # in progress: the last lookup's results are shown until it ends
    await sweep(database, ALL, NOW)
    left = {(one.customer_id, one.finished_at) for one in await EnrichmentRun.all()}
    assert left == {(customer.id, OLD), (other.id, OLD), (other.id, None)}


async def test_much_is_deleted_in_batches_and_the_rest_later(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 2)
    monkeypatch.setattr(module, "MAX_BATCHES", 2)
    for _ in range(7):
        await publish_text("k", "cus_1", OLD)
    await number_all(database)
    left = []
    while await sweep(database, ALL, NOW):
        left.append(await Event.all().count())
    assert (left, await Event.all().count()) == ([3], 0)


async def test_audit_entries_go_after_their_legal_period_and_no_earlier(
    database: Database, act: ActorContext
) -> None:
    """R96: if a period is set; an audit entry says what was deleted."""
    for years in (8, 7, 5, 0):
        await add_customer(database, replace(act, now=START - years * 366 * DAY))
    await number_rows(database, AUDIT)
    before = await AuditEntry.all().count()
    await sweep(database, ALL, NOW)
    assert await AuditEntry.all().count() == before
    await sweep(database, replace(NONE, audit=7 * 366 * DAY + DAY), START)
    entries = await AuditEntry.all().order_by("at", "id")
    assert len(entries) == before
    assert [(one.operation, one.after.get("entries")) for one in entries].count(
        ("audit.expired", 1)
    ) == 1
    assert min(one.at for one in entries) == START - 7 * 366 * DAY
    with pytest.raises((BaseORMException, asyncpg.PostgresError), match="append-only for 6 years"):
        await sweep(database, replace(NONE, audit=4 * 366 * DAY), START)
    assert await AuditEntry.all().count() == before


@pytest.mark.parametrize("days", [1, 2_191])
def test_no_period_of_the_audit_trail_is_too_short(days: int) -> None:
    with pytest.raises(ValueError, match="six years"):
        Settings(keep_audit_days=days)


async def test_settings_say_how_long(clock: Clock) -> None:
    """0 days means that rows are kept for ever."""
    found = Retention(**Settings(keep_jobs_days=1.5, keep_events_days=0).retention)
    assert (found.jobs, found.events) == (timedelta(days=1.5), None)
    assert Retention(**Settings().retention) == Retention()
    assert clock() == START


async def test_outcomes_with_idempotency_keys_are_kept_for_48_hours(database: Database) -> None:
    old, young = NOW - timedelta(hours=48, seconds=1), NOW - timedelta(hours=48)
    for name, at in (("old", old), ("young", young)):
        await IdempotentRequest.create(
            id=name, caller="tok_1", operation="x", fingerprint="1", outcome={}, created_at=at
        )
    await sweep(database, Retention(), NOW)
    assert [one.id for one in await IdempotentRequest.all()] == ["young"]


async def test_counts_of_calls_are_kept_for_400_days(database: Database) -> None:
    """The day on which the period ends is kept to its end."""
    first = (NOW - timedelta(days=400)).date()
    for day in (first - DAY, first, NOW.date()):
        values: dict[str, Any] = {"operation": "List", "operation_type": "query", "day": day}
        counts: dict[str, Any] = dict.fromkeys(ADDED, 1)
        await ApiUsage.create(id=f"{day}.a", credential_id="tok_1", **values, **counts)
    await sweep(database, Retention(), NOW)
    assert [one.day for one in await ApiUsage.all().order_by("id")] == [first, NOW.date()]
