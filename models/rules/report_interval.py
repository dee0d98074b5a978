"""The intervals of reports over time: days, weeks and months in UTC. PURE."""

from datetime import UTC, date, datetime, timedelta
from enum import StrEnum, unique

DAYS_OF_WEEK = 7


@unique
class ReportInterval(StrEnum):
    """The length of an interval. Weeks begin on Monday."""

    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"

    def start_of(self, day: date) -> date:
        """Return the first day of the interval that a day is in."""
        if self is ReportInterval.MONTH:
            return day.replace(day=1)
        return day - timedelta(days=day.weekday() if self is ReportInterval.WEEK else 0)

    def after(self, start: date) -> date:
        """Return the first day of the interval after the one that begins on `start`.

        Raises OverflowError if it is beyond the calendar.
        """
        if self is ReportInterval.MONTH:
            return (start + timedelta(days=31)).replace(day=1)
        return start + timedelta(days=DAYS_OF_WEEK if self is ReportInterval.WEEK else 1)


def starts_between(interval: ReportInterval, first: date, until: date, most: int) -> list[date]:
    """Return the first days of the intervals that the days from `first` to before `until` are in.

    The list ends after `most` + 1 intervals.
    """
    found: list[date] = []
    start = interval.start_of(first)
    while start < until and len(found) <= most:
        found.append(start)
        try:
            start = interval.after(start)
        except OverflowError:
            break
    return found


def midnight(day: date) -> datetime:
    """Return the instant at which a day begins in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
