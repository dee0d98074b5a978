"""Creates and fills the databases to measure on, with the project's own migrations."""

import asyncio
import os
import sqlite3
import sys
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

ROOT = Path(__file__).resolve().parent.parent
CLASSES = 20
CHECKED_CLASS = 3
"""The position of a shipped class whose customers are looked up: Company (UK Limited)."""

NEW_NAME_PREFIX = "zz"
"""Name prefix of customers created during a measurement; they sort last."""

SWEEP = (
    "DELETE FROM class_change WHERE customer_id >= 'cus_0101'",
    "DELETE FROM customer WHERE id >= 'cus_0101'",
)
"""Statements that delete all customers but the seeded ones, whose ids sort before this id."""

WRITTEN = ("upstream_response", "enrichment_run", "suggestion", "job", "event", "audit_entry")
"""Tables without seeded rows; they are emptied after each turn that writes."""

PROFILE = (
    '{"incorporated_on": {"value": "2001-02-03", "source": "REGISTER",'
    ' "retrieved_at": "2026-01-01T00:00:00+00:00"}, "details": {"company_name": "A LIMITED",'
    ' "company_status": "active", "company_type": "ltd"}}'
)

POSTGRES_CLASSES = """
UPDATE customer_class SET id = 'cls_01' || lpad(to_hex(display_position), 24, '0'),
  created_at = '2026-01-01Z', last_modified_at = '2026-01-01Z';
INSERT INTO customer_class (id, name, name_key, display_class, display_position,
  is_personal_customer, is_sole_trader, is_reseller, check_companies_house,
  created_at, last_modified_at, version)
SELECT 'cls_01' || lpad(to_hex(place * 10), 24, '0'), 'Own class ' || place,
  'own class ' || place, 'own-' || place, place * 10, false, false, false, false,
  '2026-01-01Z', '2026-01-01Z', 1
FROM generate_series(11, 20) AS place
"""
POSTGRES_CUSTOMERS = """
INSERT INTO customer (id, account_number, account_number_key, external_reference, name, name_key,
  search_key,
  company_number,
  customer_class_id, profile, enrichment_status, created_at, last_modified_at, changed_at,
  version)
SELECT 'cus_01' || lpad(to_hex(n), 24, '0'), 'AC-' || lpad(n::text, 8, '0'),
  'ac-' || lpad(n::text, 8, '0'), 'crm-' || n,
  'Customer ' || lpad((n::bigint * 7919 % 1000003)::text, 7, '0') || ' Limited',
  'customer ' || lpad((n::bigint * 7919 % 1000003)::text, 7, '0') || ' limited',
  'customer ' || lpad((n::bigint * 7919 % 1000003)::text, 7, '0') || ' limited',
  lpad(n::text, 8, '0'), 'cls_01' || lpad(to_hex((n % 20 + 1) * 10), 24, '0'), $2::text::jsonb,
  'SUCCEEDED', '2026-01-01Z'::timestamptz + n * interval '1 second',
  '2026-01-01Z'::timestamptz + n * interval '1 second',
  '2026-01-01Z'::timestamptz + n * interval '1 second', 1
FROM generate_series(1, $1::int) AS n
"""
POSTGRES_HISTORY = """
INSERT INTO class_change (id, customer_id, from_class_id, to_class_id, reason,
  crosses_individual_line, changed_by_id, changed_by, changed_at)
SELECT 'chg_01' || lpad(to_hex(n * 4 + step), 24, '0'), 'cus_01' || lpad(to_hex(n), 24, '0'),
  CASE WHEN step > 0 THEN 'cls_01' || lpad(to_hex(((n + step - 1) % 20 + 1) * 10), 24, '0') END,
  'cls_01' || lpad(to_hex(((n + step) % 20 + 1) * 10), 24, '0'), 'Reason number ' || step, false,
  'tok_seed', 'Sam Seed', '2026-01-01Z'::timestamptz + n * interval '1 second'
  + step * interval '1 hour'
FROM generate_series(1, $1::int) AS n CROSS JOIN generate_series(0, 2) AS step
"""

POSTGRES_CONTACTS = """
INSERT INTO contact (id, customer_id, name, email, address_salt, receives_bills,
  receives_correspondence, is_active, is_mail_given_up, version, created_at, last_modified_at,
  changed_at)
SELECT 'con_01' || lpad(to_hex(n * 4 + place), 24, '0'), 'cus_01' || lpad(to_hex(n), 24, '0'),
  'Contact number ' || place, 'c' || n || '.' || place || '@example.com', '', place = 0, true, true,
  false, 1, '2026-01-01Z', '2026-01-01Z', '2026-01-01Z'
FROM generate_series(1, $1::int) AS n CROSS JOIN generate_series(0, 2) AS place
"""

PEERS_INDEXES = (
    "CREATE INDEX peers_name ON customer (name_key, id)",
    "CREATE INDEX peers_class ON customer (customer_class_id, name_key, id)",
)
"""Indexes that PostGraphile needs: full ones, to order by their columns.

The project's own indexes are partial, on customers that are not erased.
"""

