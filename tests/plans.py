"""Fills a database with many rows, and explains the query plans of statements."""

import json
import logging
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import asyncpg
from tortoise.connection import get_connection

from models.storage.database import READER, Database
from models.tables.audit import AUDIT
from models.tables.numbering import number_rows
from tests.databases import Databases, run_outside_tests
from tests.statement_log import logging_statements

Values = list[tuple[Any, ...]]
OPERATIONS = [
    *(["customer.enriched"] * 10),
    *(f"customer.{done}" for done in ("created", "edited", "class_changed")),
    *(f"contact.{done}" for done in ("created", "edited", "deleted", "email_verified")),
    *(f"consent.{done}" for done in ("recorded", "withdrawn", "corrected")),
]
PROFILE = json.dumps({"details": {"company_name": "A LIMITED", "address": "1 High Street " * 20}})
MODES = ("force_custom_plan", "force_generic_plan")
STATUSES = ["SUCCEEDED"] * 60 + ["NOT_APPLICABLE"] * 38 + ["FAILED", "PENDING"]
CLASS_COLUMNS = (
    "id name name_key display_position is_personal_customer is_sole_trader is_reseller"
    " check_companies_house created_at last_modified_at version"
)
CUSTOMER_COLUMNS = (
    "id account_number account_number_key external_reference name name_key search_key"
    " company_number customer_class_id parent_id profile enrichment_status created_at"
    " last_modified_at version erased_at"
)
CHANGE_COLUMNS = (
    "id customer_id from_class_id to_class_id reason crosses_individual_line changed_by_id"
    " changed_by changed_at"
)
RUN_COLUMNS = "id customer_id trigger status attempts requested_at fields_read"
CONTACT_COLUMNS = (
    "id customer_id name email address_salt receives_bills receives_correspondence is_active"
    " is_mail_given_up created_at last_modified_at version"
)
STATE_COLUMNS = (
    "id contact_id customer_id at name email has_email is_verified receives_bills"
    " receives_correspondence is_active is_deleted"
)
PERIOD_COLUMNS = "id customer_id matter from_at basis document_version entry_id"
SUGGESTION_COLUMNS = "id customer_id field entry status created_at"
ENTRY_COLUMNS = (
    "id subject_id subject_kind customer_id operation before after is_override actor_id actor_name"
    " user_id reason request_id at"
)

ERASED = 20
"""One in so many customers is erased."""

SMALL = {
    *("customer_class", "customer_template", "numbered_span", "platform_defaults"),
    *("consent_entry", "preference_entry"),
}
"""Tables that stay small even with many customers, or that `seed` leaves empty."""


class Statement(NamedTuple):
    """A statement and its parameters."""

    text: str
    parameters: tuple[Any, ...]


class _Statements(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Statement] = []

    def emit(self, record: logging.LogRecord) -> None:
        if isinstance(record.args, tuple) and str(record.args[0]).startswith("SELECT"):
            text, parameters = record.args
            self.seen.append(Statement(str(text), tuple(parameters or ())))  # type: ignore[arg-type]  # a sequence


@contextmanager
def selected_statements() -> Iterator[list[Statement]]:
    """Collect the SELECT statements of the block, with their parameters."""
    handler = _Statements()
    with logging_statements(handler):
        yield handler.seen


async def explain_postgres(
    connection: asyncpg.Connection, statement: Statement, modes: Sequence[str] = MODES
) -> list[dict[str, Any]]:
    """Explain a prepared statement in each plan mode; return the nodes of the plans.

    Each node has its table in `of` (None without a table) and its number of rows read in `rows`.
    """
    await connection.execute(f"PREPARE asked AS {statement.text}")
    values = ", ".join(_literal(value) for value in statement.parameters)
    execute = f"EXECUTE asked({values})" if values else "EXECUTE asked"
    nodes: list[dict[str, Any]] = []
    for mode in modes:
        await connection.execute(f"SET plan_cache_mode = {mode}")
        plan = await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {execute}")
        nodes += _nodes(json.loads(plan)[0]["Plan"])
    await connection.execute("DEALLOCATE asked")
    return nodes


def explain_sqlite(statement: Statement) -> list[str]:
    """Return the steps of SQLite's query plan for a statement."""
    reader = getattr(get_connection("default"), READER)
    rows = reader.execute(f"EXPLAIN QUERY PLAN {statement.text}", statement.parameters)
    return [str(row[3]) for row in rows]


