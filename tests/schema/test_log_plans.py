"""No page of what grows by itself reads a whole table (R98): events, deliveries, uses, usage."""

from collections.abc import AsyncIterator, Iterator
from datetime import date, timedelta
from itertools import product
from typing import Any

import asyncpg
import pytest

from models import ApiUsage, DeprecatedUse, Event, WebhookDelivery
from models.lists.deprecated_use_list import DeprecatedUseFilter, DeprecatedUseOrder
from models.lists.event_list import EventFilter, page_after, page_before
from models.lists.row_order import SortOrder
from models.lists.usage_list import UsageFilter, UsageOrder, usage_totals
from models.lists.webhook_list import (
    DeliveryFilter,
    DeliveryOrder,
    count_deliveries,
    delivery_page,
    ended_deliveries,
    last_successes,
    pending_counts,
)
from models.storage.database import Database
from models.storage.row_query import RowQuery, Shape
from models.storage.row_query_compiler import compile_shape
from models.storage.sql import Sql, execute
from models.storage.tenant_scope import bind_tenant, preserve_tenant_scope
from models.tables.event_feed import read_feed
from models.tables.webhook import DeliveryState
from tests.databases import Databases
from tests.event_rows import number_all
from tests.plans import (
    Statement,
    explaining,
    opened_database,
    seeded_database,
    selected_statements,
    whole_tables,
)
from tests.schema.customer_statements import START, Row

ROWS = 20_000
AT = "'2026-01-01 00:00:00+00:00'"
PARTNER = "cus_1000003"
NUMBERS = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})"
OF_ONE_IN_TEN = f"CASE WHEN i % 10 = 3 THEN '{PARTNER}' END"
TABLES = {
    "event": {
        "id": "'evt_' || (1000000 + i)",
        "type": "CASE WHEN i % 100 = 0 THEN 'consent.recorded' ELSE 'customer.updated' END",
        "subject_id": "'cus_' || (1000000 + i % 2000)",
        "customer_id": "'cus_' || (1000000 + i % 2000)",
        "reseller_id": OF_ONE_IN_TEN,
        "is_for_everybody": "i < 0",
        "payload": "'{}'",
        "schema_version": "1",
        "at": AT,
    },
    "webhook_endpoint": {
        "id": "'whe_' || (1000000 + i)",
        "url": "'https://hooks.example'",
        "reseller_id": f"CASE WHEN i = 3 THEN '{PARTNER}' END",
        "event_types": "'[]'",
        "customer_ids": "'[]'",
        "is_active": "i > 0",
        "secret": "'x'",
        "failures": "0",
        "created_at": AT,
        "last_modified_at": AT,
        "version": "1",
    },
    "webhook_delivery": {
        "id": "'whd_' || (1000000 + i)",
        "endpoint_id": "'whe_' || (1000000 + i % 40)",
        "reseller_id": f"CASE WHEN i % 40 = 3 THEN '{PARTNER}' END",
        "customer_id": "'cus_' || (1000000 + i % 2000)",
        "lane_id": "'whe_' || (1000000 + i % 40) || '.cus_' || (1000000 + i % 2000)",
        "position": "i",
        "event_id": "'evt_' || (1000000 + i)",
        "event_type": "'customer.updated'",
        "cause": "'EVENT'",
        "state": "CASE WHEN i % 100 = 3 THEN 'FAILED' ELSE 'DELIVERED' END",
        "attempts": "1",
        "created_at": AT,
    },
    "deprecated_use": {
        "id": "'dep_' || (1000000 + i)",
        "credential_id": "'tok_' || (i % 500)",
        "reseller_id": OF_ONE_IN_TEN,
        "coordinate": "'Type.field' || i",
        "reason": "'Use other.'",
        "used_on": "'2026-01-' || (10 + i % 20)",
        "use_count": "1",
        "last_used_at": AT,
    },
    "api_usage": {
        "id": "'2026-01-' || (10 + i % 20) || '.' || (1000000 + i)",
        "day": "'2026-01-10'",
        "credential_id": "'tok_' || (i % 500)",
        "reseller_id": OF_ONE_IN_TEN,
        "operation": "'Customers'",
        "operation_type": "'query'",
        **dict.fromkeys(("calls", "points", "refusals", "user_errors", "limit_hits"), "1"),
    },
}


@pytest.fixture(scope="module")
def seeded(databases: Databases) -> Iterator[str]:
    """Yield the URL of a database with many rows of these tables, and few endpoints."""

    async def fill(url: str) -> None:
        async with opened_database(url) as opened:
            for table, columns in TABLES.items():
                few = " WHERE i < 40" if table == "webhook_endpoint" else ""
                values, names = ", ".join(columns.values()), ", ".join(columns)
                await execute(
                    Sql(f"INSERT INTO {table} ({names}) {NUMBERS} SELECT {values} FROM n{few}")
                )
            await number_all(opened)
            await execute(Sql("ANALYZE"))

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


def reader(model: Any, *columns: str) -> RowQuery:
    return RowQuery(compile_shape(Shape(Row, model, {one: ((one,), None) for one in columns})))


async def read_pages(model: Any, orders: type[SortOrder], condition: Sql, last: str) -> None:
    """Read the first and a later page of a list in each order and direction."""
    for order, is_deep, is_backward in product(orders, (False, True), (False, True)):
        columns = order.rows.columns
        place = (1, last) if len(columns) > 1 else (last,)
        query = reader(model, *dict.fromkeys(("id", *columns)))
        await order.rows.page(
            query, condition, 50, place if is_deep else None, is_backward=is_backward
        )


