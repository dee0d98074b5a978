"""Measures the state of a deployment for `manage.py doctor`: database, disks, files, secrets."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from commands.data.files import sqlite_path
from commands.database_connections import needed_connections, too_few_connections
from commands.doctor_rules import (
    QueueState,
    budget_findings,
    clock_findings,
    disk_findings,
    endpoint_findings,
    job_findings,
    key_findings,
    mode_findings,
    postgres_findings,
)
from commands.findings import Finding
from enrichment.rate_limit import Allowance, SharedBudget
from models.jobs.heartbeat import MAX_SILENCE, Heartbeat, is_any_alive
from models.jobs.job import Job
from models.jobs.job_pause import paused_kinds
from models.lists.job_list import count_given_up
from models.lists.lookup_monitor import LookupMonitor
from models.storage.database import Database
from models.storage.database_clock import DatabaseClock
from models.storage.secret_cipher import PLAIN, SecretCipher, UnreadableSecretError
from models.storage.sql import run
from models.tables.webhook import WebhookEndpoint
from settings import Settings

POSTGRES = (
    *("server_version_num", "server_version", "server_encoding", "fsync", "full_page_writes"),
    *("synchronous_commit", "autovacuum", "max_connections", "superuser_reserved_connections"),
)
"""The settings of PostgreSQL that are looked at."""


@dataclass(frozen=True, slots=True)
class Examined:
    """What was found in an area, and what to print if that is nothing."""

    area: str
    findings: Sequence[Finding] = ()
    detail: str = "ok"


@dataclass(frozen=True, slots=True)
class Places:
    """The files and folders that hold data, by what they hold."""

    folders: Mapping[str, Path] = field(default_factory=dict)
    secret: Mapping[str, Path] = field(default_factory=dict)
    """Those that nobody else on the machine should read."""


def places_of(settings: Settings) -> Places:
    """Return where the settings let this machine store data; the paths may not exist yet."""
    folders, secret = {}, {}
    if settings.database_url.startswith("sqlite://"):
        file = sqlite_path(settings.database_url)
        folders["the database"] = file.parent
        secret["the database"] = file
        secret["the log of the database"] = file.with_name(f"{file.name}-wal")
    if settings.smtp_url is None:
        folders["mails"] = settings.mailbox
        secret["mails, with links that confirm"] = settings.mailbox
    return Places(folders, secret)


def examine_disks(places: Places) -> Examined:
    """Look at the space on the disks of all folders."""
    findings, told = [], []
    for what, folder in places.folders.items():
        there = next(one for one in (folder, *folder.parents) if one.exists())
        usage = shutil.disk_usage(there)
        findings += disk_findings(what, str(folder), usage.free, usage.total)
        told.append(f"{usage.free / 1e9:,.1f} GB free for {what}")
    return Examined("disk", findings, "; ".join(told) or "nothing is stored on this machine")


def examine_files(places: Places) -> Examined:
    """Look at who may read and write files and folders with secrets or personal data."""
    findings: list[Finding] = []
    there = {what: path for what, path in places.secret.items() if path.exists()}
    for what, path in there.items():
        findings += mode_findings(what, str(path), path.stat().st_mode)
    return Examined("files", findings, f"{len(there)} are closed to other users")


def examine_keys(settings: Settings) -> Examined:
    """Look at the secrets in the settings."""
    single = {
        "EXPORT_SECRET": settings.export_secret,
        "IDEMPOTENCY_SECRET": settings.idempotency_secret,
    }
    secrets: dict[str, Sequence[str]] = {
        name: (secret.get_secret_value(),) for name, secret in single.items() if secret is not None
    }
    if settings.webhook_key_texts:
        secrets["WEBHOOK_KEYS"] = settings.webhook_key_texts
    return Examined("secrets", key_findings(secrets), f"{len(secrets)} set, long and different")


async def examine_server(database: Database) -> Examined:
    """Look at the version and the settings of the database server."""
    if not database.is_postgres:
        ((version,),) = await run("SELECT sqlite_version()", ())
        return Examined("server", (), f"SQLite {version}")
    found = await _postgres_settings()
    return Examined("server", postgres_findings(found), f"PostgreSQL {found['server_version']}")


async def examine_clock() -> Examined:
    """Compare this machine's clock with the database's."""
    clock = DatabaseClock()
    await clock.synchronise()
    ahead = datetime.now(UTC) - clock()
    return Examined("clock", clock_findings(ahead), f"{ahead.total_seconds():+.1f} s")


async def examine_connections(
    database: Database, settings: Settings, processes: int | None
) -> Examined:
    """Compare the connections that all processes may use with those that the server has.

    Without a number of `processes`, it is the number of workers that have a heartbeat.
    """
    if not database.is_postgres:
        return Examined("connections", (), "SQLite has no limit")
    if settings.database_pooler != "none":
        return Examined("connections", (), "the pooler shares them")
    if processes is None:
        recent = datetime.now(UTC) - MAX_SILENCE
        processes = max(await Heartbeat.filter(seen_at__gt=recent).count(), 1)
    found = await _postgres_settings()
    text = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname IS NOT NULL AND datname <> current_database()"
    )
    ((others,),) = await run(text, ())
    reserved = int(found["superuser_reserved_connections"])
    room = int(found["max_connections"]) - reserved - int(others)
    too_few = too_few_connections(settings, processes, room)
    needed = needed_connections(settings, processes)
    detail = f"{needed} of {room} for {processes} processes"
    return Examined("connections", () if too_few is None else (too_few,), detail)


async def examine_endpoints(settings: Settings) -> Examined:
    """Try to decrypt the secrets of webhook endpoints by the present keys."""
    cipher = SecretCipher(settings.webhook_key_texts)
    unreadable = plain = count = 0
    for endpoint in await WebhookEndpoint.filter(deleted_at__isnull=True):
        count += 1
        plain += endpoint.secret.startswith(f"{PLAIN}.")
        try:
            cipher.decrypt(endpoint.secret, endpoint.id)
        except UnreadableSecretError:
            unreadable += 1
    has_keys = bool(settings.webhook_key_texts)
    findings = endpoint_findings(unreadable, plain, has_keys=has_keys)
    return Examined("webhooks", findings, f"{count} secrets can be read")


async def examine_queue(settings: Settings) -> list[Examined]:
    """Look at the budget of requests to Companies House, and at the queue of jobs."""
    clock = DatabaseClock()
    await clock.synchronise()
    window = timedelta(seconds=settings.companies_house_window_s)
    allowed = Allowance(settings.companies_house_limit, window)
    budget = SharedBudget(settings.api_key, clock, allowed)
    allowance = (await LookupMonitor(budget.quota, clock).backlog()).allowance
    assert allowance is not None  # noqa: S101  # for callers without a tenant
    state = QueueState(
        allowance.pause,
        allowance.blocked_reason if allowance.blocked_at is not None else None,
        await Job.filter(state__in=("READY", "WAITING", "RUNNING")).count(),
        await is_any_alive(clock()),
        tuple(await paused_kinds()),
        sum((await count_given_up()).values()),
    )
    calls = f"{allowance.calls_left} of {allowance.limit} requests possible now"
    return [
        Examined("budget", budget_findings(state), calls),
        Examined("jobs", job_findings(state), f"{state.unfinished:,} unfinished"),
    ]


async def _postgres_settings() -> Mapping[str, str]:
    names = ", ".join(f"'{name}'" for name in POSTGRES)
    text = f"SELECT name, setting FROM pg_settings WHERE name IN ({names})"  # noqa: S608  # constants only
    return {str(name): str(setting) for name, setting in await run(text, ())}
