"""Measures how one caller with many senders slows another: `python -m benchmarks.hostile`.

A gentle caller requests `{ viewer { name } }` repeatedly: first alone, then beside 64 senders of
another caller, for each kind of load. Both callers have their own token and their own process. The
result is the ratio of the gentle caller's response times.
"""

import asyncio
import multiprocessing
import socket
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import click
import orjson

from benchmarks.seed import PostgresData, SqliteData, class_id, customer_id, manage
from benchmarks.servers import SERVERS, Running, running
from benchmarks.soak import SUBPROTOCOL

SENDERS = 64
WARM_UP_S = 1.0
PAUSE_S = 0.005
"""The pause between two requests of the gentle caller, in seconds."""

GENTLE = "{ viewer { name } }"
NUMBER = "NUMBER"
"""A placeholder that each request replaces with a unique number."""

COLUMNS = "id name accountNumber companyNumber createdAt customerClass { id name }"
PAGE = f"customers(first: 500) {{ nodes {{ {COLUMNS} contacts {{ id name email }} }} }}"
LONG_LIST = orjson.dumps(["x" * 6] * 1_000).decode()


def _body(document: str, **variables: Any) -> bytes:
    return orjson.dumps({"query": document, "variables": variables})


def _numbered(template: str) -> str:
    return " ".join(template.replace("#", str(n)) for n in range(190))


BODIES: dict[str, tuple[bytes, ...]] = {
    "trivial": (_body("{ viewer { name } }"),),
    "expensive": (_body("{ " + " ".join(f"a{n}: {PAGE}" for n in range(15)) + " }"),),
    "deep pages": (
        _body(
            "{ customerClasses(first: 20) { nodes { name customers(first: 230) { nodes { id name"
            " accountNumber contacts { id name } classHistory { reason } } } } } }"
        ),
    ),
    "searches": (
        _body('{ customers(first: 5, filter: { text: "NUMBER" }) { totalCount nodes { id } } }'),
        _body('{ customers(first: 50, filter: { text: "li" }) { totalCount nodes { id } } }'),
    ),
    "syntax errors": (_body("{ viewer { " + "name " * 1_600 + "NUMBER "),),
    "faults": (
        _body("{ viewer { " + _numbered("nam#NUMBER ") + " } }"),
        _body("{ viewer { " + _numbered("name(firs#: NUMBER) ") + " } }"),
        _body("query(" + _numbered("$a#: Custome# ") + ") { viewer { NUMBER } }"),
    ),
    "too deep": (_body("{ a" * 400 + "NUMBER" + "}" * 400),),
    "too large": (b'{"query": "NUMBER' + b"x" * 900_000 + b'"}',),
    "bad variables": (
        _body("query($ids: [Int!]!) { customers(first: $ids) { nodes { id } } }", ids=[1] * 900),
        _body(
            "mutation($i: SaveCustomerInput!) { saveCustomer(input: $i) { customer { id } } }",
            i={f"nam{n}": n for n in range(900)},
        ),
    ),
    "big bodies": (
        b'{"query": "{ viewer { name } }", "variables": {"a": [%s]}}'
        % b",".join([LONG_LIST.encode()] * 99),
    ),
    "wrong JSON": (b'{"query": [' + b"[]," * 300_000 + b"NUMBER",),
    "new documents": (
        _body("{ " + " ".join(f"a{n}: {PAGE.replace('500', '1')}" for n in range(20)) + " #NUMBER"
              "\n }"),
        _body("{ viewer { " + "name " * 190 + "} #NUMBER\n }"),
        _body(
            " ".join(f"fragment F{n} on Viewer {{ name }}" for n in range(190))
            + "{ viewer { " + _numbered("...F# ") + "} #NUMBER\n }"
        ),
    ),
    "mutations": (
        _body(
            "mutation { saveCustomer(input: { name: \"zz NUMBER\", classId: \"CLASS\" })"
            " { customer { id } } }".replace("CLASS", class_id(5))
        ),
        _body(
            "mutation($name: String!) { saveCustomer(input: { name: $name, classId: \"CLASS\" })"
            " { customer { id } } }".replace("CLASS", class_id(5)), name="zz NUMBER",
        ),
    ),
    "introspection": (
        _body(
            "query Q_NUMBER { __schema { types { name description fields(includeDeprecated: true)"
            " { name description args { name type { name kind ofType { name kind } } }"
            " type { name kind ofType { name kind ofType { name } } } }"
            " inputFields { name description } enumValues { name description } } } }"
        ),
    ),
    "large variables": (
        _body(
            "query($ids: [ID!]!) { customers(first: 1, filter: { classIds: $ids }) { nodes { id } }"
            " }",
            ids=["x" * 30] * 22_000,
        ),
    ),
    "persisted misses": (b'{"documentId": "sha256:NUMBER"}',),
}  # fmt: skip
"""The request bodies of each kind of load that sends plain HTTP requests."""

