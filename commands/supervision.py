"""Starts the supervisor of `serve --processes`."""

import asyncio
import os
import signal
import sys
from typing import NoReturn

import click

from commands.database_connections import connection_findings
from commands.process import START_FAILED, Process
from commands.sockets import shared_sockets
from commands.supervisor import Plan
from observability.log_errors import described
from observability.version import version
from settings import ROOT, Settings
from web.server import retirement_s

MAX_PROCESSES = 64
MAX_PORT = 65_535


class PortInUse(click.ClickException):
    """The sockets cannot be bound; the exit status is that of a server alone."""

    exit_code = 3


BECOME = """import sys
sys.path.insert(0, sys.argv[1])
from commands.supervisor import main
main(sys.argv[2])"""


def supervise(settings: Settings, count: int, *, with_worker: bool) -> NoReturn:
    """Become the supervisor of `count` processes that serve, and of one that runs jobs."""
    _refuse_port_of_metrics(settings, count + with_worker)
    process = Process("supervisor", settings)
    asyncio.run(_warn(settings, process, count + with_worker))
    try:
        listeners = shared_sockets(settings.host, settings.port, count)
    except OSError as error:
        process.stopped(START_FAILED, host=settings.host, port=settings.port)
        raise PortInUse(described(error)) from None
    for listener in listeners:
        listener.set_inheritable(True)
    host, port = listeners[0].getsockname()[:2]
    plan = Plan(
        address=f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
        port=port,
        listeners=tuple(listener.fileno() for listener in listeners),
        with_worker=with_worker,
        metrics_port=settings.metrics_port,
        version=version(),
        log_format=settings.log_format,
        log_level=settings.log_level,
        drain_s=settings.drain_s,
        retirement_s=retirement_s(settings.drain_s, settings.keep_alive_s),
        stop_timeout_s=settings.stop_timeout_s,
    )
    sys.stdout.flush()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until the supervisor handles it
    os.execv(sys.executable, [sys.executable, "-c", BECOME, str(ROOT), plan.text])  # noqa: S606  # no shell, no input


def _refuse_port_of_metrics(settings: Settings, processes: int) -> None:
    first = settings.metrics_port
    if not first:
        return
    last = first + processes - 1
    if last > MAX_PORT or first <= settings.port <= last:
        raise click.UsageError(
            f"Each process serves its metrics at a port of its own, here {first} to {last}. Set"
            f" METRICS_PORT so that none of these is PORT, or above {MAX_PORT}."
        )


async def _warn(settings: Settings, process: Process, processes: int) -> None:
    await process.warn(await connection_findings(settings, processes))
