"""A worker's health endpoints: whether its loop runs, and whether it can work."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from commands.worker_health import worker_health
from models.jobs.worker_liveness import Liveness
from tests import database_faults
from tests.clock import Clock
from tests.databases import Databases
from tests.graphql_client import ENOUGH_S, running_api

MAX_S = 120.0


class Seconds:
    """A clock in seconds."""

    now = 1000.0

    def __call__(self) -> float:
        """Return the current time in seconds."""
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
async def probed(seconds: Seconds) -> AsyncIterator[tuple[Liveness, str]]:
    liveness = Liveness(seconds)
    async with worker_health(liveness, "127.0.0.1", 0, MAX_S) as address:
        yield liveness, address


async def probe(address: str, path: str) -> tuple[int, Any]:
    """Send a health probe, as a container runtime does; return status and body."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://{address}{path}") as response,
    ):
        return response.status, await response.json()


async def test_a_loop_that_turns_is_alive_and_one_that_is_stuck_is_not(
    probed: tuple[Liveness, str], seconds: Seconds
) -> None:
    liveness, address = probed
    assert await probe(address, "/healthz") == (503, {"status": "stuck", "lastSeconds": None})
    liveness.record_iteration()
    seconds.now += MAX_S
    assert await probe(address, "/healthz") == (200, {"status": "ok", "lastSeconds": 120.0})
    seconds.now += 0.1
    assert await probe(address, "/healthz") == (503, {"status": "stuck", "lastSeconds": 120.1})
    liveness.record_iteration()
    assert (await probe(address, "/healthz"))[0] == 200


async def test_a_worker_that_stores_no_heartbeat_is_not_ready_and_goes_on_living(
    probed: tuple[Liveness, str], seconds: Seconds
) -> None:
    liveness, address = probed
    liveness.record_iteration()
    liveness.beat()
    seconds.now += 30
    assert await probe(address, "/readyz") == (200, {"status": "ok", "lastSeconds": 30.0})
    seconds.now += 0.1
    told = {"status": "no heartbeat", "lastSeconds": 30.1}
    assert await probe(address, "/readyz") == (503, told)
    assert (await probe(address, "/healthz"))[0] == 200


async def test_a_running_worker_gives_signs_of_life(databases: Databases, clock: Clock) -> None:
    async with running_api(databases, clock) as api:
        worker = await api.platform.worker("worker-of-the-tests")
        assert (worker.liveness.since_iteration, worker.liveness.since_beat) == (None, None)
        running = asyncio.create_task(worker.run())
        async with asyncio.timeout(ENOUGH_S):
            while worker.liveness.since_beat is None:  # noqa: ASYNC110  # the loop does it
                await asyncio.sleep(0.005)
        assert worker.liveness.since_iteration is not None
        worker.stop()
        await running


async def test_its_loop_turns_while_the_database_is_away_and_stores_no_heartbeat(
    databases: Databases, clock: Clock
) -> None:
    async with running_api(databases, clock) as api:
        worker = await api.platform.worker("worker-of-the-tests")
        async with database_faults.lost(api.platform.database):
            running = asyncio.create_task(worker.run())
            async with asyncio.timeout(ENOUGH_S):
                while worker.liveness.since_iteration is None:  # noqa: ASYNC110  # the loop does it
                    await asyncio.sleep(0.005)
            assert worker.liveness.since_beat is None
            worker.stop()
            await running
