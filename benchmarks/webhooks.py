"""Measures how long events take to webhook endpoints while some of these hang.

`python -m benchmarks.webhooks --database postgres://…` makes a database of its own there, and drops
it. Events are written at a steady rate; each goes to one endpoint. Senders run in this process, or
in further ones (`--senders`); the receiver runs in a process of its own, so that only sending is
measured. A delay is from the event's `at` to the arrival of its first attempt that was accepted.
"""

import argparse
import asyncio
import logging
import multiprocessing
import statistics
import time
from collections import defaultdict
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import structlog
from aiohttp import web

from models import Event, WebhookDelivery, WebhookEndpoint
from models.jobs.webhook_fan_out import keep_fanning_out, newest_number
from models.rules.event_type import EventType
from models.rules.webhook_secret import new_secret
from models.storage.database import Database
from models.storage.identifiers import new_customer_id
from models.storage.row_insert import add_rows
from models.tables.event import EVENTS, Owner, new_event
from models.tables.event_feed import keep_numbering_events
from models.tables.webhook import WEBHOOKS, WebhookOptions
from notifications.webhooks.poster import Poster
from notifications.webhooks.safe_session import open_session
from notifications.webhooks.sender import Sender
from tests.databases import PostgresDatabases, SqliteDatabases

OPTIONS = WebhookOptions(allows_private=True)


def now() -> datetime:
    return datetime.now(UTC)


def receive(found: Connection, dead: int) -> None:
    """Run the receiver: the first `dead` endpoints never answer."""

    async def run() -> None:
        taken: list[tuple[int, str, int, float]] = []

        async def handle(request: web.Request) -> web.Response:
            place = int(request.match_info["place"])
            got = orjson.loads(await request.read())
            if place < dead:
                await asyncio.sleep(60)
            delay = (now() - datetime.fromisoformat(got["timestamp"])).total_seconds()
            data = got["data"]
            taken.append((place, data["customerId"], data["customerVersion"], delay))
            return web.Response(status=204)

        logging.disable()  # aiohttp tells of clients that have gone, as those of dead endpoints do
        app = web.Application()
        app.router.add_post("/{place}", handle)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        found.send(runner.addresses[0][1])
        while not await asyncio.to_thread(found.poll, 0.2):
            pass
        await runner.cleanup()
        found.send(taken)

    asyncio.run(run())


def send(url: str) -> None:
    """Run a further sender until it is terminated."""

    async def run() -> None:
        async with _opened(url) as database:
            await _sender_of(database)

    asyncio.run(run())


@asynccontextmanager
async def _opened(url: str) -> Any:
    database = Database(url)
    await database.open([WEBHOOKS, EVENTS])
    try:
        yield database
    finally:
        await database.close()


async def _sender_of(database: Database) -> None:
    async with open_session(allows_private=True, total_s=5) as session:
        await Sender(database, Poster(session, OPTIONS, now), now).run()


async def prepare(port: int, arguments: argparse.Namespace) -> list[list[str]]:
    """Add endpoints, each for customers of its own; return the ids of these by endpoint."""
    groups = []
    for place in range(arguments.endpoints):
        ids = [new_customer_id() for _ in range(arguments.customers)]
        groups.append(ids)
        endpoint = WebhookEndpoint(
            url=f"http://127.0.0.1:{port}/{place}",
            customer_ids=ids,
            created_at=now(),
            last_modified_at=now(),
            last_number=await newest_number(),
        )
        endpoint.secret = OPTIONS.cipher.encrypt(new_secret(), endpoint.id)
        await endpoint.save(force_create=True)
    return groups


def produce(url: str, groups: list[list[str]], arguments: argparse.Namespace) -> None:
    """Write the events, from a process of its own."""

    async def run() -> None:
        async with _opened(url) as database:
            await write(database, groups, arguments)

    asyncio.run(run())


