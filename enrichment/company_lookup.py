"""The job that looks a customer up: four calls at most, then one transaction that stores it all."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import orjson
import structlog
from tortoise.exceptions import IntegrityError

from enrichment.accounts import Accounts, AccountsRefused, RefusalCode, read_accounts
from enrichment.client import CompaniesHouse
from enrichment.errors import (
    BadPayload,
    Blocked,
    BudgetSpent,
    NotFound,
    PermanentFault,
    TooManyRequests,
    TransientFault,
)
from enrichment.filings import AccountsFiling, choose_content_type, latest_accounts
from enrichment.findings import (
    Origin,
    accounts_entries,
    filing_details,
    profile_details,
    profile_entries,
    shortfall,
)
from enrichment.profile import read_profile
from enrichment.rate_limit import KeyBlocked, SharedBudget
from models import EnrichmentRun, UpstreamResponse
from models.company_type import family_of
from models.database import Database
from models.enrichment_result import (
    Findings,
    keep_answer,
    note_running,
    note_waiting,
    store_findings,
)
from models.enrichment_status import EnrichmentReason, EnrichmentStatus
from models.job import Claim
from models.profile import ACCOUNTS_FIELDS, PROFILE_FIELDS, WANTED_FIELDS
from models.worker import PostponedError, Store, TryAgainError

log = structlog.get_logger(__name__)

PROFILE = "profile"
"""The step of a run whose answer is worth something on its own."""

FRESH_FOR = timedelta(hours=12)
"""How long an answer kept from an earlier attempt may stand in for a new one."""


class _NoFigures(Exception):
    """The profile is known, but the newest accounts give no figures."""

    def __init__(self, reason: EnrichmentReason, filing: AccountsFiling | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.filing = filing


class CompanyLookup:
    """Runs the jobs of kind `enrich`."""

    def __init__(
        self,
        database: Database,
        client: CompaniesHouse,
        budget: SharedBudget,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._client = client
        self._budget = budget
        self._clock = clock
        self._source = client.endpoints.source

    async def run(self, job: Claim) -> Store:
        """Ask Companies House and read what it answers; give what stores it."""
        run_id: str = job.payload["run_id"]
        run = await self._database.transaction(lambda: note_running(run_id, job.attempts))
        try:
            findings = await self._look_up(run)
        except KeyBlocked as blocked:
            raise PostponedError(
                timedelta(seconds=blocked.wait), EnrichmentReason.BLOCKED
            ) from blocked
        except BudgetSpent as spent:
            raise PostponedError(
                timedelta(seconds=spent.wait), EnrichmentReason.RATE_LIMITED
            ) from spent
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

        async def store() -> None:
            await store_findings(run_id, job.attempts, findings, self._clock())

        return store

    async def note_retry(
        self, job: Claim, due_at: datetime, reason: str | None, attempts: int
    ) -> None:
        """Show on the run when it is tried again, and what is known so far (R85)."""
        run_id: str = job.payload["run_id"]
        await note_waiting(
            run_id,
            attempts,
            due_at,
            None if reason is None else EnrichmentReason(reason),
            await self._known_so_far(run_id),
            self._clock(),
        )

    async def note_failure(self, job: Claim, reason: str) -> None:
        """End the run after the last attempt, with the profile if that much is known (R85)."""
        run_id: str = job.payload["run_id"]
        findings = await self._known_so_far(run_id) or Findings(
            EnrichmentStatus.FAILED, self._source, reason=EnrichmentReason(reason)
        )
        await store_findings(run_id, job.attempts, findings, self._clock())

    async def _known_so_far(self, run_id: str) -> Findings | None:
        kept = await UpstreamResponse.get_or_none(run_id=run_id, step=PROFILE)
        if kept is None:
            return None
        record, origin = read_profile(orjson.loads(kept.body)), self._origin(kept.retrieved_at)
        return Findings(
            EnrichmentStatus.PARTIAL,
            self._source,
            EnrichmentReason.ACCOUNTS_UNAVAILABLE,
            profile_entries(record, origin),
            profile_details(record, origin),
            frozenset(ACCOUNTS_FIELDS),
        )

    def _origin(self, retrieved_at: datetime) -> Origin:
        return Origin(self._source, retrieved_at)

    async def _refused(self, fault: PermanentFault) -> Findings:
        if isinstance(fault, Blocked):
            await self._budget.block(fault.code)
            log.error("companies_house_blocked", code=fault.code)
            return Findings(EnrichmentStatus.FAILED, self._source, reason=EnrichmentReason.BLOCKED)
        log.warning("upstream_refused", code=fault.code, status=fault.status)
        return Findings(
            EnrichmentStatus.FAILED, self._source, reason=EnrichmentReason.REFUSED_BY_REGISTER
        )

    async def _look_up(self, run: EnrichmentRun) -> Findings:
        number = run.company_number or ""
        try:
            payload, at = await self._kept(run, PROFILE, lambda: self._profile(number))
        except NotFound:
            return Findings(
                EnrichmentStatus.NOT_FOUND,
                self._source,
                reason=EnrichmentReason.UNKNOWN_COMPANY_NUMBER,
            )
        record = read_profile(payload, requested=number)
        origin = self._origin(at)
        entries, details = profile_entries(record, origin), profile_details(record, origin)
        unreadable: frozenset[str] = frozenset()
        reason: EnrichmentReason | None
        try:
            if family_of(record.type) is None:
                raise _NoFigures(EnrichmentReason.NOT_A_UK_COMPANY)
            if not record.has_filing_history:
                raise _NoFigures(EnrichmentReason.NO_ACCOUNTS_YET)
            accounts, filing, read_at = await self._newest_accounts(run, number)
        except _NoFigures as none:
            reason = none.reason
            if none.filing is not None:
                details |= filing_details(none.filing)
                unreadable = frozenset(ACCOUNTS_FIELDS)
        else:
            details |= filing_details(filing)
            details["has_group_accounts"] = accounts.is_group or filing.is_group
            entries |= accounts_entries(accounts, filing, self._origin(read_at))
            reason, unreadable = shortfall(accounts), accounts.unreadable
        status = EnrichmentStatus.PARTIAL if reason else EnrichmentStatus.SUCCEEDED
        has_sought_accounts = reason is not EnrichmentReason.NOT_A_UK_COMPANY
        sought = WANTED_FIELDS if has_sought_accounts else PROFILE_FIELDS
        return Findings(status, self._source, reason, entries, details, unreadable, sought)

    async def _profile(self, number: str) -> dict[str, Any]:
        payload = await self._client.company_profile(number)
        read_profile(payload, requested=number)  # what can't be read must not be kept
        return payload

    async def _newest_accounts(
        self, run: EnrichmentRun, number: str
    ) -> tuple[Accounts, AccountsFiling, datetime]:
        try:
            payload, _ = await self._kept(
                run, "filings", lambda: self._client.accounts_filings(number)
            )
        except NotFound:
            raise _NoFigures(EnrichmentReason.NO_ACCOUNTS_YET) from None
        except Blocked:
            raise
        except PermanentFault as fault:
            log.warning("filings_refused", code=fault.code, status=fault.status)
            raise _NoFigures(EnrichmentReason.ACCOUNTS_UNAVAILABLE) from fault
        filing = latest_accounts(payload)
        if filing is None:
            raise _NoFigures(EnrichmentReason.NO_ACCOUNTS_YET)
        if filing.metadata_link is None:
            raise _NoFigures(
                EnrichmentReason.ACCOUNTS_PDF_ONLY
                if filing.paper_filed
                else EnrichmentReason.ACCOUNTS_UNAVAILABLE,
                filing,
            )
        content, at = await self._content(run, filing, filing.metadata_link)
        try:
            # Parsing is bounded in time, but not short enough for the event loop.
            accounts = await asyncio.to_thread(read_accounts, content, company_number=number)
        except AccountsRefused as refused:
            log.info("accounts_refused", code=refused.code)
            raise _NoFigures(
                EnrichmentReason.IDENTITY_MISMATCH
                if refused.code is RefusalCode.IDENTITY_MISMATCH
                else EnrichmentReason.ACCOUNTS_UNREADABLE,
                filing,
            ) from refused
        return accounts, filing, at

    async def _content(
        self, run: EnrichmentRun, filing: AccountsFiling, link: str
    ) -> tuple[bytes, datetime]:
        try:
            metadata, _ = await self._kept(
                run, "metadata", lambda: self._client.document_metadata(link)
            )
            content_type = choose_content_type(metadata)
            if content_type is None:
                raise _NoFigures(EnrichmentReason.ACCOUNTS_PDF_ONLY, filing)
            return await self._kept_bytes(
                run, "content", lambda: self._client.document_content(link, content_type)
            )
        except Blocked:
            raise
        except PermanentFault as fault:
            log.warning("document_refused", code=fault.code, status=fault.status)
            raise _NoFigures(EnrichmentReason.ACCOUNTS_UNAVAILABLE, filing) from fault

    async def _kept(
        self, run: EnrichmentRun, step: str, ask: Callable[[], Awaitable[dict[str, Any]]]
    ) -> tuple[dict[str, Any], datetime]:
        async def encoded() -> bytes:
            return orjson.dumps(await ask())

        body, at = await self._kept_bytes(run, step, encoded)
        payload = orjson.loads(body)
        if not isinstance(payload, dict):
            raise BadPayload("a kept answer is no object")
        return payload, at

    async def _kept_bytes(
        self, run: EnrichmentRun, step: str, ask: Callable[[], Awaitable[bytes]]
    ) -> tuple[bytes, datetime]:
        """Give the answer to a step, asking only if no attempt before this one had it (R90)."""
        kept = await UpstreamResponse.get_or_none(run_id=run.id, step=step)
        if kept is not None:
            if self._clock() - kept.retrieved_at < FRESH_FOR:
                return kept.body, kept.retrieved_at
            await kept.delete()
        body = await ask()
        at = self._clock()
        try:
            await self._database.transaction(lambda: keep_answer(run.id, step, body, at))
        except IntegrityError:
            log.info("answer_kept_by_another", step=step)
        return body, at
