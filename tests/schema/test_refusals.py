"""Failures on our side, wherever they happen: masked, with the id under which they are logged."""

import io
from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

from tests.conftest import Clock
from tests.databases import Databases
from tests.graphql_client import Api, Socket, running_api
from tests.listening import listening
from tests.test_app import captured_logs

ID = {"X-Request-Id": "trace-45"}


@pytest.fixture
async def api(databases: Databases, clock: Clock) -> AsyncIterator[Api]:
    async with running_api(databases, clock) as started:
        yield started


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    with captured_logs("json") as written:
        yield written


async def test_no_log_holds_what_a_websocket_was_opened_with(api: Api, logged: io.StringIO) -> None:
    """Not even where everything is logged: the server would tell headers and messages."""
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
    lines = [line for line in logged.getvalue().splitlines() if "trace-45" in line]
    assert len(lines) == 1
    assert '"path":"/graphql","status":101' in lines[0]
    assert api.token not in logged.getvalue()
    assert "viewer" not in logged.getvalue()
