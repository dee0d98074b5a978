"""Commands for operators; `manage.py --help` lists them, and `commands/` has those in groups."""

import asyncio
import signal
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import click
import orjson
import structlog
from tortoise.exceptions import DBConnectionError

from commands.access import group_cli, token_cli, user_cli
from commands.backlog import backlog_cli
from commands.backup import backup
from commands.budget import budget_cli
from commands.checking import check
from commands.doctor import doctor
from commands.imports import import_cli
from commands.jobs import jobs_cli
from commands.migrating import migrate
from commands.move import move
from commands.restore import erasures, restore
from commands.restored import restored
from commands.running import read_settings, report_problem
from commands.serving import serve_alone
from commands.subject import subject_cli
from commands.supervised import Supervised, supervised_option
from commands.supervision import MAX_PROCESSES, supervise
from commands.worker import worker_cli
from models.changes.lookup import retry_blocked
from models.storage.database_faults import fault_of
from models.storage.migrate import MigrationBlocked, SchemaNewer
from models.tables.access import SYSTEM
from models.tables.audit import ActorContext
from observability.log_errors import described
from observability.logs import configure_logs, log_all_failures, log_failure
from observability.version import version
from opening import open_platform, utc_now
from schema.base.personal_guard import UnmaskedError
from schema.engine.cost_compiler import UnweightedError
from schema.engine.limits import Limits as DocumentLimits
from schema.engine.trusted_documents import faults_of, id_of, read_documents
from schema.root import build_schema
from settings import wanted_log_format
from workers import kinds_of

log = structlog.get_logger(__name__)

ANY_PATH = click.Path(path_type=Path)
MAX_DOCUMENT = 20 * 1024 * 1024
FORESEEN = (OSError, DBConnectionError, asyncpg.PostgresError, asyncpg.InterfaceError)
"""Exceptions of the system or the database, which are printed in one line, without a traceback."""

INTERRUPTED = 130
"""The exit status after Ctrl-C, the same as that of shells."""


def _print_version(context: click.Context, _: click.Parameter, value: object) -> None:
    if value and not context.resilient_parsing:
        print(version())
        context.exit()


@click.group(context_settings={"show_default": True})
@click.option(
    *("--version", "is_version"),
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Print the version and exit.",
)
def cli() -> None:
    """Serve and operate the API."""


GROUPS = (user_cli, group_cli, token_cli, budget_cli, backlog_cli, jobs_cli, subject_cli)
OF_DATA = (backup, erasures, move, restore, restored)
for command in (*GROUPS, *OF_DATA, check, doctor, import_cli, migrate, worker_cli):
    cli.add_command(command)


@cli.command()
@click.option(
    "--worker/--no-worker", default=True, help="Whether background jobs run too, in this process."
)
@click.option(
    "--development/--no-development",
    default=False,
    help="Migrate the database, add sample customers, and print a token and a first query.",
)
@click.option(
    "--processes",
    type=click.IntRange(1, MAX_PROCESSES),
    default=1,
    help="The number of processes that serve. From 2 on, background jobs run in one more process,"
    " and SIGHUP replaces all processes one by one, without failed requests.",
)
@supervised_option
def serve(
    *, worker: bool, development: bool, processes: int, supervised: Supervised | None
) -> None:
    """Serve the API until SIGTERM or Ctrl-C."""
    if development and processes > 1:
        raise click.UsageError("--development serves with one process.")
    settings = read_settings()
    if processes > 1:
        supervise(settings, processes, with_worker=worker)
    try:
        kinds = kinds_of(settings.for_development if development else settings)
        serve_alone(settings, supervised, kinds if worker else None, is_development=development)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


@cli.command()
def resume() -> None:
    """Resume requests to Companies House after it refused the API key (see /readyz)."""
    settings = read_settings()

    async def work() -> int:
        async with open_platform(settings) as platform:
            await platform.budget.unblock()
            act = ActorContext(SYSTEM, utc_now(), f"resume-{uuid4()}")
            return await platform.database.transaction(lambda: retry_blocked(act))

    print(f"Requests to Companies House resume; {asyncio.run(work())} failed lookups start again.")


@cli.command()
def schema() -> None:
    """Print the GraphQL schema in SDL."""
    print(build_schema().as_str())


@cli.command("documents")
@click.argument("source", type=ANY_PATH, help="A folder of .graphql files, or a JSON file.")
@click.option(
    "--to", type=ANY_PATH, help="Write the documents to this JSON file, for TRUSTED_DOCUMENTS."
)
def register_documents(source: Path, to: Path | None) -> None:
    """Check documents against the schema and the limits in the settings; print their ids."""
    checked = build_schema().with_limits(DocumentLimits.of(read_settings()))
    try:
        documents = read_documents(source)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    is_clean = True
    for document_id, text in documents.items():
        faults = faults_of(checked, text)
        is_clean = is_clean and not faults
        print(document_id, "; ".join(faults) or "ok", flush=True)
    if is_clean and to is not None:
        registered = {id_of(text): text for text in documents.values()} | documents
        to.write_bytes(orjson.dumps(registered, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS))
    if not is_clean:
        report_problem(
            "command_refused",
            "No document was registered, because some documents are invalid."
            if to
            else "Some documents are invalid.",
        )
        sys.exit(1)


