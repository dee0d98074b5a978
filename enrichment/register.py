"""Opens the client for Companies House when it is first needed.

A server whose worker is another process uses the client only to search for companies by name. Until
the first search it does not import the HTTP library, which saves 9 MB of memory.
"""

import asyncio
from contextlib import AsyncExitStack
from importlib import import_module
from typing import TYPE_CHECKING

from enrichment.endpoints import Endpoints, authorization

if TYPE_CHECKING:
    from enrichment.client import CompaniesHouse, Limiter
    from enrichment.exchange import NoteRequest, TraceCalls


class Register:
    """Opens the client on demand; raises ValueError at once for an invalid API key."""

    def __init__(
        self,
        endpoints: Endpoints,
        api_key: str,
        limiter: "Limiter",
        note: "NoteRequest | None" = None,
        trace: "TraceCalls | None" = None,
    ) -> None:
        authorization(api_key)
        self._note = note
        self._trace = trace
        self._endpoints = endpoints
        self._api_key = api_key
        self._limiter = limiter
        self._client: CompaniesHouse | None = None
        self._opened = AsyncExitStack()
        self._opening = asyncio.Lock()

    async def client(self) -> "CompaniesHouse":
        """Return the client, opening it on the first call."""
        async with self._opening:
            if self._client is None:
                # The import takes more than 0.1 s, so it runs in a thread.
                await asyncio.to_thread(import_module, "enrichment.client")
                from enrichment.client import companies_house  # noqa: PLC0415  # see the top

                opening = companies_house(
                    endpoints=self._endpoints,
                    api_key=self._api_key,
                    limiter=self._limiter,
                    note=self._note,
                    trace=self._trace,
                )
                self._client = await self._opened.enter_async_context(opening)
        return self._client

    async def close(self) -> None:
        """Close the client, if it was opened."""
        await self._opened.aclose()
