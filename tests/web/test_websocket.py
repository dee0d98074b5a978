"""GraphQL over WebSocket, with the protocol graphql-transport-ws."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import structlog
from starlette.types import Message
from starlette.websockets import WebSocket
from strawberry.http.exceptions import WebSocketDisconnected

from models.tables.access import Scope
from tests.clock import Clock
from tests.databases import Databases
from tests.graphql_client import (
    Json,
    LiveApi,
    Socket,
    connected,
    running_api,
    serving,
    stored,
    wait_for_subscriptions,
)
from web.websocket import GraphQLSocket

VIEWER = "{ viewer { name } }"
FOLLOW = """
  subscription($id: ID!, $since: DateTime) {
    customerEnriched(customerId: $id, since: $since) { name enrichment { status reason attempts } }
  }
"""
READ = "query($id: ID!) { customer(id: $id) { version enrichment { status } } }"
ALPHA = {"name": "Sandbox Alpha Trading", "classCode": "COMPANY_UK_LIMITED", "companyNumber": "101"}
SUCCEEDED = {
    "name": "Sandbox Alpha Trading",
    "enrichment": {"status": "SUCCEEDED", "reason": None, "attempts": 1},
}


@pytest.fixture
async def address(live: LiveApi) -> AsyncIterator[str]:
    """Serve the application on a real socket."""
    async with serving(live.app) as where:
        yield where


@pytest.fixture
async def socket(live: LiveApi, address: str) -> AsyncIterator[Socket]:
    """Yield a signed-in connection."""
    async with connected(address) as opened:
        yield await opened.sign_in(live.token)


async def test_queries_and_mutations_go_over_the_socket_too(socket: Socket) -> None:
    assert await socket.ask(VIEWER) == {"data": {"viewer": {"name": "Tess Tester"}}}
    saved = await socket.ask(
        "mutation($input: SaveCustomerInput!) { saveCustomer(input: $input) {"
        " customer { name labels } userErrors { code } } }",
        input={"name": "Acme", "classCode": "RESELLER_OTHER"},
    )
    assert saved["data"]["saveCustomer"] == {
        "customer": {"name": "Acme", "labels": ["RESELLER"]},
        "userErrors": [],
    }


async def test_a_connection_without_a_valid_token_is_closed_with_4401(address: str) -> None:
    """R95."""
    payloads: list[Json] = [{}, {"Authorization": "Bearer ccl_no"}, {"Authorization": 7}]
    for payload in payloads:
        async with connected(address) as socket:
            await socket.send(type="connection_init", payload=payload)
            told = await socket.closed_with_reason()
            assert told == (4401, "The token is missing or not valid")


async def test_the_token_may_come_as_a_header_of_the_upgrade(live: LiveApi, address: str) -> None:
    async with connected(address, Authorization=f"Bearer {live.token}") as socket:
        await socket.sign_in(None)
        assert await socket.ask(VIEWER) == {"data": {"viewer": {"name": "Tess Tester"}}}


async def test_an_operation_before_the_sign_in_is_closed_with_4401(address: str) -> None:
    async with connected(address) as socket:
        await socket.subscribe(VIEWER)
        assert await socket.closed() == 4401


@pytest.mark.parametrize("ends", ["revoked", "expired"])
async def test_a_token_that_ends_meanwhile_starts_no_more_operations(
    live: LiveApi, address: str, ends: str
) -> None:
    async with connected(address) as socket:
        await socket.sign_in(live.token)
        assert "data" in await socket.ask(VIEWER)
        at = live.clock()
        changes = {"revoked_at": at} if ends == "revoked" else {"expires_at": at}
        await live.change_tokens("Tess Tester", **changes)
        before = await stored()
        await socket.subscribe(
            'mutation { saveCustomer(input: { name: "A", classCode: "CHARITY" }) {'
            " customer { id } } }"
        )
        assert await socket.closed() == 4403
        assert await stored() == before


async def test_scopes_hold_over_the_socket(live: LiveApi, address: str) -> None:
    """R93."""
    customer = await live.save_customer()
    token = await live.token_for(Scope.CUSTOMER_CLASSES_READ)
    async with connected(address) as socket:
        await socket.sign_in(token)
        for document in ("{ customers { totalCount } }", FOLLOW):
            operation = await socket.subscribe(document, id=customer["id"])
            message = await socket.receive()
            assert message["id"] == operation
            errors = message["payload"]
            errors = errors if message["type"] == "error" else errors["errors"]
            assert [error["extensions"]["code"] for error in errors] == ["FORBIDDEN"]
            if message["type"] == "next":
                assert (await socket.receive())["type"] == "complete"


async def test_each_enrichment_is_delivered_to_who_follows_the_customer(
    live: LiveApi, socket: Socket
) -> None:
    """R100: after a save, and again after the next."""
    customer = await live.save_customer(
        name="Sandbox Alpha Trading", classCode="COMPANY_UK_LIMITED"
    )
    other = await live.save_customer(name="B", classCode="COMPANY_UK_LIMITED")
    operation = await socket.subscribe(FOLLOW, id=customer["id"])
    await wait_for_subscriptions(live)
    await live.save_customer(id=other["id"], companyNumber="102")
    await live.save_customer(id=customer["id"], companyNumber="101")
    assert await socket.next(operation) == {"data": {"customerEnriched": SUCCEEDED}}
    live.clock.advance(timedelta(hours=1))
    await live.save_customer(id=customer["id"], companyNumber="401")
    delivered = (await socket.next(operation))["data"]["customerEnriched"]["enrichment"]
    assert delivered == {"status": "NOT_FOUND", "reason": "UNKNOWN_COMPANY_NUMBER", "attempts": 1}


async def test_since_delivers_what_ended_before_the_subscription(
    live: LiveApi, socket: Socket
) -> None:
    """R100: so a client may save first and subscribe afterwards."""
    customer = await live.save_customer("id enrichment { requestedAt }", **ALPHA)
    await live.settled(customer["id"])
    operation = await socket.subscribe(
        FOLLOW, id=customer["id"], since=customer["enrichment"]["requestedAt"]
    )
    assert await socket.next(operation) == {"data": {"customerEnriched": SUCCEEDED}}


async def test_without_since_nothing_of_the_past_is_delivered(
    live: LiveApi, socket: Socket
) -> None:
    customer = await live.save_customer(**ALPHA)
    await live.settled(customer["id"])
    operation = await socket.subscribe(FOLLOW, id=customer["id"])
    await wait_for_subscriptions(live)
    await live.save_customer(id=customer["id"], companyNumber="401")
    delivered = (await socket.next(operation))["data"]["customerEnriched"]["enrichment"]
    assert delivered["status"] == "NOT_FOUND"


async def test_a_subscription_ends_when_the_client_completes_it(
    live: LiveApi, socket: Socket
) -> None:
    customer = await live.save_customer(**ALPHA)
    operation = await socket.subscribe(FOLLOW, id=customer["id"])
    await wait_for_subscriptions(live)
    await socket.send(type="complete", id=operation)
    await wait_for_subscriptions(live, 0)
    assert await socket.ask(VIEWER) == {"data": {"viewer": {"name": "Tess Tester"}}}


async def test_following_what_is_not_there_is_an_error(socket: Socket) -> None:
    """R95."""
    for customer_id in ("cus_01h455vb4pex5vsknk084sn02q", "nonsense", ""):
        result = await socket.ask(FOLLOW, id=customer_id)
        assert result["data"] is None
        assert [error["extensions"]["code"] for error in result["errors"]] == ["BAD_USER_INPUT"]


async def test_an_operation_sees_what_was_changed_since_the_one_before(
    live: LiveApi, socket: Socket
) -> None:
    customer = await live.save_customer(**ALPHA)
    await socket.ask(READ, id=customer["id"])
    await live.settled(customer["id"])
    await live.save_customer(id=customer["id"], name="Renamed", companyNumber=None)
    read = (await socket.ask(READ, id=customer["id"]))["data"]["customer"]
    assert read == {"version": 2, "enrichment": {"status": "NEEDS_COMPANY_NUMBER"}}


async def test_a_bug_is_masked_behind_the_id_that_the_log_has(
    live: LiveApi, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("the vault is behind the painting")

    monkeypatch.setattr("resolvers.customer.page", fail)
    async with connected(address, **{"X-Request-Id": "trace-44"}) as socket:
        await socket.sign_in(live.token)
        with structlog.testing.capture_logs(
            processors=[structlog.contextvars.merge_contextvars]
        ) as logged:
            result = await socket.ask("{ customers { nodes { id } } }")
    (error,) = result["errors"]
    assert error["extensions"] == {"code": "INTERNAL_ERROR", "requestId": "trace-44"}
    assert "vault" not in json.dumps(result)
    (line,) = [line for line in logged if line["event"] == "graphql_bug"]
    assert line["request_id"] == "trace-44"


INVALID_MESSAGES = [
    "{",
    "[]",
    "7",
    "null",
    '"text"',
    "{}",
    '{"type": "dance"}',
    '{"type": 7}',
    '{"type": "subscribe"}',
    '{"type": "subscribe", "id": "1"}',
    '{"type": "subscribe", "id": "1", "payload": null}',
    '{"type": "subscribe", "id": "1", "payload": {}}',
    '{"type": "subscribe", "id": ["1"], "payload": {"query": "{ viewer { id } }"}}',
    '{"type": "subscribe", "id": "1", "payload": {"query": 4}}',
    '{"type": "subscribe", "id": "1", "payload": {"query": "{a}", "variables": "x"}}',
    '{"type": "subscribe", "id": "1", "payload": {"query": "{a}", "operationName": ["a"]}}',
    '{"type": "subscribe", "id": "1", "payload": {"query": "{a}", "operationName": 5}}',
    '{"a":' * 100_000,
    '{"type": "complete"}',
    '{"type": "subscribe", "id": "\\ud800", "payload": {"query": "{ viewer { id } }"}}',
    '{"type": "subscribe", "id": 7, "payload": {"query": "{ viewer { id } }"}}',
    '{"type": "subscribe", "id": "", "payload": {"query": "{a}"}}',
    '{"type": "subscribe", "id": "a", "id": "b", "payload": {"query": "{a}"}}',
    '{"type": "subscribe", "id": "\\ud800", "payload": {"variables": {"x": "\\ud800"}}}',
    f'{{"type": "subscribe", "id": "{"x" * 129}", "payload": {{"query": "{{a}}"}}}}',
    f'{{"type": "subscribe", "id": "{"x" * 129}", "payload": {{"query": "\\u0000"}}}}',
    f'{{"type": "{"dance" * 1_000}"}}',
    f'{{"type": "{"é" * 1_000}"}}',
    '{"type": NaN}',
    "\x00",
    "",
    "[]",
    "7",
]


async def test_an_invalid_message_is_closed_with_4400(
    live: LiveApi, address: str, caplog: pytest.LogCaptureFixture
) -> None:
    for text in INVALID_MESSAGES:
        async with connected(address) as socket:
            await socket.sign_in(live.token)
            await socket.ws.send_str(text)
            assert (text, await socket.closed()) == (text, 4400)
    assert [record for record in caplog.records if record.exc_info] == []


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ('{"x": "a\\u0000"}', "payload.variables.x: text must not contain the character U+0000."),
        ('{"x": ["\\udfff"]}', "payload.variables.x[0]: \\udfff is half of a character;"),
        ('{"x": 1e400}', "payload.variables.x: 1e400 is too large for a 64-bit float."),
        ('{"x": NaN}', "payload.variables.x: NaN is not a JSON number."),
        ('{"x": 1, "x": 2}', "payload.variables.x: this key is repeated"),
    ],
)
async def test_a_payload_that_cannot_be_used_fails_its_own_operation_only(
    live: LiveApi, address: str, variables: str, message: str
) -> None:
    before = await stored()
    text = f'{{"id": "1", "type": "subscribe", "payload": {{"query": "{VIEWER}", "variables": '
    async with connected(address) as socket:
        await socket.sign_in(live.token)
        await socket.ws.send_str(f"{text}{variables}}}}}")
        answer = await socket.receive()
        assert (answer["type"], answer["id"]) == ("error", "1")
        assert answer["payload"][0]["extensions"] == {"code": "BAD_REQUEST"}
        assert answer["payload"][0]["message"].startswith(message)
        assert "data" in await socket.ask(VIEWER)
    async with connected(address) as socket:
        await socket.ws.send_str(f"{text}{variables}}}}}")
        assert await socket.closed() == 4401
    assert await stored() == before


@pytest.mark.parametrize("text", ["\\u0000", "\\ud800"])
async def test_a_ping_whose_payload_cannot_be_used_is_answered_and_a_pong_is_ignored(
    live: LiveApi, address: str, text: str
) -> None:
    async with connected(address) as socket:
        await socket.sign_in(live.token)
        for payload in (f'"{text}"', f'{{"a": ["{text}"]}}', f'{{"{text}": 1}}'):
            await socket.ws.send_str(f'{{"type": "pong", "payload": {payload}}}')
            await socket.ws.send_str(f'{{"type": "ping", "payload": {payload}}}')
            assert await socket.receive() == {"type": "pong"}
        assert "data" in await socket.ask(VIEWER)


async def test_a_repeated_id_is_closed_with_4409_whatever_its_payload(
    live: LiveApi, address: str
) -> None:
    customer = await live.save_customer(**ALPHA)
    async with connected(address) as socket:
        await socket.sign_in(live.token)
        operation = await socket.subscribe(FOLLOW, id=customer["id"])
        await socket.ws.send_str(
            f'{{"id": "{operation}", "type": "subscribe", "payload": {{"query": "\\u0000"}}}}'
        )
        assert await socket.closed() == 4409


async def test_a_socket_that_was_closed_is_not_closed_or_written_to_again() -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    socket = WebSocket({"type": "websocket", "headers": []}, receive, send)
    await socket.accept()
    adapter = GraphQLSocket.websocket_adapter_class(None, socket, socket)  # type: ignore[arg-type]  # it needs no view
    await adapter.close(4400, "first")
    await adapter.close(4403, "second")
    with pytest.raises(WebSocketDisconnected):
        await adapter.send_json({})
    assert [message.get("code") for message in sent] == [None, 4400]


async def test_who_does_not_sign_in_is_closed_with_4408(
    databases: Databases, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.websocket.INIT_TIMEOUT", timedelta(seconds=0.05))
    async with (
        running_api(databases, clock) as api,
        serving(api.app) as host,
        connected(host) as socket,
    ):
        await socket.send(type="ping")
        assert await socket.receive() == {"type": "pong"}
        assert await socket.closed() == 4408


async def test_a_stranger_may_send_so_many_messages_of_such_a_length(address: str) -> None:
    async with connected(address) as socket:
        for _ in range(20):
            await socket.send(type="ping")
            assert await socket.receive() == {"type": "pong"}
        await socket.send(type="ping")
        assert await socket.closed() == 1008
    async with connected(address) as socket:
        await socket.send(type="ping", payload={"x": "y" * 40_000})
        assert await socket.closed() == 1009


async def test_a_document_in_error_ends_its_own_operation_only(live: LiveApi, address: str) -> None:
    async with connected(address) as socket:
        await socket.sign_in(live.token)
        await socket.send(type="subscribe", id="1", payload={"query": "{"})
        answer = await socket.receive()
        assert (answer["type"], answer["id"]) == ("error", "1")
        assert "data" in await socket.ask(VIEWER)


async def test_the_protocol_is_kept_about_order_and_names(live: LiveApi, address: str) -> None:
    async with connected(address) as socket:
        await socket.sign_in(live.token)
        await socket.send(type="ping")
        assert await socket.receive() == {"type": "pong"}
        await socket.send(type="connection_init", payload={})
        assert await socket.closed() == 4429
    customer = await live.save_customer(**ALPHA)
    async with connected(address) as socket:
        await socket.sign_in(live.token)
        for _ in range(2):
            await socket.send(
                type="subscribe",
                id="same",
                payload={"query": FOLLOW, "variables": {"id": customer["id"]}},
            )
        assert await socket.closed() == 4409
