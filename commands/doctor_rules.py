"""What is wrong with the state of a deployment, as `manage.py doctor` has measured it; no I/O."""

import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from commands.findings import Finding
from models.storage.database_clock import TOLERATED

MIN_POSTGRES = 130_000
"""The oldest version of PostgreSQL that the program runs on, as `server_version_num`."""

MIN_FREE_BYTES = 200_000_000
LOW_FREE_BYTES = 2_000_000_000
LOW_FREE_SHARE = 0.05
MIN_SECRET_LENGTH = 16
LONG_PAUSE = timedelta(minutes=10)


def clock_findings(ahead: timedelta) -> list[Finding]:
    """Return a problem if this machine's clock is ahead of, or behind, the database's."""
    if abs(ahead) <= TOLERATED:
        return []
    side = "ahead of" if ahead > timedelta() else "behind"
    seconds = f"{abs(ahead).total_seconds():.1f} s"
    message = (
        f"This machine's clock is {seconds} {side} the database's. Synchronise both by NTP: tokens,"
        " links and consent are judged by the clock of the process."
    )
    return [Finding("CLOCK_DIFFERS", None, message)]


def postgres_findings(found: Mapping[str, str]) -> list[Finding]:
    """Return the problems of settings of PostgreSQL, given by their names in `pg_settings`."""
    findings = []
    if int(found["server_version_num"]) < MIN_POSTGRES:
        message = "PostgreSQL is older than version 13. Upgrade the server."
        findings.append(Finding("DATABASE_TOO_OLD", "DATABASE_URL", message))
    if found["server_encoding"] != "UTF8":
        message = (
            f"The database is encoded as {found['server_encoding']}. Create one with ENCODING"
            " 'UTF8', and restore a dump into it."
        )
        findings.append(Finding("DATABASE_NOT_UTF8", "DATABASE_URL", message))
    for name in ("fsync", "full_page_writes"):
        if found[name] != "on":
            message = f"{name} is off in PostgreSQL: a power cut can destroy data. Turn it on."
            findings.append(Finding("DATABASE_NOT_DURABLE", "DATABASE_URL", message))
    if found["synchronous_commit"] == "off":
        message = (
            "synchronous_commit is off in PostgreSQL: a crash of the server loses the last changes"
            " that clients were told are stored. Turn it on."
        )
        findings.append(Finding("COMMITS_NOT_DURABLE", "DATABASE_URL", message, is_hint=True))
    if found["autovacuum"] == "off":
        message = (
            "autovacuum is off in PostgreSQL: tables grow with every change, and statements are"
            " planned for sizes of long ago. Turn it on."
        )
        findings.append(Finding("AUTOVACUUM_OFF", "DATABASE_URL", message, is_hint=True))
    return findings


def disk_findings(what: str, path: str, free: int, total: int) -> list[Finding]:
    """Return a problem if little space is left on the disk of a path; `what` says what it holds."""
    if free >= LOW_FREE_BYTES and free >= total * LOW_FREE_SHARE:
        return []
    is_hint = free >= MIN_FREE_BYTES
    message = (
        f"{free / 1e6:,.0f} MB are left on the disk of {path} ({what})."
        " Free space there, or move it to a larger disk."
    )
    return [Finding("DISK_NEARLY_FULL" if is_hint else "DISK_FULL", None, message, is_hint)]


def mode_findings(what: str, path: str, mode: int) -> list[Finding]:
    """Return a problem if others than owner and group may read or write a file or folder."""
    kept = "700" if stat.S_ISDIR(mode) else "600"
    if mode & stat.S_IWOTH:
        message = f"Every user of this machine can write {path} ({what}). Run `chmod {kept}` on it."
        return [Finding("FILE_WRITABLE", None, message)]
    if mode & stat.S_IROTH:
        message = f"Every user of this machine can read {path} ({what}). Run `chmod {kept}` on it."
        return [Finding("FILE_READABLE", None, message, is_hint=True)]
    return []


