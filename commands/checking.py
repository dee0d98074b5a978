"""`manage.py check`: reports all problems of settings and environment at once."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import click
import orjson
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from tortoise.exceptions import BaseORMException

from app import ADDRESS_CHECKS
from commands.data.files import sqlite_path
from commands.findings import Finding, findings_of, settings_named, too_few_files, unknown_variables
from commands.outside import check_mail_server, check_provider, check_register
from commands.process import POOLER, file_limit, pooler_findings
from models.jobs.heartbeat import Heartbeat
from models.storage.database import Database
from models.storage.pooler import (
    CONNECTION_ERRORS,
    has_planner_setting,
    is_transaction_pooler,
    receives_notifications,
)
from observability.log_errors import code_of
from settings import Settings, environment_names

TIMEOUT_S = 20.0
DATABASE_ERRORS = (*CONNECTION_ERRORS, ValueError, BaseORMException)

Check = Callable[[Settings], Awaitable[list[Finding]]]


@click.command("check")
@click.option(
    "--online",
    is_flag=True,
    help="Also check, by a request, that Companies House accepts the API key.",
)
@click.option("--accept", multiple=True, help="The code of a problem to ignore; may be repeated.")
@click.option("--json", "is_json", is_flag=True, help="Print the result as one JSON object.")
def check(*, online: bool, accept: tuple[str, ...], is_json: bool) -> None:
    """Check settings and environment for production; exit with 1 if there is a problem.

    Hints are printed too, and do not change the exit status.
    """
    findings = asyncio.run(all_findings(is_online=online))
    problems = [one for one in findings if not one.is_hint]
    hints = [one for one in findings if one.is_hint]
    wrong = [one for one in problems if one.code not in accept]
    if is_json:
        shown = {
            "ok": not wrong,
            "problems": [{**_shown(one), "isAccepted": one.code in accept} for one in problems],
            "hints": [_shown(one) for one in hints],
        }
        print(orjson.dumps(shown).decode())
    else:
        for one in problems:
            print(f"{'accepted' if one.code in accept else 'problem'}  {one.code}: {one.message}")
        for one in hints:
            print(f"hint  {one.code}: {one.message}")
        print("Not ready for production." if wrong else "Ready for production.")
    sys.exit(1 if wrong else 0)


def _shown(finding: Finding) -> dict[str, str | None]:
    return {"code": finding.code, "variable": finding.variable, "message": finding.message}


async def all_findings(*, is_online: bool) -> list[Finding]:
    """Return all problems and hints.

    An invalid setting is reported, and the other checks use its default. With `is_online`, the API
    key is checked by a request to Companies House.
    """
    settings, findings = setting_findings()
    if settings is None:
        return findings
    checks: list[Check] = [check_database, check_mail_server, check_provider]
    checks += [check_register] if is_online else []
    for found in await asyncio.gather(*(in_time(one, settings) for one in checks)):
        findings += found
    return findings


def setting_findings() -> tuple[Settings | None, list[Finding]]:
    """Return the settings, with defaults for invalid ones, and all that is wrong with them.

    The settings are None if they are invalid even with these defaults.
    """
    settings, findings, unset = readable_settings()
    if settings is None:
        return None, findings + unknown_variables(environment_names())
    for address_check in ADDRESS_CHECKS:
        try:
            address_check(settings)
        except ValueError as error:
            findings.append(_invalid(str(error)))
    judged = findings_of(settings, environment_names())
    # Invalid settings were reported already, and have their defaults here. So a message that such a
    # setting is missing would be wrong.
    findings += [one for one in judged if one.variable not in unset]
    findings += filter(None, (too_few_files(settings, file_limit()),))
    return settings, findings


def readable_settings() -> tuple[Settings | None, list[Finding], set[str]]:
    """Return the settings with defaults for invalid ones, the problems, and the invalid variables.

    The settings are None if they are invalid even with these defaults.
    """
    unset: dict[str, Any] = {}
    findings: list[Finding] = []
    while True:
        try:
            return Settings(**unset), findings, {name.upper() for name in unset}
        except ValidationError as error:
            names = set()
            for one in error.errors():
                named = _settings_of(one)
                names |= set(named)
                findings.append(_invalid(one["msg"].removeprefix("Value error, "), named))
            if names <= unset.keys():
                return None, findings, set()
            unset |= {name: Settings.model_fields[name].default for name in names}


async def check_database(settings: Settings) -> list[Finding]:
    """Return problems of the database: no answer, no writes, or migrations that do not fit."""
    path = sqlite_path(settings.database_url)
    if settings.database_url.startswith("sqlite") and not path.is_file():
        return [_unreachable("The SQLite file does not exist. Run `manage.py migrate`.")]
    findings = await pooler_findings(settings)
    database = Database(
        settings.database_url,
        is_pooled=settings.database_pooler == "transaction" or POOLER in findings,
        direct_url=settings.database_direct_url,
    )
    try:
        await database.open()
        fit = await database.read_schema_fit()
        if fit.missing:
            findings.append(_pending(fit.missing))
        if fit.breaking:
            findings.append(_newer(fit.breaking))
        if fit.may_write:
            findings += await _check_writing(database)
        if database.is_pooled and POOLER not in findings:
            findings += await _check_pooler(database)
    except DATABASE_ERRORS as error:
        findings.append(_unreachable(f"The database does not answer: {_why(error)}."))
    finally:
        await database.close()
    return findings


async def _check_writing(database: Database) -> list[Finding]:
    async def write() -> None:
        await Heartbeat.filter(worker="check").delete()

    try:
        await database.transaction(write, dry_run=True)
    except DATABASE_ERRORS as error:
        message = f"The database does not accept writes: {_why(error)}."
        return [Finding("DATABASE_READ_ONLY", "DATABASE_URL", message)]
    return []


async def _check_pooler(database: Database) -> list[Finding]:
    findings = []
    if await is_transaction_pooler(database.direct_dsn):
        message = (
            "DATABASE_DIRECT_URL leads to a connection pooler. Set it to the address of the"
            " database server itself."
        )
        findings.append(Finding("DIRECT_URL_IS_POOLED", "DATABASE_DIRECT_URL", message))
    elif not await receives_notifications(database):
        message = (
            "DATABASE_DIRECT_URL leads to another database than DATABASE_URL. Set both to the same"
            " database."
        )
        findings.append(Finding("DIRECT_URL_DIFFERS", "DATABASE_DIRECT_URL", message))
    if not await has_planner_setting(database.dsn):
        message = (
            "Database sessions of the connection pooler lack a setting of the query planner, so"
            " lists may be slow. Run `manage.py migrate` as the role that the pooler uses, then run"
            " RECONNECT in the pooler's console."
        )
        findings.append(Finding("PLANNER_SETTING", "DATABASE_URL", message))
    return findings


async def in_time(one: Check, settings: Settings) -> list[Finding]:
    """Return what a check finds, or that it got no answer within TIMEOUT_S."""
    try:
        async with asyncio.timeout(TIMEOUT_S):
            return await one(settings)
    except ValueError:
        return []  # an invalid URL, which was reported already
    except TimeoutError:
        name = one.__name__.removeprefix("check_").replace("_", " ")
        return [
            Finding(
                "NO_ANSWER", None, f"The check of the {name} got no answer within {TIMEOUT_S:g} s."
            )
        ]


def _settings_of(error: ErrorDetails) -> list[str]:
    return [str(error["loc"][0])] if error["loc"] else settings_named(error["msg"])


def _invalid(message: str, names: list[str] | None = None) -> Finding:
    named = names or settings_named(message)
    variable = named[0].upper() if named else None
    text = message if variable is None or variable in message else f"{variable}: {message}"
    return Finding("INVALID_SETTING", variable, text)


def _unreachable(message: str) -> Finding:
    return Finding("DATABASE_UNREACHABLE", "DATABASE_URL", message)


def _newer(breaking: Sequence[str]) -> Finding:
    message = (
        "The database is newer than this program, which does not know these migrations:"
        f" {', '.join(breaking)}. Update this program."
    )
    return Finding("SCHEMA_NEWER", "DATABASE_URL", message)


def _pending(missing: Sequence[str]) -> Finding:
    message = f"The database lacks these migrations: {', '.join(missing)}. Run `manage.py migrate`."
    return Finding("MIGRATIONS_PENDING", "DATABASE_URL", message)


def _why(error: BaseException) -> str:
    return " ".join((type(error).__name__, *code_of(error).values()))
