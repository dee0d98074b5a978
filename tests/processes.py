"""Commands and servers as processes of their own."""

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
from functools import cache
from pathlib import Path

import aiohttp

ROOT = Path(__file__).resolve().parent.parent


ENOUGH_S = 40.0


def environment(**settings: str) -> dict[str, str]:
    """Return an environment with these settings and none from outside."""
    return {"PATH": os.environ["PATH"], "PYTHONWARNINGS": "error::ResourceWarning", **settings}


async def start(*arguments: str, **settings: str) -> Process:
    """Start a command."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "manage.py",
        *arguments,
        cwd=ROOT,
        env=environment(**settings),
        stdout=PIPE,
        stderr=PIPE,
    )


@cache
def _command_server() -> tuple[subprocess.Popen[bytes], str]:
    """Start the process whose forks run commands; return it and its address. It ends with us."""
    path = f"{tempfile.mkdtemp(prefix='commands-')}/socket"
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.command_server", path], cwd=ROOT, env=environment()
    )
    until = time.monotonic() + ENOUGH_S
    while not Path(path).exists() and time.monotonic() < until:
        time.sleep(0.01)
    return server, path


def _run(arguments: tuple[str, ...], settings: dict[str, str]) -> tuple[int | None, str, str]:
    with (
        socket.socket(socket.AF_UNIX) as connection,
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
    ):
        connection.settimeout(ENOUGH_S)
        connection.connect(_command_server()[1])
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
    """Run a command to its end, and return status, output and errors."""
    _command_server()
    return await asyncio.to_thread(_run, arguments, settings)


async def stop(process: Process, how: signal.Signals = signal.SIGTERM) -> int | None:
    """Stop a process that we started, if it still runs, and give its status."""
    if process.returncode is None:
        process.send_signal(how)
        async with asyncio.timeout(ENOUGH_S):
            await process.communicate()
    return process.returncode


async def line_with(process: Process, beginning: str) -> str:
    """Read lines up to the first that begins so, and give the rest of it."""
    assert process.stdout is not None
    async with asyncio.timeout(ENOUGH_S):
        async for line in process.stdout:
            if line.decode().startswith(beginning):
                return line.decode().removeprefix(beginning).strip()
    assert process.stderr is not None
    raise AssertionError((await process.stderr.read()).decode())


async def ask(url: str, token: str, document: str) -> tuple[int, str]:
    """Send a query to a server that listens."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            url, json={"query": document}, headers={"Authorization": f"Bearer {token}"}
        ) as response,
    ):
        return response.status, await response.text()
