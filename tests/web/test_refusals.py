"""Internal errors at any point are masked, and have the request id under which they are logged."""

import io
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import pytest

from models.storage.fault_log import FAULTS
from tests.captured_logs import captured_logs
from tests.clock import Clock
from tests.databases import Databases
from tests.graphql_client import Api, Socket, connected, running_api
from tests.listening import listening, wire

SECRET = "10.1.2.3:5432 says no"
PERIOD = "fromAt=2026-01-01T00:00:00Z&untilAt=2027-01-01T00:00:00Z"
ID = {"X-Request-Id": "trace-45"}


@pytest.fixture
async def api(databases: Databases, clock: Clock) -> AsyncIterator[Api]:
    async with running_api(databases, clock) as started:
        yield started


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    with captured_logs("json") as written:
        yield written


async def fail(*_: Any, **__: Any) -> Any:
    raise RuntimeError(SECRET)


def traced(logged: io.StringIO) -> list[str]:
    """Return the log lines that contain a traceback."""
    return [line for line in logged.getvalue().splitlines() if '"exception"' in line]


@pytest.mark.parametrize("path", ["/schema.graphql", f"/exports/delivery-exposure.csv?{PERIOD}"])
async def test_a_route_that_fails_says_no_more_than_its_request_id(
    api: Api, monkeypatch: pytest.MonkeyPatch, logged: io.StringIO, path: str
) -> None:
    monkeypatch.setattr("models.tables.access.Principals.of", fail)
    headers = {"Authorization": f"Bearer {api.token}", **ID}
    response = await api.http.get(path, headers=headers)
    assert (response.status_code, response.headers["x-request-id"]) == (500, "trace-45")
    (error,) = response.json()["errors"]
    assert error["extensions"] == {"code": "INTERNAL_ERROR", "requestId": "trace-45"}
    plain = await api.http.get(path, headers=headers | {"Accept": "text/html"})
    assert plain.status_code == 500
    message = "An error occurred in the server. To report it, quote the `requestId`."
    assert plain.text == f"{message}\nrequestId: trace-45\n"
    lines = traced(logged)
    assert len(lines) == 2
    for line in lines:
        assert '"request_id":"trace-45"' in line.replace(": ", ":")
    assert SECRET not in response.text + plain.text + logged.getvalue()


async def test_an_export_that_fails_half_way_is_cut_and_does_not_look_whole(
    api: Api, monkeypatch: pytest.MonkeyPatch, logged: io.StringIO
) -> None:
    async def half(*_: Any, **__: Any) -> AsyncIterator[list[str]]:
        for number in range(1000):
            yield [str(number)] * 8
        raise RuntimeError(SECRET)

    monkeypatch.setattr("web.delivery_export._rows", half)
    async with listening(api.app) as address, wire(address) as connection:
        await connection.send(
            f"GET /exports/delivery-exposure.csv?{PERIOD} HTTP/1.1\r\nHost: a\r\n"
            f"Authorization: Bearer {api.token}\r\nX-Request-Id: trace-45\r\n\r\n".encode()
        )
        assert (await connection.head()).startswith("HTTP/1.1 200 OK\r\n")
        rows = await connection.rest()
    assert b"\r\n799,799" in rows.replace(b"\n799", b"\r\n799")
    assert not rows.endswith(b"0\r\n\r\n")
    assert SECRET.encode() not in rows
    ours = [line for line in traced(logged) if "request_failed" in line]
    assert len(ours) == 1
    assert "trace-45" in ours[0]
    assert SECRET not in logged.getvalue()


async def test_an_export_whose_database_is_lost_half_way_is_cut_without_a_traceback(
    api: Api, monkeypatch: pytest.MonkeyPatch, logged: io.StringIO
) -> None:
    async def half(*_: Any, **__: Any) -> AsyncIterator[list[str]]:
        for number in range(1000):
            yield [str(number)] * 8
        raise ConnectionResetError(SECRET)

    monkeypatch.setattr("web.delivery_export._rows", half)
    monkeypatch.setattr(FAULTS, "_lines", {})
    async with listening(api.app) as address, wire(address) as connection:
        await connection.send(
            f"GET /exports/delivery-exposure.csv?{PERIOD} HTTP/1.1\r\nHost: a\r\n"
            f"Authorization: Bearer {api.token}\r\n\r\n".encode()
        )
        assert (await connection.head()).startswith("HTTP/1.1 200 OK\r\n")
        rows = await connection.rest()
    assert b"799,799" in rows
    assert not rows.endswith(b"0\r\n\r\n")
    assert traced(logged) == []
    assert logged.getvalue().count("database_unavailable") == 1


async def test_a_websocket_that_fails_is_closed_with_the_request_id(
    api: Api, monkeypatch: pytest.MonkeyPatch, logged: io.StringIO
) -> None:
    monkeypatch.setattr("models.tables.access.Principals.of", fail)
    async with listening(api.app) as address, connected(address, **ID) as socket:
        payload = {"Authorization": f"Bearer {api.token}"}
        await socket.send(type="connection_init", payload=payload)
        message = await socket.ws.receive(timeout=60)
        assert message.type is aiohttp.WSMsgType.CLOSE
        assert (message.data, message.extra) == (
            1011,
            "An error occurred in the server; requestId trace-45",
        )
    with monkeypatch.context() as patch:
        patch.setattr("web.websocket.GraphQLSocket.get_context", fail)
        async with listening(api.app) as address, connected(address, **ID) as socket:
            assert await socket.closed() == 1011
        patch.setattr("web.websocket.GraphQLSocket.run", fail)
        async with listening(api.app) as address:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                async with connected(address, **ID):
                    pass
            assert refused.value.status == 403
    lines = traced(logged)
    assert len(lines) == 3
    assert [line for line in lines if "trace-45" not in line] == []
    assert SECRET not in logged.getvalue()


async def test_no_log_holds_what_a_websocket_was_opened_with(api: Api, logged: io.StringIO) -> None:
    """Not even at the most verbose level, at which uvicorn would log headers and messages."""
    async with listening(api.app) as address:
        headers = {"Authorization": f"Bearer {api.token}", **ID}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.ws_connect(
                f"http://{address}/graphql?token={api.token}", protocols=["graphql-transport-ws"]
            ) as ws,
        ):
            await Socket(ws).sign_in(api.token)
            assert "data" in await Socket(ws).ask("{ viewer { name } }")
        with pytest.raises(aiohttp.WSServerHandshakeError):
            async with connected(address, Origin="https://evil.example"):
                pass
    lines = [line for line in logged.getvalue().splitlines() if "trace-45" in line]
    events = [json.loads(line)["event"] for line in lines]
    assert events == ["request", "operation", "socket_closed"]
    assert '"path":"/graphql","status":101' in lines[0]
    assert api.token not in logged.getvalue()
    assert "viewer" not in logged.getvalue()
