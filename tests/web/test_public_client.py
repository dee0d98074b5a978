"""Close codes, by what the public client graphql-ws makes of them in its default settings.

The client is installed by `npm ci` in `tests/web/graphql_ws`.
"""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from models.tables.access import Scope, issue_token
from tests.clock import Clock
from tests.databases import Databases
from tests.event_rows import publish_enriched
from tests.graphql_client import (
    ENOUGH_S,
    Api,
    connected,
    running_api,
    serving,
    wait_for_subscriptions,
)

NODE = shutil.which("node")
CLIENT = Path(__file__).parent / "graphql_ws"
pytestmark = [
    pytest.mark.skipif(NODE is None, reason="Node.js is not installed"),
    pytest.mark.skipif(
        not (CLIENT / "node_modules").exists(), reason="run `npm ci` in tests/web/graphql_ws first"
    ),
]
FOLLOW = "subscription($id: ID!) { customerEnriched(customerId: $id) { name } }"
READS = frozenset({Scope.CUSTOMERS_READ})
NEXT = ["next", {"customerEnriched": {"name": "Acme"}}]


class Client:
    """A process with the public client, which follows a customer."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def next(self) -> Any:
        """Wait for what the client tells next: an event and its value."""
        assert self._process.stdout is not None
        return json.loads(await asyncio.wait_for(self._process.stdout.readline(), ENOUGH_S))

    async def told(self, *expected: Any) -> None:
        """Wait for what the client tells next, and compare it."""
        for one in expected:
            assert await self.next() == one

    async def go_on(self) -> None:
        """Let the client connect again."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n")
        await self._process.stdin.drain()

    async def has_given_up(self) -> None:
        """Wait until the client has ended, without a word more."""
        assert self._process.stdout is not None
        rest = await asyncio.wait_for(self._process.stdout.read(), ENOUGH_S)
        assert (rest, await self._process.wait()) == (b"", 0)


@asynccontextmanager
async def following(address: str, customer_id: str, *tokens: str) -> AsyncIterator[Client]:
    """Run the client; it signs in with each token once, and with the last one from then on."""
    assert NODE is not None
    variables = json.dumps({"id": customer_id})
    process = await asyncio.create_subprocess_exec(
        *(NODE, "client.mjs", f"ws://{address}/graphql", FOLLOW, variables, *tokens),
        cwd=CLIENT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield Client(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.fixture
async def customer_id(api: Api) -> str:
    return str((await api.save_customer())["id"])


async def enriched(api: Api, customer_id: str) -> None:
    await api.platform.database.transaction(lambda: publish_enriched(customer_id, api.clock()))


async def test_a_token_that_is_not_valid_is_final_at_once(api: Api, customer_id: str) -> None:
    """R95."""
    async with serving(api.app) as address, following(address, customer_id, "ccl_no") as client:
        await client.told(["closed", 4401], ["error", 4401])
        await client.has_given_up()


@pytest.mark.parametrize(
    ("changes", "code"), [("revoked_at", "UNAUTHENTICATED"), ("scopes", "FORBIDDEN")]
)
async def test_a_token_that_was_taken_away_ends_a_subscription_for_good(
    api: Api, customer_id: str, changes: str, code: str
) -> None:
    """R95."""
    token = await issue_token("Taken", READS, api.clock())
    async with serving(api.app) as address, following(address, customer_id, token) as client:
        await client.told(["connected", None])
        await wait_for_subscriptions(api)
        given = {"revoked_at": api.clock(), "scopes": []}
        await api.change_tokens("Taken", **{changes: given[changes]})
        await client.told(["error", [code]])


async def test_a_subscription_goes_on_with_a_new_token_after_the_old_one_expired(
    api: Api, customer_id: str
) -> None:
    """R100: as `connectionParams` is asked again for each connection."""
    old = await issue_token("Old", READS, api.clock(), timedelta(hours=1))
    new = await issue_token("New", READS, api.clock(), timedelta(hours=3))
    async with serving(api.app) as address, following(address, customer_id, old, new) as client:
        await client.told(["connected", None])
        await wait_for_subscriptions(api)
        api.clock.advance(timedelta(hours=1))
        await client.told(["closed", 4403], ["retrying", None])
        await client.go_on()
        await client.told(["connected", None])
        await wait_for_subscriptions(api)
        await enriched(api, customer_id)
        await client.told(NEXT)


async def test_a_client_without_a_new_token_gives_up_when_its_own_expired(
    api: Api, customer_id: str
) -> None:
    token = await issue_token("Old", READS, api.clock(), timedelta(hours=1))
    async with serving(api.app) as address, following(address, customer_id, token) as client:
        await client.told(["connected", None])
        await wait_for_subscriptions(api)
        api.clock.advance(timedelta(hours=1))
        await client.told(["closed", 4403], ["retrying", None])
        await client.go_on()
        await client.told(["closed", 4401], ["error", 4401])
        await client.has_given_up()


async def test_a_socket_too_many_comes_back_when_another_was_closed(
    databases: Databases, clock: Clock
) -> None:
    async with (
        running_api(databases, clock, credential_connections=1) as api,
        serving(api.app) as address,
        AsyncExitStack() as stack,
    ):
        customer = await api.save_customer()
        async with connected(address) as first:
            await first.sign_in(api.token)
            client = await stack.enter_async_context(following(address, customer["id"], api.token))
            await client.told(["closed", 1013], ["retrying", None])
        await client.go_on()
        while (event := await client.next()) != ["connected", None]:
            assert event == ["closed", 1013]  # the server has not noticed yet that one has left
            await client.told(["retrying", None])
            await client.go_on()
        await wait_for_subscriptions(api)
        await enriched(api, customer["id"])
        await client.told(NEXT)


async def test_a_subscription_goes_on_after_a_restart_of_the_server(
    api: Api, customer_id: str
) -> None:
    async with AsyncExitStack() as stack:
        async with serving(api.app) as address:
            client = await stack.enter_async_context(following(address, customer_id, api.token))
            await client.told(["connected", None])
            await wait_for_subscriptions(api)
        await client.told(["closed", 1012], ["retrying", None])
        await wait_for_subscriptions(api, 0)
        port = int(address.rpartition(":")[2])
        await stack.enter_async_context(serving(api.app, port=port))
        await client.go_on()
        await client.told(["connected", None])
        await wait_for_subscriptions(api)
        await enriched(api, customer_id)
        await client.told(NEXT)
