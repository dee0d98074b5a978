"""Computes waits between retries: exponential back-off with jitter and limits. PURE."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long to wait after each failed attempt of a job, and when to give up.

    The defaults retry for about two days, because outages of a day or two happen.
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
        """Return the wait before the next attempt; None to give up.

        `attempts` is the number of attempts made, `span` the time since the job was requested,
        `random` returns numbers from 0 to 1, and `at_least` is the wait that the server asked for
        (Retry-After). The jitter shortens the wait by up to half, so that many jobs do not retry at
        the same time.
        """
        if attempts >= self.most_attempts or span >= self.longest_span:
            return None
        # The exponent is bounded so that the power stays a finite number.
        full = self.first_wait * self.factor ** min(max(attempts - 1, 0), 20)
        jittered = min(full, self.longest_wait) * (0.5 + random() / 2)
        return max(jittered, at_least)
