"""Puts load on a server for some seconds, and sends it single requests."""

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import ceil
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from benchmarks.generator import WRAP, numbered
from benchmarks.operations import Operation
from benchmarks.seed import ROOT
from benchmarks.servers import LOAD_CORE, Running, pinned

MAX_PER_SECOND = 30_000
"""More requests per second than any server here can answer.

It sizes the range of unique numbers to reserve.
"""

LEAST_SHARE = 0.5
"""The minimum mean size of answers relative to a correct one.

A smaller mean shows that the answers are errors.
"""


class FailedError(Exception):
    """A server failed or answered incorrectly, so its measurements are invalid."""


@dataclass(frozen=True, slots=True)
class Measured:
    """The figures of one turn of load; `cpu_ms` is server CPU time per request."""

    requests: int
    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float | None

    def as_dict(self) -> dict[str, float | None]:
        """Return the figures for JSON."""
        return asdict(self)


class Numbers:
    """Issues numbers that are unique among the requests of a run."""

    def __init__(self) -> None:
        self._next = int.from_bytes(os.urandom(4)) % WRAP

    def reserve(self, seconds: float) -> int:
        """Reserve the numbers for a turn of `seconds`; return the first one."""
        first = self._next
        self._next = (first + int(MAX_PER_SECOND * max(seconds, 1))) % WRAP
        return first


class Load:
    """A load generator: wrk if it is installed, else the bundled one."""

    def __init__(self, size: int, concurrency: int, numbers: Numbers) -> None:
        self.size = size
        self.concurrency = concurrency
        self.has_wrk = shutil.which("wrk") is not None
        self.numbers = numbers

    async def put(self, running: Running, operation: Operation, seconds: float) -> Measured | None:
        """Load a server with one operation; None if it answered nothing in time.

        Raises FailedError if requests failed or answers were too small.
        """
        bodies = operation.bodies(running.server.dialect, self.size)
        good = len(orjson.dumps(await self.ask(running, operation)))
        with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as file:
            file.write("\n".join(bodies) + "\n")
            file.flush()
            command = self._command(running, file.name, seconds)
            before = running.cpu_s()
            result = await _measured(command)
            after = running.cpu_s()
        await running.wait_until_idle()
        count = int(result["requests"])
        if not count:
            return None
        if result["failed"] or result["bytes"] / count < good * LEAST_SHARE:
            raise FailedError(f"{running.server.title} failed on {operation.key}: {result}")
        cpu_ms = None if before is None or after is None else (after - before) / count * 1000
        return Measured(
            count, count / result["seconds"], result["p50_ms"], result["p99_ms"], cpu_ms
        )

    def _command(self, running: Running, bodies: str, seconds: float) -> tuple[str, ...]:
        number = str(self.numbers.reserve(seconds))
        if self.has_wrk:
            script = str(ROOT / "benchmarks" / "wrk.lua")
            whole = ceil(seconds)  # wrk accepts whole seconds only.
            options = ("-t1", f"-c{self.concurrency}", f"-d{whole}s", "--timeout", "60s")
            more = ("-s", script, running.url, "--", bodies, number, running.token)
            return pinned(LOAD_CORE, ("wrk", *options, *more))
        program = (sys.executable, "-m", "benchmarks.generator")
        given = ("--url", running.url, "--bodies", bodies, "--number", number)
        length = ("--seconds", f"{seconds:g}", "--concurrency", str(self.concurrency))
        return pinned(LOAD_CORE, (*program, *given, *length, "--token", running.token))

    async def ask(self, running: Running, operation: Operation, turn: int = 0) -> Any:
        """Send one request of an operation; return the data of the answer."""
        bodies = operation.bodies(running.server.dialect, self.size)
        return (await self.send(running, [bodies[turn % len(bodies)]]))[0]

    async def send(self, running: Running, bodies: Sequence[str], at_once: int = 4) -> list[Any]:
        """Send request bodies, at most `at_once` at a time; return the data of the answers."""
        headers = {"Content-Type": "application/json"}
        if running.server.key == "ours":
            headers["Authorization"] = f"Bearer {running.token}"
        admitted = asyncio.Semaphore(at_once)
        async with aiohttp.ClientSession(headers=headers) as session:

            async def one(body: str) -> Any:
                data = numbered(body, self.numbers.reserve(0))
                async with admitted, session.post(running.url, data=data) as answer:
                    said = orjson.loads(await answer.read())
                if said.get("errors") or said.get("data") is None:
                    problem = orjson.dumps(said).decode()[:500]
                    raise FailedError(f"{running.server.title} answered {body[:120]}: {problem}")
                return said["data"]

            return await asyncio.gather(*(one(body) for body in bodies))


async def _measured(command: tuple[str, ...]) -> dict[str, float]:
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=Path(ROOT),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        printed, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    for line in printed.decode().splitlines():
        if line.startswith("MEASURED "):
            result: dict[str, float] = orjson.loads(line.removeprefix("MEASURED "))
            return result
    raise FailedError(f"The load generator printed no result: {printed.decode()[-1000:]}")
