"""Limits failed sign-ins and wrong links, counted by the client's IP address.

Only failures are refused: a caller with a valid token is served, however many wrong tokens are sent
from the same address. So one machine cannot lock out an office that shares its address.
"""

import asyncio
import math
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import datetime, timedelta
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

import structlog

from models.rules.cell_rate import MAX_KEYS, CellRates
from models.storage.tenant_scope import NOWHERE, bind_tenant
from models.tables.access import Principal
from schema.base.errors import rate_limited
from schema.base.request_notes import note_principal
from web.sign_in import Identify

NO_WAIT: AbstractAsyncContextManager[object] = nullcontext()
log = structlog.get_logger(__name__)

MAX_KNOWN_GOOD = 10_000
"""The maximum number of valid Authorization headers whose hashes are kept in memory."""

PREFIX_BITS = 64
"""An IPv6 network of this size usually belongs to one client, which can use any address of it."""


class TooManyAuthFailures(Exception):
    """Too many sign-ins from an address have failed; `retry_after` is the wait in seconds."""

    def __init__(self, retry_after: int, limit: int) -> None:
        super().__init__("too many failed sign-ins")
        self.retry_after = retry_after
        self.refusal = rate_limited(
            "Too many sign-ins from your address have failed.", retry_after, limit
        )


@lru_cache(maxsize=4096)
def limiter_key(address: str) -> str:
    """Return the key under which failures of an IP address count.

    It is the /64 network of an IPv6 address, or else the address itself.
    """
    if ":" not in address:
        return address
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    host_bits = 128 - PREFIX_BITS
    return f"{IPv6Address(int(parsed) >> host_bits << host_bits)}/{PREFIX_BITS}"


class AuthFailureLimiter:
    """Counts failures per IP address in this process; allows `failures` per `window` of time."""

    def __init__(
        self,
        clock: Callable[[], datetime],
        failures: int,
        window: timedelta,
        *,
        most_addresses: int = MAX_KEYS,
    ) -> None:
        self._failures = failures
        self._rates = CellRates(clock, failures, window, most_keys=most_addresses)
        self._slow_lane = asyncio.Lock()

    def __len__(self) -> int:
        return len(self._rates)

    def fail(self, address: str) -> None:
        """Count a failure of an IP address; raises TooManyAuthFailures beyond the limit."""
        wait = self._rates.count(limiter_key(address))
        if wait:
            log.info("auth_failure_refused", address=address)
            raise TooManyAuthFailures(math.ceil(wait), self._failures)
        log.info("auth_failure", address=address)

    def slot(self, address: str) -> AbstractAsyncContextManager[object]:
        """Return the async context in which to look up a token or link sent from `address`.

        For addresses at their limit the context is a lock that all of them share, so their lookups
        run one at a time and use at most one database connection.
        """
        is_spent = len(self._rates) > 0 and self._rates.is_spent(limiter_key(address))
        return self._slow_lane if is_spent else NO_WAIT


class SignIn:
    """Authenticates requests, and counts failed sign-ins by the client's IP address."""

    def __init__(self, identify: Identify, failures: AuthFailureLimiter) -> None:
        self._identify = identify
        self._failures = failures
        self._known_good: set[int] = set()

    async def __call__(self, authorization: str | None, address: str) -> Principal | None:
        """Return the principal of an Authorization header; None if it is missing or invalid.

        An invalid header counts as a failure of `address`; a missing one does not. Raises
        TooManyAuthFailures once the limit is exceeded. Afterwards the current task can read only
        rows in the principal's tenant scope (R99).
        """
        bind_tenant(None)  # tokens belong to no tenant
        principal = await self._identified(authorization, address)
        note_principal(principal)
        bind_tenant(NOWHERE if principal is None else principal.reseller_id)
        return principal

    async def _identified(self, authorization: str | None, address: str) -> Principal | None:
        if authorization is None:
            return None
        mark = hash(authorization)
        if mark in self._known_good:
            # The lookup of a header that was valid before need not wait for those of wrong headers
            # from the same address.
            principal = await self._identify(authorization)
        else:
            async with self._failures.slot(address):
                principal = await self._identify(authorization)
        if principal is None:
            self._known_good.discard(mark)
            self._failures.fail(address)
        elif mark not in self._known_good:
            if len(self._known_good) >= MAX_KNOWN_GOOD:
                self._known_good.clear()
            self._known_good.add(mark)
        return principal
