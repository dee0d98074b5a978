"""Limits each caller's name searches at Companies House, which count against a shared quota."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from weakref import WeakValueDictionary

from models.rules.cell_rate import CellRates
from models.tables.access import Principal
from schema.base.errors import rate_limited

WINDOW = timedelta(minutes=1)
AT_ONCE = 2


class SearchLimit:
    """Allows each caller `searches` name searches a minute, a third of them in one burst.

    Each process counts separately. Two searches of a caller may run at once; further ones wait.
    """

    def __init__(self, clock: Callable[[], datetime], searches: int) -> None:
        self.searches = searches
        burst = max(1, searches // 3)
        self._rates = CellRates(clock, burst, WINDOW * burst / searches)
        self._slots: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    def left(self, principal: Principal) -> tuple[int, timedelta]:
        """Return the searches that the principal may send at once now, in this process.

        Also returns the time until the whole burst is available again.
        """
        number, seconds = self._rates.left(principal.caller)
        return number, timedelta(seconds=seconds)

    @asynccontextmanager
    async def slot(self, principal: Principal) -> AsyncIterator[None]:
        """Wait until fewer than AT_ONCE searches of the principal run.

        Raises RequestRefused (RATE_LIMITED) if they have searched too often.
        """
        caller = principal.caller
        wait = self._rates.count(caller)
        if wait:
            seconds = math.ceil(wait)
            raise rate_limited(
                f"You may search Companies House {self.searches} times a minute; you can search"
                f" again in {seconds} s.",
                seconds,
                self.searches,
            )
        slots = self._slots.setdefault(caller, asyncio.Semaphore(AT_ONCE))
        async with slots:
            yield
