"""Operator commands: serve, worker, migrate, resume, schema, documents, read-accounts, sandbox.

Those on users, groups and tokens are in `commands/access.py`.
"""

import asyncio
import signal
import sys
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import asyncpg
import orjson
import typer
from tortoise.exceptions import DBConnectionError

from app import Platform, create_app, open_platform, utc_now
from commands.access import group_cli, token_cli, user_cli
from commands.running import read_settings, with_database
from development import development_greeting
from models.access import SYSTEM
from models.audit import Act
from models.lookup import retry_blocked
from models.migrate import migrate as apply_migrations
from schema.limits import Limits as DocumentLimits
from schema.root import build_schema
from schema.trusted_documents import faults_of, id_of, read_documents
from server import Config, Limits, Server

cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
cli.add_typer(user_cli, name="user")
cli.add_typer(group_cli, name="group")
cli.add_typer(token_cli, name="token")

LARGEST_DOCUMENT = 20 * 1024 * 1024


@cli.command()
def serve(
    *,
    worker: Annotated[bool, typer.Option(help="Also run jobs in this process.")] = True,
    development: Annotated[
        bool, typer.Option(help="Migrate, add sample data, print a token and a first query.")
    ] = False,
) -> None:
    """Serve the API until it is told to stop."""
    settings = read_settings()
    if development:
        asyncio.run(with_database(settings, apply_migrations))
    opened: list[Platform] = []

    async def note(platform: Platform) -> None:
        opened.append(platform)

    async def greet(address: str) -> None:
        greeting = await development_greeting(opened[0]) if development else []
        print(f"GraphQL http://{address}/graphql", *greeting, sep="\n", flush=True)

    app = create_app(settings, with_worker=worker, on_ready=note)
    config = Config(
        app,
        Limits(settings.most_connections, settings.client_timeout_s, settings.keep_alive_s),
        host=settings.host,
        port=settings.port,
        ws_max_size=settings.max_request_bytes,
        timeout_graceful_shutdown=10,
    )
    Server(config, greet).run()


@cli.command()
def worker() -> None:
    """Run jobs in a process of its own, until it is told to stop."""
    settings = read_settings()

    async def work() -> None:
        async with open_platform(settings) as platform:
            running = platform.worker(f"worker-{uuid4()}")
            loop = asyncio.get_running_loop()
            for name in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(name, running.stop)
            print(f"Worker {running.name}", flush=True)
            await running.run()

    asyncio.run(work())


@cli.command()
def migrate() -> None:
    """Bring the database up to date; processes that do so at once wait for each other."""
    applied = asyncio.run(with_database(read_settings(), apply_migrations))
    for name in applied:
        print(f"applied {name}")
    print("The database is up to date.")


@cli.command()
def resume() -> None:
    """Let requests to Companies House go out again after it refused our key (see /readyz)."""
    settings = read_settings()

    async def work() -> int:
        async with open_platform(settings) as platform:
            await platform.budget.unblock()
            act = Act(SYSTEM, utc_now(), f"resume-{uuid4()}")
            return await platform.database.transaction(lambda: retry_blocked(act))

    print(f"Resumed; {asyncio.run(work())} lookups start again.")


@cli.command()
def schema() -> None:
    """Print the schema in SDL."""
    print(build_schema().as_str())


@cli.command("documents")
def register_documents(
    source: Annotated[Path, typer.Argument(help="A folder of .graphql files, or a JSON file.")],
    to: Annotated[
        Path | None, typer.Option(help="Write them into this JSON file, for TRUSTED_DOCUMENTS.")
    ] = None,
) -> None:
    """Check documents against the schema and the limits that are set; print the id of each."""
    checked = build_schema().under(DocumentLimits.of(read_settings()))
    try:
        documents = read_documents(source)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    is_clean = True
    for document_id, text in documents.items():
        faults = faults_of(checked, text)
        is_clean = is_clean and not faults
        print(document_id, "; ".join(faults) or "ok", flush=True)
    if is_clean and to is not None:
        registered = {id_of(text): text for text in documents.values()} | documents
        to.write_bytes(orjson.dumps(registered, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS))
    if not is_clean:
        print("Nothing was registered." if to else "Some are not valid.", file=sys.stderr)
        sys.exit(1)


@cli.command("read-accounts")
def read_accounts_command(files: list[Path]) -> None:
    """Read accounts documents (iXBRL, XBRL or zip): a JSON object a line for each."""
    from enrichment.accounts import AccountsRefused, as_record, read_accounts  # noqa: PLC0415  # others read none

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


@cli.command()
def sandbox(
    *,
    port: Annotated[int, typer.Option(help="0 takes a free one.")] = 0,
    documents: Annotated[
        Path | None,
        typer.Option(help="A folder of real accounts to serve.", exists=True, file_okay=False),
    ] = None,
    latency_ms: Annotated[float, typer.Option(help="Added to every answer.", min=0)] = 0,
    limit: Annotated[int, typer.Option(help="Requests in a window, for each key.", min=1)] = 600,
    window_s: Annotated[float, typer.Option(help="Seconds of a window.", min=0.001)] = 300,
    fault_rate: Annotated[float, typer.Option(help="Share of 5xx answers.", min=0, max=1)] = 0,
    log: Annotated[Path | None, typer.Option(help="A JSON line for each request.")] = None,
) -> None:
    """Run the local Companies House on its own; it prints its companies."""
    from enrichment import sandbox as house  # noqa: PLC0415  # servers keep what they import

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
    # The reader refuses what is larger than its cap; there is no need to hold all of it.
    with file.open("rb") as handle:
        return handle.read(LARGEST_DOCUMENT + 1)


def main() -> None:
    """Run a command; what the machine refuses is said in one line."""
    try:
        cli()
    except (OSError, DBConnectionError, asyncpg.PostgresError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
