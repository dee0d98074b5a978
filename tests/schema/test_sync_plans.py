"""What synchronising reads is found by indexes (R98): contacts, and the few with an advisory."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from itertools import product

import asyncpg
import pytest

from models import Contact
from models.lists.advisory_list import (
    with_any_code,
    with_open_suggestions,
    with_overdue_refresh,
)
from models.lists.contact_list import ContactFilter, ContactOrder
from models.lists.customer_list import CustomerFilter, CustomerOrder, count, page
from models.lists.row_order import Period
from models.rules.advisories import AdvisoryCode
from models.storage.database import Database
from models.storage.row_query import RowQuery, Shape
from models.storage.row_query_compiler import compile_shape
from models.storage.sql import Sql, execute
from tests.databases import Databases
from tests.plans import (
    explaining,
    opened_database,
    seed,
    seeded_database,
    selected_statements,
    whole_tables,
)
from tests.schema.customer_statements import START, Row, reader

CUSTOMERS = 20_000
END = START + timedelta(seconds=CUSTOMERS)
CONTACTS = {
    "all": ContactFilter(),
    "ids": ContactFilter(ids=["con_0000101", "con_0000007"]),
    "customer": ContactFilter(customer_id="cus_0000101"),
    "customers": ContactFilter(customer_ids=["cus_0000101", "cus_0000007"]),
    "email": ContactFilter(email="c101@a.example"),
    "unknown email": ContactFilter(email="nobody@a.example"),
    "created lately": ContactFilter(periods=[Period("created_at", END)]),
    "changed lately": ContactFilter(periods=[Period("changed_at", END)]),
    "active": ContactFilter(is_active=True),
    "not verified": ContactFilter(is_email_verified=False),
}
RARE = (
    AdvisoryCode.COMPANY_DISSOLVED,
    AdvisoryCode.COMPANY_NOT_ACTIVE,
    AdvisoryCode.STRIKE_OFF_PROPOSED,
    AdvisoryCode.DUPLICATE_COMPANY_NUMBER,
)


@pytest.fixture(scope="module")
def seeded(databases: Databases) -> Iterator[str]:
    """Yield the URL of a database with many customers and contacts."""

    async def fill(url: str) -> None:
        await seed(url, CUSTOMERS, START)
        async with opened_database(url):
            # Of all the suggestions, one in a hundred stays open.
            await execute(Sql("UPDATE suggestion SET status = 'REJECTED' WHERE id NOT LIKE '%00'"))
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


def contact_reader() -> RowQuery:
    columns = ("id", "changed_at")
    return RowQuery(
        compile_shape(Shape(Row, Contact, {column: ((column,), None) for column in columns}))
    )


@pytest.mark.parametrize("name", CONTACTS)
async def test_no_page_of_contacts_reads_them_all(
    name: str, connection: asyncpg.Connection | None
) -> None:
    condition = CONTACTS[name].condition()
    with selected_statements() as statements:
        for order, is_deep, is_backward in product(ContactOrder, (False, True), (False, True)):
            columns = order.rows.columns
            place = (START, "con_0010000") if len(columns) > 1 else ("con_0010000",)
            await order.rows.page(
                contact_reader(),
                condition,
                50,
                place if is_deep else None,
                is_backward=is_backward,
            )
    assert len(statements) == 4 * len(ContactOrder)
    assert await whole_tables(connection, statements) == []


@pytest.mark.usefixtures("database")
async def test_what_changed_lately_is_read_from_its_index() -> None:
    """A page after the newest time reads no other customers, on either database."""
    await execute(Sql("UPDATE customer SET changed_at = last_modified_at WHERE changed_at IS NULL"))
    wanted = CustomerFilter(periods=[Period("changed_at", END - timedelta(seconds=10))])
    found, has_more = await page(reader(), wanted, CustomerOrder.CHANGED_AT_ASC, 50)
    assert not has_more
    assert [one.id for one in found] == [f"cus_{CUSTOMERS - n:07}" for n in range(10, 0, -1)]
    assert await count(wanted) == 10


async def test_overdue_refreshes_are_found_by_index(
    connection: asyncpg.Connection | None,
) -> None:
    wanted = CustomerFilter(others=[with_overdue_refresh(START, is_wanted=True)])
    with selected_statements() as statements:
        for order in CustomerOrder:
            found, _ = await page(reader(), wanted, order, 50)
            assert found == []
        assert await count(wanted) == 0
    assert await whole_tables(connection, statements) == []


@pytest.mark.parametrize("code", RARE)
async def test_the_few_with_an_advisory_are_found_by_index(
    code: AdvisoryCode, connection: asyncpg.Connection | None
) -> None:
    wanted = CustomerFilter(others=[with_any_code([code], START, timedelta(days=1))])
    with selected_statements() as statements:
        for order in CustomerOrder:
            found, _ = await page(reader(), wanted, order, 50)
            assert found == []
        assert await count(wanted) == 0
    assert await whole_tables(connection, statements) == []


async def test_customers_with_open_suggestions_are_found_by_index(
    connection: asyncpg.Connection | None,
) -> None:
    with selected_statements() as statements:
        for is_wanted, order in product((True, False), CustomerOrder):
            wanted = CustomerFilter(others=[with_open_suggestions(is_wanted=is_wanted)])
            await page(reader(), wanted, order, 50)
    assert await whole_tables(connection, statements) == []
