"""Records when this process's worker loop last ran, and when it last reached the database."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True)
class Liveness:
    """When a worker loop last began an iteration, and when it last stored a heartbeat.

    `now` returns the time of a monotonic clock in seconds.
    """

    now: Callable[[], float] = time.monotonic
    _turned_at: float | None = None
    _beaten_at: float | None = None

    def record_iteration(self) -> None:
        """Record that the loop begins another iteration."""
        self._turned_at = self.now()

    def beat(self) -> None:
        """Record that a heartbeat was stored."""
        self._beaten_at = self.now()

    @property
    def since_iteration(self) -> float | None:
        """Seconds since the loop last began an iteration; None before the first."""
        return None if self._turned_at is None else self.now() - self._turned_at

    @property
    def since_beat(self) -> float | None:
        """Seconds since a heartbeat was last stored; None before the first."""
        return None if self._beaten_at is None else self.now() - self._beaten_at
