"""Fetches, caches and refreshes the keys of the identity provider in this process."""

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
    """Yield the cache of a provider's keys; nothing is fetched before the first sign-in."""
    keys = Keys(provider, session, clock)
    try:
        yield keys
    finally:
        await keys.close()


class Keys:
    """A cache of the identity provider's keys.

    The keys are fetched for the first token. Once they are older than `lifetime`, they are fetched
    again in the background. If a token names an unknown key, they are fetched at once, since the
    provider may have changed its keys. Two fetches are at least `pause` apart. While the provider
    is down, known keys are used for the time `grace` beyond their lifetime; after that no token can
    be checked.
    """

    def __init__(
        self, provider: Provider, session: aiohttp.ClientSession, clock: Callable[[], datetime]
    ) -> None:
        self._provider = provider
        self._key_refresh = provider.key_refresh
        self._session = session
        self._clock = clock
        self._known = NO_KEYS
        self._fetched_at: datetime | None = None
        self._tried_at: datetime | None = None
        self._fetching: asyncio.Task[None] | None = None
        self._version = 0
        self.fault: str | None = None
        """The code of the error in the last fetch of keys; None if it succeeded."""

    @property
    def version(self) -> int | None:
        """A number that changes whenever the keys change; None while they cannot be trusted."""
        self._keep_fresh()
        return self._version if self._is_trusted() else None

    async def find(self, kid: str | None, alg: str) -> Key:
        """Return the key with the id `kid` for the algorithm `alg`.

        If `kid` is None, return the only key for the algorithm. Raises TokenRefused if there is no
        such key, and ProviderUnavailable if no keys can be trusted now.
        """
        self._keep_fresh()
        if not self._is_trusted():
            await self._fetch_soon()
            if not self._is_trusted():
                raise ProviderUnavailable(self._key_refresh.pause.total_seconds())
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
        return age is not None and age < self._key_refresh.lifetime + self._key_refresh.grace

    def _keep_fresh(self) -> None:
        """Start a fetch in the background if the keys are older than their lifetime."""
        age = _age(self._fetched_at, self._clock())
        if age is not None and age >= self._key_refresh.lifetime:
            self._begin()

    def _begin(self) -> None:
        """Start a fetch, unless one is running or has started within the time `pause`."""
        if self._fetching is not None and not self._fetching.done():
            return
        since = _age(self._tried_at, self._clock())
        if since is None or since >= self._key_refresh.pause:
            self._tried_at = self._clock()
            self._fetching = asyncio.create_task(self._fetch())

    async def _fetch_soon(self) -> None:
        """Start a fetch if `_begin` allows one, and wait until the latest fetch has ended."""
        self._begin()
        if self._fetching is not None:
            await asyncio.shield(self._fetching)  # other tasks may wait for this fetch too

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
    """Return the time since `at`; None if `at` is None.

    If `at` is in the future, because the clock was set back, the result is the maximum timedelta.
    """
    if at is None:
        return None
    return now - at if now >= at else timedelta.max