EXPORTS = (
    "/exports/delivery-exposure.csv?fromAt=2026-01-01T00:00:00Z&untilAt=2026-12-01T00:00:00Z",
    "/exports/consent-evidence.csv?customerId=cus_01" + f"{1:024x}",
    "/schema.graphql",
)
SOCKETS = (
    "{ viewer { name } }",
    "{ viewer { " + "name " * 190 + "} #NUMBER\n }",
    "{ viewer { " + _numbered("nam#NUMBER ") + " } }",
)
KINDS = (*BODIES, "exports", "websockets", "many operations", "subscriptions")
AT_ONCE = 40
"""How many operations each socket keeps running in the load `many operations`."""

Send = Callable[[int], Any]


@dataclass
class Hostile:
    """The senders of one kind of load, in a process of their own."""

    kind: str
    url: str
    token: str
    senders: int
    numbers: Iterator[int] = field(default_factory=count)
    seen: Counter[str] = field(default_factory=Counter)

    def run(self, stop: Event, results: Any) -> None:
        """Send until `stop` is set, then put the number of answers by status into `results`."""
        asyncio.run(self._run(stop))
        results.put(dict(self.seen))

    async def _run(self, stop: Event) -> None:
        connector = aiohttp.TCPConnector(limit=0)
        headers = {"Authorization": f"Bearer {self.token}"}
        async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
            send = {
                "exports": self._export,
                "websockets": self._operate,
                "many operations": self._operate_at_once,
                "subscriptions": self._subscribe,
            }.get(self.kind, self._post)
            tasks = [
                asyncio.create_task(self._go_on(send, session, place))
                for place in range(self.senders)
            ]
            await asyncio.to_thread(stop.wait)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _go_on(self, send: Any, session: aiohttp.ClientSession, place: int) -> None:
        while True:
            try:
                await send(session, place)
            except (aiohttp.ClientError, OSError) as error:
                self.seen[type(error).__name__] += 1
                await asyncio.sleep(0.01)

    def _number(self) -> str:
        return f"{next(self.numbers):06d}{self.senders}"

    async def _post(self, session: aiohttp.ClientSession, place: int) -> None:
        bodies = BODIES[self.kind]
        body = bodies[place % len(bodies)].replace(NUMBER.encode(), self._number().encode())
        headers = {"Content-Type": "application/json"}
        async with session.post(self.url, data=body, headers=headers) as response:
            await response.read()
            self.seen[str(response.status)] += 1

    async def _export(self, session: aiohttp.ClientSession, place: int) -> None:
        url = self.url.replace("/graphql", EXPORTS[place % len(EXPORTS)])
        async with session.get(url) as response:
            await response.read()
            self.seen[str(response.status)] += 1

    async def _operate(self, session: aiohttp.ClientSession, place: int) -> None:
        url = self.url.replace("http", "ws", 1)
        async with session.ws_connect(url, protocols=[SUBPROTOCOL]) as socket_:
            await socket_.send_json({"type": "connection_init"})
            await socket_.receive()
            while True:
                query = SOCKETS[place % len(SOCKETS)].replace(NUMBER, self._number())
                await socket_.send_json(
                    {"type": "subscribe", "id": self._number(), "payload": {"query": query}}
                )
                while (await socket_.receive_json())["type"] not in {"complete", "error"}:
                    pass
                self.seen["operations"] += 1

    async def _operate_at_once(self, session: aiohttp.ClientSession, place: int) -> None:
        url = self.url.replace("http", "ws", 1)
        async with session.ws_connect(url, protocols=[SUBPROTOCOL]) as socket_:
            await socket_.send_json({"type": "connection_init"})
            await socket_.receive()
            running = 0
            while True:
                for _ in range(AT_ONCE - running):
                    query = SOCKETS[place % len(SOCKETS)].replace(NUMBER, self._number())
                    message = {"type": "subscribe", "id": self._number()}
                    await socket_.send_json({**message, "payload": {"query": query}})
                running = AT_ONCE
                while running > AT_ONCE // 2:
                    running -= (await socket_.receive_json())["type"] in {"complete", "error"}
                    self.seen["messages"] += 1

    async def _subscribe(self, session: aiohttp.ClientSession, place: int) -> None:
        """Sign in, subscribe and disconnect."""
        url = self.url.replace("http", "ws", 1)
        async with session.ws_connect(url, protocols=[SUBPROTOCOL]) as socket_:
            await socket_.send_json({"type": "connection_init"})
            await socket_.receive()
            query = f'subscription {{ customerEnriched(customerId: "{customer_id(1)}") {{ id }} }}'
            message = {"type": "subscribe", "id": str(place), "payload": {"query": query}}
            await socket_.send_json(message)
            await socket_.send_json({"type": "ping"})
            await socket_.receive()
            self.seen["sockets"] += 1


