"""No list, count or relation scans a whole table (R98).

Each statement is explained as the application sends it; on PostgreSQL twice: planned for its
values, and planned once for any values, as a prepared statement is from its sixth run on.
"""

from collections.abc import AsyncIterator, Iterator
from itertools import product
from typing import Any

import asyncpg
import pytest

from models import ClassChange, Customer, CustomerClass
from models.lists.customer_list import (
    CustomerFilter,
    CustomerOrder,
    count,
    count_of_classes,
    first_of_classes,
    page,
)
from models.lists.same_company import others_of_same_company
from models.storage.database import Database
from models.storage.row_query import FEW, Many, RowQuery, Shape
from models.storage.row_query_compiler import compile_shape
from models.storage.sql import Sql, among
from models.tables.access import Principal, Scope
from tests.completeness import assert_complete
from tests.databases import Databases
from tests.graphql_client import context_of, the_schema
from tests.plans import (
    ERASED,
    MODES,
    explain_postgres,
    explain_sqlite,
    explaining,
    opened_database,
    seed,
    seeded_database,
    selected_statements,
    whole_tables,
)
from tests.schema.customer_statements import (
    CUSTOMERS,
    FILTERS,
    OF_CLASS,
    PLACES,
    START,
    Row,
    reader,
)

PAGE = 50


@pytest.fixture(scope="module")
def seeded(databases: Databases) -> Iterator[str]:
    """Yield the URL of a database with many customers, one in twenty of them erased."""
    with seeded_database(databases, lambda url: seed(url, CUSTOMERS, START)) as url:
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
async def test_no_page_reads_all_customers(
    name: str, connection: asyncpg.Connection | None
) -> None:
    read = reader()
    with selected_statements() as statements:
        for order, is_deep, is_backward in product(CustomerOrder, (False, True), (False, True)):
            beyond = (PLACES[order.column], "cus_1") if is_deep else None
            await page(read, FILTERS[name], order, PAGE, beyond=beyond, is_backward=is_backward)
    statements = [found for found in statements if "LIMIT 51" in found.text]
    assert len(statements) == 4 * len(CustomerOrder)
    assert await whole_tables(connection, statements) == []


@pytest.mark.parametrize("name", OF_CLASS)
async def test_a_page_of_a_class_reads_little_more_than_it_shows(
    name: str, connection: asyncpg.Connection | None
) -> None:
    if connection is None:
        pytest.skip("SQLite does not tell how many rows it read")
    read = reader()
    classes = await CustomerClass.all().count()
    for order, is_deep in product(CustomerOrder, (False, True)):
        beyond = (PLACES[order.column], "cus_1") if is_deep else None
        with selected_statements() as statements:
            shown, _ = await page(read, FILTERS[name], order, PAGE, beyond=beyond)
        for mode in ("force_custom_plan", "force_generic_plan"):
            nodes = await explain_postgres(connection, statements[0], (mode,))
            rows = sum(node["rows"] for node in nodes if node["of"] == "customer")
            allowed = (classes + 1) * (PAGE + 1) if "ANY(ARRAY" in statements[0].text else 400
            assert rows <= max(allowed, len(shown)), (order, is_deep, mode, nodes)


@pytest.mark.parametrize("name", sorted(FILTERS.keys() - {"common text", "no parent"}))
async def test_no_count_reads_all_customers(
    name: str, connection: asyncpg.Connection | None
) -> None:
    """If most customers match, any plan finds 10,000 of them quickly."""
    with selected_statements() as statements:
        await count(FILTERS[name])
    assert await whole_tables(connection, statements) == []


async def test_the_customers_of_classes_are_read_by_index(
    connection: asyncpg.Connection | None,
) -> None:
    ids = [row.id for row in await CustomerClass.all()]
    with selected_statements() as statements:
        shown = await first_of_classes(reader(), ids, 5)
        for order, is_backward in product(CustomerOrder, (False, True)):
            beyond = (PLACES[order.column], "cus_1")
            await first_of_classes(reader(), ids, 5, beyond, order, is_backward=is_backward)
        counted = await count_of_classes(ids)
    assert len(statements) == 2 + 2 * len(CustomerOrder)
    assert counted["cls_0"] == await count(FILTERS["large class"])
    assert len(shown) == sum(min(5, number) for number in counted.values())
    assert await whole_tables(connection, statements) == []


@pytest.mark.parametrize("first", [FEW, PAGE])
async def test_what_belongs_to_customers_is_read_by_index(
    first: int, database: Database, connection: asyncpg.Connection | None
) -> None:
    """For few customers, PostgreSQL reads class history and suggestions in the same statement."""
    principal = Principal("tok_1", "Tess", frozenset(Scope))
    context = context_of(database, principal)
    with selected_statements() as statements:
        result = await the_schema().execute(
            f"""{{ customers(first: {first}, sort: ACCOUNT_NUMBER_ASC) {{ nodes {{
              classHistory {{ id to {{ name }} }} enrichment {{ history {{ id }} }}
              suggestions {{ id }} auditTrail {{ nodes {{ id }} }} }} }} }}""",
            context_value=context,
        )
    assert result.data is not None
    shown = result.data["customers"]["nodes"]
    assert len(statements) == (3 if database.is_postgres and first == FEW else 5)
    assert [len(customer["classHistory"]) for customer in shown] == [2] * first
    assert [len(customer["enrichment"]["history"]) for customer in shown] == [1] * first
    assert [len(customer["suggestions"]) for customer in shown] == [1] * first
    assert [len(customer["auditTrail"]["nodes"]) for customer in shown] == [1] * first
    assert await whole_tables(connection, statements) == []


