"""The two APIs of the sandbox: profiles, filings, search and documents."""

import asyncio
import re
from collections import Counter
from collections.abc import Mapping

from aiohttp import web

from enrichment.sandbox import refusals, register
from enrichment.sandbox.catalogue import CATALOGUE, find_company
from enrichment.sandbox.companies import PDF, Company, DocumentFault, Filing, ProfileFailure
from enrichment.sandbox.config import SandboxConfig
from enrichment.sandbox.front_door import KEY
from enrichment.sandbox.signing import LinkSigner

BUCKET = "document-api-images-live.ch.gov.uk"
_FOREIGN = "https://storage.sandbox.invalid/not-the-store"
_MAX_NUMBER = 8


class Apis:
    """Answers requests to both APIs; `gate_middleware` has checked API key and rate limit before.

    `real` are the companies with real documents, by number. `url` and `storage_url` are set once
    the servers listen.
    """

    def __init__(
        self, config: SandboxConfig, real: Mapping[str, Company], signer: LinkSigner
    ) -> None:
        self.url = self.storage_url = ""
        self._config = config
        self._real = real
        self._signer = signer
        self._seen: Counter[tuple[str, str]] = Counter()

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/company/{number}", self.profile),
            web.get("/company/{number}/filing-history", self.filing_history),
            web.get("/search/companies", self.search),
            web.get("/document/{id}", self.document_metadata),
            web.get("/document/{id}/content", self.document_content),
        ]

    def find(self, number: str) -> Company | None:
        """Return the company with a number, or None; one with real documents is preferred."""
        return self._real.get(number) or find_company(number)

    async def profile(self, request: web.Request) -> web.StreamResponse:
        """Answer ``GET /company/{number}``; fail if the company is an example of a failure."""
        number = request.match_info["number"]
        if len(number) > _MAX_NUMBER:
            return refusals.broken(500)
        company = self.find(number)
        if company is None:
            return refusals.refused(404, "company-profile-not-found")
        failure = company.failure
        if failure is not None and self._strikes(request[KEY], f"profile/{number}", failure.times):
            return await self._failure_answer(request, failure, company)
        profile = register.profile(company)
        headers = {"Cache-Control": "no-store", "ETag": f'"{profile["etag"]}"'}
        return web.json_response(profile, headers=headers)

    async def filing_history(self, request: web.Request) -> web.StreamResponse:
        """Answer ``GET /company/{number}/filing-history``, which may be limited by category."""
        number = request.match_info["number"]
        if len(number) > _MAX_NUMBER:
            return refusals.broken(500)
        company = self.find(number)
        if company is None or not company.filings:
            return refusals.refused(404, "company-filing-history-not-found")
        categories = request.query.get("category", "").split(",")
        return web.json_response(
            register.filing_history(
                company,
                document_url=self.url,
                categories=frozenset(filter(None, categories)),
                page=dict(request.query),
            )
        )

    async def search(self, request: web.Request) -> web.StreamResponse:
        """Answer ``GET /search/companies`` with companies that contain all words of `q`.

        A word may be in the name or in the number.
        """
        words = request.query.get("q", "").upper().split()
        if not words:
            return refusals.refused(400, "q-missing")
        everybody = {company.number: company for company in CATALOGUE} | dict(self._real)
        drawn = {word: company for word in words if (company := self.find(word)) is not None}
        found = [
            company
            for company in (everybody | drawn).values()
            if all(word in f"{company.name.upper()} {company.number}" for word in words)
        ]
        return web.json_response(register.search_results(found, dict(request.query)))

    async def document_metadata(self, request: web.Request) -> web.StreamResponse:
        """Answer ``GET /document/{id}``."""
        found = self._document(request)
        if found is None:
            return refusals.refused(404, "document-not-found")
        company, index = found
        return web.json_response(register.document_metadata(company, index, document_url=self.url))

    async def document_content(self, request: web.Request) -> web.StreamResponse:
        """Answer ``GET /document/{id}/content`` with a redirect to a link that expires soon."""
        found = self._document(request)
        if found is None:
            return refusals.refused(404, "document-not-found")
        company, index = found
        filing = company.filings[index]
        kind = _choose(request.headers.get("Accept", "*/*"), filing)
        if kind is None:
            return web.Response(status=406)
        location = self._link(request, filing, kind)
        return web.Response(status=302, headers={"Location": location})

    def _document(self, request: web.Request) -> tuple[Company, int] | None:
        named = register.read_document_id(request.match_info["id"])
        company = self.find(named[0]) if named else None
        if named is None or company is None or named[1] >= len(company.filings):
            return None
        return company, named[1]

    def _link(self, request: web.Request, filing: Filing, kind: str) -> str:
        if filing.fault is DocumentFault.FOREIGN_REDIRECT:
            return _FOREIGN
        identifier = request.match_info["id"]
        is_old = filing.fault is DocumentFault.EXPIRES_ONCE and self._strikes(
            request[KEY], identifier, 1
        )
        path = f"/{BUCKET}/docs/{identifier}/{storage_name(kind)}"
        age_s = self._config.link_lifetime_s + 1.0 if is_old else 0.0
        return self.storage_url + self._signer.sign(path, now=self._config.clock(), age_s=age_s)

    def _strikes(self, key: str, what: str, times: int | None) -> bool:
        """Count a request for `what` with an API key; return whether it must fail.

        The first `times` requests fail; if `times` is None, all do.
        """
        self._seen[key, what] += 1
        return times is None or self._seen[key, what] <= times

    async def _failure_answer(
        self, request: web.Request, failure: ProfileFailure, company: Company
    ) -> web.StreamResponse:
        if failure.delay_s:
            await asyncio.sleep(failure.delay_s)
            return web.json_response(register.profile(company))
        if failure.breaks_json:
            return web.Response(text='{"company_name": "SANDBOX', content_type="application/json")
        if failure.drops_connection:
            return await _cut_off(request)
        if failure.status == 429:  # noqa: PLR2004 - an HTTP status
            return self._busy(failure)
        return refusals.broken(failure.status)

    def _busy(self, failure: ProfileFailure) -> web.Response:
        response = web.Response(status=429)
        if failure.retry_after_s is not None:
            response.headers["Retry-After"] = str(failure.retry_after_s)
        if failure.reset_in_s is not None:
            reset_at = int(self._config.clock()) + failure.reset_in_s
            response.headers["X-Ratelimit-Reset"] = str(reset_at)
        return response


def storage_name(kind: str) -> str:
    """Return the last part of a document's path in storage, such as `application-pdf`, by type."""
    return re.sub(r"[^a-z0-9]", "-", kind)


def _choose(accept: str, filing: Filing) -> str | None:
    """Return the first content type of an Accept header in which the document exists, or None."""
    wanted = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
    kinds = {"*/*": PDF, PDF: PDF} | {kind: kind for kind in filing.documents}
    return next((kinds[kind] for kind in wanted if kind in kinds), None)


async def _cut_off(request: web.Request) -> web.StreamResponse:
    """Send the beginning of a body, and close the connection."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    response.content_length = 1_000
    await response.prepare(request)
    await response.write(b'{"company_name": "SANDBOX')
    if request.transport is not None:
        request.transport.close()
    return response