async def scanned(
    table: str, connection: asyncpg.Connection | None, statements: list[Statement]
) -> list[str]:
    """Return the scans of the whole table; the tables beside it are small here."""
    found = await whole_tables(connection, statements)
    return found if connection is None else [one for one in found if one.startswith(f"{table}:")]


FEEDS = {
    "all": EventFilter(["customer.updated", "consent.recorded"]),
    "rare type": EventFilter(["consent.recorded"]),
    "unknown type": EventFilter(["contact.created"]),
    "customers": EventFilter(["customer.updated"], ["cus_1000007", "cus_1000011"]),
}


@pytest.mark.parametrize("name", FEEDS)
@pytest.mark.parametrize("reseller_id", [None, PARTNER])
async def test_no_page_of_events_reads_them_all(
    name: str,
    reseller_id: str | None,
    database: Database,
    connection: asyncpg.Connection | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # One page searches so many numbers at most, which shall be fewer than there are.
    monkeypatch.setattr("models.lists.event_list.MAX_SCANNED", 500)
    feed = await read_feed(database)
    assert feed.newest == ROWS
    query = reader(Event, "id", "number")
    with preserve_tenant_scope(), selected_statements() as statements:
        bind_tenant(reseller_id)
        for place in (0, ROWS // 2, ROWS - 10):
            await page_after(query, feed, FEEDS[name], place, 50)
            await page_before(query, feed, FEEDS[name], place, 50)
    assert len(statements) == 5  # none before the first event
    assert await scanned("event", connection, statements) == []


TYPES = ["customer.updated", "ping"]
DELIVERIES = {
    "all": DeliveryFilter(TYPES),
    "endpoint": DeliveryFilter(TYPES, endpoint_id="whe_1000003"),
    "failed": DeliveryFilter(TYPES, "whe_1000003", [DeliveryState.FAILED]),
    "customer": DeliveryFilter(TYPES, customer_id="cus_1000003"),
    "customer of endpoint": DeliveryFilter(TYPES, "whe_1000003", customer_id="cus_1000003"),
    "period": DeliveryFilter(TYPES, "whe_1000003", since=START, until=START + timedelta(days=1)),
}


@pytest.mark.parametrize("name", DELIVERIES)
@pytest.mark.parametrize("reseller_id", [None, PARTNER])
async def test_no_page_of_deliveries_reads_them_all(
    name: str, reseller_id: str | None, connection: asyncpg.Connection | None
) -> None:
    wanted = DELIVERIES[name]
    query = reader(WebhookDelivery, "id")
    with preserve_tenant_scope(), selected_statements() as statements:
        bind_tenant(reseller_id)
        for order, is_deep, is_backward in product(DeliveryOrder, (False, True), (False, True)):
            beyond = ("whd_1010000",) if is_deep else None
            await delivery_page(query, wanted, order, 50, beyond=beyond, is_backward=is_backward)
        if name != "all":  # all are counted up to a limit
            await count_deliveries(wanted)
    assert len(statements) >= 8
    assert await scanned("webhook_delivery", connection, statements) == []


async def test_no_figure_of_an_endpoint_reads_all_deliveries(
    connection: asyncpg.Connection | None,
) -> None:
    endpoints = ["whe_1000003", "whe_1000007"]
    with selected_statements() as statements:
        assert await pending_counts(endpoints) == dict.fromkeys(endpoints, 0)
        assert await last_successes(endpoints) != {}
        assert len(await ended_deliveries(DELIVERIES["failed"], 5)) == 5
    assert await scanned("webhook_delivery", connection, statements) == []


USES = {
    "all": DeprecatedUseFilter(),
    # Of one part, the platform's own page reads all uses: an index by it alone would let the work
    # for a partner tell whether others use the part.
    "coordinate": DeprecatedUseFilter(coordinate="Type.field7", reseller_id=PARTNER),
    "credential": DeprecatedUseFilter(credential_id="tok_7"),
    "reseller": DeprecatedUseFilter(reseller_id=PARTNER),
    "lately": DeprecatedUseFilter(from_on=date(2026, 1, 29)),
}


@pytest.mark.parametrize("name", USES)
@pytest.mark.parametrize("reseller_id", [None, PARTNER])
async def test_no_page_of_deprecated_uses_reads_them_all(
    name: str, reseller_id: str | None, connection: asyncpg.Connection | None
) -> None:
    with preserve_tenant_scope(), selected_statements() as statements:
        bind_tenant(reseller_id)
        condition = USES[name].condition(reseller_id)
        await read_pages(DeprecatedUse, DeprecatedUseOrder, condition, "dep_1010000")
    assert await scanned("deprecated_use", connection, statements) == []


USAGE = {
    "a day": {},
    "credential": {"credential_id": "tok_7"},
    "reseller": {"reseller_id": PARTNER},
    "operation": {"operation": "Nothing"},
    "limited": {"is_limited": True},
}


@pytest.mark.parametrize("name", USAGE)
@pytest.mark.parametrize("reseller_id", [None, PARTNER])
async def test_usage_of_a_day_reads_that_day_only(
    name: str, reseller_id: str | None, connection: asyncpg.Connection | None
) -> None:
    days = (date(2026, 1, 28), date(2026, 1, 29))
    condition = UsageFilter(*days, **USAGE[name]).condition()  # type: ignore[arg-type]  # by name
    with preserve_tenant_scope(), selected_statements() as statements:
        bind_tenant(reseller_id)
        await read_pages(ApiUsage, UsageOrder, condition, "2026-01-28.1000018")
        await usage_totals(condition)
    assert await scanned("api_usage", connection, statements) == []
