"""Records whether this process's worker loop still runs and when it last reached the database."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True)
class Liveness:
    """The latest signs of life of one loop; `now` is a monotonic clock in seconds."""

    now: Callable[[], float] = time.monotonic
    _turned_at: float | None = None
    _beaten_at: float | None = None

    def turn(self) -> None:
        """Record that the loop begins another iteration."""
        self._turned_at = self.now()

    def beat(self) -> None:
        """Record that a heartbeat was stored."""
        self._beaten_at = self.now()

    @property
    def since_turn(self) -> float | None:
        """Return the seconds since the last turn began; None before the first."""
        return None if self._turned_at is None else self.now() - self._turned_at

    @property
    def since_beat(self) -> float | None:
        """Return the seconds since a heartbeat was stored; None before the first."""
        return None if self._beaten_at is None else self.now() - self._beaten_at