async def test_the_contacts_of_customers_are_read_by_index(
    database: Database, connection: asyncpg.Connection | None
) -> None:
    document = f"""{{ customers(first: {PAGE}, sort: ACCOUNT_NUMBER_ASC) {{ nodes {{
      contacts {{ id }} deliveryPreview {{ contacts {{ email }} }} }} }} }}"""
    context = context_of(database, Principal("tok_1", "Tess", frozenset(Scope)))
    with selected_statements() as statements:
        result = await the_schema().execute(document, context_value=context)
    assert result.data is not None
    shown = result.data["customers"]["nodes"]
    assert [len(customer["contacts"]) for customer in shown] == [1] * PAGE
    assert [len(customer["deliveryPreview"]["contacts"]) for customer in shown] == [1] * PAGE
    assert await whole_tables(connection, statements) == []


async def test_others_of_the_same_company_are_found_by_index(
    connection: asyncpg.Connection | None,
) -> None:
    known = await Customer.filter(company_number__isnull=False, erased_at__isnull=True).limit(PAGE)
    with selected_statements() as statements:
        found = await others_of_same_company({row.id: row.company_number for row in known})
    assert found.keys() == {row.id for row in known}
    assert len(statements) == 1
    assert await whole_tables(connection, statements) == []


@pytest.mark.parametrize(
    "group_by", ["[CLASS, CONSENT]", "[RESELLER, COMPANY_STATUS, CREATED_MONTH]"]
)
async def test_a_report_reads_indexes_and_no_customers(
    group_by: str, database: Database, connection: asyncpg.Connection | None
) -> None:
    """R97."""
    document = f"""{{ customerReport(groupBy: {group_by}) {{ customerCount
      rows {{ customerCount employees {{ total }} netAssets {{ total }} }} }} }}"""
    context = context_of(database, Principal("tok_1", "Tess", frozenset(Scope)))
    with selected_statements() as statements:
        result = await the_schema().execute(document, context_value=context)
    assert result.data is not None
    assert result.data["customerReport"]["customerCount"] == CUSTOMERS - CUSTOMERS // ERASED
    (statement,) = statements
    if connection is None:
        steps = [step for step in explain_sqlite(statement) if step.split()[1] == "t0"]
        assert steps == ["SCAN t0 USING INDEX idx_customer_report"]
        return
    nodes = await explain_postgres(connection, statement)
    read = [node for node in nodes if node.get("Alias") == "t0" and "Index Name" in node]
    assert {(node["Node Type"], node["Index Name"]) for node in read} == {
        ("Index Only Scan", "idx_customer_report")
    }
    assert len(read) == len(MODES)


async def test_what_comes_along_is_read_of_the_rows_that_are_shown(
    connection: asyncpg.Connection | None,
) -> None:
    if connection is None:
        pytest.skip("on SQLite nothing comes along")
    history = Shape(Row, ClassChange, {"id": (("id",), None)})
    manies = {"class_history": Many(history, "customer_id", "t0.changed_at, t0.id")}
    read = RowQuery(compile_shape(Shape(Row, Customer, {"id": (("id",), None)}, manies=manies)))
    by_id = among("t0.id", ["cus_0000001", "cus_0000007"])
    with selected_statements() as statements:
        for wanted, order in product(FILTERS.values(), CustomerOrder):
            await page(read, wanted, order, FEW)
        await read.read(by_id, most=2)
        await read.read_one(Sql("t0.account_number = ?", ("AC-0000001",)))
    assert all("ARRAY(SELECT ROW(" in found.text for found in statements)
    assert await whole_tables(connection, statements) == []
    for statement, mode in product(statements, MODES):
        nodes = await explain_postgres(connection, statement, (mode,))
        rows = sum(node["rows"] for node in nodes if node["of"] == "class_change")
        assert rows <= 2 * (FEW + 1), statement


def test_the_plans_know_every_filter() -> None:
    used = {name for wanted in FILTERS.values() for name, value in _given(wanted)}
    assert_complete(
        "OF_CLASS and OTHERS in tests/schema/test_plans.py",
        used | {"is_common", "is_small_scope", "others"},
        CustomerFilter.__slots__,
        "a filter that uses the condition",
    )


def _given(wanted: CustomerFilter) -> list[tuple[str, Any]]:
    values = ((name, getattr(wanted, name)) for name in CustomerFilter.__slots__)
    return [(name, value) for name, value in values if value]
