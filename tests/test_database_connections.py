"""Whether all processes together fit into the connections that PostgreSQL allows."""

import pytest

from commands.database_connections import (
    connection_findings,
    needed_connections,
    too_few_connections,
)
from settings import Settings
from tests.captured_logs import captured_logs
from tests.databases import Databases

URL = "postgres://nobody@127.0.0.1:9/x"


@pytest.mark.parametrize(
    ("pool", "processes", "needed"),
    [
        (12, 3, 52),  # 13 each, and 13 more while one is replaced
        (6, 1, 14),
    ],
)
def test_each_process_needs_its_pool_and_one_for_notifications(
    pool: int, processes: int, needed: int
) -> None:
    settings = Settings(database_url=URL, database_pool_size=pool)
    assert needed_connections(settings, processes) == needed
    assert too_few_connections(settings, processes, needed) is None
    found = too_few_connections(settings, processes, needed - 1)
    assert found is not None
    assert (found.code, found.variable) == ("TOO_FEW_DATABASE_CONNECTIONS", "DATABASE_POOL_SIZE")
    assert f"up to {needed} database connections" in found.message


def test_behind_a_pooler_only_direct_connections_count() -> None:
    pooled = Settings(database_url=URL, database_pooler="transaction", database_direct_url=URL)
    assert needed_connections(pooled, 3) == 4


async def test_the_start_tells_what_is_needed_and_what_is_allowed(databases: Databases) -> None:
    url = await databases.create()
    settings = Settings(database_url=url, database_pool_size=100)
    with captured_logs("json") as log:
        found = await connection_findings(settings, 1_000)
    if url.startswith("sqlite"):
        assert (found, log.getvalue()) == ([], "")
    else:
        assert [one.code for one in found] == ["TOO_FEW_DATABASE_CONNECTIONS"]
        assert '"needed":101101' in log.getvalue()
    await databases.give_back(url)


async def test_a_database_that_does_not_answer_is_not_reported_here() -> None:
    assert await connection_findings(Settings(database_url=URL), 2) == []
