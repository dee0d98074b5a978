"""Measures exports of all customers, their speed and memory: `-m benchmarks.exports`.

Each export is read to its end by one client, which counts rows, and checks that none is missing.
Beside it a second caller asks a small query again and again, which shows what others notice.
"""

import asyncio
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import click

from benchmarks.seed import CLASSES, Data, PostgresData, SqliteData, manage
from benchmarks.servers import SERVERS, Running, running

SMALL = {"query": "{ viewer { id } }"}
PAUSE_S = 0.02
SAMPLE_S = 0.1


@dataclass
class Measured:
    """What an export took."""

    name: str
    rows: int
    megabytes: float
    seconds: float
    cpu_s: float
    """The time of a processor that the server used, without the database's."""
    memory_mb: float
    """The highest memory of the server while it exported, beyond that before."""
    waits_ms: list[float]
    """The times of the small queries of another caller meanwhile."""

    def line(self) -> str:
        """Return the figures as a row of a Markdown table."""
        waits = sorted(self.waits_ms)
        middle, worst = statistics.median(waits), waits[int(len(waits) * 0.99)]
        return (
            f"| {self.name} | {self.rows:,} | {self.megabytes:.1f} | {self.seconds:.1f}"
            f" | {self.rows / self.seconds:,.0f} | {self.cpu_s:.1f}"
            f" | {self.rows / self.cpu_s:,.0f} | {self.memory_mb:+.1f} | {middle:.1f}"
            f" | {worst:.1f} |"
        )


async def _export(
    server: Running, session: aiohttp.ClientSession, path: str, encoding: str
) -> tuple[int, int]:
    """Read an export; return its lines and bytes."""
    lines = size = 0
    headers = {"Accept-Encoding": encoding}
    async with session.get(f"{_origin(server)}{path}", headers=headers) as answer:
        answer.raise_for_status()
        async for part in answer.content.iter_any():
            lines += part.count(b"\n")
            size += len(part)
    return lines, size


async def _ask(server: Running, session: aiohttp.ClientSession, waits: list[float]) -> None:
    while True:
        begun = time.perf_counter()
        async with session.post(server.url, json=SMALL) as answer:
            await answer.read()
        waits.append((time.perf_counter() - begun) * 1000)
        await asyncio.sleep(PAUSE_S)


async def _measured(
    server: Running, other_token: str, name: str, encoding: str, size: int
) -> Measured:
    headers, others = (
        {"Authorization": f"Bearer {token}"} for token in (server.token, other_token)
    )
    waits: list[float] = []
    timeout = aiohttp.ClientTimeout(total=None)
    async with (
        aiohttp.ClientSession(headers=headers, timeout=timeout) as session,
        aiohttp.ClientSession(headers=others) as other,
    ):
        before = highest = await server.memory_mb()
        used = server.cpu_s() or 0.0
        begun = time.perf_counter()
        exporting = asyncio.create_task(_export(server, session, f"/exports/{name}", encoding))
        asking = asyncio.create_task(_ask(server, other, waits))
        while not exporting.done():
            await asyncio.wait({exporting}, timeout=SAMPLE_S)
            highest = max(highest, await server.memory_mb())
        seconds, used = time.perf_counter() - begun, (server.cpu_s() or 0.0) - used
        asking.cancel()
        lines, length = exporting.result()
    rows = lines - name.endswith(".csv")
    if encoding == "identity" and rows != size:
        raise RuntimeError(f"{name}: {rows} rows instead of {size}")
    shown = name if encoding == "identity" else f"{name}, {encoding}"
    return Measured(shown, size, length / 1e6, seconds, used, highest - before, waits)


def _origin(server: Running) -> str:
    return server.url.removesuffix("/graphql")


async def _measure(data: Data, size: int) -> None:
    await data.create(size)
    try:
        async with running(SERVERS[0], data, "warning") as server:
            printed = await manage(data.url, "token", "issue", "--scopes", "all", "--name", "Other")
            other = printed.split()[1]
            await _measured(
                server, other, "customer-classes.csv", "identity", CLASSES
            )  # starts all
            print(f"\n{data.key}: {await server.memory_mb():.0f} MB before")
            print(
                "| export | rows | MB | s | rows/s | CPU s | rows/CPU s | memory MB"
                " | others p50 ms | p99 ms |"
            )
            print("|---|---|---|---|---|---|---|---|---|---|")
            for name, encoding in (
                ("customers.csv", "identity"),
                ("customers.csv", "gzip"),
                ("customers.jsonl", "identity"),
            ):
                print((await _measured(server, other, name, encoding, size)).line(), flush=True)
    finally:
        await data.drop()


@click.command()
@click.option("--size", default=100_000, show_default=True, help="How many customers.")
@click.option(
    "--postgres-url",
    envvar="BENCHMARK_DATABASE_URL",
    help="A PostgreSQL server; without one, only SQLite is measured.",
)
def main(size: int, postgres_url: str | None) -> None:
    """Measure exports of customers."""
    with tempfile.TemporaryDirectory(prefix="exports-") as folder:
        kinds: list[Data] = [SqliteData(Path(folder) / "exports.sqlite3")]
        if postgres_url is not None:
            kinds.append(PostgresData(postgres_url, "benchmark_exports"))
        for data in kinds:
            asyncio.run(_measure(data, size))


if __name__ == "__main__":
    main()
