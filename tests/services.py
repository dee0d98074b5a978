"""A service of several processes (`serve --processes`), and its log lines."""

import asyncio
import json
import os
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from tests.processes import ENOUGH_S, line_with, run, start


class Service:
    """A running supervisor; `lines` are the log lines of all of its processes."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.lines: list[dict[str, Any]] = []
        self.address = ""
        self.token = ""
        self._more = asyncio.Condition()
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            async with self._more:
                self.lines.append(json.loads(line))
                self._more.notify_all()

    def lines_of(self, event: str, **fields: Any) -> list[dict[str, Any]]:
        """Return the lines of an event with these fields so far."""
        wanted = {"event": event, **fields}.items()
        return [line for line in self.lines if wanted <= line.items()]

    async def logged(self, event: str, count: int = 1, **fields: Any) -> list[dict[str, Any]]:
        """Wait for lines of an event; return them."""
        async with asyncio.timeout(ENOUGH_S), self._more:
            await self._more.wait_for(lambda: len(self.lines_of(event, **fields)) >= count)
        return self.lines_of(event, **fields)

    @property
    def pids(self) -> list[int]:
        """The processes that serve, or have served, in the order of their starts."""
        return [line["pid"] for line in self.lines_of("started", role="serve")]

    async def end(self, how: signal.Signals) -> int | None:
        """Send a signal; return the supervisor's exit status when all processes have ended."""
        if self.process.returncode is None:
            self.process.send_signal(how)
        return await self.ended()

    async def ended(self) -> int | None:
        """Wait until all processes have ended; return the supervisor's exit status."""
        async with asyncio.timeout(ENOUGH_S):
            await self._reading  # ends when no process has the file open any more
            return await self.process.wait()


def lives(pid: int) -> bool:
    """Return whether there is a process with this id."""
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


@asynccontextmanager
async def service(*options: str, **settings: str) -> AsyncIterator[Service]:
    """Serve with two processes on a free port, without a worker unless `options` say otherwise."""
    given = {"PORT": "0", "LOG_FORMAT": "json", **settings}
    _, out, _ = await run("token", "issue", "--scopes", "all", **given)
    process = await start("serve", "--processes", "2", *(options or ("--no-worker",)), **given)
    started = Service(process)
    try:
        started.address = (await line_with(process, "GraphQL http://")).removesuffix("/graphql")
        started.token = out.split()[1]
        yield started
    finally:
        await started.end(signal.SIGKILL)
