"""Says that the process is alive, and whether it can do its work; neither needs a token."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from models.database import Database
from models.heartbeat import Heartbeat
from models.migrate import pending
from models.sql import run

log = structlog.get_logger(__name__)

HEARTBEAT_AGE = timedelta(seconds=30)
NEEDED = ("database", "migrations", "worker", "companies_house")
"""What has to be well. The identity provider has not: tokens of ours work without it."""


def health_routes(
    database: Callable[[], Database],
    check_outside: Callable[[], Awaitable[dict[str, str]]],
    clock: Callable[[], datetime],
) -> list[Route]:
    """Make /healthz and /readyz; `check_outside` says how those outside are doing."""

    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def checks() -> dict[str, str]:
        found: dict[str, str] = {}
        try:
            await run("SELECT 1", ())  # or what has been applied would be told as nothing
            missing = await pending(database())
            found["database"] = "ok"
            found["migrations"] = "ok" if not missing else f"pending: {', '.join(missing)}"
            if not missing:
                alive = Heartbeat.filter(seen_at__gt=clock() - HEARTBEAT_AGE)
                found["worker"] = "ok" if await alive.exists() else "no heartbeat"
                found |= await check_outside()
        except Exception as error:
            log.exception("not_ready")
            found.setdefault("database", type(error).__name__)
        return found

    async def readyz(_: Request) -> Response:
        found = await checks()
        is_ready = all(found.get(name) in {"ok", "not configured"} for name in NEEDED)
        status = "ok" if is_ready else "unavailable"
        return JSONResponse({"status": status, "checks": found}, 200 if is_ready else 503)

    return [Route("/healthz", healthz), Route("/readyz", readyz)]
