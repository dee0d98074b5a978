"""Clients of the whole application: in this process, and over real sockets."""

import asyncio
import gc
import logging
import re
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
from app import create_app
from enrichment.sandbox import Sandbox, SandboxConfig, sandbox_server
from models.jobs.webhook_fan_out import keep_fanning_out
from models.jobs.worker import Worker
from models.storage.database import Database
from models.storage.sql import run
from models.tables.access import TOKENS, AccessToken, Principal, Scope, issue_token
from models.tables.event import EVENTS
from opening import Platform
from schema.base.company_searches import Candidate
from schema.base.context import Context
from schema.engine.served_schema import CustomerClassesSchema
from schema.root import build_schema
from tests.clock import START, Clock
from tests.databases import Databases
from tests.declared_codes import refuse_undeclared_codes
from tests.factories import Contents, everything
from tests.listening import listening
from tests.shared_start import GivenSettings
from tests.statement_log import logging_statements

NOWHERE = "http://127.0.0.1:9"
"""A URL to use for the register, at which nothing listens."""

API_KEY = "key-of-the-tests"
ENOUGH_S = 120.0
PAYLOAD = "userErrors { code message path hint retryable }"
serving = listening
"""Serves a started application on a real socket."""

VOLATILE = ("AccessToken", "ApiUsage", "Heartbeat", "NumberedSpan", "Numbering", "RateLimit")
"""Tables that read operations may write to."""

Json = dict[str, Any]


@cache
def the_schema() -> CustomerClassesSchema:
    """Return the schema, which all tests share because it keeps no state between requests."""
    return build_schema()


@dataclass
class Api:
    """The running application, and a client whose token has all scopes."""

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
        """Send a document with variables; return the whole response."""
        return await self.http.post(
            "/graphql",
            json={"query": document, "variables": variables or {}},
            headers={"Authorization": f"Bearer {token or self.token}", **(headers or {})},
        )

    async def change_tokens(self, name: str, **changes: Any) -> None:
        """Change columns of the tokens with a name, and wait until the application knows of it."""
        database = self.platform.database
        with database.signals.watching(TOKENS) as heard:
            await AccessToken.filter(name=name).update(**changes)
            if database.is_postgres:
                await asyncio.wait_for(heard.wait(), ENOUGH_S)

    async def answer(self, document: str, *, token: str | None = None, **variables: Any) -> Json:
        """Send a document; return the response body, which may contain errors."""
        response = await self.post(document, variables, token=token)
        body: Json = response.json()
        refuse_undeclared_codes(document, body)
        return body

    async def data(self, document: str, *, token: str | None = None, **variables: Any) -> Any:
        """Send a document that must have no errors; return the data."""
        body = await self.answer(document, token=token, **variables)
        assert "errors" not in body, body["errors"]
        return body["data"]

    async def error(self, document: str, *, token: str | None = None, **variables: Any) -> Json:
        """Send a document that must have exactly one error; return the error."""
        body = await self.answer(document, token=token, **variables)
        assert len(body.get("errors", ())) == 1, body
        error: Json = body["errors"][0]
        return error

    async def do(
        self, mutation: str, select: str, /, *, token: str | None = None, **values: Any
    ) -> Json:
        """Send a mutation with its input as a variable; return its payload."""
        data = await self.data(document_of(mutation, select), token=token, input=values)
        payload: Json = data[mutation]
        return payload

    async def done(
        self, mutation: str, select: str, /, *, token: str | None = None, **values: Any
    ) -> Json:
        """Send a mutation that must have no user errors; return its payload."""
        payload = await self.do(mutation, select, token=token, **values)
        assert payload["userErrors"] == []
        return payload

    async def refused(
        self, mutation: str, *codes: str, token: str | None = None, **values: Any
    ) -> list[Json]:
        """Send a mutation that must fail with these codes and change no row; return the errors."""
        before = await stored()
        payload = await self.do(mutation, "", token=token, **values)
        refusals: list[Json] = payload["userErrors"]
        assert [refusal["code"] for refusal in refusals] == list(codes)
        assert await stored() == before
        return refusals

    async def token_for(self, *scopes: Scope, name: str = "Pat Partner") -> str:
        """Issue a token with only these scopes; return its secret."""
        return await issue_token(name, frozenset(scopes), self.clock())

    async def work(self) -> int:
        """Run all due jobs, including those that they enqueue; return how many ran."""
        worker: Worker = await self.platform.worker("worker-of-the-tests")
        ran = 0
        while jobs := await worker.run_due():
            ran += jobs
        return ran

    async def save_customer(self, select: str = "id", /, **values: Any) -> Any:
        """Save a customer; return the selected fields."""
        given = {"name": "Acme", **({} if "id" in values else {"classCode": "CHARITY"}), **values}
        if "classId" in values:
            del given["classCode"]
        if "id" in values and "name" not in values:
            del given["name"]
        payload = await self.done("saveCustomer", f"customer {{ {select} }}", **given)
        return payload["customer"]

    async def save_class(self, select: str = "id", /, **values: Any) -> Any:
        """Save a class; return the selected fields."""
        given = values if "id" in values else {"name": "Partnership", **values}
        payload = await self.done("saveCustomerClass", f"customerClass {{ {select} }}", **given)
        return payload["customerClass"]

    async def class_of(self, code: str, select: str = "id") -> Any:
        """Return the selected fields of a shipped class."""
        query = f"query($code: String) {{ customerClass(code: $code) {{ {select} }} }}"
        return (await self.data(query, code=code))["customerClass"]

    async def customer(self, customer_id: str, select: str) -> Any:
        """Return the selected fields of a customer."""
        query = f"query($id: ID) {{ customer(id: $id) {{ {select} }} }}"
        return (await self.data(query, id=customer_id))["customer"]

    async def settled(self, customer_id: str, select: str = "status reason") -> Any:
        """Wait until a customer's lookup has ended; return the selected fields."""
        async with asyncio.timeout(ENOUGH_S):
            while True:
                found = await self.customer(customer_id, f"enrichment {{ live: status {select} }}")
                if found["enrichment"].pop("live") not in {"PENDING", "RUNNING", "RETRYING"}:
                    return found["enrichment"]
                await asyncio.sleep(0.01)


