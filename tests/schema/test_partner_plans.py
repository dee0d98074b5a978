"""The cost of a partner's lists depends on the partner's rows, not on the platform's (R99).

On PostgreSQL rows are counted as they were read, planned for the values and for any values; on
SQLite the steps of its machine.
"""

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from itertools import product

import asyncpg
import pytest
from tortoise.connection import get_connection

from models import Customer, CustomerClass
from models.lists import audit_list
from models.lists.audit_list import AuditFilter
from models.lists.customer_list import (
    CustomerFilter,
    CustomerOrder,
    count,
    count_of_classes,
    first_of_classes,
    page,
)
from models.rules.audit_operation import AuditOperation
from models.storage import row_query
from models.storage.database import READER, Database
from models.storage.tenant_scope import bind_tenant, preserve_tenant_scope
from tests.databases import Databases
from tests.graphql_client import context_of, the_schema
from tests.partner_world import partner
from tests.plans import (
    MODES,
    Statement,
    explain_postgres,
    explaining,
    opened_database,
    seed,
    seeded_database,
    selected_statements,
)
from tests.schema.audit_statements import reader as entry_reader
from tests.schema.customer_statements import FILTERS, PLACES, START, reader

CUSTOMERS = 20_000
SMALL, LARGE = "cus_0000033", "cus_0000001"
"""Resellers with ten customers, and with a tenth of all customers."""

FEW = 300
"""The most rows that may be read for the eleven rows of the small partner."""
STEPS = 20
"""The most steps, in thousands, that SQLite may take for it."""

FEW_ROWS = {None, "customer_class", "customer_template", "platform_defaults"}
"""Tables that stay small, and None for plan nodes without a table."""

ADOPT = f"""UPDATE customer SET parent_id = '{SMALL}' WHERE id IN (SELECT id FROM customer
    WHERE parent_id IS NULL AND erased_at IS NULL AND id <> '{SMALL}' ORDER BY id
    LIMIT 10 OFFSET 500)"""


@pytest.fixture(scope="module")
def seeded(databases: Databases) -> Iterator[str]:
    """Yield the URL of a database with many customers, of whom ten buy through one reseller."""

    async def fill(url: str) -> None:
        await seed(url, CUSTOMERS, START)
        if url.startswith("sqlite"):
            with closing(sqlite3.connect(url.removeprefix("sqlite://"))) as file:
                file.execute(ADOPT)
                file.commit()
            return
        connection = await asyncpg.connect(url)
        await connection.execute(ADOPT)
        await connection.execute("VACUUM ANALYZE")
        await connection.close()

    with seeded_database(databases, fill) as url:
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


async def cost(connection: asyncpg.Connection | None, statement: Statement) -> int:
    """Return the most rows of large tables that a statement reads, or SQLite's steps / 1,000."""
    if connection is not None:
        rows = []
        for mode in MODES:
            nodes = await explain_postgres(connection, statement, (mode,))
            rows.append(sum(int(node["rows"]) for node in nodes if node["of"] not in FEW_ROWS))
        return max(rows)
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 1
        return 0

    file: sqlite3.Connection = getattr(get_connection("default"), READER)
    file.set_progress_handler(step, 1000)
    try:
        file.execute(statement.text, statement.parameters).fetchall()
    finally:
        file.set_progress_handler(None, 0)
    return steps


async def worst(connection: asyncpg.Connection | None, statements: list[Statement]) -> int:
    """Return the highest cost of some statements."""
    return max([await cost(connection, one) for one in statements])


def allowed(connection: asyncpg.Connection | None) -> int:
    return STEPS if connection is None else FEW


@pytest.mark.parametrize("name", FILTERS)
async def test_no_list_of_a_small_partner_goes_through_those_of_others(
    name: str, connection: asyncpg.Connection | None
) -> None:
    with selected_statements() as statements, preserve_tenant_scope():
        bind_tenant(SMALL)
        for order, is_deep, is_backward in product(CustomerOrder, (False, True), (False, True)):
            beyond = (PLACES[order.column], "cus_1") if is_deep else None
            await page(reader(), FILTERS[name], order, 50, beyond=beyond, is_backward=is_backward)
        await count(FILTERS[name])
    assert len(statements) == 2 * (
        4 * len(CustomerOrder) + 1
    )  # each first counts the rows in scope
    assert await worst(connection, statements) <= allowed(connection)


async def test_a_small_partner_finds_its_customers_in_each_class(
    connection: asyncpg.Connection | None,
) -> None:
    ids = [row.id for row in await CustomerClass.all()]
    with selected_statements() as statements, preserve_tenant_scope():
        bind_tenant(SMALL)
        shown = await first_of_classes(reader(), ids, 5)
        counted = await count_of_classes(ids)
    assert sum(counted.values()) == 11
    assert len(shown) == sum(min(5, number) for number in counted.values())
    # On PostgreSQL the few rows are read again for each class.
    assert await worst(connection, statements) <= allowed(connection) * len(ids)


