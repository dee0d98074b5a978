"""`manage.py doctor`: checks settings, outside services and the state of a deployment, by area."""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum, unique

import click
import orjson

from commands.checking import (
    DATABASE_ERRORS,
    TIMEOUT_S,
    Check,
    check_database,
    in_time,
    setting_findings,
)
from commands.doctor_checks import (
    Examined,
    examine_clock,
    examine_connections,
    examine_disks,
    examine_endpoints,
    examine_files,
    examine_keys,
    examine_queue,
    examine_server,
    places_of,
)
from commands.findings import Finding
from commands.outside import check_mail_server, check_provider, check_register
from opening import database_of
from settings import Settings

MIGRATIONS = frozenset({"MIGRATIONS_PENDING", "SCHEMA_NEWER"})
OF_DATABASE = ("server", "clock", "connections", "webhooks", "budget", "jobs")


@unique
class Level(StrEnum):
    """What a line says: nothing to do, something to know, something to mend."""

    OK = "OK"
    WARN = "WARN"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the report; the message says what to do. OK lines have no code."""

    area: str
    level: Level
    message: str
    code: str | None = None
    variable: str | None = None


@click.command("doctor")
@click.option(
    "--processes",
    type=click.IntRange(1, 10_000),
    help="The number of processes, with API or worker, that use the database. By default the number"
    " of workers that run.",
)
@click.option(
    "--accept", multiple=True, help="The code of a problem to tell as WARN; may be repeated."
)
@click.option("--json", "is_json", is_flag=True, help="Print the result as one JSON object.")
def doctor(*, processes: int | None, accept: tuple[str, ...], is_json: bool) -> None:
    """Check settings, outside services and the state of the deployment; exit with 1 after a FAIL.

    It does all that `check --online` does. Nothing is changed, and no mail is sent; Companies
    House, if there is a key, gets one request.
    """
    lines = asyncio.run(diagnose(processes, accept))
    is_ok = all(one.level is not Level.FAIL for one in lines)
    if is_json:
        shown = [
            {
                "area": one.area,
                "level": one.level.value,
                "code": one.code,
                "variable": one.variable,
                "message": one.message,
            }
            for one in lines
        ]
        print(orjson.dumps({"ok": is_ok, "lines": shown}).decode())
    else:
        for one in lines:
            code = "" if one.code is None else f"{one.code}: "
            print(f"{one.level.value:<4}  {one.area:<17}  {code}{one.message}")
    sys.exit(0 if is_ok else 1)


async def diagnose(processes: int | None, accepted: Sequence[str] = ()) -> list[Line]:
    """Return the lines of the report, in the order of areas."""
    settings, findings = setting_findings()
    examined = [Examined("settings", findings, "valid, and fit for production")]
    if settings is not None:
        places = places_of(settings)
        in_database, *outside = await asyncio.gather(
            _database(settings, processes),
            _outside("register", check_register, settings, _register_of(settings)),
            _outside("mail", check_mail_server, settings, _mail_of(settings)),
            _outside("identity provider", check_provider, settings, _provider_of(settings)),
        )
        on_disk = [examine_disks(places), examine_files(places), examine_keys(settings)]
        examined += [*in_database, *outside, *on_disk]
    return [line for one in examined for line in lines_of(one, accepted)]


def lines_of(examined: Examined, accepted: Sequence[str] = ()) -> list[Line]:
    """Return the lines of an area: one OK, or one for each finding."""
    if not examined.findings:
        return [Line(examined.area, Level.OK, examined.detail)]
    return [
        Line(
            examined.area,
            Level.WARN if one.is_hint or one.code in accepted else Level.FAIL,
            one.message,
            one.code,
            one.variable,
        )
        for one in examined.findings
    ]


async def _outside(area: str, check: Check, settings: Settings, detail: str) -> Examined:
    return Examined(area, await in_time(check, settings), detail)


async def _database(settings: Settings, processes: int | None) -> list[Examined]:
    """Check the database; look at its contents only if it answers and has the right schema."""
    found = await in_time(check_database, settings)
    schema = [one for one in found if one.code in MIGRATIONS]
    other = [one for one in found if one.code not in MIGRATIONS]
    examined = [Examined("database", other, "answers, and takes writes")]
    if found:
        examined += [Examined("migrations", schema)] if schema else []
        why = "Not checked, because the database has the problems above."
        skipped = Finding("NOT_CHECKED", None, why, is_hint=True)
        return [*examined, *(Examined(area, [skipped]) for area in OF_DATABASE)]
    examined.append(Examined("migrations", (), "all applied"))
    return examined + await _state(settings, processes)


async def _state(settings: Settings, processes: int | None) -> list[Examined]:
    database = database_of(settings)
    try:
        async with asyncio.timeout(TIMEOUT_S):
            await database.open()
            return [
                await examine_server(database),
                await examine_clock(),
                await examine_connections(database, settings, processes),
                await examine_endpoints(settings),
                *await examine_queue(settings),
            ]
    except (TimeoutError, *DATABASE_ERRORS) as error:
        message = f"The database stopped answering: {type(error).__name__}."
        return [Examined("server", [Finding("DATABASE_UNREACHABLE", "DATABASE_URL", message)])]
    finally:
        await database.close()


def _register_of(settings: Settings) -> str:
    is_asked = settings.has_register and not settings.companies_house_sandbox
    return "answers, and accepts the key" if is_asked else "not asked"


def _mail_of(settings: Settings) -> str:
    return "not in use" if settings.smtp_url is None else "the server answers"


def _provider_of(settings: Settings) -> str:
    return "not in use" if settings.oidc_issuer is None else "its keys can be fetched"
