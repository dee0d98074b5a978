"""The PostgreSQL connection pool: waiting in order, and releasing in all cases."""

import asyncio
import contextlib
from typing import Any

import asyncpg
import pytest
from tortoise.connection import get_connection
from tortoise.exceptions import TransactionManagementError
from tortoise.transactions import in_transaction

from models.storage.database import Database
from models.storage.database_faults import DatabaseUnavailable, FaultKind, fault_of
from models.storage.sql import run
from models.tables.audit import ActorContext
from models.tables.customer_class import CustomerClass
from tests.databases import Databases
from tests.factories import add_class


class BrokenError(Exception):
    """An error that a test raises."""


@pytest.fixture
async def pool(database: Database) -> Any:
    if not database.is_postgres:
        pytest.skip("SQLite has one connection for writing")
    client: Any = get_connection("default")
    await client.execute_query("SELECT 1")  # makes the pool
    return client._pool


def counted(pool: Any) -> tuple[int, int]:
    """Return the numbers of idle connections and of used ones."""
    return len(pool._idle), len(pool._taken)


async def test_one_connection_serves_what_comes_one_by_one(database: Database, pool: Any) -> None:
    async def work() -> int:
        _, ((process,),) = await get_connection("default").execute_query("SELECT pg_backend_pid()")
        return int(process)

    inside = {await database.transaction(work) for _ in range(5)}
    outside = {await work() for _ in range(5)}
    assert inside == outside
    assert len(inside) == 1
    assert counted(pool) == (1, 0)


async def test_more_than_there_are_connections_for_wait_their_turn(
    database: Database, pool: Any
) -> None:
    most, may_end, ended = pool.size, asyncio.Event(), 0

    async def work() -> None:
        nonlocal ended
        await may_end.wait()
        ended += 1

    units = [asyncio.create_task(database.transaction(work)) for _ in range(3 * most)]
    async with asyncio.timeout(60):
        while len(pool._taken) < most:  # noqa: ASYNC110  # they are being opened
            await asyncio.sleep(0)
        assert counted(pool) == (0, most)
        assert ended == 0
        may_end.set()
        await asyncio.gather(*units)
    assert ended == 3 * most
    assert counted(pool) == (most, 0)


async def test_a_connection_that_ended_is_replaced(database: Database, pool: Any) -> None:
    async def end() -> None:
        with pytest.raises((asyncpg.AdminShutdownError, asyncpg.ConnectionDoesNotExistError)):
            await get_connection("default").execute_query(
                "SELECT pg_terminate_backend(pg_backend_pid())"
            )
        raise BrokenError

    for _ in range(2 * pool.size):
        with pytest.raises(BrokenError):  # regardless of the result of ROLLBACK on that connection
            await database.transaction(end)
    assert counted(pool) == (0, 0)
    assert not await CustomerClass.filter(name="A").exists()
    assert counted(pool) == (1, 0)


async def test_a_transaction_that_can_not_begin_takes_no_turn(
    database: Database, pool: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any) -> None:
        raise BrokenError

    async def work() -> bool:
        return True

    with monkeypatch.context() as patch:
        patch.setattr("models.storage.tenant_clients.PostgresTransaction.begin", fail)
        for _ in range(2 * pool.size):
            with pytest.raises(BrokenError):
                await database.transaction(work)
    async with asyncio.timeout(60):
        assert await database.transaction(work)


@pytest.mark.usefixtures("pool")
async def test_what_is_undone_inside_leaves_the_rest(database: Database, act: ActorContext) -> None:
    row = await add_class(database, act, "A")

    async def rename(name: str, *, is_broken: bool) -> None:
        try:
            async with in_transaction():
                await CustomerClass.filter(id=row.id).update(name=name)
                if is_broken:
                    raise BrokenError
        except BrokenError:
            pass

    async def work() -> None:
        await rename("B", is_broken=False)
        async with in_transaction():
            await rename("C", is_broken=True)
            await CustomerClass.filter(id=row.id).update(display_position=7)
        await rename("D", is_broken=True)

    await database.transaction(work)
    await row.refresh_from_db()
    assert (row.name, row.display_position) == ("B", 7)


async def test_a_refused_statement_undoes_the_transaction_alone(
    database: Database, pool: Any, act: ActorContext
) -> None:
    row = await add_class(database, act, "A")

    async def work() -> None:
        await CustomerClass.filter(id=row.id).update(name="B")
        await get_connection("default").execute_query("SELECT * FROM nothing_of_the_kind")

    for _ in range(2 * pool.size):
        with pytest.raises(Exception, match="nothing_of_the_kind"):
            await database.transaction(work)
    await row.refresh_from_db()
    assert row.name == "A"
    assert counted(pool)[1] == 0


