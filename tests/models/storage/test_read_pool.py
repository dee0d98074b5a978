"""Reads on PostgreSQL do not wait for writers, and survive lost connections."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest
from tortoise.connection import get_connection

from models.storage.database import Database
from models.storage.locks import lock
from models.storage.read_pool import ReadingConnections
from models.storage.sql import run
from models.tables.audit import ActorContext
from models.tables.customer_class import CustomerClass
from tests.factories import add_class

SIZE = 6


async def test_a_read_waits_for_no_writer(database: Database, act: ActorContext) -> None:
    if not database.is_postgres:
        pytest.skip("SQLite has a connection for reading; test_database tells of it")
    row = await add_class(database, act, "A")
    small = Database(database.url, pool_size=SIZE)
    await small.open()
    try:
        has_lock, may_go = asyncio.Event(), asyncio.Event()

        async def hold() -> None:
            await lock(CustomerClass, row.id)
            has_lock.set()
            await may_go.wait()

        async def wait() -> None:
            await lock(CustomerClass, row.id)

        writers = [asyncio.create_task(small.transaction(hold))]
        await has_lock.wait()
        writers += [asyncio.create_task(small.transaction(wait)) for _ in range(2 * SIZE)]
        async with asyncio.timeout(60):
            answers = await asyncio.gather(*(run("SELECT 1", ()) for _ in range(3 * SIZE)))
            assert not any(writer.done() for writer in writers)
            may_go.set()
            await asyncio.gather(*writers)
        assert [one for ((one,),) in answers] == [1] * (3 * SIZE)
    finally:
        await small.close()


RUNNING = """SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'
    AND datname = current_database()"""


async def test_a_read_that_is_given_up_ends_and_spoils_nothing(database: Database) -> None:
    if not database.is_postgres:
        pytest.skip("SQLite answers before anybody can give up")

    async def until_running(expected: int) -> None:
        async with asyncio.timeout(60):
            while (await run(RUNNING, ()))[0][0] != expected:  # noqa: ASYNC110  # another process
                await asyncio.sleep(0)

    for _ in range(2 * SIZE):
        slow = asyncio.create_task(run("SELECT pg_sleep(600)", ()))
        await until_running(1)
        slow.cancel()
        with pytest.raises(asyncio.CancelledError):
            await slow
        await until_running(0)
    ((one,),) = await run("SELECT 1", ())
    assert one == 1


@pytest.mark.usefixtures("database")
async def test_a_refused_statement_leaves_its_connection_good() -> None:
    for _ in range(3 * SIZE):
        with pytest.raises(Exception, match="nothing_of_the_kind"):
            await run("SELECT * FROM nothing_of_the_kind", ())
    ((one,),) = await run("SELECT 1", ())
    assert one == 1


@asynccontextmanager
async def silenced(database: Database) -> AsyncIterator[tuple[str, asyncio.Event]]:
    """Yield a proxy's URL for the server, and an event: while it is cleared, no data passes."""
    server = urlsplit(database.url)
    speaks = asyncio.Event()
    speaks.set()

    async def pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while data := await source.read(65_536):
            await speaks.wait()
            target.write(data)
        target.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to, at = await asyncio.open_connection(server.hostname, server.port or 5432)
        await asyncio.gather(pass_on(reader, at), pass_on(to, writer), return_exceptions=True)

    way = await asyncio.start_server(connected, "127.0.0.1", 0)
    port = way.sockets[0].getsockname()[1]
    user = f"{server.username}:{server.password}" if server.password else server.username
    try:
        yield server._replace(netloc=f"{user}@127.0.0.1:{port}").geturl(), speaks
    finally:
        speaks.set()
        way.close()


async def test_a_server_that_falls_silent_holds_nobody_who_gave_up(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not database.is_postgres:
        pytest.skip("SQLite has no server")
    monkeypatch.setattr("models.storage.read_pool.ABORT_TIMEOUT_S", 0.05)
    async with silenced(database) as (url, speaks):
        far = Database(url, pool_size=SIZE)
        await far.open()
        try:
            assert await run("SELECT 1", ())
            assert await get_connection("default").execute_query("SELECT 1")
            speaks.clear()
            async with asyncio.timeout(60):  # it would be occupied until the server responds again
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.05):
                        await run("SELECT 1", ())
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.05):
                        await get_connection("default").execute_query("SELECT 1")
            speaks.set()
            assert await run("SELECT 1", ())
        finally:
            speaks.set()
            await far.close()


async def test_a_connection_that_still_reads_at_the_close_is_closed_after_it() -> None:
    begun, may_end, ended = asyncio.Event(), asyncio.Event(), []

    class Slow:
        """A connection whose statement waits until the test lets it end."""

        async def fetch(self, *_: object) -> list[tuple[int]]:
            """Wait for the test's signal, then return a row."""
            begun.set()
            await may_end.wait()
            return [(1,)]

        def terminate(self) -> None:
            """Record that the connection was terminated."""
            ended.append(self)

    async def connect() -> Slow:
        return Slow()

    connections = ReadingConnections(connect, most=1)
    reading = asyncio.create_task(connections.fetch("SELECT 1", ()))
    await begun.wait()
    await connections.close()
    may_end.set()
    assert await reading == [(1,)]
    assert len(ended) == 1
