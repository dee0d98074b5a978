"""Limits each caller's name searches at Companies House, whose quota all callers share."""

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
        self._searches = searches
        burst = max(1, searches // 3)
        self._rates = CellRates(clock, burst, WINDOW * burst / searches)
        self._slots: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def turn(self, principal: Principal) -> AsyncIterator[None]:
        """Wait until fewer than AT_ONCE searches of the principal run.

        Raises RequestRefused (RATE_LIMITED) if they have searched too often.
        """
        caller = principal.caller
        wait = self._rates.count(caller)
        if wait:
            seconds = math.ceil(wait)
            raise rate_limited(
                f"You may search Companies House {self._searches} times a minute;"
                f" the next search may be in {seconds} s.",
                seconds,
                self._searches,
            )
        slots = self._slots.setdefault(caller, asyncio.Semaphore(AT_ONCE))
        async with slots:
            yield
