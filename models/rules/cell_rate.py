"""Rate limits events per key, in the memory of this process, by GCRA.

GCRA is the generic cell rate algorithm.
"""

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta

MAX_KEYS = 50_000
"""The maximum number of keys in memory; beyond it, the key with the oldest event is dropped."""


class CellRates:
    """Allows `events` events of each key at once, then `events` per window, evenly spread.

    It stores one time per key, for at most `most_keys` keys.
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
        """If the limit allows an event of the key now, count it and return 0.

        Otherwise count nothing, and return the seconds to wait.
        """
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
        """Return whether another event of the key would exceed the limit."""
        return self._is_too_much(self._debt(key, self._clock().timestamp()) + self._step)

    def left(self, key: str) -> tuple[int, float]:
        """Return the number of events of the key that are allowed at once now.

        Also returns the seconds until as many are allowed as without any event before.
        """
        debt = self._debt(key, self._clock().timestamp())
        return max(int((self._window - debt) / self._step + 1 / 1000), 0), debt

    def _debt(self, key: str, now: float) -> float:
        """Return the seconds until the key has its full burst again."""
        debt = self._paid_until.get(key, now) - now
        # A larger debt than possible was stored before the clock was set back.
        return debt if 0 < debt <= self._window + self._step else 0.0

    def _is_too_much(self, debt: float) -> bool:
        # The tolerance covers rounding: a float of epoch seconds is exact to 0.25 µs.
        return debt > self._window + self._step / 1000
