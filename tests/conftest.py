"""What all tests share: a database of their own, a clock that they set, and who acts."""

from collections.abc import AsyncIterator, Iterator

import pytest
from hypothesis import settings

from models.storage.database import Database
from models.tables.access import Principal, Scope
from models.tables.audit import ActorContext
from tests.check_summary import note_tests
from tests.clock import Clock
from tests.databases import Databases, NoServerError, chosen_databases, run_aside
from tests.graphql_client import Api, LiveApi, running_api, running_live_api

# How long an example takes says nothing on a machine that others use too.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a database, so that `-m storage` runs it again on PostgreSQL."""
    for item in items:
        if "databases" in getattr(item, "fixturenames", ()):
            item.add_marker("storage")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Note for the end of `make check` what ran, and what was skipped and why."""
    note_tests(terminalreporter.stats)


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
def act(clock: Clock) -> ActorContext:
    """ActorContext on behalf of somebody who may do everything."""
    principal = Principal("tok_tester", "Tess Tester", frozenset(Scope))
    return ActorContext(principal, clock(), "request-1")


@pytest.fixture
async def api(databases: Databases, clock: Clock) -> AsyncIterator[Api]:
    """Give the application without a worker, out of reach of any register."""
    async with running_api(databases, clock) as started:
        yield started


@pytest.fixture
async def live(databases: Databases, clock: Clock) -> AsyncIterator[LiveApi]:
    """Give the application with its worker, which asks a sandbox over real sockets."""
    async with running_live_api(databases, clock) as started:
        yield started
