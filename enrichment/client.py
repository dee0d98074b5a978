"""A client for the two APIs of Companies House: profiles, filings, documents and name searches."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from copy import copy
from typing import Any, Protocol

import aiohttp
import orjson
import stamina
from yarl import URL

from enrichment.answers import (
    fault_of,
    is_budget_empty,
    is_redirect,
    refuse_redirect,
    time_of,
    wait_until_reset,
)
from enrichment.candidates import CompanyCandidate, read_candidates
from enrichment.endpoints import Endpoints, authorization
from enrichment.errors import (
    BadPayload,
    CompaniesHouseFault,
    ConnectionFailed,
    DocumentTooLarge,
    GatewayError,
    RedirectRefused,
    ServerError,
    StorageFault,
    TimedOut,
    TransientFault,
)
from enrichment.exchange import (
    Answer,
    NoteRequest,
    RequestLimits,
    TraceCalls,
    fetch,
    has_login,
    new_session,
    place,
    wall_clock,
)
from enrichment.filings import has_accounts
from enrichment.members import elements, whole
from models.rules.company_number import normalise

_PAGE = 100
_MAX_PAGES = 3
_CONTENT_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+(?:;[ -~]*)?", re.ASCII)
_OUTAGE = (ServerError, ConnectionFailed, TimedOut)


__all__ = [
    "CompaniesHouse",
    "CompanyCandidate",
    "Limiter",
    "RequestLimits",
    "companies_house",
    "new_session",
]


class Limiter(Protocol):
    """Limits requests to Companies House, by a budget that all processes share."""

    async def acquire(self, *, is_search: bool = False) -> None:
        """Take one request from the budget, after a short wait if needed; raises BudgetSpent."""

    async def hold_off(self, seconds: float) -> None:
        """Pause the requests of all processes for `seconds`."""

    async def note_fault(self) -> None:
        """Count a failed request; several in a row count as an outage, and pause all requests."""

    async def note_success(self) -> None:
        """Record that a request got an answer, so that earlier failures no longer count."""


@asynccontextmanager
async def companies_house(
    *,
    endpoints: Endpoints,
    api_key: str,
    limiter: Limiter,
    limits: RequestLimits | None = None,
    clock: Callable[[], float] = wall_clock,
    note: NoteRequest | None = None,
    trace: TraceCalls | None = None,
) -> AsyncIterator["CompaniesHouse"]:
    """Yield a client with its own HTTP sessions, which are closed at the end of the context."""
    async with new_session(note, trace) as api, new_session(note, trace) as storage:
        yield CompaniesHouse(
            api,
            storage,
            endpoints=endpoints,
            api_key=api_key,
            limiter=limiter,
            limits=limits or RequestLimits(),
            clock=clock,
        )


class CompaniesHouse:
    """The client for both APIs; its requests raise CompaniesHouseFault or BudgetSpent.

    Each request counts against the budget of the limiter before it is sent. After a broken
    connection or a status of 502, 503 or 504, a request is repeated at once, by default at most
    twice (R90). The API key is sent only to the two configured origins, in the Authorization
    header.
    """

    def __init__(
        self,
        api_session: aiohttp.ClientSession,
        storage_session: aiohttp.ClientSession,
        *,
        endpoints: Endpoints,
        api_key: str,
        limiter: Limiter,
        limits: RequestLimits | None = None,
        clock: Callable[[], float] = wall_clock,
    ) -> None:
        if storage_session is api_session or has_login(storage_session):
            raise ValueError("the session for document storage must not have credentials")
        self.endpoints = endpoints
        self._api_session = api_session
        self._storage_session = storage_session
        self._authorization = authorization(api_key)
        self._limiter = limiter
        self._limits = limits or RequestLimits()
        self._clock = clock

    def within(self, limiter: Limiter) -> "CompaniesHouse":
        """Return a copy of this client with another limiter, such as that of one lookup."""
        other = copy(self)
        other._limiter = limiter
        return other

    async def company_profile(self, number: str) -> dict[str, Any]:
        """Return the profile of one company as JSON.

        Raises NotFound if there is no such company, and InvalidCompanyNumber, without a request,
        for a number of the wrong form.
        """
        return await self._json(f"/company/{normalise(number)}")

    async def accounts_filings(self, number: str) -> dict[str, Any]:
        """Return a company's filings of the category "accounts" as JSON, the newest first.

        If the first page has no accounts, further pages are requested, up to three pages in all.
        Their items are appended to those of the first page. Raises NotFound if there is no such
        company, or it has no such filings.
        """
        path = f"/company/{normalise(number)}/filing-history"
        query = {"category": "accounts", "items_per_page": str(_PAGE)}
        payload = await self._json(path, query)
        items, seen = list(elements(payload, "items")), 1
        while not has_accounts({"items": items}) and seen < _MAX_PAGES:
            if (whole(payload, "total_count") or 0) <= seen * _PAGE:
                break
            page = await self._json(path, query | {"start_index": str(seen * _PAGE)})
            items += elements(page, "items")
            seen += 1
        return payload | {"items": items}

    async def document_metadata(self, link: str) -> dict[str, Any]:
        """Return the metadata of a document as JSON, with the content types in which it exists.

        `link` is the member `links.document_metadata` of a filing. Only the document id in the link
        is used: see `Endpoints.document_metadata_url`.
        """
        url = URL(self.endpoints.document_metadata_url(link))
        return _as_object(await self._retrying(lambda: self._json_body(url)))

    async def document_content(self, link: str, content_type: str) -> bytes:
        """Return the bytes of a document; `content_type` is one of those in its metadata.

        Raises NotAcceptable if the document does not exist in that type, RedirectRefused if the API
        redirects to a host that is not allowed, DocumentTooLarge beyond
        `RequestLimits.document_bytes`, and StorageFault if the document store refuses the signed
        link, which expires after 60 seconds.
        """
        if not _CONTENT_TYPE.fullmatch(content_type):
            raise ValueError("not a content type")
        url = URL(f"{self.endpoints.document_metadata_url(link)}/content")
        return await self._retrying(lambda: self._content(url, content_type))

    async def search_companies(self, query: str, limit: int = 20) -> list[CompanyCandidate]:
        """Return up to `limit` companies (1 to 100) whose names resemble the query (R88)."""
        sought = " ".join(query.split())[:160]
        if not sought:
            return []
        size = min(max(limit, 1), _PAGE)
        question = {"q": sought, "items_per_page": str(size)}
        payload = await self._json("/search/companies", question, is_search=True)
        return list(read_candidates(payload))[:size]

    async def _json(
        self, path: str, query: dict[str, str] | None = None, *, is_search: bool = False
    ) -> dict[str, Any]:
        url = URL(self.endpoints.api_url).with_path(path).with_query(query)
        return _as_object(await self._retrying(lambda: self._json_body(url, is_search=is_search)))

    async def _json_body(self, url: URL, *, is_search: bool = False) -> bytes:
        most_bytes = self._limits.json_bytes
        try:
            answer = await self._ask(url, "application/json", most_bytes, is_search=is_search)
        except DocumentTooLarge:
            answer = None
        if answer is None:
            raise BadPayload(f"the answer from {place(url)} is too large")
        refuse_redirect(answer, place(url))
        return answer.body

    async def _content(self, url: URL, content_type: str) -> bytes:
        answer = await self._ask(url, content_type, self._limits.document_bytes)
        if not is_redirect(answer.status):
            return answer.body
        target = self.endpoints.storage_url(answer.headers.get("Location", ""))
        stored = await fetch(
            self._storage_session,
            target,
            {"Accept": "*/*"},
            limits=self._limits,
            most_bytes=self._limits.document_bytes,
        )
        if is_redirect(stored.status):
            raise RedirectRefused(f"{stored.status} from {place(target)}", status=stored.status)
        if stored.status != 200:  # noqa: PLR2004 - an HTTP status
            raise StorageFault(f"{stored.status} from {place(target)}", status=stored.status)
        return stored.body

    async def _ask(
        self, url: URL, accept: str, most_bytes: int, *, is_search: bool = False
    ) -> Answer:
        """Send one request to either API, if the budget allows it; raises the fault of its status.

        If the answer asks for a wait, the requests of all processes are paused.
        """
        await self._limiter.acquire(is_search=is_search)
        answer = await fetch(
            self._api_session,
            url,
            {"Accept": accept, "Authorization": self._authorization},
            limits=self._limits,
            most_bytes=most_bytes,
        )
        now = time_of(answer.headers, self._clock())
        fault = fault_of(answer, place(url), now=now)
        if isinstance(fault, TransientFault) and fault.retry_after is not None:
            await self._limiter.hold_off(fault.retry_after)
        elif is_budget_empty(answer.headers):
            await self._limiter.hold_off(wait_until_reset(answer.headers, now=now))
        if fault is not None:
            raise fault
        return answer

    async def _retrying(self, ask: Callable[[], Awaitable[bytes]]) -> bytes:
        """Return the result of `ask`; repeat it after a broken connection or a gateway's error.

        Success and failure are reported to the limiter, so that it detects outages.
        """
        limits = self._limits
        try:
            async for attempt in stamina.retry_context(
                on=_is_blip,
                attempts=limits.attempts,
                timeout=None,
                wait_initial=limits.wait_initial_s,
                wait_max=limits.wait_max_s,
                wait_jitter=limits.wait_jitter_s,
            ):
                with attempt:
                    body = await ask()
        except CompaniesHouseFault as fault:
            # Requests about one company may fail alone; several failures in a row mean an outage.
            if isinstance(fault, _OUTAGE):
                await self._limiter.note_fault()
            else:
                await self._limiter.note_success()
            raise
        await self._limiter.note_success()
        return body


def _as_object(body: bytes) -> dict[str, Any]:
    try:
        payload = orjson.loads(body)
    except orjson.JSONDecodeError:
        payload = None
    if not isinstance(payload, dict):
        raise BadPayload("the answer is not a JSON object")
    return payload


def _is_blip(error: Exception) -> bool:
    if isinstance(error, ConnectionFailed | StorageFault):
        return True
    return isinstance(error, GatewayError) and error.retry_after is None
