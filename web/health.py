"""Says whether the process lives, and whether it can serve requests; neither needs a token."""

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
"""For how long an answer is given again: many may ask, and each look writes to the database."""

MAX_S = 2.0
"""For how long a look may take; a database that answers no sooner serves nobody."""

Checks = dict[str, str]
NEEDED = ("database", "schema", "writes")
"""What this process needs to serve requests, in the order in which it is looked at."""


@dataclass(eq=False)
class Readiness:
    """Looks at what a process needs; `information` is about others, and never decides."""

    database: Callable[[], Database]
    information: Callable[[], Awaitable[Checks]]
    is_draining: bool = False
    """Whether the process is about to stop, so that no more requests should be sent to it."""
    kept_s: float = field(default_factory=lambda: KEPT_S)
    now: Callable[[], float] = time.monotonic
    _found: Checks = field(default_factory=dict)
    _ended_at: float = 0.0
    _look: asyncio.Task[None] | None = None
    _was_ready: bool = True
    _told: Checks = field(default_factory=dict)
    _told_at: float = 0.0

    def drain(self) -> None:
        """Say from now on that the process is about to stop."""
        self.is_draining = True

    async def checks(self) -> Checks:
        """Look, or return what was found within the last second."""
        is_old = self.now() - self._ended_at >= self.kept_s
        if self._look is None or (self._look.done() and is_old):
            self._found = {}
            self._look = asyncio.create_task(self._look_at_all())
        # One look serves all who ask meanwhile, however long it takes.
        await asyncio.wait({self._look}, timeout=MAX_S)
        found = dict(self._found)
        late = next((name for name in NEEDED if name not in found), None)
        if late is not None and not self._look.done():
            found[late] = f"no answer in {MAX_S:g} s"
        self._note(found)
        return found

    async def _look_at_all(self) -> None:
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

    async def told_of_others(self) -> Checks:
        """Return how others are doing, as of the last second; nothing if that can't be read."""
        if self.now() - self._told_at >= self.kept_s and self._found.get("database") == "ok":
            try:
                async with asyncio.timeout(MAX_S):
                    self._told = await self.information()
            except Exception as error:
                report("no_information", error)
                self._told = {}
            self._told_at = self.now()
        return self._told

    def _note(self, found: Checks) -> None:
        """Log each change between ready and not ready."""
        is_ready = self.is_ready(found)
        if is_ready != self._was_ready:
            self._was_ready = is_ready
            (log.info if is_ready else log.warning)("readiness", ready=is_ready, **found)

    @staticmethod
    def is_ready(found: Checks) -> bool:
        """Tell whether all that is needed is there."""
        return all(found.get(name) == "ok" for name in NEEDED)


def health_routes(readiness: Readiness) -> list[Route]:
    """Make /healthz and /readyz."""

    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readyz(request: Request) -> Response:
        checks = await readiness.checks()
        is_ready = readiness.is_ready(checks)
        status = "ok" if is_ready else "unavailable"
        if readiness.is_draining:
            status, is_ready = "draining", False
        body: dict[str, object] = {"status": status, "checks": checks}
        if request.query_params.get("all", "0") not in {"", "0"}:
            body["information"] = await readiness.told_of_others()
        return JSONResponse(body, 200 if is_ready else 503)

    return [Route("/healthz", healthz), Route("/readyz", readyz)]
