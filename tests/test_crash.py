"""If a worker process is killed during a job, nothing is lost and nothing is done twice."""

import asyncio
import signal
from collections.abc import AsyncIterator
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
from tests.processes import until, worker_process

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


def settings_of(database: Database, sandbox: Sandbox) -> dict[str, str]:
    """Return the settings of a worker."""
    return {
        "DATABASE_URL": database.url,
        "WORKER_LEASE_S": str(LEASE_S),
        "COMPANIES_HOUSE_URL": sandbox.api_url,
        "COMPANIES_HOUSE_DOCUMENT_URL": sandbox.document_url,
        "COMPANIES_HOUSE_API_KEY": "any",
    }


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
    settings = settings_of(database, sandbox)
    with worker_process(tmp_path / "victim.log", **settings) as victim:
        await until(lambda: Job.exists(state=JobState.RUNNING), PATIENCE_S)
        with worker_process(log, **settings) as survivor:
            await until(is_half_done, PATIENCE_S)
            victim.kill()
            assert victim.wait() == -signal.SIGKILL
            left = await Job.get()
            assert (left.state, left.attempts) == (JobState.RUNNING, 1)
            await until(is_enriched, PATIENCE_S)
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