def document_of(mutation: str, select: str) -> str:
    """Return the document of a mutation with its input as a variable."""
    kind = f"{mutation[0].upper()}{mutation[1:]}Input"
    return f"mutation($input: {kind}!) {{ {mutation}(input: $input) {{ {select} {PAYLOAD} }} }}"


async def stored() -> Contents:
    """Return all rows of all tables, except the tables in VOLATILE."""
    found = {table: rows for table, rows in (await everything()).items() if table not in VOLATILE}
    for entry in found["AuditEntry"]:
        del entry["number"]  # Reading the audit trail assigns the numbers.
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
    """Run the application on a borrowed database; yield a client with a token of all scopes."""
    database_url = await databases.borrow()
    try:
        async with api_on(
            database_url, clock, sandbox=sandbox, with_worker=with_worker, **settings
        ) as started:
            yield started
    finally:
        await databases.give_back(database_url)


@asynccontextmanager
async def api_on(
    database_url: str,
    clock: Clock,
    *,
    sandbox: Sandbox | None = None,
    with_worker: bool = False,
    **settings: Any,
) -> AsyncIterator[Api]:
    """Run the application on a migrated database; yield a client with a token of all scopes."""
    mailbox = TemporaryDirectory(prefix="mailbox-")
    register = NOWHERE if sandbox is None else sandbox.api_url
    given = {
        "database_url": database_url,
        "companies_house_url": register,
        "companies_house_api_key": SecretStr(API_KEY),
        "mailbox": Path(mailbox.name),
        "auth_failure_limit": 100_000,  # all tests use one client address
        **settings,
    }
    opened: list[Platform] = []

    async def note(platform: Platform) -> None:
        opened.append(platform)

    thresholds = gc.get_threshold()
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(composition, "build_schema", the_schema)
            patch.setattr("web.health.KEPT_S", 0.0)  # Tests check health twice within a second.
            made = create_app(
                GivenSettings(**given), with_worker=with_worker, clock=clock, on_ready=note
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
        # The application excludes its objects from garbage collection; undo that between tests.
        gc.unfreeze()
        gc.set_threshold(*thresholds)
        mailbox.cleanup()


@dataclass
class LiveApi(Api):
    """The running application with a worker, which calls a sandbox over real sockets."""

    sandbox: Sandbox = field(kw_only=True)


@asynccontextmanager
async def running_live_api(
    databases: Databases, clock: Clock, config: SandboxConfig | None = None, **settings: Any
) -> AsyncIterator[LiveApi]:
    """Run a sandbox, and the application with its worker."""
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
        """Wait until the server closes the connection; return the close code."""
        return (await self.closed_with_reason())[0]

    async def closed_with_reason(self) -> tuple[int | None, str]:
        """Wait until the server closes the connection; return the close code and the reason."""
        message = await self.ws.receive(timeout=ENOUGH_S)
        assert message.type is aiohttp.WSMsgType.CLOSE, message
        return self.ws.close_code, message.extra or ""

    async def subscribe(self, document: str, **variables: Any) -> str:
        """Start an operation with the protocol's `subscribe` message; return its id."""
        operation_id = str(next(self._ids))
        payload = {"query": document, "variables": variables}
        await self.send(type="subscribe", id=operation_id, payload=payload)
        return operation_id

    async def ended(self) -> tuple[dict[str, str], int | None]:
        """Wait until the server closes the connection.

        Returns the error codes by operation id, and the close code.
        """
        codes = {}
        while (message := await self.ws.receive(timeout=ENOUGH_S)).type is aiohttp.WSMsgType.TEXT:
            ended = message.json()
            assert ended["type"] == "error", ended
            (error,) = ended["payload"]
            codes[ended["id"]] = error["extensions"]["code"]
        assert message.type is aiohttp.WSMsgType.CLOSE, message
        return codes, self.ws.close_code

    async def next(self, operation_id: str) -> Json:
        """Wait for the next result of an operation; return it without its cost."""
        message = await self.receive()
        assert (message["type"], message["id"]) == ("next", operation_id), message
        payload: Json = message["payload"]
        assert set(payload.pop("extensions", {})) <= {"cost"}
        return payload

    async def ask(self, document: str, **variables: Any) -> Json:
        """Send a query or a mutation over the socket; return its result."""
        operation_id = await self.subscribe(document, **variables)
        result = await self.next(operation_id)
        assert await self.receive() == {"type": "complete", "id": operation_id}
        return result


@asynccontextmanager
async def connected(address: str, **headers: str) -> AsyncIterator[Socket]:
    """Open a WebSocket without signing in."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(
            f"ws://{address}/graphql", protocols=["graphql-transport-ws"], headers=headers
        ) as ws,
    ):
        yield Socket(ws)


def context_of(database: Database, principal: Principal) -> Context:
    """Return a request context for tests of the schema alone."""

    async def no_search(query: str, size: int) -> list[Candidate]:  # noqa: ARG001  # the real one's signature
        return []

    return Context(database, lambda: START, no_search, "request-1", principal)


async def wait_for_notices(api: Api) -> None:
    """Wait until the process has received the notices of all earlier commits.

    PostgreSQL delivers notices shortly after each commit, in the order of commits.
    """
    database = api.platform.database
    if not database.is_postgres:
        return
    with database.signals.watching(EVENTS) as heard:
        await run("SELECT pg_notify(?, '')", [EVENTS])
        await asyncio.wait_for(heard.wait(), ENOUGH_S)


async def wait_for_subscriptions(api: Api, followers: int = 1) -> None:
    """Wait until exactly `followers` subscriptions are waiting for events."""
    watchers = api.platform.database.signals._watchers
    # The dispatcher of webhooks waits for the same events, where a worker runs.
    running = (getattr(task.get_coro(), "__name__", "") for task in asyncio.all_tasks())
    others = sum(name == keep_fanning_out.__name__ for name in running)
    async with asyncio.timeout(ENOUGH_S):
        while len(watchers.get(EVENTS, ())) != followers + others:  # noqa: ASYNC110  # there is no signal for it
            await asyncio.sleep(0.005)


_OF_NUMBERING = re.compile(
    r"FROM numbering\s+WHERE name = \$1 FOR UPDATE|FROM event_generation AS one|WITH waiting AS"
    r"|UPDATE numbering"
)
"""Finds the statements that number events on PostgreSQL."""


class _Statements(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        said = record.getMessage()
        if not _OF_NUMBERING.search(said):
            self.seen.append(said)


@contextmanager
def counted_statements() -> Iterator[list[str]]:
    """Collect the statements that the database client logs.

    Those that number events are left out, because they run in the background, shortly after writes.
    """
    handler = _Statements()
    with logging_statements(handler):
        yield handler.seen
