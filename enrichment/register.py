"""The client of the register, opened when it is first needed.

A server whose worker is another process asks for companies by name at most, and often nobody does.
The HTTP client and all that it draws in are 9 MB, which such a server spares.
"""

import asyncio
from contextlib import AsyncExitStack
from importlib import import_module
from typing import TYPE_CHECKING

from enrichment.endpoints import Endpoints, authorization

if TYPE_CHECKING:
    from enrichment.client import CompaniesHouse, Limiter


class Register:
    """Gives the client; a key that can't be sent is refused at once, by ValueError."""

    def __init__(self, endpoints: Endpoints, api_key: str, limiter: "Limiter") -> None:
        authorization(api_key)
        self._endpoints = endpoints
        self._api_key = api_key
        self._limiter = limiter
        self._client: CompaniesHouse | None = None
        self._opened = AsyncExitStack()
        self._opening = asyncio.Lock()

    async def client(self) -> "CompaniesHouse":
        """Give the client, and open it if nobody has yet."""
        async with self._opening:
            if self._client is None:
                # It takes a good tenth of a second, for which other requests need not wait.
                await asyncio.to_thread(import_module, "enrichment.client")
                from enrichment.client import companies_house  # noqa: PLC0415  # see the top

                opening = companies_house(
                    endpoints=self._endpoints, api_key=self._api_key, limiter=self._limiter
                )
                self._client = await self._opened.enter_async_context(opening)
        return self._client

    async def close(self) -> None:
        """Close it, if it was opened."""
        await self._opened.aclose()
