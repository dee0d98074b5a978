"""Causes faults in a real database, so that drivers report them as in production."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
from tortoise.connection import get_connection

from models.storage.database import Database

OTHERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = $1 AND pid <> pg_backend_pid()"
)


@asynccontextmanager
async def maintenance(database: Database) -> AsyncIterator[tuple[Any, str]]:
    """Connect to the server's own database; yield the connection and the tested database's name."""
    parts = urlsplit(database.dsn)
    connection = await asyncpg.connect(urlunsplit(parts._replace(path="/postgres")))
    try:
        yield connection, parts.path.removeprefix("/")
    finally:
        await connection.close()


async def end_connections(connection: Any, name: str) -> None:
    """End all other connections to a PostgreSQL database, as its restart does."""
    await connection.fetch(OTHERS, name)
    pool = getattr(get_connection("default"), "_pool", None)
    while pool is not None and not all(one.is_closed() for one in pool._idle):  # noqa: ASYNC110
        await asyncio.sleep(0)  # The driver notices on the next iteration of the event loop.


@asynccontextmanager
async def lost(database: Database) -> AsyncIterator[None]:
    """Make the database unavailable: connections end, and new ones are refused."""
    if not database.is_postgres:
        client: Any = get_connection("default")
        await client._connection.close()
        assert database._reader is not None
        database._reader.close()
        yield
        client._connection = None
        await client.create_connection(with_db=True)
        database._reader = database._open_reader()
        return
    async with maintenance(database) as (connection, name):
        await connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        try:
            await end_connections(connection, name)
            yield
        finally:
            await connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')


@asynccontextmanager
async def read_only(database: Database) -> AsyncIterator[None]:
    """Make the database refuse writes, as a standby does."""
    if not database.is_postgres:
        await get_connection("default").execute_script("PRAGMA query_only = ON")
        yield
        await get_connection("default").execute_script("PRAGMA query_only = OFF")
        return
    async with maintenance(database) as (connection, name):
        setting = f'ALTER DATABASE "{name}" SET default_transaction_read_only = '
        await connection.execute(f"{setting} on")
        try:
            await end_connections(connection, name)
            yield
        finally:
            await connection.execute(f"{setting} off")
            await end_connections(connection, name)


@asynccontextmanager
async def full(database: Database) -> AsyncIterator[None]:
    """Stop SQLite's file from growing."""
    client: Any = get_connection("default")
    ((pages,),) = await client._connection.execute_fetchall("PRAGMA page_count")
    await client.execute_script(f"PRAGMA max_page_count = {pages}")
    assert not database.is_postgres
    yield
    await client.execute_script("PRAGMA max_page_count = 1000000")


@asynccontextmanager
async def locked(database: Database) -> AsyncIterator[None]:
    """Hold a lock on all tables that saving a customer writes to."""
    if not database.is_postgres:
        path = database.config["connections"]["default"]["credentials"]["file_path"]
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
            other.execute("ROLLBACK")
        return
    connection = await asyncpg.connect(database.dsn)
    try:
        await connection.execute("BEGIN; LOCK TABLE audit_entry IN EXCLUSIVE MODE")
        yield
    finally:
        await connection.close()
