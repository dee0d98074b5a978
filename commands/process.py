"""Logs the start of a process, the problems of its settings, and why it stopped."""

import asyncio
import os
import platform as python_platform
import re
import resource
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import structlog
from pydantic import SecretStr

from commands.findings import Finding, findings_of, too_few_files
from models.storage.database import Database
from models.storage.migrate import schema_version
from models.storage.pooler import CONNECTION_ERRORS, is_transaction_pooler
from observability.version import version
from opening import Platform
from settings import Settings, environment_names

log = structlog.get_logger(__name__)

SCHEMA_TIMEOUT_S = 5.0
START_FAILED, FAILED = "start_failed", "failed"
PASSWORD = "***"  # noqa: S105  # stands for one
LOGIN = re.compile(r"(://[^:/@]*):.*@", re.DOTALL)
"""Matches a login in a URL up to the last @, since a password may contain any character."""
PASSWORD_PARAMETER = re.compile(
    r"([?&;][^=&#]*(?:pass|secret|token|key)[^=&#]*=)[^&#]*", re.IGNORECASE
)
POOLER = Finding(
    "SHARED_SESSIONS",
    "DATABASE_POOLER",
    "DATABASE_URL leads to a connection pooler that shares sessions between transactions: saves and"
    " reads will fail, and revoked tokens stay valid. Set DATABASE_POOLER=transaction, and"
    " DATABASE_DIRECT_URL to the address of the database server itself.",
)


class Process:
    """Writes the log lines about a server or worker process.

    `kinds` are the kinds of jobs that the process runs.
    """

    def __init__(self, role: str, settings: Settings, kinds: Sequence[str] | None = None) -> None:
        self._role = role
        self._settings = settings
        self._kinds = kinds
        self._started = time.monotonic()

    async def warn(self, more: Sequence[Finding] = ()) -> None:
        """Log each problem of the settings, and of `more`, as a warning; each hint as information.

        Raises ClickException if the database is behind a pooler that would break saves and reads.
        """
        findings = findings_of(self._settings, environment_names())
        if self._role != "worker":
            findings += filter(None, (too_few_files(self._settings, file_limit()),))
        findings += await pooler_findings(self._settings)
        findings += more
        for finding in findings:
            write = log.info if finding.is_hint else log.warning
            write(
                "configuration_hint" if finding.is_hint else "configuration_problem",
                code=finding.code,
                variable=finding.variable,
                problem=finding.message,
            )
        if POOLER in findings:
            raise click.ClickException(POOLER.message)

    async def started(self, platform: Platform, **more: Any) -> None:
        """Log that the process is ready, with its version and settings and the fields `more`."""
        database: Database = platform.database
        age = process_age_s()
        is_json = self._settings.log_format == "json"
        log.info(
            "started",
            role=self._role,
            **({"kinds": list(self._kinds)} if self._kinds else {}),
            **more,
            version=version(),
            python=python_platform.python_version(),
            pid=os.getpid(),
            database="postgresql" if database.is_postgres else "sqlite",
            schema=await _schema_of(database),
            start_s=None if age is None else round(age, 2),
            # Too long for a person who reads the log.
            configuration=shown_settings(self._settings) if is_json else None,
        )

    def stopped(self, reason: str, **more: Any) -> None:
        """Log why the process stops, with the fields `more`."""
        uptime_s = round(time.monotonic() - self._started, 1)
        tell = log.error if reason in {START_FAILED, FAILED} else log.info
        tell("stopped", role=self._role, reason=reason, uptime_s=uptime_s, **more)


async def _schema_of(database: Database) -> str | None:
    """Return the name of the last migration that was applied; None without an answer."""
    try:
        async with asyncio.timeout(SCHEMA_TIMEOUT_S):
            return await schema_version(database)
    except Exception:  # The process has started, and the name is for the log only.
        return None


async def pooler_findings(settings: Settings) -> list[Finding]:
    """Return a problem if the database is behind a pooler that the settings do not name.

    Only poolers that share sessions are detected. That a database does not answer is not reported
    here.
    """
    if settings.database_url.startswith("sqlite") or settings.database_pooler != "none":
        return []
    try:
        is_shared = await is_transaction_pooler(Database(settings.database_url).dsn)
    except (*CONNECTION_ERRORS, ValueError):
        return []  # the next connection will report the error
    return [POOLER] if is_shared else []


def file_limit() -> int:
    """Return the number of files that this process may open."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def shown_settings(settings: Settings) -> dict[str, Any]:
    """Return the settings by name for the log, without secrets."""
    return {name: shown(getattr(settings, name)) for name in type(settings).model_fields}


def shown(value: Any) -> Any:
    """Return the value of a setting for the log: URLs without passwords, other secrets masked."""
    if isinstance(value, SecretStr):
        text = value.get_secret_value()
        return without_password(text) if "://" in text else PASSWORD
    if isinstance(value, str):
        return without_password(value)
    if isinstance(value, tuple):
        return [shown(one) for one in value]
    return value if isinstance(value, bool | int | float | None) else str(value)


def without_password(text: str) -> str:
    """Return a URL in which the password, and parameters that look like secrets, are masked."""
    return PASSWORD_PARAMETER.sub(rf"\1{PASSWORD}", LOGIN.sub(rf"\1:{PASSWORD}@", text))


def process_age_s() -> float | None:
    """Return the seconds since the process was started, including imports; None if unknown."""
    try:
        after_name = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        began = int(after_name[19]) / os.sysconf("SC_CLK_TCK")
        return time.clock_gettime(time.CLOCK_BOOTTIME) - began
    except (OSError, ValueError, IndexError, AttributeError):
        return None


def signal_names(numbers: Sequence[int]) -> str:
    """Return the names of signals, separated by spaces."""
    return " ".join(signal.Signals(number).name for number in numbers)
