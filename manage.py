"""Operator commands: serving, working, migrating, tokens, schema, documents, accounts, sandbox."""

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, TypeVar
from uuid import uuid4

import asyncpg
import orjson
import typer
from pydantic import ValidationError
from tortoise.exceptions import DBConnectionError

from app import Platform, check_addresses, create_app, open_platform, utc_now
from development import development_greeting
from document_register import register_documents
from logs import configure_logs
from models.access import SYSTEM, AccessToken, Scope, issue_token
from models.audit import Act
from models.database import Database
from models.lookup import retry_blocked
from models.migrate import migrate as apply_migrations
from schema.root import build_schema
from server import Config, Limits, Server
from settings import Settings

Result = TypeVar("Result")

cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
token_cli = typer.Typer(no_args_is_help=True, help="Access tokens.")
cli.add_typer(token_cli, name="token")
cli.command("documents")(register_documents)

ALL_SCOPES = ",".join(Scope)
LARGEST_DOCUMENT = 20 * 1024 * 1024


def _settings() -> Settings:
    try:
        settings = Settings()
        check_addresses(settings)
    except ValueError as error:
        raise typer.BadParameter(_plain(error)) from None
    configure_logs(settings.log_format, settings.log_level)
    if settings.database_url.startswith("sqlite://"):
        file = Path(settings.database_url.removeprefix("sqlite://").partition("?")[0])
        file.parent.mkdir(parents=True, exist_ok=True)
    return settings


def _plain(error: ValueError) -> str:
    """Say what is wrong with the settings, a line each, without repeating their values."""
    if not isinstance(error, ValidationError):
        return str(error)
    return "; ".join(
        f"{'.'.join(map(str, one['loc'])).upper()}: {one['msg']}" for one in error.errors()
    )


async def _with_database(
    settings: Settings, work: Callable[[Database], Coroutine[Any, Any, Result]]
) -> Result:
    database = Database(settings.database_url, pool_size=settings.database_pool_size)
    try:
        await database.open()
        return await work(database)
    finally:
        # An open connection of SQLite's would keep the process from ending.
        await database.close()


@cli.command()
def serve(
    *,
    worker: Annotated[bool, typer.Option(help="Also run jobs in this process.")] = True,
    development: Annotated[
        bool, typer.Option(help="Migrate, add sample data, print a token and a first query.")
    ] = False,
) -> None:
    """Serve the API until it is told to stop."""
    settings = _settings()
    if development:
        asyncio.run(_with_database(settings, apply_migrations))
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
    settings = _settings()

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
    applied = asyncio.run(_with_database(_settings(), apply_migrations))
    for name in applied:
        print(f"applied {name}")
    print("The database is up to date.")


@token_cli.command()
def issue(
    scopes: Annotated[str, typer.Option(help=f"Comma-separated, or all: {ALL_SCOPES}.")],
    name: Annotated[str, typer.Option(help="Whom it is for; shown in histories.")] = "operator",
    days: Annotated[int, typer.Option(help="Days until it expires.", min=1, max=3650)] = 90,
) -> None:
    """Issue a bearer token; it is printed once and can't be read again."""
    try:
        wanted = frozenset(Scope(scope.strip()) for scope in scopes.split(","))
    except ValueError:
        if scopes.strip() != "all":
            raise typer.BadParameter(f"Scopes are: {ALL_SCOPES}.") from None
        wanted = frozenset(Scope)

    async def work(_: Database) -> str:
        return await issue_token(name, wanted, utc_now(), timedelta(days=days))

    print(f"Token {asyncio.run(_with_database(_settings(), work))}")


@token_cli.command("list")
def list_tokens() -> None:
    """List the tokens by their first characters; secrets can't be shown."""

    async def work(_: Database) -> list[AccessToken]:
        return await AccessToken.all().order_by("id")

    for token in asyncio.run(_with_database(_settings(), work)):
        state = "valid" if token.is_valid(utc_now()) else "revoked or expired"
        used = "never used" if token.last_used_at is None else f"used {token.last_used_at:%Y-%m-%d}"
        print(f"{token.id}  {token.shown_prefix}…  {token.name}  {state}, {used}")


@token_cli.command()
def revoke(
    token_id: Annotated[str, typer.Argument(help="The id that `token list` shows.")],
) -> None:
    """Revoke a token at once."""

    async def work(_: Database) -> int:
        return await AccessToken.filter(id=token_id, revoked_at__isnull=True).update(
            revoked_at=utc_now()
        )

    if not asyncio.run(_with_database(_settings(), work)):
        print("There is no such token, or it is revoked already.", file=sys.stderr)
        sys.exit(1)
    print(f"Revoked {token_id}")


@cli.command()
def resume() -> None:
    """Let requests to Companies House go out again after it refused our key (see /readyz)."""
    settings = _settings()

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
