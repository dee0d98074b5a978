"""The gauges of tables are cached, and missing while the database does not answer."""

import asyncio
from datetime import datetime

import pytest

from models.lists.lookup_monitor import LookupMonitor
from models.lists.workload import Workload
from models.storage.database import Database
from observability import metrics_gauges
from observability.metrics import Family
from observability.metrics_gauges import (
    CACHED_FOR_S,
    DELIVERIES,
    MAX_CACHED_S,
    SHARE,
    TABLE_DEFINITIONS,
    TABLES_READABLE,
    TableGauges,
)
from tests import database_faults
from tests.clock import Clock


class Seconds:
    """A clock in seconds, and reads of the tables that take `takes` seconds by it."""

    now = 1_000.0
    takes = 0.0
    reads = 0

    def __call__(self) -> float:
        """Return the current time in seconds."""
        return self.now

    async def read(self, _: datetime) -> Workload:
        """Return a workload that tells how often it was read."""
        self.reads += 1
        self.now += self.takes
        await asyncio.sleep(0)
        return Workload(pending_deliveries=self.reads)


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> Seconds:
    seconds = Seconds()
    monkeypatch.setattr(metrics_gauges, "read_workload", seconds.read)
    return seconds


def value(families: list[Family]) -> float:
    (found,) = [one for one in families if one.definition is DELIVERIES]
    return found.samples[0][1]


@pytest.mark.usefixtures("database")
async def test_scrapes_at_the_same_time_read_the_tables_once(
    clock: Clock, seconds: Seconds
) -> None:
    gauges = TableGauges(LookupMonitor(), clock, seconds)
    pages = await asyncio.gather(*(gauges.families() for _ in range(5)))
    assert [value(page) for page in pages] == [1] * 5
    seconds.now += CACHED_FOR_S - 1
    assert value(await gauges.families()) == 1
    seconds.now += 1
    assert value(await gauges.families()) == 2


@pytest.mark.usefixtures("database")
async def test_counts_that_took_long_are_cached_for_longer(clock: Clock, seconds: Seconds) -> None:
    gauges = TableGauges(LookupMonitor(), clock, seconds)
    for reads, (takes, cached) in enumerate(((0.5, SHARE * 0.5), (2, MAX_CACHED_S)), start=1):
        seconds.takes = takes
        assert value(await gauges.families()) == reads
        seconds.now += cached - 1
        assert value(await gauges.families()) == reads
        seconds.now += 1


@pytest.mark.storage
async def test_without_a_database_only_that_is_told(database: Database, clock: Clock) -> None:
    gauges = TableGauges(LookupMonitor(), clock, lambda: 0.0)
    async with database_faults.lost(database):
        families = await gauges.families()
    assert [(one.definition, one.samples) for one in families] == [(TABLES_READABLE, [((), 0)])]


@pytest.mark.storage
@pytest.mark.usefixtures("database")
async def test_every_gauge_of_the_tables_is_read(clock: Clock) -> None:
    families = await TableGauges(LookupMonitor(), clock).families()
    read = [one.definition for one in families]
    assert (set(read), len(read)) == (set(TABLE_DEFINITIONS), len(TABLE_DEFINITIONS))
