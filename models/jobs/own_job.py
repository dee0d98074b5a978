"""Runs one job in the process that added it, without the other work of a worker."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from models.jobs.job import Claim, Job, LeaseLostError
from models.jobs.job_attempt import Attempts, Handler
from models.jobs.job_pause import is_paused
from models.jobs.queue_claim import claim_by_key
from models.jobs.queue_watch import promote
from models.rules.retry import RetryPolicy
from models.storage.database import Database
from models.storage.fault_log import report

PAUSE_S = 0.3


@dataclass(frozen=True, slots=True)
class OwnJob:
    """The job with this key among those that have not ended; a worker may run it too."""

    kind: str
    live_key: str
    handler: Handler
    database: Database
    clock: Callable[[], datetime]
    lease: timedelta

    async def run(self) -> None:
        """Run attempts until the job has ended; if cancelled, release it for a worker."""
        attempts = Attempts(self.database, self.clock, RetryPolicy(), self.lease)
        while True:
            try:
                found = await self._claim()
                if found is not None:
                    await self._attempt(attempts, found)
                if not await Job.filter(live_key=self.live_key).exists():
                    return
            except Exception as error:
                report("job_stumbled", error)
            await asyncio.sleep(PAUSE_S)

    async def _claim(self) -> Claim | None:
        if await is_paused(self.kind):
            return None
        await self.database.transaction(lambda: promote(self.clock()))
        return await self.database.transaction(
            lambda: claim_by_key(self.live_key, self.lease, self.clock())
        )

    async def _attempt(self, attempts: Attempts, job: Claim) -> None:
        try:
            await attempts.run(job, self.handler)
        except asyncio.CancelledError:
            with suppress(LeaseLostError):
                await attempts.release(job, self.handler)
            raise
