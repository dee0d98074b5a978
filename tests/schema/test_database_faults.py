"""Errors for clients while the database is unavailable; no change is lost or made twice."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from tortoise.connection import get_connection

from models import Customer
from models.storage.database import Database
from models.storage.database_faults import fault_of
from models.storage.fault_log import FAULTS
from models.storage.locks import lock_name
from tests import database_faults
from tests.captured_logs import captured_logs
from tests.clock import Clock
from tests.databases import Databases
from tests.graphql_client import Api, connected, running_api, serving, stored

VIEWER = "{ viewer { name } }"
READ = "{ customerClasses { nodes { code } } }"
SAVE = """
  mutation($name: String!) {
    saveCustomer(input: { name: $name, classCode: "CHARITY" }) {
      customer { id } userErrors { code }
    }
  }
"""
TWO = """
  mutation {
    first: saveCustomer(input: { name: "First", classCode: "CHARITY" }) { customer { name } }
    second: saveCustomer(input: { name: "Second", classCode: "CHARITY" }) { customer { name } }
  }
"""
PERIOD = "fromAt=2026-09-01T00:00:00Z&untilAt=2026-10-01T00:00:00Z"

CODES = {
    ("lost", True): ("LOST", {"55000", "57P01", "08003", "InterfaceError", "InternalClientError"}),
    ("lost", False): ("LOST", {"SQLITE_MISUSE"}),
    ("read_only", True): ("READ_ONLY", {"25006"}),
    ("read_only", False): ("READ_ONLY", {"SQLITE_READONLY"}),
    ("full", False): ("FULL", {"SQLITE_FULL"}),
    ("locked", True): ("LOCKED", {"55P03"}),
    ("locked", False): ("LOCKED", {"SQLITE_BUSY"}),
}
"""The reason in the error for clients, and the codes that the log may have."""


@pytest.fixture
async def api(
    databases: Databases, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Api]:
    """Start the application with short lock timeouts."""
    monkeypatch.setattr("models.storage.database.BUSY_TIMEOUT_MS", 50)
    monkeypatch.setattr("models.storage.database.KEEP_TRYING_S", 0.05)
    monkeypatch.setattr(FAULTS, "_lines", {})
    async with running_api(databases, clock) as started:
        yield started


def made(name: str, database: Database) -> AbstractAsyncContextManager[None]:
    """Return a context manager that causes the fault with this name."""
    if (name, database.is_postgres) not in CODES:
        pytest.skip("this can't be made on PostgreSQL from within")
    fault: AbstractAsyncContextManager[None] = getattr(database_faults, name)(database)
    return fault


def told(error: dict[str, Any]) -> dict[str, Any]:
    """Return an error without its retry delay."""
    extensions: dict[str, Any] = dict(error["extensions"])
    assert 1 <= extensions.pop("retryAfterSeconds") <= 60
    return extensions


@pytest.mark.parametrize("name", ["lost", "read_only", "full", "locked"])
async def test_a_mutation_is_answered_503_and_changes_nothing(api: Api, name: str) -> None:
    database = api.platform.database
    await api.save_customer(name="Before")
    before = await stored()
    reason, codes = CODES.get((name, database.is_postgres), ("", set()))
    with captured_logs("json") as log:
        async with made(name, database):
            # A row may still fit on an existing page of the file.
            response = await api.post(SAVE, {"name": "x" * 200})
            for _ in range(40 if name == "full" else 0):
                if response.status_code != 200:
                    break
                before = await stored()
                response = await api.post(SAVE, {"name": "x" * 200})
    assert response.status_code == 503, response.text
    (error,) = response.json()["errors"]
    assert told(error) == {"code": "UNAVAILABLE", "reason": reason, "retryable": True}
    assert response.headers["retry-after"] == str(error["extensions"]["retryAfterSeconds"])
    assert not (response.json().get("data") or {}).get("saveCustomer")
    lines = [line for line in log.getvalue().splitlines() if "database_unavailable" in line]
    assert len(lines) == 1
    assert any(f'"code":"{code}"' in lines[0] for code in codes), lines
    assert "Traceback" not in log.getvalue()
    assert "exception" not in log.getvalue()
    assert await stored() == before
    await api.save_customer(name="After")


async def test_a_query_is_answered_503_without_data_while_the_database_is_lost(api: Api) -> None:
    await api.data(READ)
    async with database_faults.lost(api.platform.database):
        for document in (READ, f"{{ viewer {{ name }} {READ[1:-1]} }}"):
            response = await api.post(document)
            assert response.status_code == 503
            body = response.json()
            assert body.get("data") is None
            (error,) = body["errors"]
            assert told(error) == {"code": "UNAVAILABLE", "reason": "LOST", "retryable": True}
    await api.data(READ)


async def test_a_document_that_could_not_be_paid_for_is_answered_503(api: Api) -> None:
    """A document's size is charged before it is parsed, so its operation is not known yet."""
    async with database_faults.read_only(api.platform.database):
        response = await api.post("query New { viewer { scopes } }")
    assert response.status_code == 503, response.text
    (error,) = response.json()["errors"]
    assert told(error) == {"code": "UNAVAILABLE", "reason": "READ_ONLY", "retryable": True}


@pytest.mark.parametrize("accept", ["application/json", "application/graphql-response+json"])
async def test_the_status_is_the_same_for_every_media_type(api: Api, accept: str) -> None:
    async with database_faults.lost(api.platform.database):
        response = await api.post(READ, headers={"Accept": accept})
    assert (response.status_code, response.headers["content-type"]) == (
        503,
        f"{accept}; charset=utf-8",
    )


