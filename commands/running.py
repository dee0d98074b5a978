"""Functions for all commands: read the settings, open the database, make changes."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import click
import structlog
from pydantic import ValidationError

from app import check_addresses, database_of, utc_now
from models.rules.errors import Refused
from models.storage.database import Database
from models.storage.migrate import migrate
from models.storage.pooler import set_planner_default
from models.tables.access import OPERATOR
from models.tables.audit import ActorContext
from observability.logs import configure_logs
from settings import Settings, wanted_log_format

log = structlog.get_logger(__name__)

Result = TypeVar("Result")


def say(event: str, problem: str, **more: str) -> None:
    """Print a problem to standard error, or log it as `event` if logs are JSON."""
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
        Path(settings.database_url.removeprefix("sqlite://").partition("?")[0]).parent.mkdir(
            parents=True, exist_ok=True
        )
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
        # An open SQLite connection would keep the process from ending.
        await database.close()


async def migrate_database(
    settings: Settings, note: Callable[[str], object] = lambda _: None
) -> None:
    """Apply the missing migrations; `note` is called with the name of each.

    The connection goes directly to the database, not through a pooler.
    """
    database = Database(settings.database_direct_url or settings.database_url)
    try:
        await database.open()
        await migrate(database, settings.migration_lock_timeout_s, note)
        if settings.database_pooler == "transaction":
            await set_planner_default(database)
    finally:
        await database.close()


def read(work: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
    """Return the result of `work`, called while the database of the settings is open."""
    return asyncio.run(with_database(read_settings(), lambda _: work()))


def do(work: Callable[[ActorContext], Awaitable[Result]]) -> Result:
    """Return the result of `work`, a change by the operator in one transaction.

    If the change is refused, print the reasons and exit with status 1.
    """

    async def unit(database: Database) -> Result:
        await database.check_schema()
        act = ActorContext(OPERATOR, utc_now(), f"command-{uuid4()}")
        return await database.transaction(lambda: work(act))

    try:
        return asyncio.run(with_database(read_settings(), unit))
    except Refused as refused:
        for refusal in refused.refusals:
            say("command_refused", refusal.message, code=refusal.code)
        sys.exit(1)


def _plain(error: ValueError) -> str:
    """Return what is wrong with the settings, without repeating their values."""
    if not isinstance(error, ValidationError):
        return str(error)
    return "; ".join(
        f"{'.'.join(map(str, one['loc'])).upper()}: {one['msg']}" for one in error.errors()
    )
