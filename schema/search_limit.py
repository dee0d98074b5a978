"""Limits the name searches of each payer, so that none takes the register's budget from others."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from weakref import WeakValueDictionary

from models.access import Principal
from schema.cell_rate import CellRates
from schema.errors import rate_limited

WINDOW = timedelta(minutes=1)
AT_ONCE = 2


def payer_of(principal: Principal) -> str:
    """Give who answers for a principal's searches: its reseller, else its user, else itself."""
    return principal.reseller_id or principal.user_id or principal.id


class SearchLimit:
    """Lets each payer search `searches` times a minute, in one process: a third may come together.

    Two of them run at once, and the others wait for these.
    """

    def __init__(self, clock: Callable[[], datetime], searches: int) -> None:
        self._searches = searches
        burst = max(1, searches // 3)
        self._rates = CellRates(clock, burst, WINDOW * burst / searches)
        self._slots: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def turn(self, principal: Principal) -> AsyncIterator[None]:
        """Wait for the payer's own searches before; raise RATE_LIMITED for one too many."""
        payer = payer_of(principal)
        wait = self._rates.count(payer)
        if wait:
            seconds = math.ceil(wait)
            raise rate_limited(
                f"You may search Companies House {self._searches} times a minute;"
                f" the next search may be in {seconds} s.",
                seconds,
                self._searches,
            )
        slots = self._slots.setdefault(payer, asyncio.Semaphore(AT_ONCE))
        async with slots:
            yield
