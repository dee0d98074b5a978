"""No page or count of the audit trail scans a whole table, for any filter (R96, R98)."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from itertools import product

import asyncpg
import pytest

from models.lists.audit_list import AuditFilter, AuditOrder, count, page
from models.rules.audit_operation import AuditOperation as Of
from models.storage.database import Database
from models.tables.numbering import SPAN
from tests.databases import Databases
from tests.plans import (
    explain_postgres,
    explain_sqlite,
    explaining,
    opened_database,
    seed,
    seeded_database,
    selected_statements,
    whole_tables,
)
from tests.schema.audit_statements import reader

ENTRIES = 20_000
PAGE = 50
START = datetime(2026, 1, 1, tzinfo=UTC)
MIDDLE = START + timedelta(seconds=ENTRIES // 6)
FILTERS = {
    "all": AuditFilter(),
    "request": AuditFilter(request_id="request-4711"),
    "subject": AuditFilter(subject_id="cus_0004711"),
    "common reason": AuditFilter(reason="Companies House lookup"),
    "unknown reason": AuditFilter(reason="Because"),
    "user": AuditFilter(user_id="usr_3"),
    "common actor": AuditFilter(actor_id="system"),
    "rare actor": AuditFilter(actor_id="tok_7"),
    "unknown actor": AuditFilter(actor_id="tok_none"),
    "customer": AuditFilter(customer_id="cus_0004711"),
    "common operation": AuditFilter(operations=[Of.CUSTOMER_ENRICHED]),
    "rare operation": AuditFilter(operations=[Of.CLASS_RETIRED]),
    "operations": AuditFilter(operations=[Of.CLASS_RETIRED, Of.CLASS_DELETED, Of.CUSTOMER_EDITED]),
    "common kind": AuditFilter(subject_kind="cus"),
    "rare kind": AuditFilter(subject_kind="cls"),
    "since": AuditFilter(since=MIDDLE),
    "until": AuditFilter(until=MIDDLE),
    "hour": AuditFilter(since=MIDDLE, until=MIDDLE + timedelta(minutes=1)),
    "override": AuditFilter(is_override=True),
    "no override": AuditFilter(is_override=False),
    "actor and hour": AuditFilter(actor_id="tok_7", since=MIDDLE),
    "actor and operation": AuditFilter(actor_id="tok_7", operations=[Of.CUSTOMER_EDITED]),
}
KEYED = ("request", "subject", "user", "rare actor", "common actor", "unknown actor", "customer")
"""The filters that search by a single key."""
TIMED = ("since", "until", "hour")
PLACES = (None, (MIDDLE, f"aud_{ENTRIES // 2:07}"), (MIDDLE, "aud_unknown"))
"""Cursors: none, of an entry in the middle, and of an entry that no longer exists."""


@pytest.fixture(scope="module")
def seeded(databases: Databases) -> Iterator[str]:
    """Yield the URL of a database with many entries."""
    with seeded_database(databases, lambda url: seed(url, ENTRIES, START)) as url:
        yield url


@pytest.fixture
async def database(seeded: str) -> AsyncIterator[Database]:
    """Yield the seeded database, opened."""
    async with opened_database(seeded) as opened:
        yield opened


@pytest.fixture
async def connection(database: Database) -> AsyncIterator[asyncpg.Connection | None]:
    """Yield a connection for EXPLAIN; None on SQLite."""
    async with explaining(database) as opened:
        yield opened


@pytest.mark.parametrize("name", FILTERS)
async def test_no_page_reads_or_sorts_the_whole_trail(
    name: str, connection: asyncpg.Connection | None
) -> None:
    with selected_statements() as statements:
        for beyond, is_backward in product(PLACES, (False, True)):
            await page(reader(), FILTERS[name], PAGE, beyond=beyond, is_backward=is_backward)
        await page(reader(), FILTERS[name], PAGE, order=AuditOrder.AT_ASC)
    assert await whole_tables(connection, statements) == []
    statements = [one for one in statements if "ORDER BY" in one.text]
    assert len(statements) == 2 * len(PLACES) + 1
    several = len(FILTERS[name].operations or ()) > 1
    if connection is None:
        steps = [step for one in statements for step in explain_sqlite(one)]
        assert several or not any("TEMP B-TREE" in step for step in steps), steps
        return
    for statement, mode in product(statements, ("force_custom_plan", "force_generic_plan")):
        nodes = await explain_postgres(connection, statement, (mode,))
        rows = sum(node["rows"] for node in nodes if node["of"] == "audit_entry")
        if name in KEYED or several:
            assert rows <= 5 * (PAGE + 1), (mode, rows, statement.text, nodes)
        if name in TIMED:
            assert rows <= SPAN + 2 * (PAGE + 1), (mode, rows, statement.text, nodes)


@pytest.mark.parametrize("name", FILTERS)
async def test_counts_are_right_and_read_no_whole_table_for_few(
    name: str, connection: asyncpg.Connection | None
) -> None:
    with selected_statements() as statements:
        counted = await count(FILTERS[name])
    rows, _ = await page(reader(), FILTERS[name], ENTRIES)
    assert counted == min(len(rows), 10_001)
    if counted < ENTRIES // 10:
        assert await whole_tables(connection, statements) == []


def test_the_plans_know_every_filter() -> None:
    used = {
        name
        for wanted in FILTERS.values()
        for name in AuditFilter.__slots__
        if getattr(wanted, name) is not None
    }
    assert used == set(AuditFilter.__slots__)
