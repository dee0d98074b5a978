"""Retries: exponential back-off with jitter, limited in attempts and in elapsed time. PURE."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The waits after failed attempts, and the limits of attempts and of elapsed time.

    Outages of a day or two happen, so the defaults span about two days.
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
        """Return the wait before the next attempt; None if no more attempts are to be made.

        `attempts` is the number of attempts made, `span` the time since the job was requested,
        `random` returns numbers from 0 to 1, and `at_least` is the wait that the other side asked
        for (Retry-After). The jitter shortens the wait by up to half, so that many jobs do not
        return at the same time.
        """
        if attempts >= self.most_attempts or span >= self.longest_span:
            return None
        # The exponent is bounded so that the power stays a finite number.
        full = self.first_wait * self.factor ** min(max(attempts - 1, 0), 20)
        jittered = min(full, self.longest_wait) * (0.5 + random() / 2)
        return max(jittered, at_least)
