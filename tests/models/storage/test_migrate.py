"""Migrations create the tables of the models, and run once even if started concurrently."""

import asyncio
import fcntl
import json
import sqlite3
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest
from tortoise import Tortoise
from tortoise.connection import get_connection
from tortoise.migrations.autodetector import MigrationAutodetector
from tortoise.migrations.recorder import MigrationRecorder

from models import (
    AccessToken,
    AuditEntry,
    Confirmation,
    Customer,
    CustomerClass,
    EnrichmentRun,
    Job,
    User,
)
from models.jobs.job import JobState
from models.lists.customer_scope import at_account_number
from models.rules.enrichment_status import EnrichmentReason
from models.rules.urgency import Urgency
from models.storage.database import Database
from models.storage.migrate import ADVISORY_LOCK, MigrationBlocked, migrate
from models.storage.schema_fit import SchemaFit
from models.storage.sql import run
from tests.applied_migrations import migrate_until
from tests.databases import Databases
from tests.factories import TABLES, everything

ALL_MIGRATIONS = sorted(path.stem for path in Path("models/migrations").glob("[0-9]*.py"))

MIGRATE = """
import asyncio, sys
from models.lists.customer_scope import at_account_number
from models.storage.database import Database
from models.storage.migrate import migrate

async def main():
    database = Database(sys.argv[1])
    await database.open()
    try:
        print(len(await migrate(database, 300)))  # the other process may take long
    finally:
        await database.close()

asyncio.run(main())
"""

AT = "'2026-01-01 00:00:00+00:00'"
OF_BEFORE = (
    f"""INSERT INTO customer (id, account_number, name, name_key, search_key, customer_class_id,
      profile, enrichment_status, created_at, last_modified_at, version)
    SELECT own.id, own.id, 'A', 'a', 'a', customer_class.id, '{{}}', 'NOT_APPLICABLE', {AT},
      {AT}, 1
    FROM customer_class CROSS JOIN (SELECT 'cus_1' AS id UNION ALL SELECT 'cus_2') AS own
    WHERE customer_class.code = 'CHARITY'""",
    f"UPDATE customer SET erased_at = {AT} WHERE id = 'cus_2'",
    f"""INSERT INTO contact (id, customer_id, name, address_salt, receives_bills,
      receives_correspondence, is_active, is_mail_given_up, version, created_at, last_modified_at)
    VALUES ('con_1', 'cus_1', 'Al', 's', false, false, true, false, 1, {AT}, {AT})""",
    *(
        f"""INSERT INTO audit_entry (id, subject_id, operation, before, after, is_override,
          actor_id, actor_name, request_id, at)
        VALUES ('aud_{number}', '{subject}', '{operation}', '{{}}', '{{}}', false, 'tok_1', 'Tess',
          'request-1', {AT})"""
        for number, (subject, operation) in enumerate(
            (
                ("cus_1", "customer.created"),
                ("con_1", "contact.created"),
                ("cus_2", "customer.created"),
                ("cus_2", "customer.deleted"),
                ("cls_1", "class.created"),
                ("platform_defaults", "platform_defaults.saved"),
            ),
            start=1,
        )
    ),
)
"""Statements that insert rows in the schema before migration 0009."""

JOBS_OF_BEFORE = (
    "UPDATE customer SET parent_id = 'cus_1' WHERE id = 'cus_2'",
    *(
        f"""INSERT INTO enrichment_run (id, customer_id, "trigger", status, attempts, requested_at,
          fields_read) VALUES ('run_{n}', 'cus_{n}', '{trigger}', 'PENDING', 0, {AT}, '[]')"""
        for n, trigger in ((1, "SAVE"), (2, "RETIREMENT"))
    ),
    f"""INSERT INTO upstream_response (run_id, step, body, retrieved_at)
    VALUES ('run_1', 'profile', 'x', {AT})""",
    *(
        f"""INSERT INTO job (id, kind, payload, live_key, state, attempts, due_at, created_at)
        VALUES ('job_{n}', '{kind}', '{{}}', {key}, '{state}', {attempts}, {due}, {AT})"""
        for n, kind, key, state, attempts, due in (
            (1, "enrich", "'enrich:cus_1'", "QUEUED", 0, AT),
            (2, "enrich", "'enrich:cus_2'", "QUEUED", 2, "'2126-01-01 00:00:00+00:00'"),
            (3, "confirmation_mail", "'mail:1'", "QUEUED", 0, AT),
            (4, "enrich", "NULL", "DONE", 1, "NULL"),
        )
    ),
)
"""Statements that insert jobs and their lookups in the schema before migration 0013."""


