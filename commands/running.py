"""Functions that all commands use: read the settings, open the database, make changes."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar
from uuid import uuid4

import click
import structlog
from pydantic import ValidationError

from app import check_addresses
from commands.data.files import sqlite_path
from models.rules.errors import Refused
from models.storage.database import Database
from models.storage.migrate import migrate
from models.storage.pooler import set_planner_default
from models.tables.access import OPERATOR
from models.tables.audit import ActorContext
from observability.logs import configure_logs
from observability.metrics_process import ProcessMetrics
from opening import database_of, utc_now
from settings import Settings, wanted_log_format

log = structlog.get_logger(__name__)

Result = TypeVar("Result")


def report_problem(event: str, problem: str, **more: str) -> None:
    """Print a problem to standard error; if the log format is JSON, log it as `event` instead."""
    if wanted_log_format() == "json":
        log.error(event, **more, problem=problem)
    else:
        print(problem, file=sys.stderr)


def read_settings() -> Settings:
    """Return the settings, and configure logs by them; raises BadParameter if they are invalid.

    The folder of an SQLite database is created if it does not exist.
    """
    try:
        settings = Settings()
        check_addresses(settings)
    except ValueError as error:
        raise click.BadParameter(_plain(error)) from None
    configure_logs(settings.log_format, settings.log_level)
    if settings.database_url.startswith("sqlite://"):
        sqlite_path(settings.database_url).parent.mkdir(parents=True, exist_ok=True)
    return settings


async def with_database(
    settings: Settings, work: Callable[[Database], Coroutine[Any, Any, Result]]
) -> Result:
    """Return the result of `work`, called with the open database of the settings."""
    database = database_of(settings)
    try:
        await database.open()
        return await work(database)
    finally:
        # An SQLite connection that stays open would keep the process from ending.
        await database.close()


async def migrate_database(
    settings: Settings, note: Callable[[str], object] = lambda _: None
) -> None:
    """Apply the missing migrations; `note` is called with the name of each.

    This connects directly to the database, not through a pooler.
    """
    database = Database(settings.database_direct_url or settings.database_url)
    try:
        await database.open()
        await migrate(database, settings.migration_lock_timeout_s, note)
        if settings.database_pooler == "transaction":
            await set_planner_default(database)
    finally:
        await database.close()


def metrics_lines(metrics: ProcessMetrics | None) -> list[str]:
    """Return what to print about a port of the metrics; nothing if there is none."""
    address = None if metrics is None else metrics.address
    return [] if address is None else [f"Metrics http://{address}/metrics"]


def read(work: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
    """Return the result of `work`, called while the database of the settings is open."""
    return asyncio.run(with_database(read_settings(), lambda _: work()))


def run_change(work: Callable[[ActorContext], Awaitable[Result]]) -> Result:
    """Return the result of `work`, which makes a change in one transaction.

    `work` gets the operator as the actor. If the change is refused, the reasons are printed, and
    the command exits with status 1.
    """

    async def unit(database: Database) -> Result:
        await database.check_schema()
        act = ActorContext(OPERATOR, utc_now(), f"command-{uuid4()}")
        return await database.transaction(lambda: work(act))

    try:
        return asyncio.run(with_database(read_settings(), unit))
    except Refused as refused:
        for refusal in refused.refusals:
            report_problem("command_refused", refusal.message, code=refusal.code)
        sys.exit(1)


def _plain(error: ValueError) -> str:
    """Return what an error says is wrong with the settings, without the settings' values."""
    if not isinstance(error, ValidationError):
        return str(error)
    return "; ".join(
        f"{'.'.join(map(str, one['loc'])).upper()}: {one['msg']}" for one in error.errors()
    )
