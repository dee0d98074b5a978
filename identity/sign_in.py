"""Authenticates tokens of the identity provider, and caches the results until something changes."""

import hashlib
import time
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

import structlog

from identity.errors import TokenRefused
from identity.keys import Keys
from identity.provider import Provider
from identity.verifier import read_header, verify
from models.changes.sign_in import Identity, principal_of
from models.storage.database import Database
from models.tables.access import MAX_MEMORY_S, MAX_REMEMBERED, TOKENS, Principal

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Remembered:
    principal: Principal
    epoch: int
    keys_version: int
    expires_at: datetime
    trusted_until: float


class ProviderSignIn:
    """Authenticates by tokens of the identity provider.

    The principal of a valid token is cached until the token expires, the provider changes its keys,
    or users, groups or permissions change: see `models.tables.access.Principals`.
    """

    def __init__(self, database: Database, provider: Provider, keys: Keys) -> None:
        self._database = database
        self._provider = provider
        self._keys = keys
        self._remembered: dict[bytes, _Remembered] = {}

    @property
    def keys_version(self) -> int | None:
        """A number that changes with the provider's keys; None while they cannot be trusted."""
        return self._keys.version

    @property
    def fault(self) -> str | None:
        """The code of the error in the last fetch of keys; None if it succeeded."""
        return self._keys.fault

    async def of(self, token: str, now: datetime) -> Principal | None:
        """Return the principal of a token, or None if it is invalid; raises ProviderUnavailable."""
        key = hashlib.sha256(token.encode()).digest()
        epoch, version = self._database.epoch(TOKENS), self._keys.version
        known = self._remembered.get(key)
        if (
            known is not None
            and known.epoch == epoch
            and known.keys_version == version
            and now < known.expires_at
            and time.monotonic() < known.trusted_until
        ):
            return known.principal
        self._remembered.pop(key, None)
        try:
            identity = await self._checked(token, now)
        except TokenRefused as refused:
            log.info("token_refused", reason=refused.reason)
            return None
        version = self._keys.version  # the version of the keys by which the token is checked
        principal = await principal_of(self._database, identity, now, f"sign-in-{uuid4()}")
        if principal is not None and epoch is not None and version is not None:
            if len(self._remembered) >= MAX_REMEMBERED:
                self._remembered.clear()
            self._remembered[key] = _Remembered(
                principal, epoch, version, identity.expires_at, time.monotonic() + MAX_MEMORY_S
            )
        return principal

    async def _checked(self, token: str, now: datetime) -> Identity:
        header = read_header(token, self._provider)
        key = await self._keys.find(header.kid, header.alg)
        return verify(token, key, self._provider, now)