@pytest.mark.parametrize("first", [row_query.FEW, 50])
async def test_what_belongs_to_a_small_partner_is_found_by_index(
    first: int, database: Database, connection: asyncpg.Connection | None
) -> None:
    document = """query($first: Int) {
      customers(first: $first) { totalCount nodes {
        parent { id } customerClass { name } classHistory { id }
        enrichment { history { id } } suggestions { id } auditTrail { nodes { id } }
        advisories { code }
        contacts { id } consentHistory { id } } }
      consentAdvisoryCounts { customerCount }
      customerReport(groupBy: [CLASS, CONSENT, RESELLER]) { customerCount rows {
        customerClass { name } reseller { name } customerCount contactCount
        employees { total } netAssets { total } } }
      customersOverTime(metrics: [CUSTOMERS, CONSENT_GIVEN, CONSENT_WITHDRAWN, LOOKUPS],
        interval: MONTH, fromOn: "2026-01-01", untilOn: "2027-01-01") { intervals { count } }
      byClass: customersOverTime(metrics: [CUSTOMERS], interval: DAY, groupBy: CLASS,
        fromOn: "2026-10-01", untilOn: "2026-10-10") { intervals { count } }
      byStatus: customerReport(
        groupBy: [COMPANY_STATUS], filter: { enrichmentStatuses: [SUCCEEDED] }
      ) { rows { customerCount } }
      deliveryExposure(fromAt: "2026-01-01T00:00:00Z", untilAt: "2027-01-01T00:00:00Z") {
        nodes { customerId } } }"""
    context = context_of(database, partner(SMALL))
    with selected_statements() as statements, preserve_tenant_scope():
        bind_tenant(SMALL)
        result = await the_schema().execute(document, {"first": first}, context_value=context)
    assert result.errors is None
    assert result.data is not None
    shown = result.data["customers"]["nodes"]
    assert {one["parent"]["id"] for one in shown if one["parent"]} == {SMALL}
    assert [len(one["classHistory"]) for one in shown] == [2] * min(first, 11)
    assert result.data["customerReport"]["customerCount"] == 11
    assert await worst(connection, statements) <= allowed(connection)


async def test_the_contacts_of_a_small_partner_are_found_by_its_customers(
    database: Database, connection: asyncpg.Connection | None
) -> None:
    """Reports over contacts count those of the few customers, not the contacts of all."""
    document = """{ customers(first: 50) { nodes {
      contacts { email } deliveryPreview { contacts { email } } } }
      consentAdvisoryCounts { code customerCount } }"""
    context = context_of(database, partner(SMALL))
    with selected_statements() as statements, preserve_tenant_scope():
        bind_tenant(SMALL)
        result = await the_schema().execute(document, context_value=context)
        own = await Customer.all().values_list("id", flat=True)
    assert result.errors is None
    assert result.data is not None
    numbers = [int(str(one).removeprefix("cus_")) for one in own]
    emails = [f"c{number}@a.example" for number in numbers]
    shown = result.data["customers"]["nodes"]
    assert {one["contacts"][0]["email"] for one in shown} == set(emails)
    assert all(one["deliveryPreview"]["contacts"] == one["contacts"] for one in shown)
    counts = {one["code"]: one["customerCount"] for one in result.data["consentAdvisoryCounts"]}
    reached = [number for number in numbers if number % 6 == 0]
    assert counts["CONSENT_REACHES_UNVERIFIED"] == len(reached) > 0
    assert await worst(connection, statements) <= allowed(connection)


@pytest.mark.parametrize(
    "wanted",
    [
        AuditFilter(),
        AuditFilter(subject_kind="cus"),
        AuditFilter(operations=[AuditOperation.CUSTOMER_CREATED, AuditOperation.CUSTOMER_EDITED]),
        AuditFilter(is_override=False),
        AuditFilter(actor_id="system"),
    ],
)
async def test_the_trail_of_a_small_partner_is_found_by_whose_it_is(
    wanted: AuditFilter, connection: asyncpg.Connection | None
) -> None:
    with selected_statements() as statements, preserve_tenant_scope():
        bind_tenant(SMALL)
        shown, _ = await audit_list.page(entry_reader(), wanted, 50)
        beyond = (START, "aud_1")
        await audit_list.page(entry_reader(), wanted, 50, beyond=beyond, is_backward=True)
        counted = await audit_list.count(wanted)
    assert counted == len(shown) <= 11
    assert (wanted != AuditFilter()) or counted
    assert await worst(connection, statements) <= allowed(connection)


async def test_a_large_partner_goes_through_its_own_at_most(
    connection: asyncpg.Connection | None,
) -> None:
    with selected_statements() as statements, preserve_tenant_scope():
        bind_tenant(LARGE)
        for order in CustomerOrder:
            shown, _ = await page(reader(), CustomerFilter(), order, 50)
            assert len(shown) == 50
        own = await count(CustomerFilter())
    assert own == CUSTOMERS // 10 + 1
    if connection is not None:
        assert await worst(connection, statements) <= 4 * own