async def write(database: Database, groups: list[list[str]], arguments: argparse.Namespace) -> None:
    """Write events at the wanted rate, a few in each transaction."""
    versions: dict[str, int] = defaultdict(int)
    everybody = [one for ids in groups for one in ids]
    started, step = asyncio.get_running_loop().time(), 8
    for first in range(0, arguments.events, step):
        await asyncio.sleep(
            max(0.0, started + first / arguments.rate - asyncio.get_running_loop().time())
        )
        rows = []
        for place in range(first, first + step):
            one = everybody[place % len(everybody)]
            versions[one] += 1
            owner = Owner(one, versions[one])
            rows.append(new_event(EventType.CUSTOMER_UPDATED, one, {}, now(), owner))
        await database.transaction(partial(add_rows, rows))


async def measure(url: str, arguments: argparse.Namespace) -> None:
    ours, theirs = multiprocessing.Pipe()
    receiver = multiprocessing.Process(daemon=True, target=receive, args=(theirs, arguments.dead))
    receiver.start()
    port = await asyncio.to_thread(ours.recv)
    async with _opened(url) as database:
        groups = await prepare(port, arguments)
        more = [
            multiprocessing.Process(daemon=True, target=send, args=(url,))
            for _ in range(arguments.senders - 1)
        ]
        for one in more:
            one.start()
        tasks = [
            asyncio.create_task(work)
            for work in (
                keep_numbering_events(database),
                keep_fanning_out(database, now),
                _sender_of(database),
            )
        ]
        used = time.process_time()
        producer = multiprocessing.Process(
            daemon=True, target=produce, args=(url, groups, arguments)
        )
        producer.start()
        await asyncio.to_thread(producer.join)
        wanted = sum(
            place % (arguments.endpoints * arguments.customers)
            >= arguments.dead * arguments.customers
            for place in range(arguments.events)
        )
        loop = asyncio.get_running_loop()
        until = loop.time() + arguments.patience
        while loop.time() < until:
            if await WebhookDelivery.filter(state="DELIVERED").count() >= wanted:
                break
            await asyncio.sleep(0.5)
        used = time.process_time() - used
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for one in more:
            one.terminate()
            one.join()
        ours.send("stop")
        taken = await asyncio.to_thread(ours.recv)
        receiver.join()
        print(f"{await Event.all().count()} events, {wanted} for healthy endpoints")
        print(f"{1000 * used / arguments.events:.2f} ms of CPU an event in this process")
        report(taken)


def report(taken: list[tuple[int, str, int, float]]) -> None:
    newest: dict[str, int] = defaultdict(int)
    disordered = repeated = 0
    for _, customer, version, _ in taken:
        repeated += version == newest[customer]
        disordered += version < newest[customer]
        newest[customer] = max(newest[customer], version)
    delays = sorted(delay for *_, delay in taken)
    cuts = statistics.quantiles(delays, n=100)
    print(f"{len(taken)} delivered, {disordered} out of order, {repeated} twice")
    print(f"p50 {cuts[49]:.3f} s, p99 {cuts[98]:.3f} s, max {delays[-1]:.3f} s")


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", help="a PostgreSQL server; without it, SQLite is measured")
    parser.add_argument("--endpoints", type=int, default=50)
    parser.add_argument("--dead", type=int, default=5)
    parser.add_argument("--customers", type=int, default=20, help="customers of each endpoint")
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--rate", type=float, default=100, help="events a second")
    parser.add_argument("--senders", type=int, default=1)
    parser.add_argument("--patience", type=float, default=60, help="seconds to wait at the end")
    arguments = parser.parse_args()
    with TemporaryDirectory() as folder:
        databases = (
            PostgresDatabases(arguments.database)
            if arguments.database
            else SqliteDatabases(Path(folder))
        )
        await databases.prepare()
        url = await databases.create()
        try:
            await measure(url, arguments)
        finally:
            await databases.give_back(url)
            await databases.close()


structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("warning"))

if __name__ == "__main__":
    multiprocessing.set_start_method("spawn")
    asyncio.run(main())
