"""Count requests of each key in a window, as the register does, and say what is left."""

import math
from collections import deque
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Allowance:
    """Whether a request may pass, what is left of the window, and when it ends (epoch seconds)."""

    is_allowed: bool
    limit: int
    remaining: int
    reset_at: int


@dataclass(slots=True)
class Throttle:
    """`limit` requests in `window_s` seconds a key; rolling, or fixed from a key's first request.

    A refused request does not count. Times are epoch seconds.
    """

    limit: int
    window_s: float
    is_rolling: bool = False
    _passed: dict[str, deque[float]] = field(default_factory=dict)

    def admit(self, key: str, now: float) -> Allowance:
        """Count one request of `key` at `now`, if there is room for it."""
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
