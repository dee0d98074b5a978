"""`manage.py move`: an SQLite database becomes one of PostgreSQL, completely or not at all."""

import asyncio
import json
import re
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from tests.data_commands import kill_at, rows_of
from tests.databases import Databases, PostgresDatabases
from tests.processes import ROOT, ask, line_with, run, start, stop

QUERIES = (
    """{ customers(first: 50) { totalCount nodes { id name accountNumber version changedAt
    customerClass { code } parent { id } enrichment { status }
    contacts { id name email isActive changedAt }
    profile { employees { value source } netAssets { value currency } } } } }""",
    '{ customers(filter: { text: "ourword" }, first: 50) { totalCount nodes { id } } }',
    "{ auditTrail(first: 100) { nodes { id operation at reason actorId } } }",
    "{ customerClasses(first: 50) { nodes { id code name } } }",
    "{ users(first: 50) { nodes { id name effectivePermissions { code } } } }",
    "{ webhookEndpoints(first: 50) { nodes { id url isActive } } }",
    "{ events(first: 100) { nodes { id type } newestCursor } }",
)


@dataclass
class Source:
    """An SQLite file with rows in all tables, and a token for it."""

    path: Path
    token: str

    @property
    def url(self) -> str:
        return f"sqlite://{self.path}"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    path = tmp_path_factory.mktemp("source") / "source.sqlite3"
    return Source(path, "")


@pytest.fixture
async def filled(source: Source) -> Source:
    """Return the file, which is filled for the first test."""
    if not source.token:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.sqlite_world", str(source.path)),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
        )
        source.token = (await process.communicate())[0].decode().strip()
        assert process.returncode == 0
    return source


@pytest.fixture
async def target(databases: Databases) -> AsyncIterator[str]:
    """Yield the URL of a migrated PostgreSQL database."""
    if not isinstance(databases, PostgresDatabases):
        pytest.skip("`move` needs a PostgreSQL server: see TEST_DATABASE_URL")
    url = await databases.create()
    yield url
    await databases.drop(url)


async def move(source: Source, url: str) -> tuple[int | None, str, str]:
    return await run("move", "--to", url, DATABASE_URL=source.url)


async def answers(url: str, token: str) -> list[tuple[int, object]]:
    """Return what a server on a database answers to QUERIES."""
    server = await start("serve", "--no-worker", DATABASE_URL=url, PORT="0", LOG_LEVEL="error")
    try:
        address = (await line_with(server, "GraphQL ")).split()[0]
        found = [await ask(address, token, one) for one in QUERIES]
    finally:
        await stop(server)
    return [(status, json.loads(body).get("data")) for status, body in found]


async def test_a_moved_database_gives_the_same_answers(filled: Source, target: str) -> None:
    status, told, errors = await move(filled, target)
    assert (status, errors) == (0, "")
    assert "6 consent ledgers verified" in told
    lines = dict(re.findall(r"^(\w+): ([\d,]+) rows$", told, re.MULTILINE))
    assert len(lines) >= 44
    assert "0" not in lines.values()  # no kind of row is left out of the test
    before, after = await answers(filled.url, filled.token), await answers(target, filled.token)
    assert all(status == 200 and data for status, data in before)
    assert after == before
    # Ids and numbers go on after the highest ones that were given.
    ((highest,),), ((ledger,),) = await rows_of(
        filled.url,
        "SELECT seq FROM sqlite_sequence WHERE name = 'job_pause'",
        "SELECT max(number) FROM event",
    )
    assert isinstance(highest, int)
    (next_id,), (number,), (disordered,), (disabled,) = await rows_of(
        target,
        "INSERT INTO job_pause (kind, paused_at) VALUES ('three', now()) RETURNING id",
        "SELECT last_number FROM numbering WHERE name = 'event'",
        "SELECT count(*) FROM event AS a JOIN event AS b"
        " ON a.number < b.number AND a.sequence >= b.sequence",
        "SELECT count(*) FROM pg_trigger WHERE tgenabled <> 'O'",
    )
    assert (next_id, number, disordered, disabled) == ((highest + 1,), (ledger,), (0,), (0,))
    again = await move(filled, target)
    assert again[0] == 1
    assert again[2].startswith("Error: The target is not empty: ")


async def test_a_killed_move_leaves_the_target_empty(filled: Source, target: str) -> None:
    arguments = ("move", "--to", target)
    await kill_at("commands.data.copying", "verify_ledgers", *arguments, DATABASE_URL=filled.url)
    found = await rows_of(target, "SELECT count(*) FROM customer", "SELECT 1 FROM numbering")
    assert found == [[(0,)], [(1,), (1,)]]
    assert (await move(filled, target))[0] == 0


async def test_a_database_in_use_is_not_moved(filled: Source, target: str) -> None:
    with closing(sqlite3.connect(filled.path)) as other:
        other.execute("SELECT count(*) FROM customer").fetchall()
        status, _, errors = await move(filled, target)
    assert status == 1
    assert errors.startswith(f"Error: {filled.path} is in use: ")
    assert await rows_of(target, "SELECT count(*) FROM customer") == [[(0,)]]


async def test_a_copy_that_differs_is_refused(filled: Source, target: str) -> None:
    """A column that rounds stands for whatever might change a value on its way."""
    connection = await asyncpg.connect(target)
    try:
        await connection.execute("ALTER TABLE heartbeat ALTER COLUMN seen_at TYPE timestamptz(0)")
    finally:
        await connection.close()
    status, _, errors = await move(filled, target)
    assert status == 1
    assert errors == "Error: The copy of heartbeat differs. Nothing was moved.\n"
    assert await rows_of(target, "SELECT count(*) FROM customer") == [[(0,)]]


async def test_a_target_without_the_migrations_is_refused(
    databases: Databases, filled: Source
) -> None:
    if not isinstance(databases, PostgresDatabases):
        pytest.skip("`move` needs a PostgreSQL server: see TEST_DATABASE_URL")
    url = await databases.create_empty()
    status, _, errors = await move(filled, url)
    await databases.drop(url)
    assert status == 1
    assert errors == (
        "Error: The target does not have the migrations of this program. Run `manage.py migrate`"
        " on it.\n"
    )