SKIP_CHECKS = "SET session_replication_role = replica"
INDEXES_OF = """
SELECT i.relname, pg_get_indexdef(i.oid) AS definition FROM pg_index
JOIN pg_class i ON i.oid = indexrelid WHERE indrelid = $1::text::regclass AND NOT indisunique
"""

SQLITE_CLASSES = """
UPDATE customer_class SET id = 'cls_01' || printf('%024x', display_position),
  created_at = '2026-01-01 00:00:00+00:00', last_modified_at = '2026-01-01 00:00:00+00:00';
WITH RECURSIVE s(place) AS (SELECT 11 UNION ALL SELECT place + 1 FROM s WHERE place < 20)
INSERT INTO customer_class (id, name, name_key, display_class, display_position,
  is_personal_customer, is_sole_trader, is_reseller, check_companies_house,
  created_at, last_modified_at, version)
SELECT 'cls_01' || printf('%024x', place * 10), 'Own class ' || place, 'own class ' || place,
  'own-' || place, place * 10, 0, 0, 0, 0,
  '2026-01-01 00:00:00+00:00', '2026-01-01 00:00:00+00:00', 1 FROM s;
"""
SQLITE_CUSTOMERS = """
WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < ?1)
INSERT INTO customer (id, account_number, account_number_key, external_reference, name, name_key,
  search_key,
  company_number,
  customer_class_id, profile, enrichment_status, created_at, last_modified_at, version)
SELECT 'cus_01' || printf('%024x', n), printf('AC-%08d', n), printf('ac-%08d', n), 'crm-' || n,
  printf('Customer %07d Limited', n * 7919 % 1000003),
  printf('customer %07d limited', n * 7919 % 1000003),
  printf('customer %07d limited', n * 7919 % 1000003), printf('%08d', n),
  'cls_01' || printf('%024x', (n % 20 + 1) * 10), ?2, 'SUCCEEDED',
  datetime('2026-01-01', n || ' seconds') || '+00:00',
  datetime('2026-01-01', n || ' seconds') || '+00:00', 1 FROM s
"""
SQLITE_HISTORY = """
WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < ?1),
  t(step) AS (VALUES (0), (1), (2))
INSERT INTO class_change (id, customer_id, from_class_id, to_class_id, reason,
  crosses_individual_line, changed_by_id, changed_by, changed_at)
SELECT 'chg_01' || printf('%024x', n * 4 + step), 'cus_01' || printf('%024x', n),
  CASE WHEN step > 0 THEN 'cls_01' || printf('%024x', ((n + step - 1) % 20 + 1) * 10) END,
  'cls_01' || printf('%024x', ((n + step) % 20 + 1) * 10), 'Reason number ' || step, 0,
  'tok_seed', 'Sam Seed', datetime('2026-01-01', n || ' seconds', step || ' hours') || '+00:00'
FROM s CROSS JOIN t
"""
SQLITE_CONTACTS = """
WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < ?1),
  t(place) AS (VALUES (0), (1), (2))
INSERT INTO contact (id, customer_id, name, email, address_salt, receives_bills,
  receives_correspondence, is_active, is_mail_given_up, version, created_at, last_modified_at)
SELECT 'con_01' || printf('%024x', n * 4 + place), 'cus_01' || printf('%024x', n),
  'Contact number ' || place, printf('c%d.%d@example.com', n, place), '', place = 0, 1, 1, 0, 1,
  '2026-01-01 00:00:00+00:00', '2026-01-01 00:00:00+00:00'
FROM s CROSS JOIN t
"""


def class_id(place: int) -> str:
    """Return the id of a class by its position, 1 to 20."""
    return f"cls_01{place * 10:024x}"


def customer_id(number: int) -> str:
    """Return the id of a seeded customer by its number, starting at 1."""
    return f"cus_01{number:024x}"


