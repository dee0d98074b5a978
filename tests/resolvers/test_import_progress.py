"""The subscription `importProgressed`, over a socket and through the application alone."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from models import CustomerImport
from models.tables.access import Scope
from tests.graphql_client import ENOUGH_S, Api, Json, Socket, connected, serving
from tests.partner_world import bound_token
from tests.sent_imports import lines, run_imports, sent

PROGRESS = """
  subscription($id: ID!) {
    importProgressed(id: $id) { id state rowCount doneRowCount storedRowCount failedRowCount } }
"""


class Messages:
    """A WebSocket that is given to the application without a server."""

    def __init__(self) -> None:
        self.to_app: asyncio.Queue[Json] = asyncio.Queue()
        self.from_app: asyncio.Queue[Any] = asyncio.Queue()

    async def send(self, **message: Any) -> None:
        await self.to_app.put({"type": "websocket.receive", "text": json.dumps(message)})

    async def receive(self) -> Json:
        sent: Json = await asyncio.wait_for(self.from_app.get(), ENOUGH_S)
        assert sent["type"] == "websocket.send", sent
        found: Json = json.loads(sent.get("text") or sent["bytes"])
        return found

    async def follow(self, import_id: str, operation: str = "1") -> None:
        payload = {"query": PROGRESS, "variables": {"id": import_id}}
        await self.send(type="subscribe", id=operation, payload=payload)

    async def progress(self) -> Json:
        """Return the import in the next result."""
        message = await self.receive()
        assert message["type"] == "next", message
        found: Json = message["payload"]["data"]["importProgressed"]
        return found


@asynccontextmanager
async def messages(api: Api, token: str | None = None) -> AsyncIterator[Messages]:
    """Open a signed-in WebSocket of the application, without a server."""
    made = Messages()
    await made.to_app.put({"type": "websocket.connect"})
    scope = {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "scheme": "ws",
        "path": "/graphql",
        "raw_path": b"/graphql",
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"api.test")],
        "client": ("127.0.0.1", 1),
        "server": ("api.test", 80),
        "subprotocols": ["graphql-transport-ws"],
        "state": {},
    }
    running = asyncio.create_task(api.app(scope, made.to_app.get, made.from_app.put))
    accepted = await asyncio.wait_for(made.from_app.get(), ENOUGH_S)
    assert accepted["type"] == "websocket.accept", accepted
    authorization = {"Authorization": f"Bearer {token or api.token}"}
    await made.send(type="connection_init", payload=authorization)
    assert await made.receive() == {"type": "connection_ack"}
    try:
        yield made
    finally:
        await made.to_app.put({"type": "websocket.disconnect", "code": 1000})
        await asyncio.wait_for(running, ENOUGH_S)


@pytest.fixture
async def socket(api: Api) -> AsyncIterator[Socket]:
    """Yield a signed-in connection to a server of the application."""
    async with serving(api.app) as address, connected(address) as opened:
        yield await opened.sign_in(api.token)


async def test_a_socket_follows_an_import_to_its_end(api: Api, socket: Socket) -> None:
    import_id = await sent(api, lines(450, "Bad,NO_SUCH_CLASS"))
    operation = await socket.subscribe(PROGRESS, id=import_id)
    seen = [(await socket.next(operation))["data"]["importProgressed"]]
    assert seen[0] == {
        "id": import_id,
        "state": "WAITING",
        "rowCount": None,
        "doneRowCount": 0,
        "storedRowCount": 0,
        "failedRowCount": 0,
    }
    running = asyncio.create_task(run_imports(api))
    while seen[-1]["state"] not in {"DONE", "FAILED"}:
        seen.append((await socket.next(operation))["data"]["importProgressed"])
    assert await socket.receive() == {"type": "complete", "id": operation}
    await running
    assert {name: seen[-1][name] for name in seen[-1] if name != "id"} == {
        "state": "DONE",
        "rowCount": 451,
        "doneRowCount": 451,
        "storedRowCount": 450,
        "failedRowCount": 1,
    }
    states = [one["state"] for one in seen]
    assert states == sorted(states, key=["WAITING", "RUNNING", "DONE"].index)
    told = [(one["state"], one["doneRowCount"]) for one in seen]
    assert len(set(told)) == len(told)  # nothing is told twice
    counts = [one["doneRowCount"] for one in seen]
    assert counts == sorted(counts)
    assert all(one["doneRowCount"] == one["storedRowCount"] + one["failedRowCount"] for one in seen)


async def test_a_cancelled_import_ends_its_subscriptions(api: Api) -> None:
    import_id = await sent(api, lines(1))
    async with messages(api) as socket:
        await socket.follow(import_id)
        assert (await socket.progress())["state"] == "WAITING"
        await api.done("cancelImport", "importJob { state }", id=import_id)
        assert (await socket.progress())["state"] == "CANCELLED"
        assert await socket.receive() == {"type": "complete", "id": "1"}


async def test_an_ended_import_is_told_once(api: Api) -> None:
    import_id = await sent(api, lines(2))
    await run_imports(api)
    async with messages(api) as socket:
        await socket.follow(import_id)
        found = await socket.progress()
        assert (found["state"], found["storedRowCount"]) == ("DONE", 2)
        assert await socket.receive() == {"type": "complete", "id": "1"}


async def test_an_import_that_is_deleted_meanwhile_ends_its_subscriptions(api: Api) -> None:
    first, second = await sent(api, lines(1)), None
    async with messages(api) as socket:
        await socket.follow(first)
        assert (await socket.progress())["state"] == "WAITING"
        await CustomerImport.filter(id=first).delete()
        second = await sent(api, lines(1))  # wakes the followers of imports
        await run_imports(api)
        assert await socket.receive() == {"type": "complete", "id": "1"}
    assert (await CustomerImport.get()).id == second


async def test_what_a_caller_may_not_see_is_not_followed(api: Api) -> None:
    tokens = []
    for name in ("One", "Two"):
        made = await api.save_customer(name=name, classCode="RESELLER_OTHER")
        tokens.append((await bound_token(made["id"], api.clock()))[1])
    import_id = await sent(api, lines(1), token=tokens[0])
    reader = await api.token_for(Scope.CUSTOMERS_READ)
    cases = [
        (tokens[1], import_id, "BAD_USER_INPUT"),
        (None, "imp_none", "BAD_USER_INPUT"),
        (reader, import_id, "FORBIDDEN"),
    ]
    for token, asked, code in cases:
        async with messages(api, token) as socket:
            await socket.follow(asked)
            message = await socket.receive()
            told = message["payload"]
            errors = told if message["type"] == "error" else told["errors"]
            assert [one["extensions"]["code"] for one in errors] == [code]
            assert import_id not in str(told)
    async with messages(api, tokens[0]) as socket:
        await socket.follow(import_id)
        assert (await socket.progress())["id"] == import_id
