"""A sender that is killed between the post and its storing: the event arrives again, in order."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from datetime import UTC, datetime, timedelta
from functools import partial

from aiohttp import web

from models import WebhookDelivery
from models.changes.customer_editing import edit_customer
from models.jobs.webhook_fan_out import fan_out
from models.storage.database import Database
from models.tables.audit import ActorContext
from tests.factories import add_customer
from tests.webhook_receiver import add_endpoint, receiving, sending

PROGRAM = """
import asyncio, sys
from datetime import UTC, datetime
from models.storage.database import Database
from tests.webhook_receiver import sending

async def main():
    database = Database(sys.argv[1])
    await database.open()
    async with sending(database, lambda: datetime.now(UTC), total_s=60) as sender:
        await sender.run()

asyncio.run(main())
"""


def now() -> datetime:
    return datetime.now(UTC)


async def test_a_killed_sender_loses_nothing(database: Database, act: ActorContext) -> None:
    arrived = asyncio.Event()

    async def never(_: web.Request) -> web.StreamResponse:
        arrived.set()
        await asyncio.sleep(60)
        return web.Response()

    async with receiving() as receiver:
        await add_endpoint(database, receiver.url, now)
        customer = await add_customer(database, act)
        for name in ("A", "B"):
            await database.transaction(
                partial(edit_customer, act, customer.id, {"name": name}, None)
            )
        await fan_out(database, now())
        receiver.answers = [204, never]
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", PROGRAM, database.url, stdout=PIPE, stderr=PIPE
        )
        async with asyncio.timeout(60):
            await arrived.wait()
        process.kill()
        await process.communicate()
        rows = await WebhookDelivery.all().order_by("position")
        assert [row.state for row in rows] == ["DELIVERED", "PENDING", "PENDING"]
        async with sending(database, now) as sender:
            assert await sender.send_due() == 0  # the lease has not ended yet
        later = now() + timedelta(minutes=2)
        async with sending(database, lambda: later) as sender:
            await sender.send_due()
        versions = [one.data["data"]["customerVersion"] for one in receiver.taken]
        assert versions == [1, 2, 2, 3]
        assert receiver.ids[1] == receiver.ids[2]
        assert await WebhookDelivery.exclude(state="DELIVERED").count() == 0


async def test_a_sender_that_is_stopped_gives_its_lanes_back(
    database: Database, act: ActorContext
) -> None:
    arrived = asyncio.Event()

    async def slow(_: web.Request) -> web.StreamResponse:
        arrived.set()
        await asyncio.sleep(60)
        return web.Response()

    async with receiving() as receiver:
        await add_endpoint(database, receiver.url, now)
        await add_customer(database, act)
        await fan_out(database, now())
        receiver.answers = [slow]
        async with sending(database, now, total_s=60) as sender:
            sender._options = type(sender._options)(grace_s=0.0)
            running = asyncio.create_task(sender.run())
            await arrived.wait()
            sender.stop()
            await running
        async with sending(database, now) as sender:
            assert await sender.send_due() == 1
        assert receiver.ids[0] == receiver.ids[1]
