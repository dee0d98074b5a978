"""Limits the guessing of tokens and of links: failures are counted by the address they come from.

Only what fails is ever refused. Whoever has a valid token is served, however many others guess from
the same address; so an office behind one address can't be locked out by one of its machines.
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

QUIET: AbstractAsyncContextManager[object] = nullcontext()
log = structlog.get_logger(__name__)

MAX_MARKS = 10_000
"""Headers that are known to have been good; only their marks are kept, for this process alone."""

PREFIX_BITS = 64
"""What one customer of a provider has of IPv6, to draw addresses from as it likes."""


class TooManyAuthFailures(Exception):
    """Too much has failed from an address; the next may in `retry_after` seconds."""

    def __init__(self, retry_after: int, limit: int) -> None:
        super().__init__("too many failed sign-ins")
        self.retry_after = retry_after
        self.refusal = rate_limited("Too many sign-ins have failed.", retry_after, limit)


@lru_cache(maxsize=4096)
def counted_as(address: str) -> str:
    """Give what the failures of an address are counted by: of IPv6, its network of 64 bits."""
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
    """Counts failures by address: `failures` at once, and as many a window, in one process."""

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
        self._one_at_a_time = asyncio.Lock()

    def __len__(self) -> int:
        return len(self._rates)

    def fail(self, address: str) -> None:
        """Count a failure; raise TooManyAuthFailures if it is one too many."""
        wait = self._rates.count(counted_as(address))
        if wait:
            log.info("guess_refused", address=address)
            raise TooManyAuthFailures(math.ceil(wait), self._failures)
        log.info("guess_failed", address=address)

    def turn(self, address: str) -> AbstractAsyncContextManager[object]:
        """Give what a guess is looked up within: beyond the limit, one after the other.

        So those who guess hold one connection of the database at most.
        """
        is_spent = len(self._rates) > 0 and self._rates.is_spent(counted_as(address))
        return self._one_at_a_time if is_spent else QUIET


class SignIn:
    """Signs in, and counts what fails."""

    def __init__(self, identify: Identify, guessing: AuthFailureLimiter) -> None:
        self._identify = identify
        self._guessing = guessing
        self._were_good: set[int] = set()

    async def __call__(self, authorization: str | None, address: str) -> Principal | None:
        """Give whom a header stands for, or nobody; raises TooManyAuthFailures beyond the limit.

        Who sends no header guesses nothing. The task reaches no further from then on (R99).
        """
        bind_tenant(None)  # tokens are nobody's own
        principal = await self._identified(authorization, address)
        note_principal(principal)
        bind_tenant(NOWHERE if principal is None else principal.reseller_id)
        return principal

    async def _identified(self, authorization: str | None, address: str) -> Principal | None:
        if authorization is None:
            return None
        mark = hash(authorization)
        if mark in self._were_good:
            # Whoever has signed in before need not queue with those who guess from its address.
            principal = await self._identify(authorization)
        else:
            async with self._guessing.turn(address):
                principal = await self._identify(authorization)
        if principal is None:
            self._were_good.discard(mark)
            self._guessing.fail(address)
        elif mark not in self._were_good:
            if len(self._were_good) >= MAX_MARKS:
                self._were_good.clear()
            self._were_good.add(mark)
        return principal
