"""The database's clock, which all processes use instead of their own."""

import asyncio
import shutil
import sys
from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from models.storage import database_clock
from models.storage.database import Database
from models.storage.database_clock import ASK_EVERY_S, DatabaseClock

NEAR = timedelta(seconds=2)
"""The largest difference allowed between this machine's clock and the database server's."""


class Count:
    """A monotonic clock that tests set."""

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
    """Otherwise it would claim other workers' jobs, and use the budget of the next hour."""
    monkeypatch.setattr(database_clock, "datetime", WrongClock)
    clock = DatabaseClock()
    assert clock() - datetime.now(UTC) > timedelta(minutes=59)
    await clock.synchronise()
    assert abs(clock() - datetime.now(UTC)) < NEAR


@pytest.mark.usefixtures("database")
async def test_a_process_with_a_wrong_clock_says_so_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also on SQLite, whose time functions use the process's clock."""
    clock = DatabaseClock()
    with capture_logs() as logs:
        await clock.synchronise()
    assert logs == []
    monkeypatch.setattr(database_clock, "datetime", WrongClock)
    with capture_logs() as logs:
        await clock.synchronise()
        await clock.synchronise()
    ((event, level, ahead_s),) = [(e["event"], e["log_level"], e["ahead_s"]) for e in logs]
    assert (event, level) == ("clock_is_wrong", "warning")
    assert abs(ahead_s - 3600) < NEAR.total_seconds()


FAKETIME = shutil.which("faketime")

TOLD_BY_A_PROCESS = """
import asyncio, sys, time
from models.storage.database import Database
from models.storage.database_clock import DatabaseClock

async def main():
    database = Database(sys.argv[1])
    await database.open()
    clock = DatabaseClock()
    await clock.synchronise()
    print(time.time(), clock().timestamp())
    await database.close()

asyncio.run(main())
"""


@pytest.mark.storage
@pytest.mark.skipif(FAKETIME is None, reason="faketime is not installed")
@pytest.mark.parametrize("offset_s", [3600, -3600])
async def test_processes_whose_clocks_differ_agree_by_the_database(
    database: Database, offset_s: int
) -> None:
    """Otherwise a worker an hour ahead exceeds the register's limit and takes others' leases."""
    assert FAKETIME is not None
    process = await asyncio.create_subprocess_exec(
        *(FAKETIME, "-f", f"{offset_s:+d}s"),
        *(sys.executable, "-c", TOLD_BY_A_PROCESS, database.url),
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await process.communicate()
    own, shared = map(float, printed.decode().splitlines()[-1].split())
    took = timedelta(seconds=10)  # at most from reading the clock to the end of the process
    now = datetime.now(UTC)
    assert abs(datetime.fromtimestamp(own - offset_s, UTC) - now) < took
    assert abs(datetime.fromtimestamp(shared, UTC) - now) < took


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
