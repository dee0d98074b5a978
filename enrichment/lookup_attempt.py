"""One attempt at a lookup: requests missing answers from Companies House, and stores them."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import orjson
import structlog
from tortoise.exceptions import IntegrityError

from enrichment.accounts import Accounts, AccountsRefused, RefusalCode
from enrichment.accounts_process import AccountsReader
from enrichment.client import CompaniesHouse
from enrichment.errors import BadPayload, Blocked, NotFound, PermanentFault
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
from models import Customer, EnrichmentRun, UpstreamResponse
from models.changes.enrichment_result import Findings, keep_answer
from models.jobs.job import Claim, LeaseLostError, note_calls_left
from models.rules.company_number import InvalidCompanyNumber
from models.rules.company_type import family_of
from models.rules.enrichment_status import EnrichmentReason, EnrichmentStatus, EnrichmentTrigger
from models.rules.profile import ACCOUNTS_FIELDS, PROFILE_FIELDS, WANTED_FIELDS
from models.rules.refresh import KNOWN, Known
from models.storage.database import Database

log = structlog.get_logger(__name__)

PROFILE = "profile"
"""The first step of a lookup: the company profile, which is useful even if later steps fail."""

FRESH_FOR = timedelta(days=3)
"""For how long the answers of earlier attempts are reused.

