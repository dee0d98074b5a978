"""The log lines of requests, exports and operations of WebSockets."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from hashlib import sha256
from typing import Any

import httpx
import pytest

from models import AccessToken
from models.tables.access import Scope
from schema.base.concurrency import ConcurrencyLimiter, ConcurrencyLimits
from schema.base.loop_share import LoopShare
from schema.base.request_notes import RequestNotes, notes_of_operation
from schema.base.request_slot import Limiters
from schema.engine.known_operations import MAX_NAME
from tests.access_world import add_user, sign_in
from tests.captured_logs import captured_logs
from tests.clock import Clock
from tests.databases import Databases
from tests.graphql_client import Api, connected, running_api
from tests.listening import listening
from web.request_ids import MAX_PATH

ALWAYS = {"timestamp", "level", "event", "request_id", "method", "path", "status", "ms", "bytes"}
OF_CALLER = {"client", "token_id", "wait_ms", "database_ms", "statements"}
OF_OPERATION = {"operation", "operation_type", "document", "cost_requested", "cost_actual"}
NAME = "Zanzibar Quux Confidential"
LIST = "query Customers($t: String) { customers(filter: { text: $t }) { nodes { name } } }"
SAVE = """mutation Save($n: String!) { saveCustomer(input: { name: $n, classCode: "NONE" }) {
  userErrors { code } } }"""


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    with captured_logs("json") as written:
        yield written


@pytest.fixture
async def api(databases: Databases, clock: Clock) -> AsyncIterator[Api]:
    async with running_api(databases, clock) as started:
        yield started


def lines(logged: io.StringIO, *events: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in logged.getvalue().splitlines()]
    return [line for line in found if line["event"] in (events or ("request",))]


async def test_a_query_says_who_asked_for_what_and_what_it_took(
    api: Api, logged: io.StringIO
) -> None:
    response = await api.post(LIST, {"t": NAME}, headers={"X-Request-Id": "trace-1"})
    (line,) = lines(logged)
    assert line.keys() == ALWAYS | OF_CALLER | OF_OPERATION
    token = await AccessToken.get(name="Tess Tester")
    assert line["token_id"] == token.id
    assert (line["operation"], line["operation_type"]) == ("Customers", "query")
    assert line["document"] == f"sha256:{sha256(LIST.encode()).hexdigest()}"
    assert (line["method"], line["path"], line["status"]) == ("POST", "/graphql", 200)
    assert (line["request_id"], line["client"]) == ("trace-1", "127.0.0.1")
    assert line["bytes"] == len(response.content)
    cost = response.json()["extensions"]["cost"]
    assert (line["cost_requested"], line["cost_actual"]) == (cost["requested"], cost["actual"])
    assert line["statements"] >= 2  # the token, and the list
    assert 0 < line["database_ms"] <= line["ms"] + 0.1
    assert NAME not in logged.getvalue()
    assert "Tess" not in logged.getvalue()


async def test_a_user_is_named_by_id(api: Api, logged: io.StringIO) -> None:
    user = await add_user(api, "Uma", Scope.CUSTOMERS_READ)
    token = await sign_in(api, user, Scope.CUSTOMERS_READ)
    await api.data("{ customers { totalCount } }", token=token)
    line = lines(logged)[-1]
    assert (line["user_id"], line["operation_type"]) == (user, "query")
    assert "operation" not in line  # the operation has no name
    assert "Uma" not in logged.getvalue()


async def test_a_mutation_counts_its_user_errors(api: Api, logged: io.StringIO) -> None:
    await api.answer(SAVE, n=NAME)
    (line,) = lines(logged)
    assert (line["operation"], line["operation_type"], line["user_errors"]) == (
        "Save",
        "mutation",
        1,
    )
    assert line["statements"] > 0
    assert "error_codes" not in line
    assert NAME not in logged.getvalue()


@pytest.mark.storage
async def test_a_mutation_counts_the_statements_of_its_unit_of_work(
    api: Api, logged: io.StringIO
) -> None:
    await api.save_customer(name=NAME)  # signs in; the result is cached
    logged.truncate(0)
    logged.seek(0)
    await api.save_customer(name=NAME)
    (line,) = lines(logged)
    assert line["statements"] >= 5  # BEGIN, the class, the customer, its audit entry, COMMIT
    assert 0 < line["database_ms"] <= line["ms"] + 0.1


@pytest.mark.parametrize(
    ("document", "codes"),
    [
        ("{ nonsense }", ["INVALID_OPERATION"]),
        ("{ customers {", ["INVALID_OPERATION"]),
        ("{ node(id: 7) { id } viewer { nonsense } }", ["INVALID_OPERATION"]),
        ("subscription { customerEnriched(customerId: 1) { id } }", ["BAD_REQUEST"]),
    ],
)
async def test_what_is_refused_is_logged_by_its_codes(
    api: Api, logged: io.StringIO, document: str, codes: list[str]
) -> None:
    await api.answer(document)
    (line,) = lines(logged)
    assert line["error_codes"] == codes


async def test_a_stranger_is_an_address_and_a_code(api: Api, logged: io.StringIO) -> None:
    await api.post("{ viewer { id } }", token="ccl_" + "x" * 43)
    (line,) = lines(logged)
    assert (line["status"], line["error_codes"]) == (401, ["UNAUTHENTICATED"])
    assert line["client"] == "127.0.0.1"
    assert not line.keys() & {"token_id", "user_id", "operation"}


async def test_a_long_name_is_cut(api: Api, logged: io.StringIO) -> None:
    await api.answer(f"query {'N' * 500} {{ viewer {{ id }} }}")
    (line,) = lines(logged)
    assert line["operation"] == "N" * MAX_NAME


async def test_a_long_path_is_cut(api: Api, logged: io.StringIO) -> None:
    await api.http.get("/" + "a/" * 20_000)
    (line,) = lines(logged)
    assert (line["status"], len(line["path"])) == (404, MAX_PATH + 1)


async def test_an_export_is_logged_when_it_has_ended_with_all_its_bytes(
    api: Api, logged: io.StringIO
) -> None:
    path = "/exports/delivery-exposure.csv"
    period = "fromAt=2026-01-01T00:00:00Z&untilAt=2027-01-01T00:00:00Z"
    headers = {"Authorization": f"Bearer {api.token}", "Accept-Encoding": "identity"}
    response = await api.http.get(f"{path}?{period}", headers=headers)
    (line,) = lines(logged)
    assert (line["path"], line["status"], line["bytes"]) == (path, 200, len(response.content))
    assert "token_id" in line
    assert "2026-01-01" not in json.dumps(line | {"timestamp": ""})


async def test_slow_operations_are_warned_of_by_name(
    databases: Databases, clock: Clock, logged: io.StringIO
) -> None:
    async with running_api(databases, clock, slow_operation_s=0.000001) as api:
        await api.answer(LIST)
    (slow,) = lines(logged, "slow_operation")
    assert (slow["level"], slow["operation"]) == ("warning", "Customers")
    assert len(lines(logged)) == 1
    logged.truncate(0)
    async with running_api(databases, clock, slow_operation_s=60) as api:
        await api.answer(LIST)
    assert "slow_operation" not in logged.getvalue()


async def test_each_operation_of_a_websocket_has_a_line_and_so_has_its_end(
    api: Api, logged: io.StringIO
) -> None:
    customer = await api.save_customer(name=NAME)
    logged.truncate(0)
    logged.seek(0)
    watch = "subscription Watch($id: ID!) { customerEnriched(customerId: $id) { id } }"
    async with listening(api.app) as address, connected(address) as socket:
        await socket.sign_in(api.token)
        await socket.ask(LIST, t=NAME)
        await socket.ask(SAVE, n=NAME)
        await socket.subscribe("{ nonsense }")
        await socket.receive()
        await socket.subscribe(watch, id=customer["id"])
        await socket.ask("{ viewer { id } }")
    opened = lines(logged)
    operations = lines(logged, "operation")
    assert [(line["status"], line["method"]) for line in opened] == [(101, "GET")]
    told = {line["operation"]: line for line in operations if line.get("operation")}
    assert told["Customers"].keys() >= OF_CALLER | OF_OPERATION | {"events", "ended", "bytes"}
    assert (told["Customers"]["events"], told["Customers"]["ended"]) == (1, "completed")
    assert told["Customers"]["statements"] > 0
    assert told["Save"]["user_errors"] == 1
    assert (told["Watch"]["operation_type"], told["Watch"]["ended"]) == (
        "subscription",
        "cancelled",
    )
    assert [line["error_codes"] for line in operations if "error_codes" in line] == [
        ["INVALID_OPERATION"]
    ]
    (started,) = lines(logged, "subscription_started")
    assert started["operation"] == "Watch"
    (closed,) = lines(logged, "socket_closed")
    assert closed["operations"] == 5
    assert closed["bytes"] >= sum(line["bytes"] for line in operations)
    assert NAME not in logged.getvalue()


async def test_an_operation_that_is_refused_before_it_begins_has_its_own_line(
    databases: Databases, clock: Clock, logged: io.StringIO
) -> None:
    watch = "subscription Watch($id: ID!) { customerEnriched(customerId: $id) { id } }"
    async with (
        running_api(databases, clock, connection_subscriptions=1) as api,
        listening(api.app) as address,
        connected(address) as socket,
    ):
        await socket.sign_in(api.token)
        for text in ("\0", "\ud800"):
            await socket.subscribe("{ viewer { id } }", text=text)
            assert (await socket.receive())["type"] == "error"
        customer_id = (await api.save_customer(name=NAME))["id"]
        await socket.subscribe(watch, id=customer_id)
        await socket.subscribe("{ viewer { id } }")
        assert (await socket.receive())["type"] == "error"
    refused = [line for line in lines(logged, "operation") if line["ended"] == "refused"]
    codes = [line["error_codes"] for line in refused]
    assert codes == [["BAD_REQUEST"], ["BAD_REQUEST"], ["TOO_MANY_SUBSCRIPTIONS"]]
    for line in refused:
        assert line.keys() >= {"token_id", "client", "request_id"}
        assert line["bytes"] > 0
        assert 0 <= line["ms"] < 10_000
    (closed,) = lines(logged, "socket_closed")
    assert not closed.keys() & {"error_codes", "code"}  # the client closed the connection
    assert closed["operations"] == 4
    assert NAME not in logged.getvalue()


async def test_waiting_for_a_turn_is_noted() -> None:
    one = ConcurrencyLimiter(ConcurrencyLimits(1, 10, 1, 10))
    limiters = Limiters(one, one, one, one, 0, LoopShare())
    notes = RequestNotes()

    async def wait_and_run() -> None:
        with notes_of_operation("", None) as own:
            async with limiters.request("other") as slot:
                await slot.enter_queries()
                notes.wait_s = own.wait_s

    async with limiters.request("one") as slot:
        await slot.enter_queries()
        waiting = asyncio.create_task(wait_and_run())
        await asyncio.sleep(0)
    await waiting
    assert notes.wait_s > 0


async def test_an_answer_that_is_cut_off_is_told_so(
    api: Api, logged: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def rows(*_: Any, **__: Any) -> AsyncIterator[Any]:
        for _number in range(300):
            yield ["cus_1"]
        raise RuntimeError(NAME)

    monkeypatch.setattr("web.delivery_export._rows", rows)
    path = "/exports/delivery-exposure.csv?fromAt=2026-01-01T00:00:00Z&untilAt=2027-01-01T00:00:00Z"
    with suppress(httpx.HTTPError, RuntimeError):
        await api.http.get(path, headers={"Authorization": f"Bearer {api.token}"})
    (line,) = lines(logged)
    assert (line["status"], line["is_complete"]) == (200, False)
    assert NAME not in logged.getvalue()
