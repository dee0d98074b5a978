"""Measures this server beside its peers: `python -m benchmarks`."""

import asyncio
import os
import sys
import tempfile
from enum import StrEnum, unique
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.load import FailedError, Load, Numbers
from benchmarks.measure import Course, Outcome, Plan
from benchmarks.report import keep, machine, report
from benchmarks.seed import Data, PostgresData, SqliteData
from benchmarks.servers import SERVERS, install_peers

KEYS = ",".join(dict.fromkeys(server.key for server in SERVERS))
SERVER_URL = "postgres://postgres@127.0.0.1:5432/postgres"
DATABASE = "customer_classes_benchmark"


@unique
class Storage(StrEnum):
    """Where rows lie."""

    POSTGRES = "postgres"
    SQLITE = "sqlite"


async def _measure_all(
    wanted: list[Storage], server_url: str, plan: Plan, *, kept: bool
) -> list[Outcome]:
    outcomes = []
    with tempfile.TemporaryDirectory(prefix="customer-classes-") as folder:
        for storage in wanted:
            data: Data = (
                PostgresData(server_url, f"{DATABASE}_{os.getpid()}")
                if storage is Storage.POSTGRES
                else SqliteData(Path(folder) / "benchmark.sqlite3")
            )
            if not await data.answers():
                print("Skipped PostgreSQL: no server answers (--postgres-url).", flush=True)
                continue
            print(f"Seeding {storage.value} with {plan.size:,} customers", flush=True)
            try:
                await data.create(plan.size)
                outcomes.append(await Course(data, plan).run())
            finally:
                if kept and storage is Storage.POSTGRES:
                    print(f"Kept {data.url}", flush=True)
                else:
                    await data.drop()
    return outcomes


def main(
    *,
    size: Annotated[int, typer.Option(help="Customers.", min=500, max=1_000_000)] = 10_000,
    seconds: Annotated[float, typer.Option(help="Of each turn of load.", min=1)] = 10,
    rounds: Annotated[int, typer.Option(help="Turns of each server.", min=1)] = 3,
    warm_up: Annotated[float, typer.Option(help="Seconds before each turn.", min=0)] = 2,
    concurrency: Annotated[int, typer.Option(help="Connections.", min=1, max=256)] = 32,
    storage: Annotated[
        list[Storage] | None, typer.Option(help="postgres or sqlite; both by default.")
    ] = None,
    servers: Annotated[str, typer.Option(help="Comma-separated.")] = KEYS,
    operations: Annotated[
        str, typer.Option(help="Comma-separated, as Q1,Q2,C1,PN; all by default.")
    ] = "",
    documents: Annotated[
        bool, typer.Option(help="Send 4,000 documents in the end, and look at memory.")
    ] = True,
    postgres_url: Annotated[
        str, typer.Option(envvar="BENCHMARK_DATABASE_URL", help="A server to make a database on.")
    ] = SERVER_URL,
    log_level: Annotated[str, typer.Option(help="This server's; peers log nothing.")] = "warning",
    keep_database: Annotated[bool, typer.Option("--keep", help="Leave the database.")] = False,
) -> None:
    """Seed databases, check that all servers answer alike, load them in turn, write results."""
    plan = Plan(
        size=size,
        seconds=seconds,
        rounds=rounds,
        warm_up=warm_up,
        concurrency=concurrency,
        log_level=log_level,
        servers=tuple(servers.split(",")),
        operations=tuple(key for key in operations.split(",") if key),
        with_documents=documents,
    )
    tool = "wrk" if Load(size, concurrency, Numbers()).has_wrk else "the bundled generator"
    if tool != "wrk":
        print("There is no wrk: the bundled generator is slower than the fastest servers.")
    install_peers()
    try:
        outcomes = asyncio.run(
            _measure_all(storage or list(Storage), postgres_url, plan, kept=keep_database)
        )
    except FailedError as failed:
        print(f"No numbers: {failed}", file=sys.stderr)
        sys.exit(1)
    where = machine()
    text = report(outcomes, plan, where, tool)
    print(f"\n{text}\nWritten to {keep(text, outcomes, plan, where)}")


if __name__ == "__main__":
    typer.run(main)
