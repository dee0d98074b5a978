"""A clock that tests control."""

from datetime import UTC, datetime, timedelta

START = datetime(2026, 10, 1, 9, 30, tzinfo=UTC)


class Clock:
    """A clock that moves only when a test moves it."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """Return the current instant of the clock."""
        return self.now

    def advance(self, by: timedelta) -> datetime:
        """Move the clock forward; return the new instant."""
        self.now += by
        return self.now