@pytest.fixture
async def empty(databases: Databases) -> AsyncIterator[Database]:
    url = await databases.create_empty()
    database = Database(url)
    await database.open()
    yield database
    await database.close()
    await databases.drop(url)


async def test_an_empty_database_is_brought_up_to_date(empty: Database) -> None:
    """R9."""
    assert sorted((await empty.check_schema()).missing) == ALL_MIGRATIONS
    assert sorted(await migrate(empty)) == ALL_MIGRATIONS
    assert await empty.check_schema() == SchemaFit()
    assert await CustomerClass.all().count() == 10


async def test_migrating_again_does_nothing(empty: Database) -> None:
    """R13."""
    await migrate(empty)
    before = await everything()
    assert await migrate(empty) == []
    assert await everything() == before


async def test_processes_that_migrate_at_once_do_it_once(empty: Database) -> None:
    """R13."""
    starts = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", MIGRATE, empty.url, stdout=asyncio.subprocess.PIPE
        )
        for _ in range(2)
    ]
    answers = await asyncio.gather(*(process.communicate() for process in starts))
    assert [process.returncode for process in starts] == [0, 0]
    assert sorted(int(output) for output, _ in answers) == [0, len(ALL_MIGRATIONS)]
    assert await CustomerClass.all().count() == 10


async def test_tokens_that_showed_persons_go_on_doing_so(empty: Database) -> None:
    """Reading personal data became a separate permission in the migration that added users."""
    connection = get_connection("default")
    await migrate_until(empty, "0007_consent_ledger")
    given = {
        "customers": ["customers:read"],
        "consent": ["consent:write", "customer_classes:read"],
        "classes": ["customer_classes:administer"],
        "none": [],
    }
    for name, scopes in given.items():
        await connection.execute_query(
            "INSERT INTO access_token (id, name, shown_prefix, hash, scopes, created_at)"
            f" VALUES ('tok_{name}', '{name}', 'ccl_', '{name}', '{json.dumps(scopes)}',"
            " '2026-10-01 09:30:00+00:00')"
        )
    assert (await migrate(empty))[0] == "0008_users"
    assert {token.name: token.scopes for token in await AccessToken.all()} == {
        **given,
        "customers": ["customers:read", "personal_data:read"],
        "consent": ["consent:write", "customer_classes:read", "personal_data:read"],
    }
    assert {token.version for token in await AccessToken.all()} == {1}


async def test_migrations_and_models_agree(database: Database) -> None:
    assert Tortoise.apps is not None
    detector = MigrationAutodetector(Tortoise.apps, database.config["apps"])
    assert [writer.as_string() for writer in await detector.changes()] == []


async def test_every_index_of_the_models_is_in_the_database(database: Database) -> None:
    connection = get_connection("default")
    if database.is_postgres:
        rows = await connection.execute_query_dict(
            "SELECT tablename AS name, indexdef AS spelt FROM pg_indexes"
        )
    else:
        rows = await connection.execute_query_dict(
            "SELECT tbl_name AS name, sql AS spelt FROM sqlite_master WHERE type = 'index'"
        )
    spelt = {(row["name"], _columns(row["spelt"] or "")) for row in rows}
    for model in TABLES:
        for index in model._meta.indexes:
            columns = ", ".join(index.fields if not isinstance(index, tuple) else index)
            assert (model._meta.db_table, columns) in spelt


