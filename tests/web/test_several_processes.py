"""What a server does as one of several processes: it retires, and helps those that are stuck."""

import asyncio
import socket

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from commands.sockets import shared_sockets
from tests.graphql_client import Api, connected
from tests.listening import ENOUGH_S, Wire, served, wire
from web.neglected_sockets import NeglectedSockets
from web.server import Drain, Limits, retirement_s

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("done")(scope, receive, send)


async def answered(client: Wire) -> str:
    """Send a request; return the head of the answer, whose body is read too."""
    await client.send(GET)
    head = await client.head()
    assert await client.reader.readexactly(4) == b"done"
    return head.lower()


async def test_a_server_that_drains_ends_connections_with_their_next_answer() -> None:
    async with served(answer, drain=Drain(600)) as (address, server), wire(address) as client:
        assert "connection: close" not in await answered(client)
        server.handle_exit(15, None)
        assert "connection: close" in await answered(client)
        assert await client.rest() == b""
        async with wire(address) as another:  # new connections are taken, as proxies may lag
            assert "connection: close" in await answered(another)


async def test_a_retired_server_ends_connections_with_their_next_answer_and_takes_no_more() -> None:
    async with served(answer) as (address, server), wire(address) as client:
        await answered(client)
        server.retire()
        with pytest.raises(OSError, match="Connect call failed"):
            await asyncio.open_connection(*address.split(":"))
        assert not server.should_exit  # the client may still send a request
        assert "connection: close" in await answered(client)
        assert await client.rest() == b""
        async with asyncio.timeout(ENOUGH_S):
            while not server.should_exit:  # noqa: ASYNC110
                await asyncio.sleep(0.01)


async def test_an_answer_that_has_not_begun_when_a_server_retires_ends_its_connection() -> None:
    has_begun, may_end = asyncio.Event(), asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        has_begun.set()
        await may_end.wait()
        await answer(scope, receive, send)

    async with served(slow) as (address, server), wire(address) as client:
        await client.send(GET)
        await has_begun.wait()
        server.retire()
        may_end.set()
        assert "connection: close" in (await client.head()).lower()
        assert await client.rest() == b"done"


async def test_a_retired_server_stops_when_an_idle_connection_has_timed_out() -> None:
    limits = Limits(client_timeout=0.8, keep_alive=1)
    async with served(answer, limits) as (address, server), wire(address) as client:
        await answered(client)
        server.retire()
        assert await client.rest() == b""
        async with asyncio.timeout(ENOUGH_S):
            while not server.should_exit:  # noqa: ASYNC110
                await asyncio.sleep(0.01)


async def test_web_sockets_of_a_retired_server_are_closed_so_that_clients_connect_anew(
    api: Api,
) -> None:
    async with served(api.app) as (address, server), connected(address) as client:
        await client.sign_in(api.token)
        server.retire()
        assert await client.closed() == 1012


@pytest.mark.parametrize(
    ("drain_s", "keep_alive_s", "seconds"),
    [
        (0, 75, 77),  # until idle connections have ended
        (100, 75, 100),  # DRAIN_S is longer
    ],
)
def test_the_time_of_a_retired_server(drain_s: float, keep_alive_s: float, seconds: float) -> None:
    assert retirement_s(drain_s, keep_alive_s) == seconds


async def test_a_server_answers_connections_at_a_socket_that_nobody_serves() -> None:
    neglected, own = shared_sockets("127.0.0.1", 0, 2)
    address = f"127.0.0.1:{own.getsockname()[1]}"
    async with served(answer, siblings=(neglected,), sockets=[own]), httpx.AsyncClient() as http:
        for _ in range(16):  # about half of them come to the socket that is neglected
            response = await http.get(f"http://{address}/", headers={"Connection": "close"})
            assert response.text == "done"


def test_a_connection_is_left_to_the_process_whose_socket_it_is_at_first() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        looked_after = NeglectedSockets((listener,))
        assert looked_after.accept() == []
        with socket.create_connection(listener.getsockname()):
            assert looked_after.accept() == []
            (accepted,) = looked_after.accept()
            accepted.close()
            assert looked_after.accept() == []
        looked_after.close()


def test_several_processes_share_a_port_but_not_with_others() -> None:
    made = shared_sockets("127.0.0.1", 0, 3)
    (port,) = {one.getsockname()[1] for one in made}
    with pytest.raises(OSError, match="Address already in use"):
        shared_sockets("127.0.0.1", port, 1)
    for one in made:
        one.close()
    (again,) = shared_sockets("127.0.0.1", port, 1)
    again.close()