Retries end before that, so a retry repeats no request. Only a lookup that was paused, for example
because the API key was refused, requests old answers again. Each value is stored with the time of
the answer that it is from.
"""

STEPS = (PROFILE, "filings", "metadata", "content")
"""The steps of a lookup, each usually with one request."""


class _NoFigures(Exception):
    """Raised if the company profile is known, but no figures can be read, for a `reason`.

    `filing` is the filing of the newest accounts; None if there are no accounts.
    """

    def __init__(self, reason: EnrichmentReason, filing: AccountsFiling | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.filing = filing


class _SameAccounts(Exception):
    """Raised if the newest accounts are those that the last complete lookup read."""


class LookupAttempt:
    """An attempt of the job of one lookup."""

    def __init__(
        self,
        database: Database,
        client: CompaniesHouse,
        clock: Callable[[], datetime],
        job: Claim,
        run: EnrichmentRun,
        read_accounts: AccountsReader,
    ) -> None:
        self._read_accounts = read_accounts
        self._database = database
        self._client = client
        self._clock = clock
        self._job = job
        self._run = run
        self._source = client.endpoints.source

    async def findings(self) -> Findings:
        """Return what the lookup finds, after requesting the answers that are not stored yet.

        Raises CompaniesHouseFault, BudgetSpent or LeaseLostError.
        """
        number = self._run.company_number or ""
        try:
            payload, at = await self._kept(PROFILE, lambda: self._profile(number))
        except (
            NotFound,
            InvalidCompanyNumber,
        ):  # a company number that was stored earlier may be invalid by the present rules
            return Findings(
                EnrichmentStatus.NOT_FOUND,
                self._source,
                reason=EnrichmentReason.UNKNOWN_COMPANY_NUMBER,
            )
        record = read_profile(payload, requested=number)
        origin = Origin(self._source, at)
        entries, details = profile_entries(record, origin), profile_details(record, origin)
        unreadable: frozenset[str] = frozenset()
        reason: EnrichmentReason | None
        stored = await self._stored_details()
        known, last_on = Known.of(stored), record.last_accounts_on
        last_accounts_on = None if last_on is None else last_on.isoformat()
        try:
            if known is not None and known.is_unchanged(record.etag, last_accounts_on):
                raise _SameAccounts
            if family_of(record.type) is None:
                raise _NoFigures(EnrichmentReason.NOT_LIMITED_OR_PLC)
            if not record.has_filing_history:
                raise _NoFigures(EnrichmentReason.NO_ACCOUNTS_YET)
            read = None if known is None else stored.get("accounts_filing_id")
            accounts, filing, read_at = await self._newest_accounts(number, read)
        except _SameAccounts:
            assert known is not None  # noqa: S101  # nothing else can be the same
            again = Known(record.etag, last_accounts_on, known.status, known.reason)
            return Findings(
                known.status,
                self._source,
                known.reason,
                entries,
                details | {KNOWN: again.stored()},
                sought=PROFILE_FIELDS,
                has_same_accounts=True,
            )
        except _NoFigures as none:
            reason = none.reason
            if none.filing is not None:
                details |= filing_details(none.filing)
                unreadable = frozenset(ACCOUNTS_FIELDS)
        else:
            details |= filing_details(filing)
            details["has_group_accounts"] = accounts.is_group or filing.is_group
            entries |= accounts_entries(accounts, filing, Origin(self._source, read_at))
            reason, unreadable = shortfall(accounts), accounts.unreadable
        status = EnrichmentStatus.PARTIAL if reason else EnrichmentStatus.SUCCEEDED
        now_known = Known(record.etag, last_accounts_on, status, reason)
        if now_known.is_complete:
            details[KNOWN] = now_known.stored()
        has_sought_accounts = reason is not EnrichmentReason.NOT_LIMITED_OR_PLC
        sought = WANTED_FIELDS if has_sought_accounts else PROFILE_FIELDS
        return Findings(status, self._source, reason, entries, details, unreadable, sought)

    async def _profile(self, number: str) -> dict[str, Any]:
        payload = await self._client.company_profile(number)
        read_profile(payload, requested=number)  # an unreadable profile must not be stored
        return payload

    async def _stored_details(self) -> Mapping[str, Any]:
        """Return what earlier lookups found, for a refresh; nothing for other lookups."""
        if self._run.trigger is not EnrichmentTrigger.REFRESH:
            return {}
        customer = await Customer.get(id=self._run.customer_id)
        return customer.profile.get("details") or {}

    async def _newest_accounts(
        self, number: str, read: str | None
    ) -> tuple[Accounts, AccountsFiling, datetime]:
        """Return the newest accounts; `read` is the filing that an earlier lookup read."""
        try:
            payload, _ = await self._kept("filings", lambda: self._client.accounts_filings(number))
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
        if filing.transaction_id == read:
            raise _SameAccounts
        if filing.metadata_link is None:
            raise _NoFigures(
                EnrichmentReason.ACCOUNTS_PDF_ONLY
                if filing.paper_filed
                else EnrichmentReason.ACCOUNTS_UNAVAILABLE,
                filing,
            )
        content, at = await self._content(filing, filing.metadata_link)
        try:
            accounts = await self._read_accounts(content, company_number=number)
        except AccountsRefused as refused:
            log.info("accounts_refused", code=refused.code)
            raise _NoFigures(
                EnrichmentReason.IDENTITY_MISMATCH
                if refused.code is RefusalCode.IDENTITY_MISMATCH
                else EnrichmentReason.ACCOUNTS_UNREADABLE,
                filing,
            ) from refused
        return accounts, filing, at

    async def _content(self, filing: AccountsFiling, link: str) -> tuple[bytes, datetime]:
        try:
            metadata, _ = await self._kept("metadata", lambda: self._client.document_metadata(link))
            content_type = choose_content_type(metadata)
            if content_type is None:
                raise _NoFigures(EnrichmentReason.ACCOUNTS_PDF_ONLY, filing)
            return await self._kept_bytes(
                "content", lambda: self._client.document_content(link, content_type)
            )
        except Blocked:
            raise
        except PermanentFault as fault:
            log.warning("document_refused", code=fault.code, status=fault.status)
            raise _NoFigures(EnrichmentReason.ACCOUNTS_UNAVAILABLE, filing) from fault

    async def _kept(
        self, step: str, ask: Callable[[], Awaitable[dict[str, Any]]]
    ) -> tuple[dict[str, Any], datetime]:
        async def encoded() -> bytes:
            return orjson.dumps(await ask())

        body, at = await self._kept_bytes(step, encoded)
        payload = orjson.loads(body)
        if not isinstance(payload, dict):
            raise BadPayload("a stored answer is not an object")
        return payload, at

    async def _kept_bytes(
        self, step: str, ask: Callable[[], Awaitable[bytes]]
    ) -> tuple[bytes, datetime]:
        """Return the bytes of a step's answer, and the time when it was received.

        A stored answer of an earlier attempt is used if it is recent. Otherwise `ask` requests the
        answer, which is then stored (R90). Raises LeaseLostError if another worker has stored an
        answer meanwhile.
        """
        run_id = self._run.id
        kept = await UpstreamResponse.get_or_none(run_id=run_id, step=step)
        if kept is not None:
            if self._clock() - kept.retrieved_at < FRESH_FOR:
                return kept.body, kept.retrieved_at
            await kept.delete()
        body = await ask()
        at = self._clock()

        async def work() -> None:
            await keep_answer(run_id, step, body, at)
            await note_calls_left(self._job, len(STEPS) - 1 - STEPS.index(step))

        try:
            await self._database.transaction(work)
        except IntegrityError as error:  # another worker has stored an answer
            raise LeaseLostError(run_id) from error
        return body, at