@cli.command("read-accounts")
@click.argument("files", type=ANY_PATH, nargs=-1, required=True)
def read_accounts_command(files: tuple[Path, ...]) -> None:
    """Read accounts (iXBRL, XBRL or zip), and print one JSON object per line for each."""
    from enrichment.accounts import AccountsRefused, as_record, read_accounts  # noqa: PLC0415  # only this command needs it

    is_clean = True
    for file in files:
        try:
            record: dict[str, Any] = {"file": str(file), **as_record(read_accounts(_content(file)))}
        except AccountsRefused as refused:
            is_clean = False
            record = {"file": str(file), "error": refused.code, "message": refused.message}
        except OSError as error:
            is_clean = False
            record = {"file": str(file), "error": "NO_FILE", "message": error.strerror}
        print(orjson.dumps(record).decode(), flush=True)
    sys.exit(0 if is_clean else 1)


@cli.command("cross-check")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
def cross_check_command(folder: Path) -> None:
    """Compare our reader with ixbrlparse, figure by figure, for a folder of accounts."""
    from commands.cross_check import cross_check, read_with_ixbrlparse  # noqa: PLC0415  # only this command needs it

    read_with_ixbrlparse(b"<html/>")  # fails at once if it is not installed
    for line in cross_check(folder, read_with_ixbrlparse):
        print(line, flush=True)


@cli.command()
@click.option("--port", default=0, help="The port of the APIs; 0 picks a free port.")
@click.option(
    "--documents",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A folder of real accounts documents to serve as well.",
)
@click.option(
    "--latency-ms",
    type=click.FloatRange(min=0),
    default=0,
    help="The number of milliseconds by which every answer is delayed.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=600,
    help="The number of requests that an API key may make in a window.",
)
@click.option(
    "--window-s",
    type=click.FloatRange(min=0.001),
    default=300,
    help="The length of the window in seconds.",
)
@click.option(
    "--fault-rate",
    type=click.FloatRange(0, 1),
    default=0,
    help="The share of requests that are answered with a 5xx status, 0 to 1.",
)
@click.option("--log", type=ANY_PATH, help="Append a line of JSON for each request to this file.")
def sandbox(
    *,
    port: int,
    documents: Path | None,
    latency_ms: float,
    limit: int,
    window_s: float,
    fault_rate: float,
    log: Path | None,
) -> None:
    """Run the Companies House sandbox, and print its companies."""
    from enrichment import sandbox as house  # noqa: PLC0415  # only this command needs it

    config = house.SandboxConfig(
        port=port,
        documents=documents,
        latency_ms=latency_ms,
        limit=limit,
        window_s=window_s,
        fault_rate=fault_rate,
        log=log,
    )

    async def serve_sandbox() -> None:
        stopped = asyncio.Event()
        for name in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(name, stopped.set)
        async with house.sandbox_server(config) as running:
            for number, name_, what in house.describe_catalogue():
                print(f"{number}  {name_}: {what}")
            print(f"Sandbox {running.api_url}", flush=True)
            await stopped.wait()

    asyncio.run(serve_sandbox())


def _content(file: Path) -> bytes:
    # The reader refuses larger files, so the rest of such a file need not be read.
    with file.open("rb") as handle:
        return handle.read(MAX_DOCUMENT + 1)


def main() -> None:
    """Run a command, and exit with its status.

    Expected errors are printed in one line, or as JSON if that is the log format.
    """
    is_json = wanted_log_format() == "json"
    configure_logs("json" if is_json else "readable", "info")
    log_all_failures()
    try:
        status = cli.main(standalone_mode=False)
    except click.ClickException as refused:
        if is_json:
            report_problem("command_refused", refused.format_message())
        else:
            refused.show()
        sys.exit(refused.exit_code)
    except (click.Abort, KeyboardInterrupt):
        log.warning("interrupted")
        sys.exit(INTERRUPTED)
    except (UnmaskedError, UnweightedError) as undeclared:
        report_problem("command_failed", str(undeclared))
        sys.exit(1)
    except MigrationBlocked as blocked:
        report_problem("migration_blocked", str(blocked))
        sys.exit(1)
    except SchemaNewer as newer:
        report_problem("schema_newer", str(newer))
        sys.exit(1)
    except Exception as error:
        if not isinstance(error, FORESEEN) and fault_of(error) is None:
            raise
        if is_json:
            log_failure("command_failed", error)
        else:
            report_problem("command_failed", described(error))
        sys.exit(1)
    sys.exit(status if isinstance(status, int) else 0)


if __name__ == "__main__":
    main()
