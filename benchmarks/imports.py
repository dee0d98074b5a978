"""Measures an import of customers: its speed, its memory, and how much it delays other callers.

`python -m benchmarks.imports --rows 10000` generates a file of customers with two contacts and a
consent each, sends it to a server with a worker process of its own, and meanwhile sends saves and
lists one after the other as another caller. The database is new, and is dropped at the end.
"""

import argparse
import asyncio
import os
import re
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import httpx

ROOT = Path(__file__).parent.parent
COLUMNS = (
    "externalReference,name,classCode,companyNumber,contact1.name,contact1.email,"
    "contact1.receivesBills,contact2.name,contact2.email,consent.given,consent.basis,"
    "consent.method,consent.givenBy,consent.evidenceReference"
)
JOB = """query($id: ID!) { importJob(id: $id) {
  state doneRowCount storedRowCount failedRowCount startedAt finishedAt } }"""
SAVE = """mutation($input: SaveCustomerInput!) {
  saveCustomer(input: $input) { customer { id } userErrors { code } } }"""
LIST = "{ customers(first: 20) { nodes { name accountNumber customerClass { name } } } }"
QUIET_S = 8.0
PAUSE_S = 0.02


def row(number: int) -> str:
    """Return a line of the file."""
    return (
        f"ref-{number},Customer {number} Ltd,COMPANY_UK_LIMITED,{number:08d},Ann {number},"
        f"ann{number}@customer.example,true,Bob {number},bob{number}@customer.example,true,"
        f"WRITTEN_OPT_IN,PAPER,Ann {number},contracts/{number}.pdf"
    )


async def content(rows: int) -> AsyncIterator[bytes]:
    """Yield the file in pieces."""
    yield f"{COLUMNS}\n".encode()
    for start in range(1, rows + 1, 500):
        lines = (row(number) for number in range(start, min(start + 500, rows + 1)))
        yield ("\n".join(lines) + "\n").encode()


@asynccontextmanager
async def database(server: str) -> AsyncIterator[str]:
    """Create a database, and drop it at the end."""
    if server.startswith("sqlite"):
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite://{folder}/imports.sqlite3"
        return
    name = f"imports_{secrets.token_hex(4)}"
    connection = await asyncpg.connect(server)
    await connection.execute(f"CREATE DATABASE {name}")
    try:
        yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    finally:
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await connection.close()


async def manage(environment: dict[str, str], *arguments: str) -> asyncio.subprocess.Process:
    """Start a command of manage.py."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        str(ROOT / "manage.py"),
        *arguments,
        env=environment,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )


async def line_of(process: asyncio.subprocess.Process, pattern: str) -> str:
    """Return the group of a pattern in the first line of a process that it matches."""
    output = cast("asyncio.StreamReader", process.stdout)
    while line := (await output.readline()).decode():
        if found := re.search(pattern, line):
            return found[1]
    raise RuntimeError(f"a process ended without {pattern}")


def memory_mb(pid: int, name: str = "VmHWM") -> float:
    """Return the maximum resident memory of a process so far."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"{name}:\s+(\d+)", status)[1]) / 1024  # type: ignore[index]  # always there


def processor_s(pid: int) -> float:
    """Return the seconds of a processor that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def timed(client: httpx.AsyncClient, document: str, **variables: object) -> float:
    """Return the milliseconds that a request took."""
    started = time.perf_counter()
    answer = await client.post("/graphql", json={"query": document, "variables": variables})
    answer.raise_for_status()
    if "errors" in answer.json():
        raise RuntimeError(answer.text)
    return (time.perf_counter() - started) * 1000


async def use(client: httpx.AsyncClient, until: asyncio.Event) -> dict[str, list[float]]:
    """Save and list customers until an event is set; return the times of both."""
    times: dict[str, list[float]] = {"save": [], "list": []}
    while not until.is_set():
        values = {"name": "Other", "classCode": "CHARITY"}
        times["save"].append(await timed(client, SAVE, input=values))
        times["list"].append(await timed(client, LIST))
        await asyncio.sleep(PAUSE_S)
    return times


def told(times: list[float]) -> str:
    """Return the median and the 99th percentile."""
    return (
        f"p50 {statistics.median(times):.1f} ms, p99 {sorted(times)[int(len(times) * 0.99)]:.1f} ms"
    )


async def measure(server: str, rows: int) -> None:
    """Run the import and print what was measured."""
    async with database(server) as url:
        environment = {**os.environ, "DATABASE_URL": url, "PORT": "0", "LOG_LEVEL": "warning"}
        migrated = await manage(environment, "migrate")
        await migrated.communicate()
        issued = await manage(environment, "token", "issue", SCOPES)
        token = await line_of(issued, r"(ccl_\S+)")
        serving = await manage(environment, "serve", "--no-worker")
        working = None
        try:
            address = await line_of(serving, r"(http://\S+)/graphql")
            headers = {"Authorization": f"Bearer {token}"}
            async with httpx.AsyncClient(base_url=address, headers=headers, timeout=60) as client:
                quiet = asyncio.Event()
                asyncio.get_running_loop().call_later(QUIET_S, quiet.set)
                before = await use(client, quiet)
                started = time.perf_counter()
                answer = await client.post(
                    "/imports", content=content(rows), headers={"Content-Type": "text/csv"}
                )
                answer.raise_for_status()
                sent = time.perf_counter() - started
                working = await manage(environment, "worker", "--kinds", "import")
                await line_of(working, "(Worker)")
                done = asyncio.Event()
                using = asyncio.create_task(use(client, done))
                job = await ended(client, answer.json()["importId"], working.pid)
                done.set()
                during = await using
            print(f"{rows:,} rows: sent in {sent:.1f} s, {job}")
            for name, times in before.items():
                print(f"{name}: before {told(times)}; during {told(during[name])}")
        finally:
            for process in (serving, working):
                if process is not None:
                    process.terminate()
                    await process.wait()


SCOPES = "--scopes=customers:write,contacts:write,consent:write,customers:read"


async def ended(client: httpx.AsyncClient, import_id: str, pid: int) -> str:
    """Wait for the end of an import; return what it did, and the memory of its worker."""
    started = time.perf_counter()
    while True:
        body = {"query": JOB, "variables": {"id": import_id}}
        job = (await client.post("/graphql", json=body)).json()["data"]["importJob"]
        if job["finishedAt"] is not None:
            seconds = time.perf_counter() - started
            speed = job["doneRowCount"] / seconds
            return (
                f"{job['state']}, {job['storedRowCount']:,} stored in {seconds:.1f} s"
                f" ({speed:,.0f}/s), worker: {processor_s(pid):.1f} s of a processor,"
                f" {memory_mb(pid):.0f} MB"
            )
        await asyncio.sleep(0.2)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--server", default="postgres://postgres@127.0.0.1:5432/postgres")
    given = parser.parse_args()
    asyncio.run(measure(given.server, given.rows))
