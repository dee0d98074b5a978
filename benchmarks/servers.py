"""The compared servers: how each is started, observed and stopped."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.operations import Dialect, Operation
from benchmarks.seed import ROOT, Data, manage

PEERS = Path(__file__).resolve().parent / "peers"
SERVER_CORE, LOAD_CORE = "0", "1"
NODE = str(PEERS / "node_modules" / ".bin" / "node")
"""The peers' own Node, because PostGraphile's plans fail on versions before 22."""

START_S = 60.0
STOP_S = 10.0
QUIET_S, QUIET_SHARE, MAX_NOISE_S = 0.25, 0.1, 30.0


@dataclass(frozen=True, slots=True)
class Server:
    """The definition of a server."""

    key: str
    title: str
    command: tuple[str, ...]
    databases: tuple[str, ...]
    dialect: Dialect = Dialect.OURS
    needs_node: bool = False


PYTHON = (sys.executable, "-m")
SERVERS = (
    Server(
        "ours",
        "this server",
        (sys.executable, "manage.py", "serve", "--no-worker"),
        ("postgres", "sqlite"),
    ),
    Server(
        "postgraphile",
        "PostGraphile 5",
        (NODE, str(PEERS / "postgraphile.js")),
        ("postgres",),
        Dialect.POSTGRAPHILE,
        needs_node=True,
    ),
    Server(
        "mercurius",
        "Mercurius + graphql-jit",
        (NODE, str(PEERS / "mercurius.js")),
        ("postgres",),
        needs_node=True,
    ),
    Server(
        "ceiling",
        "ceiling: hand-written, asyncpg + orjson",
        (*PYTHON, "benchmarks.peers.ceiling"),
        ("postgres",),
    ),
    Server(
        "ceiling",
        "ceiling: hand-written, sqlite3 + orjson",
        (*PYTHON, "benchmarks.peers.ceiling_sqlite"),
        ("sqlite",),
    ),
    Server(
        "naive",
        "floor: Strawberry + Tortoise + dataloaders",
        (*PYTHON, "benchmarks.peers.naive"),
        ("postgres", "sqlite"),
    ),
)


@dataclass(slots=True)
class Running:
    """A running server."""

    server: Server
    pid: int
    url: str
    token: str

    @property
    def key(self) -> str:
        """The key of the server."""
        return self.server.key

    def cpu_s(self) -> float | None:
        """Return the CPU time used so far in seconds; None without /proc."""
        stat = Path(f"/proc/{self.pid}/stat")
        if not stat.exists():
            return None
        fields = stat.read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    async def memory_mb(self) -> float:
        """Return the resident memory in MB."""
        process = await asyncio.create_subprocess_exec(
            "ps", "-o", "rss=", "-p", str(self.pid), stdout=asyncio.subprocess.PIPE
        )
        printed, _ = await process.communicate()
        return int(printed) / 1024

    def supports(self, operation: Operation) -> bool:
        """Return whether the server supports the operation."""
        if operation.servers is not None and self.key not in operation.servers:
            return False
        return self.server.dialect in operation.documents

    async def wait_until_idle(self) -> None:
        """Wait until the server is idle, so that it does not slow the next one on the same core."""
        begun = time.monotonic()
        before = self.cpu_s()
        while before is not None and time.monotonic() - begun < MAX_NOISE_S:
            await asyncio.sleep(QUIET_S)
            now = self.cpu_s()
            if now is None or now - before < QUIET_S * QUIET_SHARE:
                return
            before = now


def pinned(core: str, command: tuple[str, ...]) -> tuple[str, ...]:
    """Return `command` pinned to a core; unchanged without a second core or taskset."""
    if shutil.which("taskset") and (os.cpu_count() or 1) > 1:
        return ("taskset", "-c", core, *command)
    return command


def missing_for(server: Server) -> str | None:
    """Return why a server cannot be started on this machine; None if it can."""
    if server.needs_node and not Path(NODE).exists():
        return f"Skipped {server.title}: it is not installed, and installing it needs npm."
    return None


def install_peers() -> None:
    """Install the Node servers once, if npm is installed."""
    if Path(NODE).exists() or not shutil.which("npm"):
        return
    print("Installing PostGraphile and Mercurius into benchmarks/peers, once", flush=True)
    npm = ["npm", "install", "--silent"]
    if subprocess.run(npm, cwd=PEERS, check=False).returncode:  # noqa: S603  # a fixed command
        print("npm could not install them.", flush=True)


@asynccontextmanager
async def running(server: Server, data: Data, log_level: str) -> AsyncIterator[Running]:
    """Start a server, wait until it listens, and stop it at the end of the block."""
    token = "-"  # noqa: S105  # stands for none
    if server.key == "ours":
        printed = await manage(data.url, "token", "issue", "--scopes", "all", "--name", "Benchmark")
        token = printed.split()[1]
    port = _free_port()
    environment = {
        **os.environ,
        "DATABASE_URL": data.url,
        "DATABASE_POOL_SIZE": "12",
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "LOG_LEVEL": log_level,
        "LOG_FORMAT": "json",
        # Costs are accounted as usual, but the budget is never exhausted.
        "COST_BUDGET": "1000000000000",
        "NODE_ENV": "production",
        "GRAPHILE_ENV": "production",
        # No worker runs lookups here; a URL is set only so that the server starts no sandbox.
        "COMPANIES_HOUSE_URL": "http://127.0.0.1:9",
    }
    log = ROOT / "var" / "benchmarks" / f"{server.key}-{data.key}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *pinned(SERVER_CORE, server.command),
            cwd=ROOT,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
        try:
            await _listens(process, port, log)
            yield Running(server, process.pid, f"http://127.0.0.1:{port}/graphql", token)
        finally:
            await _stop(process)


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    return port


async def _listens(process: asyncio.subprocess.Process, port: int, log: Path) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until and process.returncode is None:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.1)
        else:
            writer.close()
            return
    tail = await asyncio.to_thread(log.read_text, errors="replace")
    raise RuntimeError(f"A server did not start:\n{tail[-2000:]}")


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), STOP_S)
    except TimeoutError:
        process.kill()
        await process.wait()