def key_findings(secrets: Mapping[str, Sequence[str]]) -> list[Finding]:
    """Return the problems of secrets, by their variables; a variable may hold several.

    Secrets are weak if they are short, and each has one purpose.
    """
    findings = []
    owners: dict[str, str] = {}
    for variable, texts in secrets.items():
        if any(len(text) < MIN_SECRET_LENGTH for text in texts):
            message = (
                f"{variable} has a secret of less than {MIN_SECRET_LENGTH} characters. Use the"
                " output of `openssl rand -base64 32`."
            )
            findings.append(Finding("SECRET_IS_SHORT", variable, message))
        for text in texts:
            other = owners.setdefault(text, variable)
            if other != variable:
                message = f"{variable} and {other} are the same secret. Use different ones."
                findings.append(Finding("SECRET_IS_SHARED", variable, message))
        if len(set(texts)) < len(texts):
            message = f"{variable} names one key twice. Remove one of the two."
            findings.append(Finding("KEY_IS_REPEATED", variable, message, is_hint=True))
    return findings


def endpoint_findings(unreadable: int, plain: int, *, has_keys: bool) -> list[Finding]:
    """Return the problems of the stored secrets of webhook endpoints, given how many have them.

    `plain` secrets are stored without encryption.
    """
    findings = []
    if unreadable:
        message = (
            f"WEBHOOK_KEYS decrypts not all secrets of webhook endpoints: {unreadable} cannot be"
            " used. Add the former key at the end, as `new,old`, or rotate these secrets."
        )
        findings.append(Finding("SECRET_UNREADABLE", "WEBHOOK_KEYS", message))
    if plain and has_keys:
        message = (
            f"{plain} secrets of webhook endpoints were stored before WEBHOOK_KEYS was set, and are"
            " not encrypted. Rotate them."
        )
        findings.append(Finding("SECRET_IS_PLAIN", "WEBHOOK_KEYS", message, is_hint=True))
    return findings


@dataclass(frozen=True, slots=True)
class QueueState:
    """What the queue of jobs and the budget of requests to Companies House are like."""

    pause: timedelta = timedelta()
    """The time until the next request is admitted."""
    blocked_reason: str | None = None
    unfinished: int = 0
    has_worker: bool = True
    paused: Sequence[str] = ()
    given_up: int = 0


def budget_findings(state: QueueState) -> list[Finding]:
    """Return a problem if no request to Companies House is admitted for long, or at all."""
    findings = []
    if state.blocked_reason is not None:
        message = (
            f"Companies House has refused the API key ({state.blocked_reason}). Correct it, then"
            " run `manage.py resume`."
        )
        findings.append(Finding("REGISTER_BLOCKED", "COMPANIES_HOUSE_API_KEY", message))
    elif state.pause > LONG_PAUSE:
        seconds = f"{state.pause.total_seconds():,.0f} s"
        message = (
            f"No request to Companies House is admitted for {seconds}. If it does not ask"
            " for that, a process with a wrong clock has spent the budget ahead: run `manage.py"
            " budget reset --register`."
        )
        findings.append(Finding("BUDGET_SPENT_AHEAD", None, message, is_hint=True))
    return findings


def job_findings(state: QueueState) -> list[Finding]:
    """Return the problems of the queue of jobs."""
    findings = []
    if not state.has_worker:
        message = "No worker runs. Start `manage.py worker`, or `serve` without --no-worker."
        findings.append(Finding("NO_WORKER", None, message, is_hint=not state.unfinished))
    findings += [
        Finding(
            "JOBS_PAUSED",
            None,
            f"Jobs of the kind {kind} are paused. Run `manage.py jobs resume {kind}` when they may"
            " go on.",
            is_hint=True,
        )
        for kind in state.paused
    ]
    if state.given_up:
        message = (
            f"{state.given_up:,} jobs were given up. See `manage.py jobs list --state FAILED`, then"
            " `retry` or `discard` them."
        )
        findings.append(Finding("JOBS_GIVEN_UP", None, message, is_hint=True))
    return findings
