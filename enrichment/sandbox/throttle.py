"""Counts requests per API key and window, as Companies House does."""

import math
from collections import deque
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Allowance:
    """Whether a request is allowed, how many are left, and the window's end in epoch seconds."""

    is_allowed: bool
    limit: int
    remaining: int
    reset_at: int


@dataclass(slots=True)
class Throttle:
    """Allows `limit` requests per key in `window_s` seconds; rolling, or from its first request.

    A refused request does not count. Times are epoch seconds.
    """

    limit: int
    window_s: float
    is_rolling: bool = False
    _passed: dict[str, deque[float]] = field(default_factory=dict)

    def admit(self, key: str, now: float) -> Allowance:
        """Count one request of `key` at `now`, unless it is beyond the limit."""
        passed = self._passed.setdefault(key, deque())
        if self.is_rolling:
            while passed and passed[0] <= now - self.window_s:
                passed.popleft()
        elif passed and passed[0] <= now - self.window_s:
            passed.clear()
        is_allowed = len(passed) < self.limit
        if is_allowed:
            passed.append(now)
        start = passed[0] if passed else now
        left = max(self.limit - len(passed), 0)
        return Allowance(is_allowed, self.limit, left, math.ceil(start + self.window_s))
