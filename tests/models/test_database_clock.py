"""The clock that all processes share, whatever their own clocks say."""

from datetime import UTC, datetime, timedelta

import pytest

from models import database_clock
from models.database import Database
from models.database_clock import ASK_EVERY_S, DatabaseClock

NEAR = timedelta(seconds=2)
"""The tests' machine and the database's server may disagree by this much."""


class Count:
    """A monotonic clock that is told how far it is."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


class WrongClock(datetime):
    """The clock of a process that is an hour ahead."""

    @classmethod
    def now(cls, tz: object = None) -> datetime:  # type: ignore[override]  # noqa: ARG003  # UTC
        return datetime.now(UTC) + timedelta(hours=1)


@pytest.mark.usefixtures("database")
async def test_a_process_with_a_wrong_clock_goes_by_the_databases(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Or it would take others' jobs, and use up their budget an hour ahead."""
    monkeypatch.setattr(database_clock, "datetime", WrongClock)
    clock = DatabaseClock()
    assert clock() - datetime.now(UTC) > timedelta(minutes=59)
    await clock.synchronise()
    assert abs(clock() - datetime.now(UTC)) < NEAR


async def test_the_clock_counts_on_and_asks_again_after_a_while(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    count, asked = Count(), 0
    ask = database_clock._database_time

    async def counted() -> datetime:
        nonlocal asked
        asked += 1
        return await ask()

    monkeypatch.setattr(database_clock, "_database_time", counted)
    clock = DatabaseClock(count)
    await clock.synchronise()
    first = clock()
    count.seconds += 10
    assert clock() == first + timedelta(seconds=10)
    await clock.keep()
    assert asked == 1
    count.seconds += ASK_EVERY_S
    await clock.keep()
    await clock.keep()
    assert asked == 2
    assert abs(clock() - datetime.now(UTC)) < NEAR
    assert database.url
