"""Runs commands and servers in separate processes."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import aiohttp

ROOT = Path(__file__).resolve().parent.parent


ENOUGH_S = 240.0
"""For what takes seconds on an idle machine, so that it is reached only if something hangs."""


def environment(**settings: str) -> dict[str, str]:
    """Return an environment with only these settings, without those of the test run."""
    return {"PATH": os.environ["PATH"], "PYTHONWARNINGS": "error::ResourceWarning", **settings}


async def start(*arguments: str, **settings: str) -> Process:
    """Start a `manage.py` command in a new process."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "manage.py",
        *arguments,
        cwd=ROOT,
        env=environment(**settings),
        stdout=PIPE,
        stderr=PIPE,
    )


@contextmanager
def worker_process(
    log: Path, *arguments: str, **settings: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker that logs into a file; kill it at the end of the context if it still runs."""
    with (
        log.open("ab") as output,
        subprocess.Popen(
            [sys.executable, "manage.py", "worker", *arguments],
            cwd=ROOT,
            env={**os.environ, **settings},
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


async def until(has_come: Callable[[], Awaitable[bool]], limit_s: float = ENOUGH_S) -> None:
    """Wait until a condition is true that comes about in another process."""
    async with asyncio.timeout(limit_s):
        while not await has_come():  # noqa: ASYNC110  # another process tells nothing
            await asyncio.sleep(0.01)


@cache
def _command_server() -> tuple[subprocess.Popen[bytes], str]:
    """Start the process whose forks run commands; return it and its socket path.

    It ends when the test process ends.
    """
    path = f"{tempfile.mkdtemp(prefix='commands-')}/socket"
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.command_server", path], cwd=ROOT, env=environment()
    )
    until = time.monotonic() + ENOUGH_S
    while not Path(path).exists() and time.monotonic() < until:
        time.sleep(0.01)
    return server, path


def _run(
    path: str, arguments: tuple[str, ...], settings: dict[str, str]
) -> tuple[int | None, str, str]:
    with (
        socket.socket(socket.AF_UNIX) as connection,
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
    ):
        connection.settimeout(ENOUGH_S)
        connection.connect(path)
        request = json.dumps((arguments, environment(**settings))).encode()
        socket.send_fds(connection, [request], [out.fileno(), err.fileno()])
        with connection.makefile() as answers:
            process_id = int(answers.readline())
            try:
                status = int(answers.readline())
            except TimeoutError:
                os.kill(process_id, signal.SIGKILL)
                raise
        out.seek(0)
        err.seek(0)
        return status, out.read().decode(), err.read().decode()


async def run(*arguments: str, **settings: str) -> tuple[int | None, str, str]:
    """Run a command to its end; return its exit status, stdout and stderr."""
    _, path = _command_server()
    return await asyncio.to_thread(_run, path, arguments, settings)


async def stop(process: Process, how: signal.Signals = signal.SIGTERM) -> int | None:
    """Stop a process with a signal if it is still running; return its exit status."""
    if process.returncode is None:
        process.send_signal(how)
        async with asyncio.timeout(ENOUGH_S):
            await process.communicate()
    return process.returncode


async def line_with(process: Process, beginning: str) -> str:
    """Read lines of stdout until one starts with `beginning`; return the rest of that line."""
    assert process.stdout is not None
    async with asyncio.timeout(ENOUGH_S):
        async for line in process.stdout:
            if line.decode().startswith(beginning):
                return line.decode().removeprefix(beginning).strip()
    assert process.stderr is not None
    raise AssertionError((await process.stderr.read()).decode())


async def ask(url: str, token: str, document: str) -> tuple[int, str]:
    """Send a query to a running server; return the HTTP status and the body."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            url, json={"query": document}, headers={"Authorization": f"Bearer {token}"}
        ) as response,
    ):
        return response.status, await response.text()