def _columns(statement: str) -> str:
    columns = statement.partition(" WHERE ")[0]
    return columns[columns.find("(") + 1 : columns.rfind(")")].replace('"', "")


async def test_entries_of_before_say_which_customer_they_are_about(empty: Database) -> None:
    """R96, A18: a contact's entry names its customer; erased customers are marked as erased."""
    connection = get_connection("default")
    await migrate_until(empty, "0007_consent_ledger")
    for statement in OF_BEFORE:
        await connection.execute_query(statement)
    await migrate(empty)
    told = {
        row.id: (row.subject_kind, row.customer_id, row.erased_at is not None)
        for row in await AuditEntry.all()
    }
    assert told == {
        "aud_1": ("cus", "cus_1", False),
        "aud_2": ("con", "cus_1", False),
        "aud_3": ("cus", "cus_2", True),
        "aud_4": ("cus", "cus_2", False),  # the audit entry of the erasure itself is not erased
        "aud_5": ("cls", None, False),
        "aud_6": ("platform", None, False),
    }
    assert all(row.user_id is None and row.reseller_id is None for row in await AuditEntry.all())


WAIT_S = 0.3


async def migrate_all_but(database: Database, lacking: str) -> None:
    """Apply all migrations before `lacking`, which waits for locks."""
    await migrate_until(database, ALL_MIGRATIONS[ALL_MIGRATIONS.index(lacking) - 1])


async def test_a_migration_that_meets_a_lock_says_who_holds_it_and_changes_nothing(
    empty: Database,
) -> None:
    name = "0012_append_only"
    await migrate_all_but(empty, name)
    missing = (await empty.check_schema()).missing
    if empty.is_postgres:
        other = await asyncpg.connect(
            empty.dsn, server_settings={"application_name": "billing-export"}
        )
        await other.execute("BEGIN; LOCK TABLE class_change IN ROW EXCLUSIVE MODE")
        pid = await other.fetchval("SELECT pg_backend_pid()")
        said = rf"{name} waited 0.3 s .* pid {pid} \(billing-export, idle in transaction, transac"
    else:
        path = empty.config["connections"]["default"]["credentials"]["file_path"]
        writer = sqlite3.connect(path, isolation_level=None)
        writer.execute("BEGIN IMMEDIATE")
        said = rf"{name} waited 0.3 s .* another process, which is writing to {Path(path).name}"
    with pytest.raises(MigrationBlocked, match=said) as blocked:
        await migrate(empty, WAIT_S)
    assert "\n" not in str(blocked.value)
    assert (await empty.check_schema()).missing == missing
    if empty.is_postgres:
        await other.close()
    else:
        writer.close()
    assert tuple(await migrate(empty, WAIT_S)) == missing


@pytest.mark.parametrize("is_complete", [True, False])
async def test_a_lock_on_the_record_of_migrations_is_waited_for_as_long_and_no_longer(
    empty: Database, *, is_complete: bool
) -> None:
    if not empty.is_postgres:
        pytest.skip("SQLite locks no table alone")
    if is_complete:
        await migrate(empty, WAIT_S)
    else:
        await migrate_all_but(empty, "0012_append_only")
    missing = (await empty.check_schema()).missing
    other = await asyncpg.connect(empty.dsn, server_settings={"application_name": "vacuum"})
    await other.execute("BEGIN; LOCK TABLE tortoise_migrations IN ACCESS EXCLUSIVE MODE")
    pid = await other.fetchval("SELECT pg_backend_pid()")
    said = rf"The first step waited 0.3 s .* pid {pid} \(vacuum, idle in transaction, transac"
    with pytest.raises(MigrationBlocked, match=said):
        async with asyncio.timeout(WAIT_S + 10):
            await migrate(empty, WAIT_S)
    await other.close()
    assert (await empty.check_schema()).missing == missing
    assert tuple(await migrate(empty, WAIT_S)) == missing


