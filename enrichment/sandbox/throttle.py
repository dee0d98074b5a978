"""Limits the requests of each API key in a window of time, as Companies House does."""

import math
from collections import deque
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Allowance:
    """Whether one request is allowed, for the headers of its answer.

    `remaining` is the number of further requests in the window, and `reset_at` the window's end in
    epoch seconds.
    """

    is_allowed: bool
    limit: int
    remaining: int
    reset_at: int


@dataclass(slots=True)
class Throttle:
    """Allows each key `limit` requests in a window of `window_s` seconds.

    The window is the last `window_s` seconds if `is_rolling`; otherwise it begins with a key's
    first request. A refused request does not count.
    """

    limit: int
    window_s: float
    is_rolling: bool = False
    _passed: dict[str, deque[float]] = field(default_factory=dict)

    def admit(self, key: str, now: float) -> Allowance:
        """Count a request of `key`, unless it is beyond the limit, and return the result.

        `now` is in epoch seconds.
        """
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
