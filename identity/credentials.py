"""Authenticates both kinds of credentials: our access tokens and an identity provider's tokens."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from identity.provider import ProviderSettings, provider_of
from identity.token_form import is_token
from models.storage.database import Database
from models.tables.access import TOKENS, Principal, Principals

if TYPE_CHECKING:
    from identity.sign_in import ProviderSignIn


class Credentials:
    """Finds the principal (identity and permissions) of Authorization headers."""

    def __init__(
        self,
        database: Database,
        clock: Callable[[], datetime],
        provider: "ProviderSignIn | None" = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._principals = Principals(database)
        self._provider = provider

    async def of(self, authorization: str | None) -> Principal | None:
        """Return the principal of an Authorization header; None if it is missing or invalid.

        Raises ProviderUnavailable if the header has a token of the identity provider that cannot be
        checked now.
        """
        scheme, _, secret = (authorization or "").partition(" ")
        secret = secret.strip()
        if scheme.lower() != "bearer" or not secret:
            return None
        if self._provider is not None and is_token(secret):
            return await self._provider.of(secret, self._clock())
        return await self._principals.of(secret, self._clock())

    def state(self) -> tuple[int | None, int | None] | None:
        """Return a value that changes whenever any credential may have changed; None if unknown."""
        epoch = self._database.epoch(TOKENS)
        if epoch is None:
            return None
        return epoch, None if self._provider is None else self._provider.keys_version

    @property
    def provider_state(self) -> str | None:
        """`ok`, or the last failure of the identity provider; None without a provider."""
        if self._provider is None:
            return None
        return "ok" if self._provider.fault is None else f"failed: {self._provider.fault}"


@asynccontextmanager
async def credentials_of(
    settings: ProviderSettings, database: Database, clock: Callable[[], datetime]
) -> AsyncIterator[Credentials]:
    """Yield the object that authenticates access tokens and, if one is set, a provider's tokens.

    Raises ValueError if the settings of the identity provider are invalid.
    """
    provider = provider_of(settings)
    if provider is None:
        yield Credentials(database, clock)
        return
    import aiohttp  # noqa: PLC0415  # only a provider needs an HTTP client and signatures

    from identity.keys import keys_of  # noqa: PLC0415  # only a provider needs it
    from identity.sign_in import ProviderSignIn  # noqa: PLC0415  # only a provider needs it

    async with (
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), trust_env=False) as session,
        keys_of(provider, session, clock) as keys,
    ):
        yield Credentials(database, clock, ProviderSignIn(database, provider, keys))
