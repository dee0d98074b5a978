"""A client of the whole application: GraphQL over HTTP in this process, and over real sockets."""

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import aiohttp
import httpx
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette

import app as composition
from app import Platform, create_app
from enrichment.sandbox import Sandbox, SandboxConfig, sandbox_server
from models.jobs.event import EVENTS
from models.jobs.worker import Worker
from models.storage.database import Database
from models.storage.sql import run
from models.tables.access import TOKENS, AccessToken, Principal, Scope, issue_token
from schema.base.context import Candidate, Context
from schema.engine.served_schema import CustomerClassesSchema
from schema.root import build_schema
from settings import Settings
from tests.clock import START, Clock
from tests.databases import Databases
from tests.factories import Contents, everything
from tests.listening import listening
from tests.statement_log import told_statements

NOWHERE = "http://127.0.0.1:9"
"""A register that nobody answers for."""

API_KEY = "key-of-the-tests"
ENOUGH_S = 20.0
PAYLOAD = "userErrors { code message path hint retryable }"
serving = listening
"""Serves a started application on real sockets."""

VOLATILE = ("AccessToken", "Heartbeat", "NumberedSpan", "Numbering", "RateLimit")
"""Tables that reading alone may write to."""

Json = dict[str, Any]


@cache
def the_schema() -> CustomerClassesSchema:
    """Give the schema, built once for all tests: it keeps nothing of a request."""
    return build_schema()


