"""Runs mixed operations for a long time and prints this server's memory: `-m benchmarks.soak`.

Eight clients choose operations at random, with a fixed seed: known and new documents, lists of all
sizes, the life of customers from creation to deletion, subscriptions, and every kind of invalid
request.
"""

import asyncio
import random
import tempfile
import time
from collections import Counter
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp
import click
import orjson

from benchmarks.generator import NUMBER
from benchmarks.operations import COLD, OPERATIONS, Dialect
from benchmarks.seed import CHECKED_CLASS, CLASSES, Data, PostgresData, SqliteData, class_id
from benchmarks.seed import customer_id as seeded_id
from benchmarks.servers import SERVERS, Running, running

CLIENTS = 8
SEED = 20_180_525
SUBPROTOCOL = "graphql-transport-ws"

SAVE = """mutation ($input: SaveCustomerInput!) { saveCustomer(input: $input) {
  customer { id version } userErrors { code } } }"""
CUSTOMER_LIFE = (
    """mutation ($id: ID!, $text: String!) { saveContact(input: { customerId: $id, name: $text,
      email: "soak@example.com", receivesBills: true }) { userErrors { code } } }""",
    """mutation ($id: ID!, $text: String!) { recordConsent(input: { customerId: $id,
      basis: WRITTEN_OPT_IN, givenBy: $text, method: EMAIL, evidenceReference: $text }) {
      userErrors { code } } }""",
    """query ($id: ID!) { customer(id: $id) { name contacts { name email } consent { isGiven }
      deliveryPreview { difference { __typename } } auditTrail { nodes { operation at } } } }""",
    """mutation ($id: ID!, $text: String!) { changeCustomerClass(input: { customerId: $id,
      classId: "CLASS", reason: $text }) { userErrors { code } } }""".replace(
        "CLASS", class_id(CHECKED_CLASS + 1)
    ),
    """mutation ($id: ID!, $text: String!) { deleteCustomer(input: { id: $id, reason: $text }) {
      deletedId userErrors { code } } }""",
)
"""Operations on a saved customer, in this order."""

NESTED = f"""{"[" * 50}"NUMBER"{"]" * 50}"""
WRONG = (
    '{"query": "{ viewer { fieldNUMBER } }"}',
    '{"query": "{ viewer { id } # NUMBER"}',
    '{"query": "query ($id: ID!) { customer(id: $id) { id } }", "variables": {"NUMBER": 1}}',
    orjson.dumps({"query": f"{{ customer(id: {NESTED}) {{ id }} }}"}).decode(),
    '{"query": "{ viewer { id } }", "operationName": "oNUMBER"}',
    '{"documentId": "sha256:NUMBER"}',
    '{"query": ["NUMBER"]}',
    "NUMBER {",
)
"""Request bodies that the server refuses, each for a different reason."""


