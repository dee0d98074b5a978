"""The provider's keys in this process: fetched, cached, and refreshed in time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import aiohttp
import structlog
from joserfc.jwk import Key

from identity.discovery import published_keys
from identity.errors import ProviderFault, ProviderUnavailable, TokenRefused
from identity.key_set import KeySet, key_set
from identity.provider import Provider

log = structlog.get_logger(__name__)

NO_KEYS = KeySet(())


@asynccontextmanager
async def keys_of(
    provider: Provider, session: aiohttp.ClientSession, clock: Callable[[], datetime]
) -> AsyncIterator["Keys"]:
    """Open the cache of a provider's keys; nothing is fetched before the first sign-in."""
    keys = Keys(provider, session, clock)
    try:
        yield keys
    finally:
        await keys.close()


class Keys:
    """Keys with a lifetime.

    They are fetched for the first token, again in the background once they are older than their
    lifetime, and at once for an unknown key id, since the provider may have changed its keys. There
    is always a pause between two fetches. While the provider is down, known keys are used until the
    grace ends; after that every token is refused.
    """

    def __init__(
        self, provider: Provider, session: aiohttp.ClientSession, clock: Callable[[], datetime]
    ) -> None:
        self._provider = provider
        self._cadence = provider.cadence
        self._session = session
        self._clock = clock
        self._known = NO_KEYS
        self._fetched_at: datetime | None = None
        self._tried_at: datetime | None = None
        self._fetching: asyncio.Task[None] | None = None
        self._version = 0
        self.fault: str | None = None
        """The code of the last fetch's failure; None if it succeeded."""

    @property
    def version(self) -> int | None:
        """A number that changes whenever the keys do; None while they cannot be trusted."""
        self._keep_fresh()
        return self._version if self._is_trusted() else None

    async def find(self, kid: str | None, alg: str) -> Key:
        """Return the key that a token names; raises TokenRefused or ProviderUnavailable."""
        self._keep_fresh()
        if not self._is_trusted():
            await self._fetch_soon()
            if not self._is_trusted():
                raise ProviderUnavailable(self._cadence.pause.total_seconds())
        key = self._known.find(kid, alg)
        if key is None and kid is not None:
            await self._fetch_soon()
            key = self._known.find(kid, alg)
        if key is None:
            raise TokenRefused("UNKNOWN_KEY")
        return key

    async def close(self) -> None:
        """Cancel a running fetch."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.gather(self._fetching, return_exceptions=True)

    def _is_trusted(self) -> bool:
        age = _age(self._fetched_at, self._clock())
        return age is not None and age < self._cadence.lifetime + self._cadence.grace

    def _keep_fresh(self) -> None:
        """Start fetching if the keys are past their lifetime; the known ones are used meanwhile."""
        age = _age(self._fetched_at, self._clock())
        if age is not None and age >= self._cadence.lifetime:
            self._begin()

    def _begin(self) -> None:
        """Start a fetch, unless one is running or has just ended."""
        if self._fetching is not None and not self._fetching.done():
            return
        since = _age(self._tried_at, self._clock())
        if since is None or since >= self._cadence.pause:
            self._tried_at = self._clock()
            self._fetching = asyncio.create_task(self._fetch())

    async def _fetch_soon(self) -> None:
        """Wait for a fetch, starting one if needed; return at once if one has just ended."""
        self._begin()
        if self._fetching is not None:
            await asyncio.shield(self._fetching)  # others may be waiting for the same

    async def _fetch(self) -> None:
        try:
            found = key_set(await published_keys(self._session, self._provider))
            if not found.keys:
                raise ProviderFault("NO_KEYS")
        except ProviderFault as fault:
            self.fault = fault.code
            log.warning("identity_provider_failed", code=fault.code)
            return
        if found.prints() != self._known.prints():
            self._version += 1
            log.info("identity_provider_keys", count=len(found.keys))
        self._known, self._fetched_at, self.fault = found, self._clock(), None


def _age(at: datetime | None, now: datetime) -> timedelta | None:
    """Return the age of a time; if the clock was set back, the longest possible age."""
    if at is None:
        return None
    return now - at if now >= at else timedelta.max
