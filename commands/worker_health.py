"""Health endpoints of a worker process, for the probes of a container."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from models.jobs.heartbeat import MAX_SILENCE
from models.jobs.worker_liveness import Liveness
from observability.metrics_process import ProcessMetrics


@asynccontextmanager
async def worker_health(
    liveness: Liveness,
    host: str,
    port: int,
    longest_turn_s: float,
    metrics: ProcessMetrics | None = None,
) -> AsyncIterator[str]:
    """Serve /healthz and /readyz within the context, and yield their address as `host:port`.

    With `metrics`, /metrics is served too.

    /healthz answers 503 if an iteration of the worker's loop takes more than `longest_turn_s`
    seconds, so that the worker is restarted; a database that is down does not stop the loop.
    /readyz answers 503 while no heartbeat can be stored.
    """

    async def healthz(_: web.Request) -> web.Response:
        return _answer("stuck", liveness.since_iteration, longest_turn_s)

    async def readyz(_: web.Request) -> web.Response:
        longest = MAX_SILENCE.total_seconds()
        return _answer("no heartbeat", liveness.since_beat, longest)

    application = web.Application()
    application.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz)])
    if metrics is not None:
        from observability.metrics_server import PATH, metrics_handler  # noqa: PLC0415  # rarely used

        application.add_routes([web.get(PATH, metrics_handler(metrics))])
    runner = web.AppRunner(application, access_log=None, handle_signals=False)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        shown, bound = runner.addresses[0][:2]
        yield f"[{shown}]:{bound}" if ":" in shown else f"{shown}:{bound}"
    finally:
        await runner.cleanup()


def _answer(fault: str, silence: float | None, longest: float) -> web.Response:
    """Return an answer with the seconds since the last sign of life, `silence`.

    The status is 503 if these are more than `longest`, or if `silence` is None, before the first
    sign. `fault` says what is then missing.
    """
    is_well = silence is not None and silence <= longest
    seconds = None if silence is None else round(silence, 1)
    body = {"status": "ok" if is_well else fault, "lastSeconds": seconds}
    return web.json_response(body, status=200 if is_well else 503)