async def test_who_migrates_meanwhile_is_waited_for_and_named(empty: Database) -> None:
    if empty.is_postgres:
        other = await asyncpg.connect(empty.dsn, server_settings={"application_name": "deploy-2"})
        await other.execute(f"SELECT pg_advisory_lock({ADVISORY_LOCK})")
        said = r"migrating for more than 0.3 s: pid \d+ \(deploy-2, idle\)"
    else:
        path = empty.config["connections"]["default"]["credentials"]["file_path"]
        handle = Path(f"{path}.migrate.lock").open("a")  # noqa: ASYNC230, SIM115
        fcntl.flock(handle, fcntl.LOCK_EX)
        said = r"migrating for more than 0.3 s: it has .*\.migrate\.lock open"
    with pytest.raises(MigrationBlocked, match=said):
        await migrate(empty, WAIT_S)
    assert sorted((await empty.check_schema()).missing) == ALL_MIGRATIONS
    if empty.is_postgres:
        await other.close()
    else:
        handle.close()


async def test_a_migration_is_applied_and_noted_in_one_transaction(
    empty: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If a process ended between the two, migrating would fail for ever."""
    original = MigrationRecorder.record_applied

    async def record(self: MigrationRecorder, app: str, name: str) -> None:
        if name == "0002_shipped_customer_classes":
            raise RuntimeError("killed")
        await original(self, app, name)

    with monkeypatch.context() as patch:
        patch.setattr(MigrationRecorder, "record_applied", record)
        with pytest.raises(RuntimeError, match="killed"):
            await migrate(empty)
    assert sorted((await empty.check_schema()).missing) == ALL_MIGRATIONS[1:]
    assert await CustomerClass.all().count() == 0
    assert sorted(await migrate(empty)) == ALL_MIGRATIONS[1:]
    assert await CustomerClass.all().count() == 10


async def test_a_script_does_not_commit_what_was_done_before_it(database: Database) -> None:
    class StoppedError(Exception):
        """An error that a test raises to leave a transaction."""

    async def work() -> None:
        connection = get_connection("default")
        await connection.execute_query("DELETE FROM customer_class WHERE code = 'CHARITY'")
        await connection.execute_script("CREATE TABLE one (a INT); CREATE TABLE two (b TEXT)")
        await connection.execute_query("INSERT INTO two (b) VALUES ('x')")
        raise StoppedError

    with pytest.raises(StoppedError):
        await database.transaction(work)
    assert await CustomerClass.all().count() == 10
    with pytest.raises(Exception, match="two"):
        await get_connection("default").execute_query("SELECT * FROM two")


async def test_keys_of_before_are_made_anew_and_collisions_stop_nothing(empty: Database) -> None:
    """R3, R13: names and numbers that became equal are kept, each with a distinct key."""
    connection = get_connection("default")
    await migrate_until(empty, "0016_job_places")
    for number, (name, key) in enumerate(
        (("Club\u200b", "club\u200b"), ("Club", "club"), ("CLUB  ", "club  "), ("A  b", "a  b"))
    ):
        await connection.execute_query(
            "INSERT INTO customer_class (id, name, name_key, display_position, created_at,"
            " is_personal_customer, is_sole_trader, is_reseller, check_companies_house,"
            f" last_modified_at, version) VALUES ('cls_{number}', '{name}', '{key}', 0, {AT},"
            f" false, false, false, false, {AT}, 1)"
        )
    given = (
        ("cus_1", "acc-1", "Caf\u00e9 A", None),
        ("cus_2", "ACC-1", "Caf\u00e9  B", None),
        ("cus_3", "Acc\u200b-1", "C", None),
        ("cus_4", "(erased) cus_4", "(erased)", AT),
    )
    for row_id, account, name, erased_at in given:
        await connection.execute_query(
            "INSERT INTO customer (id, account_number, name, name_key, search_key, erased_at,"
            " customer_class_id, profile, enrichment_status, created_at, last_modified_at, version)"
            f" VALUES ('{row_id}', '{account}', '{name}', '{name.lower()}', 'old',"
            f" {erased_at or 'NULL'}, 'cls_1', '{{}}', 'NOT_APPLICABLE', {AT}, {AT}, 1)"
        )
    await connection.execute_query(
        """INSERT INTO enrichment_run (id, customer_id, "trigger", status, reason, attempts,
          requested_at, fields_read) VALUES ('run_1', 'cus_1', 'SAVE', 'PARTIAL',"""
        f" 'NOT_A_UK_COMPANY', 1, {AT}, '[]')"
    )
    assert "0017_folded_keys" in await migrate(empty)
    assert (await EnrichmentRun.get()).reason is EnrichmentReason.NOT_LIMITED_OR_PLC
    classes = {row.id: row.name_key for row in await CustomerClass.filter(code__isnull=True)}
    assert classes == {
        "cls_0": "club\ncls_0",
        "cls_1": "club",  # rows that already have their key keep it
        "cls_2": "club\ncls_2",
        "cls_3": "a b",
    }
    customers = {
        row.id: (row.account_number_key, row.name_key, row.search_key)
        for row in await Customer.all()
    }
    assert customers == {
        "cus_1": ("acc-1", "caf\u00e9 a", "cafe a\nacc-1"),
        "cus_2": ("acc-1\ncus_2", "caf\u00e9 b", "cafe b\nacc-1"),
        "cus_3": ("acc-1\ncus_3", "c", "c\nacc-1"),
        "cus_4": ("(erased) cus_4", "(erased)", ""),
    }
    exact = await at_account_number("ACC-1")
    found = await run(f"SELECT id FROM customer AS t0 WHERE {exact.text}", exact.parameters)
    assert [tuple(row) for row in found] == [("cus_2",)]  # exact spelling, before other case


async def test_lists_have_one_order_whatever_the_databases_collation(database: Database) -> None:
    """R18, R98."""
    if not database.is_postgres:
        pytest.skip("SQLite compares bytes")
    rows = await get_connection("default").execute_query_dict(
        "SELECT table_name, column_name, collation_name FROM information_schema.columns"
        " WHERE table_schema = 'public'"
        " AND (column_name LIKE '%name_key' OR column_name LIKE 'account_number%')"
    )
    assert {row["collation_name"] for row in rows} == {"C"}
    assert len(rows) == 7


async def test_jobs_of_before_get_their_places_in_the_queue(empty: Database) -> None:
    """R90: resellers take turns, oldest job first; none is lost, and started jobs stay started."""
    connection = get_connection("default")
    await migrate_until(empty, "0012_append_only")
    for statement in (*OF_BEFORE[:1], *JOBS_OF_BEFORE):
        await connection.execute_query(statement)
    assert "0013_queue" in await migrate(empty)
    told = {
        job.id: (job.state, job.urgency, job.reseller_id, job.place, job.calls_left)
        for job in await Job.all()
    }
    assert told == {
        "job_1": (JobState.READY, Urgency.SAVED, None, 1, 3),
        "job_2": (JobState.WAITING, Urgency.BULK, "cus_1", 1, 4),
        "job_3": (JobState.READY, Urgency.SAVED, None, 1, None),
        "job_4": (JobState.DONE, Urgency.SAVED, None, 0, None),
    }
    assert (await Job.get(id="job_2")).started_at == datetime(2026, 1, 1, tzinfo=UTC)


async def test_mails_asked_for_before_repeat_no_names_and_users_are_searched_by_a_key(
    empty: Database,
) -> None:
    """R93: whether their requesters were masked is not known."""
    connection = get_connection("default")
    await migrate_until(empty, "0018_erasure")
    for statement in (
        (
            "INSERT INTO customer_class (id, name, name_key, display_class, display_position,"
            " is_personal_customer, is_sole_trader, is_reseller, check_companies_house, created_at,"
            " last_modified_at, version) VALUES ('cls_1', 'A', 'a', 'A', 99, false, false, false,"
            f" false, {AT}, {AT}, 1)"
        ),
        (
            "INSERT INTO customer (id, account_number, account_number_key, name, name_key,"
            " search_key, customer_class_id, profile, enrichment_status, created_at,"
            " last_modified_at, version) VALUES ('cus_1', 'A\u20111', 'a\u20111', 'Acme', 'acme',"
            " 'acme', 'cls_1', '{}',"
            f" 'NOT_APPLICABLE', {AT}, {AT}, 1), ('cus_2', 'A-1', 'a-1', 'Bee', 'bee', 'bee',"
            f" 'cls_1', '{{}}', 'NOT_APPLICABLE', {AT}, {AT}, 1)"
        ),
        (
            "INSERT INTO contact (id, customer_id, name, address_salt, receives_bills,"
            " receives_correspondence, is_active, is_mail_given_up, version, created_at,"
            f" last_modified_at) VALUES ('con_1', 'cus_1', 'Al', 'x', false, false, true, false, 1,"
            f" {AT}, {AT})"
        ),
        (
            "INSERT INTO confirmation (id, kind, contact_id, customer_id, documents, requested_at,"
            " requested_by_id, requested_by, mail_state) VALUES ('cfm_1', 'EMAIL_VERIFICATION',"
            f" 'con_1', 'cus_1', '[]', {AT}, 'tok_1', 'Tess', 'QUEUED')"
        ),
        (
            "INSERT INTO app_user (id, name, name_key, email, permissions, created_at,"
            " last_modified_at, version) VALUES ('usr_1', 'Ren\u00e9e', 'ren\u00e9e',"
            f" 'R@a.example', '[]', {AT}, {AT}, 1)"
        ),
    ):
        await connection.execute_query(statement)
    assert (await migrate(empty))[0] == "0019_private_mails"
    assert (await Confirmation.get(id="cfm_1")).is_requester_masked is True
    assert (await User.get(id="usr_1")).search_key == "renee\nr@a.example"
    numbers = {one.id: one.account_number_key for one in await Customer.all()}
    assert numbers == {"cus_1": "a-1\ncus_1", "cus_2": "a-1"}


async def test_references_that_are_not_unique_are_kept_and_told(
    empty: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    """The oldest customer of a reseller is found by the reference."""
    connection = get_connection("default")
    await migrate_until(empty, "0021_idempotency_additive")
    await connection.execute_query(
        "INSERT INTO customer_class (id, name, name_key, display_class, display_position,"
        " is_personal_customer, is_sole_trader, is_reseller, check_companies_house, created_at,"
        " last_modified_at, version) VALUES ('cls_1', 'A', 'a', 'A', 99, false, false, true,"
        f" false, {AT}, {AT}, 1)"
    )
    rows = (
        ("cus_1", "NULL", "'r'"),
        ("cus_2", "'cus_1'", "'r'"),
        ("cus_3", "'cus_1'", "'r'"),
        ("cus_4", "NULL", "'r'"),
        ("cus_5", "NULL", "NULL"),
    )
    for name, parent, reference in rows:
        await connection.execute_query(
            "INSERT INTO customer (id, account_number, account_number_key, name, name_key,"
            " search_key, customer_class_id, parent_id, external_reference, profile,"
            f" enrichment_status, created_at, last_modified_at, version) VALUES ('{name}',"
            f" '{name}', '{name}', 'Acme', 'acme', 'acme', 'cls_1', {parent}, {reference}, '{{}}',"
            f" 'NOT_APPLICABLE', {AT}, {AT}, 1)"
        )
    assert "0022_own_references_additive" in await migrate(empty)
    found = {one.id: (one.external_reference, one.reference_key) for one in await Customer.all()}
    assert found == {
        "cus_1": ("r", "\nr"),
        "cus_2": ("r", "cus_1\nr"),
        "cus_3": ("r", "cus_1\nr\ncus_3"),
        "cus_4": ("r", "\nr\ncus_4"),
        "cus_5": (None, None),
    }
    told = capsys.readouterr()
    assert "cus_3" in told.out + told.err
    assert "cus_4" in told.out + told.err
