"""A clock that tests set."""

from datetime import UTC, datetime, timedelta

START = datetime(2026, 10, 1, 9, 30, tzinfo=UTC)


class Clock:
    """A clock that stands still until it is told to move."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """Give the instant at which the clock stands."""
        return self.now

    def advance(self, by: timedelta) -> datetime:
        """Move the clock on, and give the new instant."""
        self.now += by
        return self.now
