"""When to try again, and when to stop: exponential back-off with jitter, capped twice. PURE."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long to wait after each failed attempt.

    Both the number of attempts and the time since the first are capped. Outages of a day or two
    happen, so the defaults span about two days.
    """

    first_wait: timedelta = timedelta(seconds=2)
    factor: float = 3.0
    longest_wait: timedelta = timedelta(hours=3)
    most_attempts: int = 30
    longest_span: timedelta = timedelta(hours=48)

    def wait(
        self,
        attempts: int,
        span: timedelta,
        random: Callable[[], float],
        at_least: timedelta = timedelta(),
    ) -> timedelta | None:
        """Give the wait before the next attempt, or nothing when it is time to give up.

        `attempts` counts those made, `span` is the time since the first was asked for, `random`
        gives numbers from 0 to 1, and `at_least` is what the other side asked for (Retry-After).
        The jitter takes up to half of the wait away, so that many jobs don't return at once.
        """
        if attempts >= self.most_attempts or span >= self.longest_span:
            return None
        # The exponent is bounded so that the power stays a finite number.
        full = self.first_wait * self.factor ** min(max(attempts - 1, 0), 20)
        jittered = min(full, self.longest_wait) * (0.5 + random() / 2)
        return max(jittered, at_least)
