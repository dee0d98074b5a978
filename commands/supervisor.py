"""Runs the processes of `serve --processes`: starts, replaces and stops them.

`manage.py serve` becomes this program, which imports little and so takes a quarter of the memory.
The processes are started as new programs, not forked, so a replacement runs the code that is
installed now. ADR 58 has the reasons, also why this is not uvicorn's supervisor.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Self

import orjson
import structlog

from commands.child import Child
from commands.slot import Slot
from observability.logs import configure_logs, log_all_failures, log_failure

log = structlog.get_logger(__name__)

KILL_MARGIN_S = 30.0
"""Seconds beyond those of the settings after which a process that should end is killed."""

INTERRUPTED = 130
"""The exit status after Ctrl-C, the same as that of shells."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a supervisor has to know; it does not read the settings."""

    address: str
    """Host and port."""
    port: int
    listeners: tuple[int, ...]
    """The open files of the sockets that listen at the port, one for each process that serves."""
    with_worker: bool
    metrics_port: int | None
    """The port of the metrics of the first process; the others, and then the worker, follow."""
    version: str
    log_format: str
    log_level: str
    drain_s: float
    retirement_s: float
    """Seconds that a replaced process may take for its last connections."""
    stop_timeout_s: float

    @property
    def text(self) -> str:
        return orjson.dumps(asdict(self)).decode()

    @classmethod
    def of(cls, text: str) -> Self:
        given = orjson.loads(text)
        return cls(**given | {"listeners": tuple(given["listeners"])})


class Supervisor:
    """Keeps the processes of a plan running, until a signal stops them."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._children: set[Child] = set()
        self._signals: list[signal.Signals] = []
        self._has_signal = asyncio.Event()
        self._must_reload = asyncio.Event()
        stop_s = plan.stop_timeout_s + KILL_MARGIN_S
        self._stop_s = plan.drain_s + stop_s
        self._slots = [
            self._web_slot(place, plan.retirement_s + stop_s)
            for place in range(len(plan.listeners))
        ]
        if plan.with_worker:
            place = len(self._slots)
            self._slots.append(
                Slot("worker", lambda: self._start(place, ["worker"], ()), stop_s, stops_first=True)
            )

    def _web_slot(self, place: int, leave_s: float) -> Slot:
        # Its own socket comes first.
        listeners = (*self._plan.listeners[place:], *self._plan.listeners[:place])
        arguments = ["serve", "--no-worker"]
        return Slot(f"web {place + 1}", lambda: self._start(place, arguments, listeners), leave_s)

    async def _start(self, place: int, arguments: Sequence[str], listeners: Sequence[int]) -> Child:
        environment = {"PORT": str(self._plan.port)}
        if self._plan.metrics_port:
            environment["METRICS_PORT"] = str(self._plan.metrics_port + place)
        child = await Child.start(arguments, listeners, environment)
        self._children = {one for one in self._children if one.exit_status is None} | {child}
        if self._signals:
            child.send(self._signals[-1])
        return child

    async def run(self) -> int:
        """Run the processes until a signal; return the exit status, negative for a signal."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop, number)
        loop.add_signal_handler(signal.SIGHUP, self._must_reload.set)
        started = time.monotonic()
        status = await self._begin()
        if status is None:
            for slot in self._slots:
                slot.watch()
            reloading = asyncio.create_task(self._keep_reloading())
            await self._has_signal.wait()
            reloading.cancel()
        await self._end()
        reason = " ".join(one.name for one in self._signals) or "start_failed"
        tell = log.info if self._signals else log.error
        uptime_s = round(time.monotonic() - started, 1)
        tell("stopped", role="supervisor", reason=reason, uptime_s=uptime_s)
        return -self._signals[0] if self._signals else status or 1

    async def _begin(self) -> int | None:
        """Start all processes; return None once they serve, or the status of one that failed."""
        try:
            children = [await slot.begin() for slot in self._slots]
        except OSError as error:
            log_failure("process_not_started", error)
            return 1
        are_ready = await asyncio.gather(*(child.is_ready() for child in children))
        for child, is_ready in zip(children, are_ready, strict=True):
            if not is_ready:
                return await child.ended() or 1
        processes = len(self._plan.listeners)
        log.info(
            "started",
            role="supervisor",
            address=self._plan.address,
            processes=processes,
            worker=self._plan.with_worker,
            version=self._plan.version,
            pid=os.getpid(),
        )
        print(f"GraphQL http://{self._plan.address}/graphql", flush=True)
        return None

    async def _keep_reloading(self) -> None:
        """After each SIGHUP, replace the processes one by one; a failure ends that."""
        while True:
            await self._must_reload.wait()
            self._must_reload.clear()
            started = time.monotonic()
            log.info("reloading", processes=len(self._slots))
            for slot in self._slots:
                if not await slot.replace():
                    log.error("reload_failed", process=slot.name)
                    break
            else:
                log.info("reloaded", s=round(time.monotonic() - started, 1))

    def _stop(self, number: signal.Signals) -> None:
        self._signals.append(number)
        self._has_signal.set()
        for slot in self._slots:
            slot.unwatch()
        for child in self._children:
            child.send(number)

    async def _end(self) -> None:
        """Wait until all processes have ended, and kill those that take too long."""
        if not self._signals:
            for child in self._children:
                child.send(signal.SIGTERM)
        for listener in self._plan.listeners:
            os.close(listener)  # nobody accepts what would still come
        in_time = await asyncio.gather(*(one.ended_within(self._stop_s) for one in self._children))
        if not all(in_time):
            log.error("process_killed", processes=in_time.count(False), after_s=self._stop_s)


def main(text: str) -> None:
    """Run the processes of a plan, and exit as `serve` does."""
    plan = Plan.of(text)
    configure_logs(plan.log_format, plan.log_level)
    log_all_failures()
    status = asyncio.run(Supervisor(plan).run())
    if status == -signal.SIGTERM:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.raise_signal(signal.SIGTERM)
    sys.exit(INTERRUPTED if status == -signal.SIGINT else status)