async def test_a_transaction_that_is_given_up_as_it_begins_is_nobody_elses(
    database: Database, pool: Any, act: ActorContext
) -> None:
    async def begin() -> None:
        async with in_transaction():
            await asyncio.Event().wait()

    row = await add_class(database, act, "A")
    for position in range(100, 110):
        beginning = asyncio.create_task(begin())
        async with asyncio.timeout(60):
            while counted(pool)[1] == 0:  # noqa: ASYNC110  # it is being taken
                await asyncio.sleep(0)
        beginning.cancel()
        await asyncio.gather(beginning, return_exceptions=True)
        await CustomerClass.filter(id=row.id).update(display_position=position)
        stored = await run("SELECT display_position FROM customer_class WHERE id = ?", (row.id,))
        assert [tuple(one) for one in stored] == [(position,)]
    assert counted(pool)[1] == 0


async def test_a_unit_that_went_on_after_a_refusal_is_told_that_nothing_is_stored(
    database: Database, pool: Any, act: ActorContext
) -> None:
    row = await add_class(database, act, "A")

    async def work() -> None:
        await CustomerClass.filter(id=row.id).update(name="B")
        with contextlib.suppress(Exception):
            await get_connection("default").execute_query("SELECT * FROM nothing_of_the_kind")

    with pytest.raises(TransactionManagementError, match="Nothing was stored"):
        await database.transaction(work)
    await row.refresh_from_db()
    assert row.name == "A"
    assert counted(pool)[1] == 0


async def test_who_waits_when_the_pool_is_closed_is_refused(database: Database, pool: Any) -> None:
    may_end = asyncio.Event()

    async def ask() -> None:
        await get_connection("default").execute_query("SELECT 1")

    units = [asyncio.create_task(database.transaction(may_end.wait)) for _ in range(pool.size)]
    async with asyncio.timeout(60):
        while counted(pool)[1] < pool.size:  # noqa: ASYNC110  # they are being opened
            await asyncio.sleep(0)
        waiting = [asyncio.create_task(ask()) for _ in range(3)]
        await asyncio.sleep(0)
        closing = asyncio.create_task(pool.close())
        await asyncio.sleep(0)
        may_end.set()
        await asyncio.gather(*units, closing)
        for refused in await asyncio.gather(*waiting, ask(), return_exceptions=True):
            assert isinstance(refused, asyncpg.InterfaceError), refused
    assert counted(pool) == (0, 0)


async def test_what_is_under_way_ends_with_its_own_error_when_all_is_closed_at_once(
    pool: Any,
) -> None:
    async def sleep() -> None:
        await get_connection("default").execute_query("SELECT pg_sleep(30)")

    asleep = asyncio.create_task(sleep())
    async with asyncio.timeout(60):
        while counted(pool)[1] == 0:  # noqa: ASYNC110  # it is being taken
            await asyncio.sleep(0)
        pool.terminate()
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await asleep
    assert counted(pool) == (0, 0)
    assert not pool._turns.locked()


class Ended:
    """A connection that the server ended while it was idle."""

    def is_closed(self) -> bool:
        return False

    def is_in_transaction(self) -> bool:
        return False

    async def execute(self, _: str) -> None:
        raise asyncpg.ConnectionDoesNotExistError

    def terminate(self) -> None:
        self.is_closed = lambda: True  # type: ignore[method-assign]  # as a driver's would be


async def test_a_unit_begins_on_another_connection_if_those_that_are_kept_have_ended(
    database: Database, pool: Any
) -> None:
    async def work() -> bool:
        return True

    await pool._idle.pop().close()
    pool._idle += [Ended() for _ in range(pool.size)]
    assert await database.transaction(work)
    assert counted(pool) == (1, 0)


async def test_who_waits_long_for_a_connection_is_told_so_and_leaves_none_behind(
    database: Database, pool: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.storage.connection_pool.MAX_WAIT_S", 0.02)
    taken = [await pool.acquire() for _ in range(pool.size)]
    with pytest.raises(DatabaseUnavailable) as refused:
        await pool.acquire()
    assert refused.value.fault.kind is FaultKind.OVERLOADED
    for connection in taken:
        await pool.release(connection)
    again = [await pool.acquire() for _ in range(pool.size)]
    assert len(set(map(id, again))) == pool.size
    for connection in again:
        await pool.release(connection)
    await database.transaction(lambda: run("SELECT 1", ()))


async def test_a_statement_that_takes_too_long_is_stopped(databases: Databases) -> None:
    """For example because the server hangs; later statements are served."""
    url = await databases.borrow()
    database = Database(url, timeout_s=0.1)
    if not database.is_postgres:
        pytest.skip("SQLite answers by itself")
    await database.open()
    connection = get_connection("default")
    for stuck in (
        database.transaction(lambda: connection.execute_query("SELECT pg_sleep(30)")),
        run("SELECT pg_sleep(30)", ()),
    ):
        with pytest.raises(TimeoutError) as stopped:
            await stuck
        fault = fault_of(stopped.value)
        assert fault is not None
        assert fault.kind is FaultKind.TIMEOUT
    await database.transaction(lambda: run("SELECT 1", ()))
    await run("SELECT 1", ())
    await database.close()
    await databases.give_back(url)