@dataclass(slots=True)
class Times:
    """The gentle caller's response times in milliseconds, and how often each status came."""

    ms: list[float]
    statuses: Counter[int]

    def quantile(self, share: float) -> float:
        """Return the quantile `share` (0 to 1) of the times, in milliseconds."""
        return sorted(self.ms)[min(int(len(self.ms) * share), len(self.ms) - 1)]


def send_sequentially(url: str, token: str, seconds: float) -> Times:
    """Send requests one at a time for `seconds` over one blocking connection; return the times."""
    parts = urlsplit(url)
    assert parts.hostname is not None  # noqa: S101  # the address is our own
    body = _body(GENTLE)
    request = (
        f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nX-Request-Id: gentle\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body
    times = Times([], Counter())
    with socket.create_connection((parts.hostname, parts.port or 80)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.settimeout(60)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            begun = time.perf_counter()
            connection.sendall(request)
            times.statuses[_status_of(connection)] += 1
            times.ms.append((time.perf_counter() - begun) * 1000)
            time.sleep(PAUSE_S)
    return times


def _status_of(connection: socket.socket) -> int:
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65_536)
    head, _, rest = received.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
    while len(rest) < length:
        rest += connection.recv(65_536)
    return int(head.split()[1])


@contextmanager
def hostile(kind: str, server: Running, token: str, senders: int) -> Iterator[dict[str, int]]:
    """Run hostile senders during the block; their answers by status are in the dict afterwards."""
    spawning = multiprocessing.get_context("spawn")
    stop, results = spawning.Event(), spawning.Queue()
    process = spawning.Process(
        target=Hostile(kind, server.url, token, senders).run, args=(stop, results)
    )
    process.start()
    seen: dict[str, int] = {}
    try:
        time.sleep(WARM_UP_S)
        yield seen
    finally:
        stop.set()
        seen.update(results.get(timeout=90))
        process.join()


def measure(server: Running, token: str, kinds: tuple[str, ...], seconds: float, senders: int
            ) -> None:  # fmt: skip
    """Measure each kind of load and print its ratio."""
    send_sequentially(server.url, server.token, 0.5)
    alone = send_sequentially(server.url, server.token, seconds)
    base = alone.quantile(0.99)
    print(f"{'alone':18} {'':>7} p50 {alone.quantile(0.5):7.1f} ms  p99 {base:7.1f} ms", flush=True)
    ratios = []
    for kind in kinds:
        with hostile(kind, server, token, senders) as seen:
            beside = send_sequentially(server.url, server.token, seconds)
        ratio = beside.quantile(0.99) / base
        ratios.append(ratio)
        print(
            f"{kind:18} {ratio:5.1f} x p50 {beside.quantile(0.5):7.1f} ms"
            f"  p99 {beside.quantile(0.99):7.1f} ms  max {max(beside.ms):7.1f} ms"
            f"  {dict(beside.statuses)}  hostile {seen}",
            flush=True,
        )
        time.sleep(1.0)
        asyncio.run(server.wait_until_idle())
    print(
        f"{'median of ratios':18} {statistics.median(ratios):5.1f} x, largest {max(ratios):.1f} x"
    )


async def _run(data: Any, size: int, kinds: tuple[str, ...], seconds: float, senders: int) -> None:
    await data.create(size)
    try:
        printed = await manage(
            data.url, "token", "issue", "--name", "hostile", "--scopes", "all", "--days", "1"
        )
        token = next(word for word in printed.split() if word.startswith("ccl_"))
        async with running(SERVERS[0], data, "warning") as server:
            await asyncio.to_thread(measure, server, token, kinds, seconds, senders)
    finally:
        await data.drop()


@click.command()
@click.option("--seconds", type=float, default=5, show_default=True, help="Seconds per kind.")
@click.option("--senders", type=int, default=SENDERS, show_default=True, help="Hostile senders.")
@click.option(
    "--kind", "kinds", multiple=True, type=click.Choice(KINDS), help="Measure only these kinds."
)
@click.option("--size", type=int, default=10_000, show_default=True, help="Customers.")
@click.option(
    "--postgres-url",
    envvar="BENCHMARK_DATABASE_URL",
    help="PostgreSQL server on which to create a database; default: SQLite.",
)
def main(
    seconds: float, senders: int, kinds: tuple[str, ...], size: int, postgres_url: str | None
) -> None:
    """Start this server on a new database, and measure a gentle caller beside hostile ones."""
    with tempfile.TemporaryDirectory(prefix="customer-classes-") as folder:
        data = (
            PostgresData(postgres_url, "customer_classes_hostile")
            if postgres_url
            else SqliteData(Path(folder) / "hostile.sqlite3")
        )
        asyncio.run(_run(data, size, kinds or KINDS, seconds, senders))


if __name__ == "__main__":
    main()
