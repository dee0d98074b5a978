"""Serves `/healthz` (is the process alive?) and `/readyz` (can it serve requests?)."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from models.storage.database import Database
from models.storage.fault_log import report
from models.storage.sql import run
from models.storage.write_probe import probe_writing

log = structlog.get_logger(__name__)

KEPT_S = 1.0
"""Seconds for which the result of the checks is reused, since they write to the database."""

MAX_S = 2.0
"""Seconds that the checks may take; if the database takes longer, it counts as down."""

Checks = dict[str, str]
NEEDED = ("database", "schema", "writes")
"""The names of the checks that must succeed before this process can serve requests, in order."""


@dataclass(eq=False)
class Readiness:
    """Checks whether this process can serve requests.

    `information` returns the state of other parts, such as workers, which is shown beside the
    checks and does not make the process unready.
    """

    database: Callable[[], Database]
    information: Callable[[], Awaitable[Checks]]
    is_draining: bool = False
    """Whether the process is about to stop, so that proxies should send it no more requests."""
    kept_s: float = field(default_factory=lambda: KEPT_S)
    now: Callable[[], float] = time.monotonic
    _found: Checks = field(default_factory=dict)
    _ended_at: float = 0.0
    _checking: asyncio.Task[None] | None = None
    _was_ready: bool = True
    _information: Checks = field(default_factory=dict)
    _information_at: float = 0.0

    def drain(self) -> None:
        self.is_draining = True

    async def checks(self) -> Checks:
        """Run the checks, or return their last result if it is less than `kept_s` seconds old.

        The result maps the name of each check to `ok` or to a failure; checks after a failed one
        are missing.
        """
        is_old = self.now() - self._ended_at >= self.kept_s
        if self._checking is None or (self._checking.done() and is_old):
            self._found = {}
            self._checking = asyncio.create_task(self._check_all())
        # Concurrent requests share one run of the checks, however long it takes.
        await asyncio.wait({self._checking}, timeout=MAX_S)
        found = dict(self._found)
        late = next((name for name in NEEDED if name not in found), None)
        if late is not None and not self._checking.done():
            found[late] = f"no answer in {MAX_S:g} s"
        self._note(found)
        return found

    async def _check_all(self) -> None:
        database, found = self.database(), self._found
        steps: tuple[Callable[[], Awaitable[object]], ...] = (
            lambda: run("SELECT 1", ()),
            database.check_schema,
            lambda: probe_writing(database),
        )
        for name, step in zip(NEEDED, steps, strict=True):
            try:
                result = await step()
            except Exception as error:
                fault = report("not_ready", error)
                found[name] = (
                    type(error).__name__ if fault is None else f"{fault.kind} {fault.code}"
                )
                break
            found[name] = str(result) if name == "schema" else "ok"
            if found[name] != "ok":
                break
        self._ended_at = self.now()

    async def information_of_others(self) -> Checks:
        """Return the state of other parts, at most `kept_s` seconds old; empty if unknown."""
        if self.now() - self._information_at >= self.kept_s and self._found.get("database") == "ok":
            try:
                async with asyncio.timeout(MAX_S):
                    self._information = await self.information()
            except Exception as error:
                report("information_failed", error)
                self._information = {}
            self._information_at = self.now()
        return self._information

    def _note(self, found: Checks) -> None:
        """Log when the process becomes ready, and when it stops being ready."""
        is_ready = self.is_ready(found)
        if is_ready != self._was_ready:
            self._was_ready = is_ready
            (log.info if is_ready else log.warning)("readiness", ready=is_ready, **found)

    @staticmethod
    def is_ready(found: Checks) -> bool:
        return all(found.get(name) == "ok" for name in NEEDED)


def health_routes(readiness: Readiness, version: str) -> list[Route]:
    """Return the routes /healthz, which says the version too, and /readyz."""

    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "ok", "version": version})

    async def readyz(request: Request) -> Response:
        checks = await readiness.checks()
        is_ready = readiness.is_ready(checks)
        status = "ok" if is_ready else "unavailable"
        if readiness.is_draining:
            status, is_ready = "draining", False
        body: dict[str, object] = {"status": status, "checks": checks}
        if request.query_params.get("all", "0") not in {"", "0"}:
            body["information"] = await readiness.information_of_others()
        return JSONResponse(body, 200 if is_ready else 503)

    return [Route("/healthz", healthz), Route("/readyz", readyz)]
