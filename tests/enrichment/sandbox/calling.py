"""A plain HTTP client for the sandbox."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import orjson
from yarl import URL

from enrichment.sandbox import Sandbox, SandboxConfig, sandbox_server

ALPHA = "/company/00000101"


class Clock:
    def __init__(self) -> None:
        self.now = 1_760_000_000.0

    def __call__(self) -> float:
        return self.now


class Caller:
    """Sends requests with a key and follows no redirects."""

    def __init__(self, sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
        self.sandbox = sandbox
        self.session = session

    async def ask(
        self, path: str, *, key: str | None = "test-key", **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        sent = dict(headers)
        if key is not None:
            sent["Authorization"] = aiohttp.encode_basic_auth(key, "")
        url = path if path.startswith("http") else self.sandbox.api_url + path
        async with self.session.get(
            URL(url, encoded=True), headers=sent, allow_redirects=False
        ) as response:
            body = await response.read()
            return response.status, {k.lower(): v for k, v in response.headers.items()}, body

    async def json(self, path: str) -> Any:
        status, _, body = await self.ask(path)
        assert status == 200
        return orjson.loads(body)

    async def accounts_link(self, number: str = "00000101") -> str:
        """Return the document link of the newest accounts."""
        history = await self.json(f"/company/{number}/filing-history?category=accounts")
        return str(history["items"][0]["links"]["document_metadata"])


@asynccontextmanager
async def calling(**settings: Any) -> AsyncIterator[Caller]:
    async with (
        sandbox_server(SandboxConfig(**settings)) as sandbox,
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
    ):
        yield Caller(sandbox, session)
