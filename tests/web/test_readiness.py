"""Readiness: the database can be read and written and its schema fits; nothing else matters."""

import asyncio
import json
from collections import Counter
from datetime import timedelta
from typing import Any
from unittest.mock import Mock

import pytest
from tortoise.connection import get_connection

from app import create_app
from models import Heartbeat, RateLimit
from models.jobs.heartbeat import beat
from models.jobs.worker import Worker
from models.storage.database import Database
from models.storage.fault_log import FAULTS
from models.storage.migrate import migrate
from opening import Platform
from settings import Settings
from tests import database_faults
from tests.applied_migrations import forget_migration, note_migration
from tests.captured_logs import captured_logs
from tests.clock import START, Clock
from tests.databases import Databases
from tests.graphql_client import Api, counted_statements, running_api, stored
from web.health import Readiness
from web.socket_sessions import SocketSessions

READY = {"database": "ok", "schema": "ok", "writes": "ok"}
MISMATCH = "SCHEMA_MISMATCH"
CLASSES = "{ customerClasses { nodes { code } } }"


@pytest.fixture
async def api(databases: Databases, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Start the application with short lock timeouts."""
    monkeypatch.setattr("models.storage.database.BUSY_TIMEOUT_MS", 50)
    monkeypatch.setattr("models.storage.database.KEEP_TRYING_S", 0.05)
    monkeypatch.setattr(FAULTS, "_lines", {})
    async with running_api(databases, clock) as started:
        yield started


async def ready(api: Api) -> tuple[int, dict[str, Any]]:
    """Request `/readyz`; return status and body."""
    response = await api.http.get("/readyz")
    body: dict[str, Any] = response.json()
    return response.status_code, body


async def test_a_ready_process_leaves_nothing_behind_by_looking(api: Api) -> None:
    for _ in range(3):
        assert await ready(api) == (200, {"status": "ok", "checks": READY})
    assert await RateLimit.all().count() == 0


async def test_it_is_not_ready_while_the_database_is_lost(api: Api) -> None:
    async with database_faults.lost(api.platform.database):
        status, body = await ready(api)
        assert (status, body["status"]) == (503, "unavailable")
        assert body["checks"]["database"].startswith("LOST ")
        response = await api.http.get("/readyz?all=1")
        assert (response.status_code, response.json()["information"]) == (503, {})
        assert (await api.http.get("/healthz")).status_code == 200
    assert await ready(api) == (200, {"status": "ok", "checks": READY})


@pytest.mark.parametrize("fault", ["read_only", "full"])
async def test_it_is_not_ready_while_the_database_takes_no_writes(api: Api, fault: str) -> None:
    database = api.platform.database
    if fault == "full" and database.is_postgres:
        pytest.skip("a full disk can't be made from within")
    code = {
        ("read_only", True): "READ_ONLY 25006",
        ("read_only", False): "READ_ONLY SQLITE_READONLY",
        ("full", False): "FULL SQLITE_FULL",
    }[fault, database.is_postgres]
    async with getattr(database_faults, fault)(database):
        status, body = await ready(api)
        if fault == "read_only" and database.is_postgres:
            # SocketSessions that were kept for reading ended, and are opened again.
            status, body = await ready(api)
        assert (status, body["checks"]) == (503, READY | {"writes": code})
    assert (await ready(api))[0] == 200


async def test_a_database_that_does_not_answer_is_not_waited_for(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And concurrent requests share one check."""
    may_go_on = asyncio.Event()
    looks = 0

    async def hang(_: Database) -> None:
        nonlocal looks
        looks += 1
        await may_go_on.wait()

    monkeypatch.setattr("web.health.MAX_S", 0.02)
    monkeypatch.setattr("web.health.probe_writing", hang)
    answers = await asyncio.gather(*(ready(api) for _ in range(5)), ready(api))
    assert {status for status, _ in answers} == {503}
    assert answers[0][1]["checks"] == READY | {"writes": "no answer in 0.02 s"}
    assert looks == 1
    may_go_on.set()
    await asyncio.sleep(0.01)
    assert (await ready(api))[0] == 200


async def test_many_who_ask_within_a_second_cost_one_look(api: Api) -> None:
    async def information() -> dict[str, str]:
        return {}

    database = api.platform.database
    now = 100.0
    readiness = Readiness(lambda: database, information, kept_s=1.0, now=lambda: now)
    assert await readiness.checks() == READY
    with counted_statements() as counted:
        for _ in range(50):
            assert await readiness.checks() == READY
        assert len(counted) == 0
        now = 101.0
        assert await readiness.checks() == READY
        assert len(counted) > 0


@pytest.mark.parametrize("is_newer", [True, False])
async def test_with_a_schema_of_another_program_it_reads_and_does_not_write(
    api: Api, *, is_newer: bool
) -> None:
    database = api.platform.database
    name = "0099_next" if is_newer else "0012_append_only"
    if is_newer:
        await note_migration(database, name)
        said = "newer: 0099_next unknown; update this program"
    else:
        await forget_migration(name)
        said = "older: 0012_append_only missing; run `manage.py migrate`"
    await database.check_schema()
    before = await stored()
    status, body = await ready(api)
    assert (status, body) == (
        503,
        {"status": "unavailable", "checks": {"database": "ok", "schema": said}},
    )
    response = await api.post(
        'mutation { saveCustomer(input: { name: "A", classCode: "CHARITY" }) { customer { id } } }'
    )
    assert response.status_code == 503
    (error,) = response.json()["errors"]
    assert (error["extensions"]["code"], error["extensions"]["reason"]) == (
        "UNAVAILABLE",
        "SCHEMA_MISMATCH",
    )
    assert await stored() == before
    assert len((await api.data(CLASSES))["customerClasses"]["nodes"]) == 10
    if is_newer:
        await forget_migration(name)
    else:
        await note_migration(database, name)
    assert (await ready(api))[0] == 200
    await api.save_customer(name="After")


async def test_an_additive_migration_of_a_newer_program_is_no_hindrance(api: Api) -> None:
    await note_migration(api.platform.database, "0099_index_additive")
    assert await ready(api) == (200, {"status": "ok", "checks": READY})
    await api.save_customer(name="Still")


async def test_workers_claim_nothing_while_the_schema_does_not_fit(api: Api) -> None:
    customer = await api.save_customer(
        name="Acme", classCode="COMPANY_UK_LIMITED", companyNumber="101"
    )
    database = api.platform.database
    worker = await api.platform.worker("worker-of-the-tests")
    await note_migration(database, "0099_next")
    await database.check_schema()
    with pytest.raises(Exception, match="SCHEMA_MISMATCH"):
        await worker.run_due()
    found = await api.customer(customer["id"], "enrichment { status attempts }")
    assert found["enrichment"] == {"status": "PENDING", "attempts": 0}


async def test_the_schema_is_looked_at_again_when_migrations_were_applied(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = api.platform.database
    monkeypatch.setattr("models.storage.database.CHECK_SCHEMA_S", 0.01)
    database.signals.fire("schema")
    await note_migration(database, "0099_next")
    async with asyncio.timeout(60):
        while database.schema_fit is None or database.schema_fit.may_write:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    with pytest.raises(Exception, match="SCHEMA_MISMATCH"):
        await database.transaction(lambda: beat("w", START))
    assert not await Heartbeat.exists(worker="w")
    await forget_migration("0099_next")
    async with asyncio.timeout(60):
        while not database.schema_fit.may_write:  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def test_a_process_that_is_about_to_stop_says_so_and_goes_on_serving(api: Api) -> None:
    api.app.state.readiness.is_draining = True
    assert await ready(api) == (503, {"status": "draining", "checks": READY})
    assert (await api.http.get("/healthz")).status_code == 200
    await api.save_customer(name="Still served")


async def test_each_change_of_readiness_is_logged_once(api: Api) -> None:
    with captured_logs("json") as log:
        async with database_faults.read_only(api.platform.database):
            for _ in range(4):
                await ready(api)
        await ready(api)
        await ready(api)
    lines = [line for line in log.getvalue().splitlines() if '"event":"readiness"' in line]
    assert ['"ready":true' in line for line in lines] == [False, True]


async def test_on_an_older_schema_background_loops_say_nothing_until_it_fits(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.storage.database.CHECK_SCHEMA_S", 0.01)
    monkeypatch.setattr("models.tables.numbering.EVERY", timedelta(milliseconds=1))
    monkeypatch.setattr("web.socket_sessions.MAX_WAIT_S", 0.001)
    turns: Counter[str] = Counter()

    async def sleep(*_: object) -> None:
        turns["worker"] += 1
        await asyncio.sleep(0.001)

    async def look(connections: SocketSessions) -> None:
        turns["connections"] += 1
        await check_all(connections)

    check_all = SocketSessions._check_all
    monkeypatch.setattr(Worker, "_sleep", sleep)
    monkeypatch.setattr("app.gc", Mock())  # freezing would affect other tests' objects
    monkeypatch.setattr(SocketSessions, "_check_all", look)
    url = await databases.create_empty()
    opened: list[Platform] = []

    async def note(platform: Platform) -> None:
        opened.append(platform)

    with captured_logs("json") as log:
        app = create_app(Settings(database_url=url), on_ready=note)
        async with app.router.lifespan_context(app), asyncio.timeout(60):
            while min(turns["worker"], turns["connections"]) < 20:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
            lines = log.getvalue().splitlines()
            await migrate(opened[0].database)
            while not await Heartbeat.exists():  # noqa: ASYNC110
                await asyncio.sleep(0.005)
    told = [json.loads(line) for line in lines]
    loud = [line["event"] for line in told if line["level"] in ("error", "warning")]
    assert loud == ["schema_checked"]
    await databases.drop(url)


@pytest.mark.parametrize(
    ("statement", "undo"),
    [
        (
            "ALTER TABLE audit_entry RENAME COLUMN request_id TO asked_by",
            "ALTER TABLE audit_entry RENAME COLUMN asked_by TO request_id",
        ),
        ("ALTER TABLE job RENAME TO task", "ALTER TABLE task RENAME TO job"),
    ],
)
@pytest.mark.parametrize("is_fit", [True, False])
async def test_what_the_schema_lacks_is_a_bug_only_if_the_schema_fits(
    api: Api, statement: str, undo: str, *, is_fit: bool
) -> None:
    database = api.platform.database
    if not is_fit:
        await note_migration(database, "0099_next")
        await database.check_schema()
    await get_connection("default").execute_query(statement)
    read = (
        "{ enrichmentBacklog { waitingCount } }"
        if " job " in statement
        else "{ auditTrail(first: 2) { nodes { requestId } } }"
    )
    try:
        with captured_logs("json") as log:
            response = await api.post(read)
    finally:
        await get_connection("default").execute_query(undo)
        if not is_fit:
            await forget_migration("0099_next")
    (error,) = response.json()["errors"]
    told = (response.status_code, error["extensions"]["code"], error["extensions"].get("reason"))
    assert told == ((200, "INTERNAL_ERROR", None) if is_fit else (503, "UNAVAILABLE", MISMATCH))
    assert ("graphql_bug" in log.getvalue()) is is_fit
