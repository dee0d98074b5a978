"""How many calls the register allows, and who may make one when (GCRA, a ceiling by caller). PURE.

One number is kept for all processes: `free_at`, the theoretical arrival time of the next call. A
call moves it on by an interval, and is admitted while it is not too far ahead of the clock. How far
depends on who asks, so that lookups begun are finished before others begin, and so that a new one
of many never uses the room that is kept for one that a person waits for.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, unique

MARGIN = timedelta(seconds=3)
"""How much later than another a call may reach the register, for the time it was made."""

MARGIN_SHARE = 0.01
"""The margin's largest share of a window."""

BURST_SHARE = 0.015
"""Share of the allowance that may go out at once, in addition to one call.

Each call of it takes one from the steady rate: 1.5 % of it is what idle systems gain by it.
"""

MAX_HOLD = timedelta(seconds=310)
"""The longest pause that an answer of the register may ask for."""


@unique
class Caller(Enum):
    """Who asks for a call. The value is the share of the burst that may be used up for it."""

    STARTED = 1.0
    """A lookup that has begun."""
    SEARCH = 7 / 9
    """A person who searches companies by name."""
    URGENT = 5 / 9
    """The first call of a lookup that a person waits for, or of any while one such waits."""
    OTHER = 2 / 9
    """The first call of any other lookup."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many requests Companies House allows in a window: 600 in 5 minutes by default (R90)."""

    limit: int = 600
    window: timedelta = timedelta(minutes=5)

    @property
    def burst(self) -> float:
        """How many requests may go out at once: 10 of 600, and 1 of the smallest allowance."""
        return 1 + self.limit * BURST_SHARE if self.limit > 1 else 1

    @property
    def interval_us(self) -> int:
        """Microseconds between requests once the burst is spent.

        A window sees fewer than burst + (window + margin) / interval = limit + 1 requests.
        """
        margin = min(MARGIN, self.window * MARGIN_SHARE)
        span_us = (self.window + margin) / timedelta(microseconds=1)
        return int(span_us / (self.limit + 1 - self.burst)) + 1

    def ahead_us(self, caller: Caller) -> int:
        """How far `free_at` may be ahead of the clock, in microseconds, for a call to be made."""
        return int((self.burst - 1) * self.interval_us * caller.value)

    @property
    def farthest_us(self) -> int:
        """How far `free_at` can be ahead of a clock that is right, in microseconds."""
        hold_us = MAX_HOLD // timedelta(microseconds=1)
        return hold_us + self.ahead_us(Caller.STARTED) + self.interval_us
