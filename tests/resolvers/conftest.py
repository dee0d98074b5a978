"""The application under test: at rest, and with its worker and a sandbox."""

from collections.abc import AsyncIterator

import pytest

from tests.conftest import Clock
from tests.databases import Databases
from tests.graphql_client import Api, LiveApi, running_api, running_live_api


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