@dataclass
class Api:
    """The application, started, with a client that signs in with a token of all scopes."""

    app: Starlette
    platform: Platform
    http: httpx.AsyncClient
    clock: Clock
    token: str

    async def post(
        self,
        document: str,
        variables: Mapping[str, Any] | None = None,
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Send a document with variables, and give the whole response."""
        return await self.http.post(
            "/graphql",
            json={"query": document, "variables": variables or {}},
            headers={"Authorization": f"Bearer {token or self.token}", **(headers or {})},
        )

    async def change_tokens(self, name: str, **changes: Any) -> None:
        """Change the tokens of that name, and wait until the application has heard of it."""
        database = self.platform.database
        with database.signals.watching(TOKENS) as heard:
            await AccessToken.filter(name=name).update(**changes)
            if database.is_postgres:
                await asyncio.wait_for(heard.wait(), ENOUGH_S)

    async def answer(self, document: str, *, token: str | None = None, **variables: Any) -> Json:
        """Give the body of the answer, errors and all."""
        response = await self.post(document, variables, token=token)
        body: Json = response.json()
        return body

    async def data(self, document: str, *, token: str | None = None, **variables: Any) -> Any:
        """Give the data of an answer without errors."""
        body = await self.answer(document, token=token, **variables)
        assert "errors" not in body, body["errors"]
        return body["data"]

    async def error(self, document: str, *, token: str | None = None, **variables: Any) -> Json:
        """Give the single error of an answer."""
        body = await self.answer(document, token=token, **variables)
        assert len(body.get("errors", ())) == 1, body
        error: Json = body["errors"][0]
        return error

    async def do(
        self, mutation: str, select: str, /, *, token: str | None = None, **values: Any
    ) -> Json:
        """Send a mutation with its input as a variable, and give its payload."""
        data = await self.data(document_of(mutation, select), token=token, input=values)
        payload: Json = data[mutation]
        return payload

    async def done(
        self, mutation: str, select: str, /, *, token: str | None = None, **values: Any
    ) -> Json:
        """Do the same, and expect that nothing was refused."""
        payload = await self.do(mutation, select, token=token, **values)
        assert payload["userErrors"] == []
        return payload

    async def refused(
        self, mutation: str, *codes: str, token: str | None = None, **values: Any
    ) -> list[Json]:
        """Do the same, expect refusals for these reasons, and that not one row has changed."""
        before = await stored()
        payload = await self.do(mutation, "", token=token, **values)
        refusals: list[Json] = payload["userErrors"]
        assert [refusal["code"] for refusal in refusals] == list(codes)
        assert await stored() == before
        return refusals

    async def token_for(self, *scopes: Scope, name: str = "Pat Partner") -> str:
        """Issue a token of some scopes only."""
        return await issue_token(name, frozenset(scopes), self.clock())

    async def work(self) -> int:
        """Run the jobs that are due, and what they give rise to; give how many they were."""
        worker: Worker = await self.platform.worker("worker-of-the-tests")
        ran = 0
        while jobs := await worker.run_due():
            ran += jobs
        return ran

    async def save_customer(self, select: str = "id", /, **values: Any) -> Any:
        """Save a customer and give what is selected of it."""
        given = {"name": "Acme", **({} if "id" in values else {"classCode": "CHARITY"}), **values}
        if "classId" in values:
            del given["classCode"]
        if "id" in values and "name" not in values:
            del given["name"]
        payload = await self.done("saveCustomer", f"customer {{ {select} }}", **given)
        return payload["customer"]

    async def save_class(self, select: str = "id", /, **values: Any) -> Any:
        """Save a class and give what is selected of it."""
        given = values if "id" in values else {"name": "Partnership", **values}
        payload = await self.done("saveCustomerClass", f"customerClass {{ {select} }}", **given)
        return payload["customerClass"]

    async def class_of(self, code: str, select: str = "id") -> Any:
        """Read a shipped class."""
        query = f"query($code: String) {{ customerClass(code: $code) {{ {select} }} }}"
        return (await self.data(query, code=code))["customerClass"]

    async def customer(self, customer_id: str, select: str) -> Any:
        """Read a customer by its id."""
        query = f"query($id: ID) {{ customer(id: $id) {{ {select} }} }}"
        return (await self.data(query, id=customer_id))["customer"]

    async def settled(self, customer_id: str, select: str = "status reason") -> Any:
        """Wait until a customer's lookup has ended, and give what is selected of it."""
        async with asyncio.timeout(ENOUGH_S):
            while True:
                found = await self.customer(customer_id, f"enrichment {{ live: status {select} }}")
                if found["enrichment"].pop("live") not in {"PENDING", "RUNNING", "RETRYING"}:
                    return found["enrichment"]
                await asyncio.sleep(0.01)


def document_of(mutation: str, select: str) -> str:
    """Write a mutation with its input as a variable."""
    kind = f"{mutation[0].upper()}{mutation[1:]}Input"
    return f"mutation($input: {kind}!) {{ {mutation}(input: $input) {{ {select} {PAYLOAD} }} }}"


async def stored() -> Contents:
    """Read every row of every table, save those that reading alone may write to."""
    found = {table: rows for table, rows in (await everything()).items() if table not in VOLATILE}
    for entry in found["AuditEntry"]:
        del entry["number"]  # which reading the trail gives
    return found


@asynccontextmanager
async def running_api(
    databases: Databases,
    clock: Clock,
    *,
    sandbox: Sandbox | None = None,
    with_worker: bool = False,
    **settings: Any,
) -> AsyncIterator[Api]:
    """Start the application on a database of its own, and stop it after."""
    database_url = await databases.create()
    mailbox = TemporaryDirectory(prefix="mailbox-")
    register = NOWHERE if sandbox is None else sandbox.api_url
    given = {
        "database_url": database_url,
        "companies_house_url": register,
        "companies_house_api_key": SecretStr(API_KEY),
        "mailbox": Path(mailbox.name),
        "auth_failure_limit": 100_000,  # all tests come from one address, at one instant
        **settings,
    }
    opened: list[Platform] = []

    async def note(platform: Platform) -> None:
        opened.append(platform)

    thresholds = gc.get_threshold()
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(composition, "build_schema", the_schema)
            patch.setattr("web.health.KEPT_S", 0.0)  # tests look twice within a second
            made = create_app(
                Settings(**given), with_worker=with_worker, clock=clock, on_ready=note
            )
        async with (
            made.router.lifespan_context(made),
            httpx.AsyncClient(
                transport=httpx.ASGITransport(made, raise_app_exceptions=False),
                base_url="http://api.test",
            ) as http,
        ):
            token = await issue_token("Tess Tester", frozenset(Scope), clock())
            yield Api(made, opened[0], http, clock, token)
    finally:
        # The application keeps the collector off what it made, which is for good elsewhere.
        gc.unfreeze()
        gc.set_threshold(*thresholds)
        mailbox.cleanup()
        await databases.give_back(database_url)


@dataclass
class LiveApi(Api):
    """The same with a worker of its own that asks a sandbox over real sockets."""

    sandbox: Sandbox = field(kw_only=True)


@asynccontextmanager
async def running_live_api(
    databases: Databases, clock: Clock, config: SandboxConfig | None = None, **settings: Any
) -> AsyncIterator[LiveApi]:
    """Start a sandbox, and the application with its worker."""
    async with (
        sandbox_server(config) as sandbox,
        running_api(databases, clock, sandbox=sandbox, with_worker=True, **settings) as api,
    ):
        yield LiveApi(api.app, api.platform, api.http, api.clock, api.token, sandbox=sandbox)


class Socket:
    """A client of graphql-transport-ws."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.ws = ws
        self._ids = count(1)

    async def sign_in(self, token: str | None) -> Self:
        """Send `connection_init` and wait for the acknowledgement."""
        payload = {} if token is None else {"Authorization": f"Bearer {token}"}
        await self.send(type="connection_init", payload=payload)
        assert await self.receive() == {"type": "connection_ack"}
        return self

    async def send(self, **message: Any) -> None:
        """Send a message of the protocol."""
        await self.ws.send_json(message)

    async def receive(self) -> Json:
        """Wait for the next message of the protocol."""
        message: Json = await self.ws.receive_json(timeout=ENOUGH_S)
        return message

    async def closed(self) -> int | None:
        """Wait until the server closes the connection, and give its code."""
        return (await self.closed_with_reason())[0]

    async def closed_with_reason(self) -> tuple[int | None, str]:
        """Wait until the server closes the connection, and give its code and its reason."""
        message = await self.ws.receive(timeout=ENOUGH_S)
        assert message.type is aiohttp.WSMsgType.CLOSE, message
        return self.ws.close_code, message.extra or ""

    async def subscribe(self, document: str, **variables: Any) -> str:
        """Start an operation and give its id."""
        operation_id = str(next(self._ids))
        payload = {"query": document, "variables": variables}
        await self.send(type="subscribe", id=operation_id, payload=payload)
        return operation_id

    async def ended(self) -> tuple[dict[str, str], int | None]:
        """Wait until the server closes; give the codes of operations that it ended, and its own."""
        codes = {}
        while (message := await self.ws.receive(timeout=ENOUGH_S)).type is aiohttp.WSMsgType.TEXT:
            ended = message.json()
            assert ended["type"] == "error", ended
            (error,) = ended["payload"]
            codes[ended["id"]] = error["extensions"]["code"]
        assert message.type is aiohttp.WSMsgType.CLOSE, message
        return codes, self.ws.close_code

    async def next(self, operation_id: str) -> Json:
        """Wait for the next result of an operation, and give it without what it has cost."""
        message = await self.receive()
        assert (message["type"], message["id"]) == ("next", operation_id), message
        payload: Json = message["payload"]
        assert set(payload.pop("extensions", {})) <= {"cost"}
        return payload

    async def ask(self, document: str, **variables: Any) -> Json:
        """Do a query or a mutation over the socket, and give its result."""
        operation_id = await self.subscribe(document, **variables)
        result = await self.next(operation_id)
        assert await self.receive() == {"type": "complete", "id": operation_id}
        return result


@asynccontextmanager
async def connected(address: str, **headers: str) -> AsyncIterator[Socket]:
    """Open a WebSocket, not signed in yet."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(
            f"ws://{address}/graphql", protocols=["graphql-transport-ws"], headers=headers
        ) as ws,
    ):
        yield Socket(ws)


def context_of(database: Database, principal: Principal) -> Context:
    """Give the context of a request, for what goes by the schema alone."""

    async def no_search(query: str) -> list[Candidate]:  # noqa: ARG001  # as the real one
        return []

    return Context(database, lambda: START, no_search, "request-1", principal)


async def until_heard(api: Api) -> None:
    """Wait until the process has heard of all that was committed, as that tokens have changed.

    PostgreSQL tells of it in the order of commits, and a little later.
    """
    database = api.platform.database
    if not database.is_postgres:
        return
    with database.signals.watching(EVENTS) as heard:
        await run("SELECT pg_notify(?, '')", [EVENTS])
        await asyncio.wait_for(heard.wait(), ENOUGH_S)


async def until_followed(api: Api, followers: int = 1) -> None:
    """Wait until so many subscriptions watch for events."""
    watchers = api.platform.database.signals._watchers
    async with asyncio.timeout(ENOUGH_S):
        while len(watchers.get(EVENTS, ())) != followers:  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.005)


class _Statements(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.seen.append(record.getMessage())


@contextmanager
def counted_statements() -> Iterator[list[str]]:
    """Collect the statements that go to the database, as its client notes each of them."""
    handler = _Statements()
    with told_statements(handler):
        yield handler.seen
