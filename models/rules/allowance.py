"""Limits calls to Companies House: a GCRA with a limit for each kind of caller. PURE.

GCRA is the generic cell rate algorithm. All processes share one number, `free_at`: the theoretical
arrival time of the next call (request). Each call moves it forward by an interval. A call is
allowed if `free_at` is not too far ahead of the clock. How far is too far depends on the kind of
caller, so that lookups that have begun finish before others begin, and bulk lookups leave a part of
the burst to lookups that a person waits for.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, unique

MARGIN = timedelta(seconds=3)
"""The assumed maximum difference between the network delays of two calls."""

MARGIN_SHARE = 0.01
"""The maximum margin as a fraction of the window."""

BURST_SHARE = 0.015
"""The fraction of the limit that may be sent at once, in addition to one call.

A larger burst makes single lookups faster, but lowers the steady rate by the same number of calls
per window.
"""

MAX_HOLD = timedelta(seconds=310)
"""The longest pause for which a response of Companies House may ask."""


@unique
class Caller(Enum):
    """What a call is for; the value is the fraction of the burst that such calls may use."""

    STARTED = 1.0
    """A further call of a lookup that has begun."""
    SEARCH = 7 / 9
    """A search for companies by name, for which a person waits."""
    URGENT = 5 / 9
    """The first call of a lookup that a person waits for, or of another while such a one waits."""
    OTHER = 2 / 9
    """The first call of any other lookup."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """The requests that Companies House allows in a window: by default 600 in 5 minutes (R90)."""

    limit: int = 600
    window: timedelta = timedelta(minutes=5)

    @property
    def burst(self) -> float:
        """The number of requests that may be sent at once: 10 if the limit is 600, 1 if it is 1."""
        return 1 + self.limit * BURST_SHARE if self.limit > 1 else 1

    @property
    def interval_us(self) -> int:
        """The microseconds between requests once the burst is used.

        It is chosen so that no window has more than `limit` requests: a window has fewer than
        burst + (window + margin) / interval, which is limit + 1.
        """
        margin = min(MARGIN, self.window * MARGIN_SHARE)
        span_us = (self.window + margin) / timedelta(microseconds=1)
        return int(span_us / (self.limit + 1 - self.burst)) + 1

    def ahead_us(self, caller: Caller) -> int:
        """Return the microseconds that `free_at` may be ahead of the clock for the caller."""
        return int((self.burst - 1) * self.interval_us * caller.value)

    @property
    def farthest_us(self) -> int:
        """The maximum microseconds that `free_at` can be ahead, unless a clock was wrong."""
        hold_us = MAX_HOLD // timedelta(microseconds=1)
        return hold_us + self.ahead_us(Caller.STARTED) + self.interval_us
