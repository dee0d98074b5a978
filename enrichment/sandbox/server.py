"""Runs a sandbox: both APIs on one port of this machine, document storage on another."""

import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from enrichment.sandbox.apis import Apis
from enrichment.sandbox.companies import Company
from enrichment.sandbox.config import SandboxConfig
from enrichment.sandbox.front_door import gate_middleware, logging_middleware
from enrichment.sandbox.real_documents import companies_in
from enrichment.sandbox.request_log import LoggedRequest, RequestLog
from enrichment.sandbox.signing import LinkSigner
from enrichment.sandbox.storage import Storage

__all__ = ["Sandbox", "SandboxConfig", "sandbox_server"]


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A running sandbox: its addresses, and the requests it received.

    `companies` replace those of the catalogue with the same number, also while the sandbox runs.
    """

    api_url: str
    document_url: str
    storage_url: str
    requests: list[LoggedRequest]
    companies: dict[str, Company]


@asynccontextmanager
async def sandbox_server(config: SandboxConfig | None = None) -> AsyncIterator[Sandbox]:
    """Run a sandbox until the end of the context.

    Raises OSError if the port is taken or the log cannot be written.
    """
    config = config or SandboxConfig()
    companies = dict(companies_in(config.documents)) if config.documents else {}
    signer = LinkSigner(secrets.token_bytes(32), lifetime_s=config.link_lifetime_s)
    apis = Apis(config, companies, signer)
    log = RequestLog(config.log)
    api_app = web.Application(
        middlewares=[logging_middleware(log, config, None), gate_middleware(config)]
    )
    api_app.add_routes(apis.routes())
    storage_app = web.Application(middlewares=[logging_middleware(log, config, "storage")])
    storage_app.add_routes(Storage(config, apis, signer).routes())
    async with AsyncExitStack() as stack:
        stack.callback(log.close)
        apis.storage_url = await _listen(stack, storage_app, config.host, config.storage_port)
        apis.url = await _listen(stack, api_app, config.host, config.port)
        yield Sandbox(apis.url, apis.url, apis.storage_url, log.requests, companies)


async def _listen(stack: AsyncExitStack, app: web.Application, host: str, port: int) -> str:
    """Serve an application until `stack` is closed, and return its origin."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0, handler_cancellation=True)
    stack.push_async_callback(runner.cleanup)
    await runner.setup()
    site = web.TCPSite(runner, host, port)
    await site.start()
    bound_port = runner.addresses[0][1]
    return f"http://{f'[{host}]' if ':' in host else host}:{bound_port}"