async def manage(database_url: str, *arguments: str) -> str:
    """Run a command of `manage.py` on a database; return its output.

    Raises RuntimeError if the command fails.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "manage.py", *arguments, cwd=ROOT, stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "DATABASE_URL": database_url},
    )  # fmt: skip
    printed, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"manage.py {arguments[0]} failed")
    return printed.decode()


class PostgresData:
    """A database on a PostgreSQL server."""

    key = "postgres"

    def __init__(self, server_url: str, name: str) -> None:
        self.name = name
        self._server = server_url
        self.url = urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))

    async def answers(self) -> bool:
        """Return whether the server accepts connections."""
        try:
            await self._on_server("SELECT 1")
        except (OSError, asyncpg.PostgresError):
            return False
        return True

    async def create(self, size: int) -> None:
        """Create the database anew with `size` customers."""
        await self.drop()
        await self._on_server(f'CREATE DATABASE "{self.name}"')
        await manage(self.url, "migrate")
        connection = await asyncpg.connect(self.url)
        try:
            await connection.execute(POSTGRES_CLASSES)
            for statement in PEERS_INDEXES:
                await connection.execute(statement)
            may_skip_checks = await connection.fetchval(
                "SELECT usesuper FROM pg_user WHERE usename = user"
            )
        finally:
            await connection.close()
        if may_skip_checks:
            await asyncio.gather(
                self._fill("customer", POSTGRES_CUSTOMERS, [size, PROFILE], SKIP_CHECKS),
                self._fill("class_change", POSTGRES_HISTORY, [size], SKIP_CHECKS),
                self._fill("contact", POSTGRES_CONTACTS, [size], SKIP_CHECKS),
            )
        else:
            await self._fill("customer", POSTGRES_CUSTOMERS, [size, PROFILE])
            await self._fill("class_change", POSTGRES_HISTORY, [size])
            await self._fill("contact", POSTGRES_CONTACTS, [size])
        await self._on_server("CHECKPOINT")

    async def _fill(
        self, table: str, statement: str, values: list[object], first: str = "SELECT 1"
    ) -> None:
        connection = await asyncpg.connect(self.url)
        try:
            await connection.execute(first)
            await connection.execute("SET synchronous_commit = off")
            await connection.execute("SET maintenance_work_mem = '256MB'")
            # Building an index afterwards is faster than updating it per row.
            indexes = await connection.fetch(INDEXES_OF, table)
            for row in indexes:
                await connection.execute(f'DROP INDEX "{row["relname"]}"')
            await connection.execute(statement, *values, timeout=600)
            for row in indexes:
                await connection.execute(row["definition"], timeout=600)
            await connection.execute(f"VACUUM (ANALYZE) {table}", timeout=600)
        finally:
            await connection.close()

    async def sweep(self) -> None:
        """Remove the rows that a measurement wrote."""
        connection = await asyncpg.connect(self.url)
        try:
            # In the replica role no triggers run; otherwise they would refuse to delete histories.
            role, empty = "session_replication_role", f"TRUNCATE {', '.join(WRITTEN)}"
            history, customers = SWEEP
            for statement in (f"SET {role} = replica", empty, history, f"RESET {role}", customers):
                await connection.execute(statement, timeout=600)
            await connection.execute("VACUUM (ANALYZE) customer, class_change", timeout=600)
        finally:
            await connection.close()

    async def version(self) -> str:
        """Return the version of the server."""
        return str(await self._on_server("SHOW server_version"))

    async def drop(self) -> None:
        """Drop the database."""
        await self._on_server(f'DROP DATABASE IF EXISTS "{self.name}" WITH (FORCE)')

    async def _on_server(self, statement: str) -> object:
        connection = await asyncpg.connect(self._server, timeout=10)
        try:
            return await connection.fetchval(statement, timeout=600)
        finally:
            await connection.close()


class SqliteData:
    """An SQLite file in its own folder."""

    key = "sqlite"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.url = f"sqlite://{path}"

    async def answers(self) -> bool:
        """Return True: a file needs no server."""
        return True

    async def create(self, size: int) -> None:
        """Create the database anew with `size` customers."""
        await self.drop()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        await manage(self.url, "migrate")
        await asyncio.to_thread(self._fill, size)

    def _fill(self, size: int) -> None:
        connection = sqlite3.connect(self.path, isolation_level=None)
        connection.executescript("PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF")
        connection.executescript(SQLITE_CLASSES)
        connection.execute("BEGIN")
        indexes = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
            " AND tbl_name IN ('customer', 'class_change', 'contact') AND sql NOT LIKE '%UNIQUE%'"
        ).fetchall()
        for name, _ in indexes:
            connection.execute(f'DROP INDEX "{name}"')
        connection.execute(SQLITE_CUSTOMERS, (size, PROFILE))
        connection.execute(SQLITE_HISTORY, (size,))
        connection.execute(SQLITE_CONTACTS, (size,))
        for _, definition in indexes:
            connection.execute(definition)
        connection.execute("COMMIT")
        connection.executescript("ANALYZE; PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()

    async def sweep(self) -> None:
        """Remove the rows that a measurement wrote."""
        await asyncio.to_thread(self._sweep)

    def _sweep(self) -> None:
        connection = sqlite3.connect(self.path, isolation_level=None, timeout=30)
        connection.execute("BEGIN IMMEDIATE")
        keeping = connection.execute(
            "SELECT name, sql FROM sqlite_master"
            " WHERE name IN ('audit_entry_kept', 'class_change_kept')"
        ).fetchall()
        for name, _ in keeping:
            connection.execute(f"DROP TRIGGER {name}")
        for table in WRITTEN:
            connection.execute(f"DELETE FROM {table}")  # noqa: S608  # a table's own name
        for statement in SWEEP:
            connection.execute(statement)
        for _, definition in keeping:
            connection.execute(definition)
        connection.execute("COMMIT")
        connection.close()

    async def version(self) -> str:
        """Return the version of the SQLite library."""
        return sqlite3.sqlite_version

    async def drop(self) -> None:
        """Delete the database's files."""
        for suffix in ("", "-wal", "-shm", ".migrate.lock"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)


Data = PostgresData | SqliteData