class Client:
    """A client that sends one request after the other."""

    def __init__(self, server: Running, size: int, place: int, seen: Counter[str]) -> None:
        self._server = server
        self._size = size
        self._chance = random.Random(SEED + place)  # noqa: S311  # no secret
        self._count = place
        self._seen = seen
        self._bodies = {
            one.key: one.bodies(Dialect.OURS, size)
            for one in (*OPERATIONS, *COLD)
            if one.key != "Q5whole"
        }

    async def send_until(self, end: float) -> None:
        """Send requests until the monotonic time `end`."""
        kinds = (self._known, self._cold, self._page, self._life, self._subscribe, self._wrong)
        headers = {"Authorization": f"Bearer {self._server.token}"}
        async with aiohttp.ClientSession(headers=headers) as session:
            self._session = session
            while time.monotonic() < end:
                (kind,) = self._chance.choices(kinds, (40, 15, 15, 5, 2, 8))
                await kind()
                self._seen[kind.__name__.strip("_")] += 1

    def _number(self) -> str:
        self._count += CLIENTS
        return f"{self._count:08d}"

    async def _send(self, body: dict[str, Any] | str) -> dict[str, Any]:
        data = body if isinstance(body, str) else orjson.dumps(body).decode()
        headers = {"Content-Type": "application/json"}
        async with self._session.post(self._server.url, data=data, headers=headers) as response:
            answer: dict[str, Any] = orjson.loads(await response.read())
            if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                raise RuntimeError(f"{response.status}: {answer}")
        return answer

    async def _known(self) -> None:
        key = self._chance.choice([one.key for one in OPERATIONS if one.key in self._bodies])
        body = self._chance.choice(self._bodies[key])
        await self._send(body.replace(NUMBER, self._number()))

    async def _cold(self) -> None:
        key = self._chance.choice([one.key for one in COLD])
        await self._send(self._chance.choice(self._bodies[key]).replace(NUMBER, self._number()))

    async def _page(self) -> None:
        chance = self._chance
        await self._send(
            {
                "query": """query ($first: Int, $filter: CustomerFilter, $sort: CustomerSort) {
                  customers(first: $first, filter: $filter, sort: $sort) { totalCount
                  edges { cursor node { id name labels customerClass { name } } }
                  pageInfo { hasNextPage endCursor } } }""",
                "variables": {
                    "first": chance.randint(0, 500),
                    "filter": chance.choice(
                        (
                            None,
                            {"classIds": [class_id(chance.randint(1, CLASSES))]},
                            {"text": f"{chance.randint(0, 999):03d}"},
                        )
                    ),
                    "sort": chance.choice(("NAME_ASC", "NAME_DESC", "CREATED_AT_DESC")),
                },
            }
        )

    async def _life(self) -> None:
        number = self._number()
        wanted = {"name": f"Soak {number} Limited", "classId": class_id(CHECKED_CLASS)}
        saved = await self._send({"query": SAVE, "variables": {"input": wanted}})
        customer = saved["data"]["saveCustomer"]["customer"]
        for document in CUSTOMER_LIFE:
            variables = {"id": customer["id"], "text": f"Text {number}"}
            answer = await self._send({"query": document, "variables": variables})
            if "errors" in answer:
                raise RuntimeError(f"{document}: {answer}")

    async def _subscribe(self) -> None:
        followed = seeded_id(self._chance.randint(1, self._size))
        query = f'subscription {{ customerEnriched(customerId: "{followed}") {{ id }} }}'
        url = self._server.url.replace("http", "ws", 1)
        async with self._session.ws_connect(url, protocols=[SUBPROTOCOL]) as socket:
            await socket.send_json({"type": "connection_init"})
            await socket.receive()
            await socket.send_json({"type": "subscribe", "id": "1", "payload": {"query": query}})
            await socket.send_json({"type": "ping"})
            await socket.receive()

    async def _wrong(self) -> None:
        answer = await self._send(self._chance.choice(WRONG).replace("NUMBER", self._number()))
        if "errors" not in answer:
            raise RuntimeError(f"taken for right: {answer}")


async def _soak(data: Data, size: int, minutes: float) -> None:
    await data.create(size)
    try:
        async with running(SERVERS[0], data, "warning") as server:
            seen: Counter[str] = Counter()
            begun = time.monotonic()
            end = begun + minutes * 60
            print(f"minutes  MB  {await server.memory_mb():.0f} at the start", flush=True)
            clients = [Client(server, size, place, seen) for place in range(CLIENTS)]
            async with asyncio.TaskGroup() as group:
                for client in clients:
                    group.create_task(client.send_until(end))
                while time.monotonic() < end:
                    await asyncio.sleep(min(60, max(end - time.monotonic(), 0.1)))
                    passed, memory = (time.monotonic() - begun) / 60, await server.memory_mb()
                    print(f"{passed:7.0f} {memory:4.0f}  {dict(seen)}", flush=True)
    finally:
        await data.drop()


@click.command()
@click.option(
    "--minutes", type=click.FloatRange(0.1, 240), default=60, show_default=True, help="How long."
)
@click.option(
    "--size",
    type=click.IntRange(500, 1_000_000),
    default=10_000,
    show_default=True,
    help="Customers.",
)
@click.option(
    "--postgres-url",
    envvar="BENCHMARK_DATABASE_URL",
    help="PostgreSQL server on which to create a database; default: SQLite.",
)
def main(minutes: float, size: int, postgres_url: str | None) -> None:
    """Start this server on a new database, load it, and print its memory each minute."""
    with tempfile.TemporaryDirectory(prefix="customer-classes-") as folder:
        data: Data = (
            PostgresData(postgres_url, "customer_classes_soak")
            if postgres_url
            else SqliteData(Path(folder) / "soak.sqlite3")
        )
        asyncio.run(_soak(data, size, minutes))


if __name__ == "__main__":
    main()
