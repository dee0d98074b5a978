"""Clients that send one request after the other over kept connections, and count what fails."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.listening import ENOUGH_S, Wire, wire

DOCUMENT = "{ customerClasses { nodes { code } } }"


@dataclass
class Load:
    """What the clients have met so far."""

    address: str
    token: str
    answered: int = 0
    announced: int = 0
    """Answers with `Connection: close`, after which a client connects anew."""
    failures: list[str] = field(default_factory=list)
    statuses: set[int] = field(default_factory=set)
    is_over: bool = False
    """Whether clients end with their next answer or failure."""

    @property
    def request(self) -> bytes:
        body = json.dumps({"query": DOCUMENT}).encode()
        head = (
            f"POST /graphql HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer {self.token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    async def answers(self, count: int) -> None:
        """Wait until so many more requests were answered."""
        until = self.answered + count
        async with asyncio.timeout(ENOUGH_S):
            while self.answered < until:  # noqa: ASYNC110  # many clients count
                await asyncio.sleep(0.01)

    async def send(self, think_s: float) -> None:
        """Send requests until the end, with a pause after each answer."""
        while not self.is_over:
            try:
                async with asyncio.timeout(ENOUGH_S), wire(self.address) as connection:
                    await self._send_over(connection, think_s)
            except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
                self.failures.append(type(error).__name__)
                await asyncio.sleep(0.01)

    async def _send_over(self, connection: Wire, think_s: float) -> None:
        while not self.is_over:
            await connection.send(self.request)
            head = await connection.head()
            fields = dict(line.lower().split(": ", 1) for line in head.splitlines()[1:] if line)
            await connection.reader.readexactly(int(fields["content-length"]))
            self.statuses.add(int(head.split()[1]))
            self.answered += 1
            if fields.get("connection") == "close":
                self.announced += 1
                return
            await asyncio.sleep(think_s)


@asynccontextmanager
async def clients(address: str, token: str, count: int = 6) -> AsyncIterator[Load]:
    """Let clients send requests until the end of the block; every other one pauses in between."""
    load = Load(address, token)
    running = [asyncio.create_task(load.send(0.2 * (place % 2))) for place in range(count)]
    try:
        yield load
    finally:
        load.is_over = True
        await asyncio.gather(*running)