async def whole_tables(
    connection: asyncpg.Connection | None, statements: list[Statement]
) -> list[str]:
    """Return the full table scans in the plans of statements, except those of small tables."""
    found = []
    for statement in statements:
        if connection is None:
            found += [step for step in explain_sqlite(statement) if _is_scan(step)]
            continue
        for node in await explain_postgres(connection, statement):
            if node["Node Type"] == "Seq Scan" and node["Relation Name"] not in SMALL:
                found.append(f"{node['Relation Name']}: {statement.text}")
    return found


def _is_scan(step: str) -> bool:
    words = step.split()
    is_table = words[0] == "SCAN" and "INDEX" not in words
    tables = {"customer", "contact", "contact_state", "t0", "class_change", "enrichment_run"}
    return is_table and words[1].strip('"') in tables | {"suggestion", "audit_entry"}


def _literal(value: Any) -> str:
    if isinstance(value, list):
        value = "{" + ", ".join(f'"{part}"' for part in value) + "}"
    return "'" + str(value).replace("'", "''") + "'"


def _nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    index = str(plan.get("Index Name"))
    removed = plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Index Recheck", 0)
    of = plan.get("Relation Name") or ("customer" if index.startswith("idx_customer_") else None)
    rows = (plan["Actual Rows"] + removed) * plan["Actual Loops"]
    node = {**plan, "of": of, "rows": rows, "Plans": None}
    return [node, *(found for part in plan.get("Plans", ()) for found in _nodes(part))]


@contextmanager
def seeded_database(databases: Databases, fill: Callable[[str], Awaitable[None]]) -> Iterator[str]:
    """Yield the URL of a new database that `fill` has filled, and that autovacuum leaves alone."""
    urls = []

    async def create() -> None:
        urls.append(await databases.create())
        if not urls[0].startswith("sqlite"):
            connection = await asyncpg.connect(urls[0])
            await without_autovacuum(connection)
            await connection.close()
        await fill(urls[0])

    run_outside_tests(create)
    yield urls[0]
    run_outside_tests(lambda: databases.drop(urls[0]))


@asynccontextmanager
async def opened_database(url: str) -> AsyncIterator[Database]:
    """Open a database within the context."""
    opened = Database(url)
    await opened.open()
    yield opened
    await opened.close()


@asynccontextmanager
async def explaining(database: Database) -> AsyncIterator[asyncpg.Connection | None]:
    """Yield a connection for EXPLAIN, with the application's settings; None on SQLite."""
    if not database.is_postgres:
        yield None
        return
    opened = await asyncpg.connect(database.dsn)
    await database.config["connections"]["default"]["credentials"]["init"](opened)
    yield opened
    await opened.close()


async def seed(url: str, customers: int, start: datetime) -> None:
    """Fill a migrated database with customers and their rows, in classes of different sizes."""
    tables = {
        "customer_class": (CLASS_COLUMNS, _classes(start)),
        "customer": (CUSTOMER_COLUMNS, _customers(customers, start)),
        "class_change": (CHANGE_COLUMNS, _changes(customers, start)),
        "enrichment_run": (RUN_COLUMNS, _runs(customers, start)),
        "contact": (CONTACT_COLUMNS, _contacts(customers, start)),
        "contact_state": (STATE_COLUMNS, _states(customers, start)),
        "consent_period": (PERIOD_COLUMNS, _periods(customers, start)),
        "suggestion": (SUGGESTION_COLUMNS, _suggestions(customers, start)),
        "audit_entry": (ENTRY_COLUMNS, _entries(customers, start)),
    }
    if url.startswith("sqlite"):
        _fill_sqlite(url.removeprefix("sqlite://"), tables)
        await _number(url)
        return
    connection = await asyncpg.connect(url)
    for name, (columns, rows) in tables.items():
        await connection.copy_records_to_table(name, records=rows, columns=columns.split())
    await _number(url)
    await connection.execute("VACUUM ANALYZE")
    await connection.close()


async def without_autovacuum(connection: asyncpg.Connection) -> None:
    """Keep autovacuum off all tables: it changes plans, or keeps VACUUM from its work."""
    tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    for row in tables:
        await connection.execute(f'ALTER TABLE "{row[0]}" SET (autovacuum_enabled = false)')


async def _number(url: str) -> None:
    async with opened_database(url) as database:
        while await number_rows(database, AUDIT):
            pass


def _fill_sqlite(path: str, tables: dict[str, tuple[str, Values]]) -> None:
    with closing(sqlite3.connect(path)) as connection:
        # Triggers would journal each row. A seed that fails is not used, so it needs none.
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -200000")
        for name, (columns, rows) in tables.items():
            marks = ", ".join("?" * len(columns.split()))
            connection.executemany(
                f"INSERT INTO {name} ({columns.replace(' ', ', ')}) VALUES ({marks})",
                [[v.isoformat(" ") if isinstance(v, datetime) else v for v in row] for row in rows],
            )
        connection.commit()
        connection.execute("PRAGMA journal_mode = WAL")


