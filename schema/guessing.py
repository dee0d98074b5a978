"""Limits the guessing of tokens and of links: failures are counted by the address they come from.

Only what fails is ever refused. Whoever has a valid token is served, however many others guess from
the same address; so an office behind one address can't be locked out by one of its machines.
"""

import asyncio
import math
from collections import OrderedDict
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import datetime, timedelta
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

import structlog

from models.access import Principal
from schema.sign_in import Identify

QUIET: AbstractAsyncContextManager[object] = nullcontext()
log = structlog.get_logger(__name__)

MOST_ADDRESSES = 50_000
"""Addresses that are remembered; of more, those that have not failed for longest are forgotten."""

MOST_MARKS = 10_000
"""Headers that are known to have been good; only their marks are kept, for this process alone."""

PREFIX_BITS = 64
"""What one customer of a provider has of IPv6, to draw addresses from as it likes."""


class TooManyGuesses(Exception):
    """Too much has failed from an address; the next may in `retry_after` seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("too many failed sign-ins")
        self.retry_after = retry_after


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


class Guessing:
    """Counts failures by the generic cell rate algorithm: `failures` at once, and as many a window.

    What is kept of an address is one instant, so memory is bounded. It is of one process.
    """

    def __init__(
        self,
        clock: Callable[[], datetime],
        failures: int,
        window: timedelta,
        *,
        most_addresses: int = MOST_ADDRESSES,
    ) -> None:
        self._clock = clock
        self._window = window.total_seconds()
        self._step = self._window / failures
        self._most = most_addresses
        self._paid_until: OrderedDict[str, float] = OrderedDict()
        self._one_at_a_time = asyncio.Lock()

    def __len__(self) -> int:
        return len(self._paid_until)

    def fail(self, address: str) -> None:
        """Count a failure; raise TooManyGuesses if it is one too many."""
        key, now = counted_as(address), self._clock().timestamp()
        debt = self._debt(key, now) + self._step
        if self._is_too_much(debt):
            log.info("guess_refused", address=address)
            raise TooManyGuesses(math.ceil(debt - self._window))
        log.info("guess_failed", address=address)
        self._paid_until[key] = now + debt
        self._paid_until.move_to_end(key)
        if len(self._paid_until) > self._most:
            self._paid_until.popitem(last=False)

    def turn(self, address: str) -> AbstractAsyncContextManager[object]:
        """Give what a guess is looked up within: beyond the limit, one after the other.

        So those who guess hold one connection of the database at most.
        """
        if not self._paid_until:
            return QUIET
        debt = self._debt(counted_as(address), self._clock().timestamp())
        is_spent = self._is_too_much(debt + self._step)
        return self._one_at_a_time if is_spent else QUIET

    def _debt(self, key: str, now: float) -> float:
        """Give the seconds until nothing is held against an address any more."""
        debt = self._paid_until.get(key, now) - now
        # More than ever becomes due was noted by a clock that was set back since.
        return debt if 0 < debt <= self._window + self._step else 0.0

    def _is_too_much(self, debt: float) -> bool:
        # Seconds of the epoch are exact to a quarter of a microsecond only.
        return debt > self._window + self._step / 1000


class SignIn:
    """Signs in, and counts what fails."""

    def __init__(self, identify: Identify, guessing: Guessing) -> None:
        self._identify = identify
        self._guessing = guessing
        self._were_good: set[int] = set()

    async def __call__(self, authorization: str | None, address: str) -> Principal | None:
        """Give whom a header stands for, or nobody; raises TooManyGuesses beyond the limit.

        Who sends no header guesses nothing.
        """
        if authorization is None:
            return None
        mark = hash(authorization)
        # Whoever has signed in before need not queue with those who guess from its address.
        turn = QUIET if mark in self._were_good else self._guessing.turn(address)
        async with turn:
            principal = await self._identify(authorization)
        if principal is None:
            self._were_good.discard(mark)
            self._guessing.fail(address)
        elif mark not in self._were_good:
            if len(self._were_good) >= MOST_MARKS:
                self._were_good.clear()
            self._were_good.add(mark)
        return principal
