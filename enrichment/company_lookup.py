"""Runs the job that looks up a customer at Companies House, and stores the result."""

from collections.abc import Callable
from datetime import datetime, timedelta

import orjson
import structlog

from enrichment.accounts_process import AccountsReader, read_accounts_in_subprocess
from enrichment.client import CompaniesHouse
from enrichment.errors import (
    Blocked,
    BudgetSpent,
    PermanentFault,
    TooManyRequests,
    TransientFault,
)
from enrichment.findings import (
    Origin,
    profile_details,
    profile_entries,
)
from enrichment.lookup_attempt import PROFILE, LookupAttempt
from enrichment.profile import read_profile
from enrichment.rate_limit import KeyBlocked, SharedBudget
from models import EnrichmentRun, UpstreamResponse
from models.changes.enrichment_result import (
    RESTARTED,
    Findings,
    note_blocked,
    note_running,
    note_waiting,
    store_findings,
)
from models.jobs.job import Claim
from models.jobs.job_attempt import Outcome, ReleaseJobError, Store, TryAgainError
from models.rules.enrichment_status import EnrichmentReason, EnrichmentStatus, EnrichmentTrigger
from models.rules.profile import ACCOUNTS_FIELDS
from models.rules.refresh import RefreshPolicy
from models.storage.database import Database

log = structlog.get_logger(__name__)


class CompanyLookup:
    """Runs the jobs of kind `enrich`.

    A lookup takes up to four requests. Its result is stored in one transaction.
    """

    def __init__(
        self,
        database: Database,
        client: CompaniesHouse,
        budget: SharedBudget,
        clock: Callable[[], datetime],
        read_accounts: AccountsReader = read_accounts_in_subprocess,
        refresh: RefreshPolicy | None = None,
    ) -> None:
        self._refresh = refresh
        self._read_accounts = read_accounts
        self._database = database
        self._client = client
        self._budget = budget
        self._clock = clock
        self._source = client.endpoints.source

    async def run(self, job: Claim) -> Store:
        """Look up a company, and return a function that stores the result.

        Raises TryAgainError or ReleaseJobError if the job must wait.
        """
        run_id: str = job.payload["run_id"]
        run = await self._database.transaction(lambda: note_running(run_id, job.attempts))
        client = self._client.within(self._budget.for_lookup(job))
        try:
            attempt = LookupAttempt(
                self._database, client, self._clock, job, run, self._read_accounts
            )
            findings = await attempt.findings()
        except KeyBlocked as blocked:
            raise ReleaseJobError(EnrichmentReason.BLOCKED) from blocked
        except BudgetSpent as spent:
            raise ReleaseJobError(EnrichmentReason.RATE_LIMITED) from spent
        except TooManyRequests as fault:
            raise TryAgainError(
                EnrichmentReason.RATE_LIMITED, timedelta(seconds=fault.retry_after)
            ) from fault
        except TransientFault as fault:
            log.info("upstream_failed", code=fault.code, status=fault.status)
            raise TryAgainError(
                EnrichmentReason.REGISTER_UNAVAILABLE,
                timedelta(seconds=fault.retry_after or 0),
            ) from fault
        except PermanentFault as fault:
            findings = await self._refused(fault)

        async def store() -> Outcome:
            now = self._clock()
            await store_findings(run_id, job.attempts, findings, now, self._refresh)
            return Outcome(findings.status, findings.reason)

        return store

    async def note_blocked(self) -> None:
        """Mark waiting lookups: Companies House refuses the API key."""
        await note_blocked()

    async def note_retry(
        self, job: Claim, due_at: datetime, reason: str | None, attempts: int
    ) -> None:
        """Store when the lookup will be retried, and the data that is known so far (R85)."""
        run_id: str = job.payload["run_id"]
        await note_waiting(
            run_id,
            attempts,
            due_at,
            None if reason in (None, RESTARTED) else EnrichmentReason(reason),
            await self._known_so_far(run_id),
            self._clock(),
        )

    async def note_failure(self, job: Claim, reason: str, *, is_bare: bool) -> None:
        """End the lookup after its last attempt; store the company profile if it is known (R85).

        With `is_bare`, only the failure is stored.
        """
        run_id: str = job.payload["run_id"]
        known = None if is_bare else await self._known_so_far(run_id, is_end=True)
        findings = known or Findings(
            EnrichmentStatus.FAILED, self._source, reason=EnrichmentReason(reason)
        )
        await store_findings(run_id, job.attempts, findings, self._clock(), self._refresh)

    async def _known_so_far(self, run_id: str, *, is_end: bool = False) -> Findings | None:
        kept = await UpstreamResponse.get_or_none(run_id=run_id, step=PROFILE)
        if kept is None:
            return None
        if is_end and (await EnrichmentRun.get(id=run_id)).trigger is EnrichmentTrigger.REFRESH:
            return None  # a refresh that failed leaves the values of before
        record = read_profile(orjson.loads(kept.body))
        origin = Origin(self._source, kept.retrieved_at)
        return Findings(
            EnrichmentStatus.PARTIAL,
            self._source,
            EnrichmentReason.ACCOUNTS_UNAVAILABLE,
            profile_entries(record, origin),
            profile_details(record, origin),
            frozenset(ACCOUNTS_FIELDS),
        )

    async def _refused(self, fault: PermanentFault) -> Findings:
        if isinstance(fault, Blocked):
            await self._budget.block(fault.code)
            log.error("companies_house_blocked", code=fault.code)
            return Findings(EnrichmentStatus.FAILED, self._source, reason=EnrichmentReason.BLOCKED)
        log.warning("upstream_refused", code=fault.code, status=fault.status)
        return Findings(
            EnrichmentStatus.FAILED, self._source, reason=EnrichmentReason.REFUSED_BY_REGISTER
        )
