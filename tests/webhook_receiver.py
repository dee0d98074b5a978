"""A receiver of webhooks on loopback that answers as a test says, and endpoints that lead to it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

from models import WebhookEndpoint
from models.jobs.webhook_fan_out import newest_number
from models.rules.webhook_secret import new_secret
from models.storage.database import Database
from models.storage.secret_cipher import SecretCipher
from models.tables.webhook import WebhookOptions
from notifications.webhooks.poster import Poster
from notifications.webhooks.safe_session import open_session
from notifications.webhooks.sender import Sender, SenderOptions
from tests.event_rows import number_all

OPTIONS = WebhookOptions(SecretCipher(["a key of the tests"]), allows_private=True)

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Received:
    """A webhook as it arrived."""

    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def data(self) -> dict[str, Any]:
        found: dict[str, Any] = orjson.loads(self.body)
        return found


@dataclass
class Receiver:
    """What arrived, and the answers to give next; without any it is 204."""

    url: str = ""
    taken: list[Received] = field(default_factory=list)
    answers: list[int | Answer] = field(default_factory=list)
    always: int | Answer = 204
    most_at_once: int = 0
    _at_once: int = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.taken.append(Received(headers, await request.read()))
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            answer = self.answers.pop(0) if self.answers else self.always
            return web.Response(status=answer) if isinstance(answer, int) else await answer(request)
        finally:
            self._at_once -= 1

    @property
    def ids(self) -> list[str]:
        return [one.id for one in self.taken]


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """Run a receiver on a free port."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", receiver.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    receiver.url = f"http://{host}:{port}/hooks"
    yield receiver
    await runner.cleanup()


async def add_endpoint(database: Database, url: str, clock: Any, **values: Any) -> WebhookEndpoint:
    """Store an endpoint that gets what happens from now on."""
    endpoint = WebhookEndpoint(url=url, created_at=clock(), last_modified_at=clock(), **values)
    endpoint.secret = OPTIONS.cipher.encrypt(new_secret(), endpoint.id)

    await number_all(database)

    async def store() -> None:
        endpoint.last_number = await newest_number()
        await endpoint.save(force_create=True)

    await database.transaction(store)
    return endpoint


@asynccontextmanager
async def sending(
    database: Database, clock: Any, options: SenderOptions | None = None, **session: Any
) -> AsyncIterator[Sender]:
    """Yield a sender that is not started, with a short timeout."""
    more = {"allows_private": True, "total_s": 0.4, "connect_s": 0.3, **session}
    async with open_session(**more) as opened:
        webhooks = WebhookOptions(OPTIONS.cipher, allows_private=more["allows_private"])
        poster = Poster(opened, webhooks, clock)
        yield Sender(database, poster, clock, None, options, random_number=lambda: 0.5)


async def hang(_: web.Request) -> web.StreamResponse:
    """Answer after the sender has given up."""
    await asyncio.sleep(5)
    return web.Response()
