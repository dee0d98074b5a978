"""Counts events by key, in this process's memory, by the generic cell rate algorithm."""

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta

MAX_KEYS = 50_000
"""Keys that are remembered; of more, those that have not counted for longest are forgotten."""


class CellRates:
    """Lets each key have `events` at once, and as many a window.

    What is kept of a key is one instant, so memory is bounded.
    """

    def __init__(
        self,
        clock: Callable[[], datetime],
        events: int,
        window: timedelta,
        *,
        most_keys: int = MAX_KEYS,
    ) -> None:
        self._clock = clock
        self._window = window.total_seconds()
        self._step = self._window / events
        self._most = most_keys
        self._paid_until: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._paid_until)

    def count(self, key: str) -> float:
        """Count an event, and give 0; of one too many, give the seconds to wait instead."""
        now = self._clock().timestamp()
        debt = self._debt(key, now) + self._step
        if self._is_too_much(debt):
            return debt - self._window
        self._paid_until[key] = now + debt
        self._paid_until.move_to_end(key)
        if len(self._paid_until) > self._most:
            self._paid_until.popitem(last=False)
        return 0.0

    def is_spent(self, key: str) -> bool:
        """Tell whether another event would be one too many."""
        return self._is_too_much(self._debt(key, self._clock().timestamp()) + self._step)

    def _debt(self, key: str, now: float) -> float:
        """Give the seconds until nothing is held against a key any more."""
        debt = self._paid_until.get(key, now) - now
        # More than ever becomes due was noted by a clock that was set back since.
        return debt if 0 < debt <= self._window + self._step else 0.0

    def _is_too_much(self, debt: float) -> bool:
        # Seconds of the epoch are exact to a quarter of a microsecond only.
        return debt > self._window + self._step / 1000
