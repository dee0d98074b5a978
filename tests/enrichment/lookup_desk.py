"""A worker for lookups with a sandbox as the register, for tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from enrichment.client import companies_house
from enrichment.company_lookup import CompanyLookup
from enrichment.endpoints import Endpoints
from enrichment.rate_limit import Allowance, SharedBudget
from enrichment.sandbox import Sandbox, SandboxConfig, sandbox_server
from models import Customer
from models.changes.customer_editing import edit_customer
from models.jobs.kinds import ENRICH
from models.jobs.worker import JobKindOptions, Worker
from models.rules.refresh import RefreshPolicy
from models.storage.database import Database
from models.tables.audit import ActorContext
from tests.clock import Clock
from tests.enrichment.wire import NO_WAITS
from tests.factories import add_customer

AMPLE = Allowance(limit=6_000)


@dataclass(frozen=True)
class Desk:
    """A worker with its register client and a sandbox as the register, for a test."""

    database: Database
    act: ActorContext
    clock: Clock
    sandbox: Sandbox
    budget: SharedBudget
    lookup: CompanyLookup
    worker: Worker

    async def add(self, number: str, **values: Any) -> Customer:
        return await add_customer(
            self.database, self.act, "COMPANY_UK_LIMITED", company_number=number, **values
        )

    async def edit(self, customer: Customer, values: dict[str, Any]) -> None:
        await self.database.transaction(lambda: edit_customer(self.act, customer.id, values, None))

    def asked(self) -> list[tuple[str, int]]:
        """Return origin and status of each request to the register since the last call."""
        asked = [(str(request.origin), request.status) for request in self.sandbox.requests]
        self.sandbox.requests.clear()
        return asked


@asynccontextmanager
async def desk_of(
    database: Database,
    act: ActorContext,
    clock: Clock,
    *,
    key: str = "desk-key",
    allowance: Allowance = AMPLE,
    config: SandboxConfig | None = None,
    refresh: RefreshPolicy | None = None,
) -> AsyncIterator[Desk]:
    """Open a desk; companies are looked up again by the policy `refresh`."""
    budget = SharedBudget(key, clock, allowance, patience=timedelta(0))
    config = config or SandboxConfig(clock=lambda: clock().timestamp())
    async with (
        sandbox_server(config) as sandbox,
        companies_house(
            endpoints=Endpoints(sandbox.api_url, sandbox.document_url),
            api_key=key,
            limiter=budget,
            limits=NO_WAITS,
            clock=lambda: clock().timestamp(),
        ) as client,
    ):
        lookup = CompanyLookup(database, client, budget, clock, refresh=refresh)
        worker = Worker(
            "w",
            database,
            {ENRICH: JobKindOptions(lookup, budget.quota, lookup.note_blocked)},
            clock,
        )
        yield Desk(database, act, clock, sandbox, budget, lookup, worker)
