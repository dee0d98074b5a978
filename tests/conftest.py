"""What all tests share: a database of their own, a clock that they set, and who acts."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings

from models.access import Principal, Scope
from models.audit import Act
from models.database import Database
from tests.databases import Databases, NoServerError, chosen_databases, run_aside

# How long an example takes says nothing on a machine that others use too.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

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


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a database, so that `-m storage` runs it again on PostgreSQL."""
    for item in items:
        if "databases" in getattr(item, "fixturenames", ()):
            item.add_marker("storage")


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    """Make databases of the dialect under test."""
    made = chosen_databases(tmp_path_factory.mktemp("databases"))
    try:
        run_aside(made.prepare)
    except NoServerError as error:
        pytest.skip(str(error))
    yield made
    run_aside(made.close)


@pytest.fixture
async def database(databases: Databases) -> AsyncIterator[Database]:
    """Give an open, migrated database that no other test sees."""
    url = await databases.create()
    opened = Database(url)
    await opened.open()
    yield opened
    await opened.close()
    await databases.give_back(url)


@pytest.fixture
def clock() -> Clock:
    """Give a clock at a fixed instant."""
    return Clock()


@pytest.fixture
def act(clock: Clock) -> Act:
    """Act on behalf of somebody who may do everything."""
    principal = Principal("tok_tester", "Tess Tester", frozenset(Scope))
    return Act(principal, clock(), "request-1")
