"""If a server is killed while it handles a mutation with a key, a repeat makes the change once."""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

import aiohttp
import pytest

from models import AuditEntry, Customer, Event, IdempotentRequest
from models.storage.database import Database
from models.storage.sql import Sql, execute
from models.tables.access import Scope, issue_token
from tests.graphql_client import Json, document_of
from tests.processes import ROOT, environment, line_with, stop

PATIENCE_S = 30.0
SAVE = {
    "query": document_of("saveCustomer", "isReplayed customer { id name }"),
    "variables": {"input": {"name": "Acme", "classCode": "CHARITY"}},
}
KEY = "8e03978e-40d5-43dd-bc93-6894a57f9324"

pytestmark = pytest.mark.skipif(
    not hasattr(signal, "SIGKILL"), reason="this system can't kill a process outright"
)


@asynccontextmanager
async def server(database: Database, *module: str) -> AsyncIterator[tuple[Process, str]]:
    """Run a server process; yield it and the URL of its endpoint."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *module,
        "serve",
        "--no-worker",
        cwd=ROOT,
        env=environment(DATABASE_URL=database.url, PORT="0"),
        stdout=PIPE,
        stderr=PIPE,
    )
    try:
        yield process, await line_with(process, "GraphQL ")
    finally:
        await stop(process, signal.SIGKILL)


async def save(url: str, token: str) -> Json:
    """Save a customer with the key; return the payload."""
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": KEY}
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, json=SAVE, headers=headers) as response,
    ):
        payload: Json = (await response.json())["data"]["saveCustomer"]
        return payload


async def kill_while_saving(process: Process, url: str, token: str) -> None:
    """Save a customer, and kill the server before it answers, once the change is stored."""
    saving = asyncio.create_task(save(url, token))
    async with asyncio.timeout(PATIENCE_S):
        while not await IdempotentRequest.exists():
            assert not saving.done()
            await asyncio.sleep(0.02)
    assert not saving.done()
    await stop(process, signal.SIGKILL)
    with suppress(aiohttp.ClientError):
        await saving
        raise AssertionError("the server has answered")


async def test_a_change_whose_answer_was_lost_is_made_once(database: Database) -> None:
    """The process is killed between the commit and the answer; another one answers the repeat."""
    token = await issue_token("Pat Partner", frozenset(Scope), datetime.now(UTC))
    async with server(database, "-m", "tests.halting_server") as (victim, url):
        await kill_while_saving(victim, url, token)
    assert victim.returncode == -signal.SIGKILL
    customer = await Customer.get()

    async with server(database, "manage.py") as (_, url):
        repeats = [await save(url, token) for _ in range(2)]
    shown = {"isReplayed": True, "customer": {"id": customer.id, "name": "Acme"}, "userErrors": []}
    assert repeats == [shown, shown]
    assert await Customer.all().count() == 1
    assert await AuditEntry.filter(operation="customer.created").count() == 1
    assert await Event.all().count() <= 1


async def test_a_change_that_was_not_committed_is_made_by_the_repeat(database: Database) -> None:
    """The process is killed while its transaction waits, so that nothing is stored."""
    if not database.is_postgres:
        pytest.skip("on SQLite, no transaction waits for a lock inside another")
    token = await issue_token("Pat Partner", frozenset(Scope), datetime.now(UTC))
    async with server(database, "manage.py") as (victim, url):
        has_begun, may_end = asyncio.Event(), asyncio.Event()

        async def hold() -> None:
            await execute(Sql("LOCK TABLE customer IN EXCLUSIVE MODE"))
            has_begun.set()
            await may_end.wait()

        holding = asyncio.create_task(database.transaction(hold))
        await has_begun.wait()
        saving = asyncio.create_task(save(url, token))
        await asyncio.sleep(1)
        assert not saving.done()
        await stop(victim, signal.SIGKILL)
        with suppress(aiohttp.ClientError):
            await saving
        may_end.set()
        await holding
    assert not await Customer.exists()
    assert not await IdempotentRequest.exists()
    async with server(database, "manage.py") as (_, url):
        assert (await save(url, token))["isReplayed"] is False
    assert await Customer.all().count() == 1
