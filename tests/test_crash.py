"""If a worker process is killed during a job, nothing is lost and nothing is done twice."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from enrichment.sandbox import Sandbox, SandboxConfig, sandbox_server
from models import AuditEntry, Customer, EnrichmentRun, Event, Job, UpstreamResponse
from models.jobs.job import JobState
from models.rules.enrichment_status import EnrichmentStatus
from models.storage.database import Database
from models.tables.audit import ActorContext
from tests.factories import add_customer, at

ROOT = Path(__file__).resolve().parents[1]
LEASE_S = 4
LATENCY_MS = 700
"""The latency of each of a job's four responses, long enough to kill the worker meanwhile."""

PATIENCE_S = 120.0
COMPANY = "90000001"

pytestmark = pytest.mark.skipif(
    not hasattr(signal, "SIGKILL"), reason="this system can't kill a process outright"
)


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with sandbox_server(SandboxConfig(latency_ms=LATENCY_MS)) as running:
        yield running


@contextmanager
def worker_process(
    database: Database, sandbox: Sandbox, log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker process; kill it at the end of the block if it still runs."""
    environment = {
        **os.environ,
        "DATABASE_URL": database.url,
        "WORKER_LEASE_S": str(LEASE_S),
        "COMPANIES_HOUSE_URL": sandbox.api_url,
        "COMPANIES_HOUSE_DOCUMENT_URL": sandbox.document_url,
        "COMPANIES_HOUSE_API_KEY": "any",
    }
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [sys.executable, "manage.py", "worker"],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


async def until(has_come: Callable[[], Awaitable[bool]]) -> None:
    """Wait until a condition is true."""
    async with asyncio.timeout(PATIENCE_S):
        while not await has_come():  # noqa: ASYNC110  # it comes about in another process
            await asyncio.sleep(0.02)


async def test_a_job_whose_worker_is_killed_is_finished_by_another_once(
    database: Database, sandbox: Sandbox, act: ActorContext, tmp_path: Path
) -> None:
    """R90: the lease expires, and answers already received are not requested again."""

    async def is_half_done() -> bool:
        return await UpstreamResponse.exists(step="profile")

    async def is_enriched() -> bool:
        return await Job.exists(state=JobState.DONE)

    log = tmp_path / "survivor.log"
    now = datetime.now(UTC)  # the workers use the real clock
    customer = await add_customer(
        database, at(act, now), "COMPANY_UK_LIMITED", company_number=COMPANY
    )
    with worker_process(database, sandbox, tmp_path / "victim.log") as victim:
        await until(lambda: Job.exists(state=JobState.RUNNING))
        with worker_process(database, sandbox, log) as survivor:
            await until(is_half_done)
            victim.kill()
            assert victim.wait() == -signal.SIGKILL
            left = await Job.get()
            assert (left.state, left.attempts) == (JobState.RUNNING, 1)
            await until(is_enriched)
            survivor.terminate()
            assert await asyncio.to_thread(survivor.wait, PATIENCE_S) == 0

    job, run = await Job.get(), await EnrichmentRun.get()
    assert (job.owner, job.due_at, job.live_key) == (None, None, None)
    assert (run.status, run.attempts) == (EnrichmentStatus.SUCCEEDED, job.attempts)
    assert run.attempts > 1
    enriched = await Customer.get(id=customer.id)
    assert enriched.enrichment_status is EnrichmentStatus.SUCCEEDED
    assert {"registered_address", "employees", "net_assets"} <= enriched.profile.keys()
    events = await Event.filter(type="customer.enriched").values_list("subject_id", "payload")
    assert [(one, told["enrichmentRunId"]) for one, told in events] == [(customer.id, run.id)]
    assert await AuditEntry.filter(operation="customer.enriched").count() == 1
    assert not await UpstreamResponse.exists()
    asked = [request.path for request in sandbox.requests]
    assert asked.count(f"/company/{COMPANY}") == 1
    assert "Traceback" not in log.read_text()