def _classes(start: datetime) -> Values:
    return [
        (
            f"cls_{n}",
            f"Own {n}",
            f"own {n}",
            500 + n,
            n == 3,
            n == 4,
            n in (4, 5),
            n < 3,
            start,
            start,
            1,
        )
        for n in range(10)
    ]


def _customers(customers: int, start: datetime) -> Values:
    return [_customer(number, start) for number in range(1, customers + 1)]


def _customer(number: int, start: datetime) -> tuple[Any, ...]:
    row_id, at = f"cus_{number:07}", start + timedelta(seconds=number)
    halvings = (
        number & -number
    ).bit_length() - 1  # 0 for half of all numbers, 1 for a quarter, and so on.
    class_id = f"cls_{min(halvings, 9)}"
    if number % ERASED == 0:
        number_of = f"(erased) {row_id}"
        values: tuple[Any, ...] = (number_of, number_of, None, "(erased)", "(erased)", "", None)
        parent, erased_at = None, at
    else:
        name = f"Customer {number * 7919 % 1000003:07}"
        account = f"AC-{number:07}"
        key = f"{name}\n{account}".lower()
        values = (
            account,
            account.lower(),
            f"crm-{number}",
            name,
            name.lower(),
            key,
            f"{number:08}",
        )
        parent, erased_at = ("cus_0000001" if number % 10 == 3 else None), None
    status = STATUSES[number * 31 % 100]
    return (row_id, *values, class_id, parent, PROFILE, status, at, at, 1, erased_at)


def _changes(customers: int, start: datetime) -> Values:
    return [
        (f"chg_{n}_{step}", f"cus_{n:07}", None, "cls_0", "Grew", False, "tok_1", "Tess", start)
        for n in range(1, customers + 1)
        for step in range(2)
    ]


def _runs(customers: int, start: datetime) -> Values:
    return [
        (f"run_{n}", f"cus_{n:07}", "SAVE", "SUCCEEDED", 1, start, "[]")
        for n in range(1, customers + 1)
    ]


def _suggestions(customers: int, start: datetime) -> Values:
    return [
        (f"sug_{n}", f"cus_{n:07}", "employees", "{}", "OPEN", start)
        for n in range(1, customers + 1)
    ]


def _periods(customers: int, start: datetime) -> Values:
    """Return consent from `start` on for every third customer."""
    return [
        (n, f"cus_{n:07}", "CONSENT", start, "WRITTEN_OPT_IN", "1", f"cns_{n:07}")
        for n in range(1, customers + 1)
        if n % 3 == 0
    ]


def _contacts(customers: int, start: datetime) -> Values:
    """Return a contact for each customer that is not erased; half of them receive bills."""
    return [
        (
            *(f"con_{n:07}", f"cus_{n:07}", f"Contact {n}", f"c{n}@a.example", "00"),
            *(n % 2 == 0, False, True, False, start, start, 1),
        )
        for n in range(1, customers + 1)
        if n % ERASED
    ]


def _states(customers: int, start: datetime) -> Values:
    return [
        (
            *(n, f"con_{n:07}", f"cus_{n:07}", start, f"Contact {n}", f"c{n}@a.example"),
            *(True, False, n % 2 == 0, False, True, False),
        )
        for n in range(1, customers + 1)
        if n % ERASED
    ]


def _entries(customers: int, start: datetime) -> Values:
    return [_entry(number, start) for number in range(1, customers + 1)]


RARE_KINDS = ("cls", "con", "grp", "sug", "tok", "tpl", "usr")


def _entry(number: int, start: datetime) -> tuple[Any, ...]:
    """Return the values of an audit entry; most are about the platform, a few are rare."""
    customer_id = f"cus_{number:07}"
    is_own = number % 2 == 0
    return (
        f"aud_{number:07}",
        customer_id,
        "cus" if number % 50 else RARE_KINDS[number // 50 % len(RARE_KINDS)],
        customer_id if number % 50 else None,
        OPERATIONS[number % len(OPERATIONS)] if number % 200 else "class.retired",
        "{}",
        "{}",
        number % 1000 == 0,
        "system" if is_own else f"tok_{number % 100}",
        "system",
        None if is_own else f"usr_{number % 70}",
        "Companies House lookup" if is_own else None,
        f"request-{number // 2}",
        start + timedelta(seconds=number // 3),
    )
