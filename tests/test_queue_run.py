"""Two real workers, a register over sockets and a backlog confirm the simulation's results."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

from enrichment.client import companies_house
from enrichment.company_lookup import CompanyLookup
from enrichment.endpoints import Endpoints
from enrichment.rate_limit import Allowance, SharedBudget
from enrichment.sandbox import SandboxConfig, sandbox_server
from models import Customer, EnrichmentRun, Job
from models.jobs.kinds import ENRICH
from models.jobs.worker import JobKindOptions, Worker, WorkerOptions
from models.rules.enrichment_status import EnrichmentStatus
from models.rules.urgency import Urgency
from models.storage.database import Database
from models.storage.database_clock import DatabaseClock
from models.tables.audit import ActorContext
from tests.factories import add_customer, at

ALLOWANCE = Allowance(60, timedelta(seconds=12))
"""Five calls a second, with a short window."""

SECONDS = 8.0
CALLS = 4
"""The counted requests of a lookup; its last one goes to a document store without a limit."""


async def test_a_backlog_is_worked_off_lookup_by_lookup_at_the_registers_rate(
    database: Database, act: ActorContext
) -> None:
    """R90: 60 lookups are queued; about 40 calls are allowed, which is enough for 10 lookups."""
    now = datetime.now(UTC)
    for number in range(60):
        await add_customer(
            database, at(act, now), "COMPANY_UK_LIMITED", company_number=f"9{number:07}"
        )
    await Job.all().update(urgency=Urgency.BULK)
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(
            sandbox_server(SandboxConfig(limit=60, window_s=12, latency_ms=20))
        )
        clock = DatabaseClock()
        await clock.synchronise()
        workers = []
        for name in ("one", "other"):
            budget = SharedBudget("key", clock, ALLOWANCE)
            client = await stack.enter_async_context(
                companies_house(
                    endpoints=Endpoints(sandbox.api_url, sandbox.document_url),
                    api_key="key",
                    limiter=budget,
                )
            )
            line = JobKindOptions(CompanyLookup(database, client, budget, clock), budget.quota)
            options = WorkerOptions(slots=4, longest_sleep=timedelta(seconds=0.25))
            workers.append(Worker(name, database, {ENRICH: line}, clock, options=options))
        running = [asyncio.create_task(worker.run()) for worker in workers]
        await asyncio.sleep(SECONDS / 2)
        saved = await add_customer(
            database, at(act, clock()), "COMPANY_UK_LIMITED", company_number="90000999"
        )
        await asyncio.sleep(SECONDS / 2)
        for worker in workers:
            worker.stop()
        await asyncio.gather(*running)
        asked = [one for one in sandbox.requests if str(one.origin) in {"api", "document"}]
    assert Counter(one.status for one in asked).keys() == {200, 302}  # no response with status 429
    assert len(asked) >= 0.6 * 5 * SECONDS  # far less than 97 %, because the machine may be busy
    ended = await EnrichmentRun.filter(status=EnrichmentStatus.SUCCEEDED).count()
    assert ended >= len(asked) / CALLS - 4
    assert (await Customer.get(id=saved.id)).enrichment_status is EnrichmentStatus.SUCCEEDED
