"""Compares this server's performance with its peers: `python -m benchmarks`."""

import asyncio
import os
import sys
import tempfile
from collections.abc import Sequence
from enum import StrEnum, unique
from pathlib import Path

import click

from benchmarks.load import FailedError, Load, Numbers
from benchmarks.measure import Measurement, Outcome, Plan
from benchmarks.report import machine, report, write_files
from benchmarks.seed import Data, PostgresData, SqliteData
from benchmarks.servers import SERVERS, install_peers

KEYS = ",".join(dict.fromkeys(server.key for server in SERVERS))
SERVER_URL = "postgres://postgres@127.0.0.1:5432/postgres"
DATABASE = "customer_classes_benchmark"


@unique
class Storage(StrEnum):
    """The database management systems to measure."""

    POSTGRES = "postgres"
    SQLITE = "sqlite"


async def _measure_all(
    wanted: Sequence[Storage], server_url: str, plan: Plan, *, kept: bool
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
                outcomes.append(await Measurement(data, plan).run())
            finally:
                if kept and storage is Storage.POSTGRES:
                    print(f"Kept {data.url}", flush=True)
                else:
                    await data.drop()
    return outcomes


@click.command(context_settings={"show_default": True})
@click.option("--size", type=click.IntRange(500, 1_000_000), default=10_000, help="Customers.")
@click.option("--seconds", type=click.FloatRange(1), default=10, help="Seconds per turn of load.")
@click.option("--rounds", type=click.IntRange(1), default=3, help="Turns per server.")
@click.option("--warm-up", type=click.FloatRange(0), default=2, help="Seconds before each turn.")
@click.option("--concurrency", type=click.IntRange(1, 256), default=32, help="Connections.")
@click.option(
    "--storage",
    type=click.Choice(Storage, case_sensitive=False),
    multiple=True,
    default=list(Storage),
    help="Repeat the option for both.",
)
@click.option("--servers", default=KEYS, help="Comma-separated.")
@click.option(
    "--operations", default="", help="Comma-separated, such as Q1,Q2,C1,PN; all by default."
)
@click.option(
    "--documents/--no-documents",
    default=True,
    help="Send 4,000 different documents at the end, and measure memory.",
)
@click.option(
    "--postgres-url",
    envvar="BENCHMARK_DATABASE_URL",
    default=SERVER_URL,
    help="PostgreSQL server on which to create a database.",
)
@click.option("--log-level", default="warning", help="Log level of this server; peers log nothing.")
@click.option("--keep", "keep_database", is_flag=True, help="Do not drop the database.")
def main(
    *,
    size: int,
    seconds: float,
    rounds: int,
    warm_up: float,
    concurrency: int,
    storage: tuple[Storage, ...],
    servers: str,
    operations: str,
    documents: bool,
    postgres_url: str,
    log_level: str,
    keep_database: bool,
) -> None:
    """Seed databases, check that all servers return equal answers, load each, write a report."""
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
        print("wrk is not installed; the bundled generator is slower than the fastest servers.")
    install_peers()
    try:
        outcomes = asyncio.run(_measure_all(storage, postgres_url, plan, kept=keep_database))
    except FailedError as failed:
        print(f"No numbers: {failed}", file=sys.stderr)
        sys.exit(1)
    where = machine()
    text = report(outcomes, plan, where, tool)
    print(f"\n{text}\nWritten to {write_files(text, outcomes, plan, where)}")


if __name__ == "__main__":
    main()