async def test_routes_beside_graphql_are_answered_503_too(api: Api) -> None:
    signed = {"Authorization": f"Bearer {api.token}", "Accept": "application/json"}
    paths = {
        f"/exports/delivery-exposure.csv?{PERIOD}": signed,
        "/exports/consent-evidence.csv?customerId=cus_1": signed,
        "/exports/customer-report.csv?groupBy=CLASS": signed,
        f"/confirm/{'x' * 43}": {},
    }
    async with database_faults.lost(api.platform.database):
        for path, headers in paths.items():
            response = await api.http.get(path, headers=headers)
            assert (path, response.status_code) == (path, 503)
            assert int(response.headers["retry-after"]) >= 1
            if headers:
                (error,) = response.json()["errors"]
                assert told(error)["code"] == "UNAVAILABLE"


async def test_mutations_before_the_fault_are_told_as_done(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that repeats all mutations would do the first one twice."""
    saves = 0
    original = Database.transaction

    async def transaction(self: Database, work: Any, **given: Any) -> Any:
        nonlocal saves
        saves += 1
        if saves == 2:
            raise ConnectionResetError("10.1.2.3 reset")
        return await original(self, work, **given)

    monkeypatch.setattr(Database, "transaction", transaction)
    response = await api.post(TWO)
    assert response.status_code == 503
    body = response.json()
    (error,) = body["errors"]
    assert error["path"] == ["second"]
    assert error["extensions"]["code"] == "UNAVAILABLE"
    assert [customer.name for customer in await Customer.all()] == ["First"]


async def test_a_commit_whose_answer_was_lost_says_that_it_may_be_stored(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server commits, but the connection ends before its response."""
    database = api.platform.database
    if not database.is_postgres:
        pytest.skip("no connection lies between SQLite and its file")
    from models.storage.tenant_clients import PostgresTransaction  # noqa: PLC0415  # PostgreSQL's alone

    original = PostgresTransaction._end

    async def cut(self: PostgresTransaction, statement: str) -> None:
        await original(self, statement)
        self._finalized = False
        ended = ConnectionResetError("the answer was lost")
        raise ended

    with monkeypatch.context() as patch:
        patch.setattr(PostgresTransaction, "_end", cut)
        response = await api.post(SAVE, {"name": "Perhaps"})
    assert response.status_code == 503
    (error,) = response.json()["errors"]
    assert told(error) == {
        "code": "UNAVAILABLE",
        "reason": "LOST",
        "retryable": True,
        "outcomeUnknown": True,
    }
    assert "may be stored" in error["message"]
    assert await Customer.exists(name="Perhaps")


async def test_a_connection_that_ends_in_the_middle_of_a_save_leaves_nothing(api: Api) -> None:
    database = api.platform.database
    if not database.is_postgres:
        pytest.skip("no connection lies between SQLite and its file")

    async def work() -> None:
        await Customer.all().update(name="Changed")
        connection = get_connection("default")
        _, ((own,),) = await connection.execute_query("SELECT pg_backend_pid()")
        async with database_faults.maintenance(database) as (other, _):
            await other.fetch("SELECT pg_terminate_backend($1)", own)
        await lock_name("anything")

    await api.save_customer(name="Kept")
    before = await stored()
    # The driver may not have noticed yet that the server is gone.
    with pytest.raises(Exception, match=r"closed|terminat|in progress") as raised:
        await database.transaction(work)
    fault = fault_of(raised.value)
    assert fault is not None
    assert not fault.is_outcome_unknown
    assert await stored() == before


async def test_sockets_tell_each_operation_and_go_on_when_the_database_is_back(api: Api) -> None:
    database = api.platform.database
    async with serving(api.app) as address, connected(address) as socket:
        await socket.sign_in(api.token)
        async with database_faults.lost(database):
            operation = await socket.subscribe(SAVE, name="Lost")
            message = await socket.receive()
            assert message["id"] == operation
            payload = message["payload"]
            errors = payload if isinstance(payload, list) else payload["errors"]
            assert [error["extensions"]["code"] for error in errors] == ["UNAVAILABLE"]
            if message["type"] == "next":
                assert await socket.receive() == {"type": "complete", "id": operation}
        assert (await socket.ask(VIEWER))["data"] == {"viewer": {"name": "Tess Tester"}}
    assert await Customer.all().count() == 0


async def test_a_socket_that_can_not_sign_in_is_told_to_come_back(api: Api) -> None:
    fresh = await api.token_for(name="Fresh")
    async with (
        serving(api.app) as address,
        connected(address) as socket,
        database_faults.lost(api.platform.database),
    ):
        await socket.send(type="connection_init", payload={"Authorization": f"Bearer {fresh}"})
        assert await socket.closed() == 1013


async def test_a_bug_is_still_a_masked_error_with_its_traceback(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(Database, "transaction", fail)
    with captured_logs("json") as log:
        response = await api.post(SAVE, {"name": "Bug"})
    assert response.status_code == 200
    (error,) = response.json()["errors"]
    assert error["extensions"]["code"] == "INTERNAL_ERROR"
    assert '"exc_type":"RuntimeError"' in log.getvalue()


async def test_many_requests_make_one_line(api: Api) -> None:
    with captured_logs("json") as log:
        async with database_faults.lost(api.platform.database):
            for _ in range(30):
                assert (await api.post(READ)).status_code == 503
    assert log.getvalue().count("database_unavailable") <= 2
