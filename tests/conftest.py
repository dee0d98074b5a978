"""Fixtures for all tests: a database, a clock, an actor and the running application."""

from collections.abc import AsyncIterator, Iterator

import pytest
from hypothesis import settings

from models.storage.database import Database
from models.tables.access import Principal, Scope
from models.tables.audit import ActorContext
from tests.check_summary import note_tests
from tests.clock import Clock
from tests.databases import Databases, NoServerError, databases_of_environment, run_outside_tests
from tests.graphql_client import Api, LiveApi, running_api, running_live_api
from tests.shared_start import prepare_models_once

# On a shared machine the duration of an example says nothing, so there is no deadline.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
prepare_models_once()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests that need a database, which `-m storage` repeats on PostgreSQL.

    Those in a browser are not repeated: pages see only the API, whose answers other tests compare.
    """
    for item in items:
        needs_database = "databases" in getattr(item, "fixturenames", ())
        if needs_database and item.get_closest_marker("browser") is None:
            item.add_marker("storage")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Record the test results for the summary of `make check`."""
    note_tests(terminalreporter.stats)


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    """Create databases of the dialect under test."""
    made = databases_of_environment(tmp_path_factory.mktemp("databases"))
    try:
        run_outside_tests(made.prepare)
    except NoServerError as error:
        pytest.skip(str(error))
    yield made
    run_outside_tests(made.close)


@pytest.fixture
async def database(databases: Databases) -> AsyncIterator[Database]:
    """Yield an open, migrated database that only this test uses."""
    url = await databases.borrow()
    opened = Database(url)
    await opened.open()
    yield opened
    await opened.close()
    await databases.give_back(url)


@pytest.fixture(autouse=True)
def _usage_stored_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Store counts of calls only when the application stops, not in the middle of a test."""
    monkeypatch.setattr("models.tables.api_usage.STORE_S", 3_600.0)


@pytest.fixture
def clock() -> Clock:
    """Return a clock that starts at a fixed instant."""
    return Clock()


@pytest.fixture
def act(clock: Clock) -> ActorContext:
    """Return the context of an actor with all permissions."""
    principal = Principal("tok_tester", "Tess Tester", frozenset(Scope))
    return ActorContext(principal, clock(), "request-1")


@pytest.fixture
async def api(databases: Databases, clock: Clock) -> AsyncIterator[Api]:
    """Yield the running application without a worker; it cannot connect to a register."""
    async with running_api(databases, clock) as started:
        yield started


@pytest.fixture
async def live(databases: Databases, clock: Clock) -> AsyncIterator[LiveApi]:
    """Yield the running application with a worker, which calls a sandbox over sockets."""
    async with running_live_api(databases, clock) as started:
        yield started
