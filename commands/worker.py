"""`manage.py worker`: runs background jobs in a process of its own."""

import asyncio
import signal
from contextlib import AsyncExitStack
from uuid import uuid4

import click

from commands.process import FAILED, Process, signal_names
from commands.running import metrics_lines, read_settings
from commands.supervised import Supervised, supervised_option
from models.jobs.kinds import CONFIRMATION_MAIL
from observability.metrics_process import ProcessMetrics
from opening import open_measured, tracing_of
from workers import KINDS, kinds_of


def _kinds_of(_: click.Context, __: click.Parameter, text: str) -> list[str]:
    """Return the kinds of jobs in a text, separated by commas; raises BadParameter if unknown."""
    kinds = list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not kinds or not set(kinds) <= set(KINDS):
        known = ", ".join(KINDS)
        raise click.BadParameter(f"Use one or more of these, separated by commas: {known}.")
    return kinds


@click.command("worker")
@click.option(
    "--kinds",
    default=",".join(KINDS),
    callback=_kinds_of,
    help="The kinds of background jobs to run, separated by commas.",
)
@click.option(
    "--health-port",
    type=click.IntRange(0, 65_535),
    help="Serve /healthz and /readyz of this worker on this port of HOST; 0 picks a free port."
    " Probes from outside a container need HOST=0.0.0.0.",
)
@supervised_option
def worker_cli(*, kinds: list[str], health_port: int | None, supervised: Supervised | None) -> None:
    """Run jobs in a process of its own until SIGTERM or Ctrl-C."""
    settings = read_settings()
    if CONFIRMATION_MAIL in kinds and not settings.has_links:
        raise click.ClickException(
            "With PORT=0 the worker does not know the port of the API, so links in mails would not"
            " work. Set PUBLIC_URL to the address of this service, or run only other --kinds."
        )
    process = Process("worker", settings, kinds_of(settings, kinds))
    reasons: list[int] = []

    async def work() -> None:
        if supervised is None:
            await process.warn()
        metrics = None if settings.metrics_port is None else ProcessMetrics()
        is_own_port = health_port in {None, 0} or health_port != settings.metrics_port
        async with AsyncExitStack() as stack:
            opening = open_measured(
                settings, metrics, is_own_port=is_own_port, tracing=tracing_of(settings)
            )
            platform = await stack.enter_async_context(opening)
            running = await platform.worker(f"worker-{uuid4()}", kinds)

            def stop(number: int) -> None:
                reasons.append(number)
                running.stop()

            loop = asyncio.get_running_loop()
            for name in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(name, stop, name)
            await process.started(platform, worker=running.name)
            if supervised is None:
                print(f"Worker {running.name}", *metrics_lines(metrics), sep="\n", flush=True)
            else:
                supervised.ready()
                supervised.watch(retire=running.stop)
            if health_port is not None:
                from commands.worker_health import worker_health  # noqa: PLC0415  # rarely used

                # In one iteration of the worker's loop, two statements may run into a timeout.
                longest = 2 * settings.database_timeout_s
                health = worker_health(
                    running.liveness,
                    settings.host,
                    health_port,
                    longest,
                    None if is_own_port else metrics,
                )
                address = await stack.enter_async_context(health)
                print(f"Health http://{address}/healthz", flush=True)
            await running.run()

    try:
        asyncio.run(work())
    except Exception:
        process.stopped(FAILED)
        raise
    process.stopped(signal_names(reasons) or "end")
