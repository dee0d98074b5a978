"""Enqueues and claims jobs, with a test's clock."""

from datetime import timedelta

from models.jobs.job import Claim, NewJob, enqueue
from models.jobs.queue_claim import NothingClaimed, claim
from models.jobs.queue_watch import promote
from models.rules.allowance import Allowance
from models.storage.database import Database
from models.tables.rate_limit import CallQuota
from tests.clock import Clock

KIND = "kind"
LEASE = timedelta(seconds=30)
REGISTER = CallQuota("companies-house:test", Allowance())


async def add(database: Database, clock: Clock, *jobs: NewJob) -> None:
    """Enqueue jobs in one transaction."""
    await database.transaction(lambda: enqueue(jobs, clock()))


async def add_keys(database: Database, clock: Clock, *keys: str) -> None:
    """Enqueue one job without further options for each key."""
    await add(database, clock, *(NewJob(KIND, key, {"n": key}) for key in keys))


async def take(
    database: Database,
    clock: Clock,
    most: int = 1,
    *,
    kind: str = KIND,
    quota: CallQuota | None = None,
) -> list[Claim]:
    """Claim jobs as a worker does, at most `most`; fewer if no more can be claimed now."""
    await database.transaction(lambda: promote(clock()))
    claims: list[Claim] = []
    while len(claims) < most:
        found = await claim(database, kind, quota, LEASE, clock())
        if isinstance(found, NothingClaimed):
            break
        claims.append(found)
    return claims
